//! SPICE numbers both ways, and the physical constants.

/// Boltzmann constant in J/K: CODATA 2014, as in ngspice-39, so that operating points agree to
/// the last bit. The SI value of 2019 would move a diode voltage by some 0.2 uV.
pub const BOLTZMANN: f64 = 1.38064852e-23;

/// Elementary charge in C: CODATA 2014, as in ngspice-39.
pub const ELEMENTARY_CHARGE: f64 = 1.6021766208e-19;

/// 0 degrees Celsius in kelvin.
pub const CELSIUS_ZERO: f64 = 273.15;

/// Reads a SPICE number: `4.7k`, `10MEG`, `1M` (one milli), `1mil`, `1e-3`, `2kohm`.
///
/// Letters after the scale factor are a unit and carry no value; `8A` is 8, for ngspice-39 has no
/// atto. `4k7`, which ngspice silently
/// reads as 4000, is no number here, nor is anything that overflows.
pub fn parse_number(text: &str) -> Option<f64> {
    let (mantissa, rest) = text.split_at(mantissa_length(text.as_bytes()));
    let (exponent, suffix) = split_exponent(rest);
    if !suffix.chars().all(is_unit_letter) {
        return None;
    }
    let (power, factor) = scale(suffix);
    let value: f64 = if exponent.is_empty() && power == 0 {
        mantissa.parse().ok()?
    } else {
        // The power of ten joins the text, so that `2.2u` is `2.2e-6` to the last bit.
        let power = power + parse_exponent(exponent)?;
        compact_str::format_compact!("{mantissa}e{power}")
            .parse()
            .ok()?
    };
    Some(value * factor).filter(|v| v.is_finite())
}

/// The micro sign and the Greek letter, which LTspice writes.
const MICRO: [char; 2] = ['\u{b5}', '\u{3bc}'];

fn is_unit_letter(c: char) -> bool {
    c.is_ascii_alphabetic() || MICRO.contains(&c) || matches!(c, '\u{3a9}' | '\u{2126}')
}

/// Length of the sign, the digits and the decimal point at the start of a number.
fn mantissa_length(bytes: &[u8]) -> usize {
    let sign = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let digits = bytes[sign..]
        .iter()
        .take_while(|b| b.is_ascii_digit() || **b == b'.')
        .count();
    sign + digits
}

/// Splits `e-3ohm` into `-3` and `ohm`; an `e` without digits is part of the unit. ngspice takes
/// the `d` of Fortran as well.
fn split_exponent(rest: &str) -> (&str, &str) {
    let bytes = rest.as_bytes();
    if !matches!(bytes.first(), Some(b'e' | b'E' | b'd' | b'D')) {
        return ("", rest);
    }
    let sign = usize::from(matches!(bytes.get(1), Some(b'+' | b'-')));
    let start = 1 + sign;
    let digits = bytes[start..]
        .iter()
        .take_while(|b| b.is_ascii_digit())
        .count();
    match digits {
        0 => ("", rest),
        _ => (&rest[1..start + digits], &rest[start + digits..]),
    }
}

fn parse_exponent(text: &str) -> Option<i64> {
    const LARGEST: i64 = 1_000_000;
    match text {
        "" => Some(0),
        digits => digits.parse().ok().filter(|e: &i64| e.abs() <= LARGEST),
    }
}

/// The power of ten and the remaining factor that a suffix stands for.
fn scale(suffix: &str) -> (i64, f64) {
    let starts_with = |word: &str| {
        suffix
            .get(..word.len())
            .is_some_and(|s| s.eq_ignore_ascii_case(word))
    };
    if suffix.starts_with(MICRO) {
        return (-6, 1.0);
    }
    let Some(first) = suffix.bytes().next() else {
        return (0, 1.0);
    };
    match first.to_ascii_lowercase() {
        b't' => (12, 1.0),
        b'g' => (9, 1.0),
        b'm' if starts_with("meg") => (6, 1.0),
        b'm' if starts_with("mil") => (0, 25.4e-6),
        b'k' => (3, 1.0),
        b'm' => (-3, 1.0),
        b'u' => (-6, 1.0),
        b'n' => (-9, 1.0),
        b'p' => (-12, 1.0),
        b'f' => (-15, 1.0),
        _ => (0, 1.0),
    }
}

/// Writes a number so that reading it gives the same bits: `1000`, `1e-14`.
pub fn format_exact(value: f64) -> String {
    let magnitude = value.abs();
    if value == 0.0 || (1e-3..1e6).contains(&magnitude) {
        format!("{value}")
    } else {
        format!("{value:e}")
    }
}

/// Writes a number for people, with at most `digits` significant digits: `4.7 kohm`,
/// `692.888 mV`. Here `M` is mega, as on paper; a deck spells it `MEG`.
pub fn format_engineering(value: f64, digits: usize, unit: &str) -> String {
    const PREFIXES: [&str; 11] = ["a", "f", "p", "n", "u", "m", "", "k", "M", "G", "T"];
    if !value.is_finite() || value == 0.0 {
        // Adding zero turns -0 into 0.
        return join(&format!("{}", value + 0.0), "", unit);
    }
    let last = digits.max(1) - 1;
    // Rounding comes first: 999.96 to four digits is 1 k, not 1000.
    let rounded = format!("{value:.last$e}");
    let (mantissa, exponent) = rounded.split_once('e').unwrap_or((&rounded, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let group = exponent.div_euclid(3);
    match PREFIXES.get((group + 6) as usize) {
        Some(prefix) => {
            let shift = exponent.rem_euclid(3);
            let value = mantissa.parse().unwrap_or(value) * 10f64.powi(shift);
            let decimals = last.saturating_sub(shift as usize);
            join(&trimmed(format!("{value:.decimals$}")), prefix, unit)
        }
        None => join(
            &format!("{}e{exponent}", trimmed(mantissa.into())),
            "",
            unit,
        ),
    }
}

fn trimmed(number: String) -> String {
    match number.contains('.') {
        true => number.trim_end_matches('0').trim_end_matches('.').into(),
        false => number,
    }
}

fn join(number: &str, prefix: &str, unit: &str) -> String {
    format!("{number} {prefix}{unit}").trim_end().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_read_as_ngspice_reads_them() {
        let cases = [
            ("1k", 1e3),
            ("1K", 1e3),
            ("2.2u", 2.2e-6),
            ("2.2\u{b5}", 2.2e-6),
            ("2.2\u{3bc}A", 2.2e-6),
            ("1k\u{3a9}", 1e3),
            ("10MEG", 10e6),
            ("10megohm", 10e6),
            ("1M", 1e-3),
            ("1mil", 25.4e-6),
            ("3g", 3e9),
            ("4t", 4e12),
            ("5n", 5e-9),
            ("6p", 6e-12),
            ("7f", 7e-15),
            ("8A", 8.0),
            ("1e-3", 1e-3),
            ("1e3k", 1e6),
            ("1d3", 1e3),
            (".5", 0.5),
            ("5.", 5.0),
            ("-3", -3.0),
            ("+2", 2.0),
            ("10ohm", 10.0),
            ("5V", 5.0),
            ("2kohm", 2e3),
            ("1eV", 1.0),
            ("0", 0.0),
        ];
        for (text, value) in cases {
            assert_eq!(parse_number(text), Some(value), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_number() {
        for text in [
            "",
            ".",
            "-",
            "k",
            "abc",
            "1..2",
            "1.2.3",
            "4k7",
            "1e999",
            "1e300t",
            "inf",
            "nan",
            "-inf",
            "1k%",
            "--1",
            "e5",
            "1e99999999999999999999k",
        ] {
            assert_eq!(parse_number(text), None, "{text}");
        }
    }

    #[test]
    fn exact_form_is_readable() {
        let written = [1000.0, 1e-14, 0.5, -4700.0, 1e6, 0.0].map(format_exact);
        assert_eq!(written, ["1000", "1e-14", "0.5", "-4700", "1e6", "0"]);
    }

    #[test]
    fn engineering_form_has_a_prefix_and_no_idle_zeros() {
        assert_eq!(format_engineering(4700.0, 6, "ohm"), "4.7 kohm");
        assert_eq!(format_engineering(0.6928875986, 6, "V"), "692.888 mV");
        assert_eq!(format_engineering(-999.96, 4, "A"), "-1 kA");
        assert_eq!(format_engineering(100.0, 3, "V"), "100 V");
        assert_eq!(format_engineering(123456.0, 2, "V"), "120 kV");
        assert_eq!(format_engineering(0.0, 3, "V"), "0 V");
        assert_eq!(format_engineering(1e-30, 3, "A"), "1e-30 A");
        assert_eq!(format_engineering(1e20, 3, ""), "1e20");
    }

    proptest! {
        #[test]
        fn the_exact_form_reads_back_to_the_same_bits(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            let read = parse_number(&format_exact(value)).unwrap();
            prop_assert_eq!(read.to_bits(), bits);
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            let _ = (parse_number(&text), parse_number(&format!("1{text}")));
        }
    }
}
