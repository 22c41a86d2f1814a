//! From `shockley:is=1e-12,n=1.5` to an element.

use crate::device::{Device, PiecewiseDiode, PiecewiseTable};
use crate::suggest::closest;
use crate::units::parse_number;

use super::deck;
use super::diode::{DiodeCard, KEYS};
use super::element::{Element, Kind};
use super::error::{ActivationError, ElementError};

/// Names of elements that need no file.
pub(super) const NAMES: [&str; 8] = [
    "ideal",
    "shockley",
    "antiparallel",
    "zener",
    "pair",
    "pwl",
    "b",
    "spice",
];

/// Volts at which a pair of ideal or real diodes begins to clip, unless given.
const LOW: f64 = -0.5;
const HIGH: f64 = 0.5;

/// A Zener diode unless given: breakdown voltage (V) and the current there (A).
const BREAKDOWN: [(&str, f64); 2] = [("bv", 5.1), ("ibv", 1e-3)];

impl Element {
    /// Reads an element:
    ///
    /// | text | element, from its terminal p to its terminal n |
    /// |---|---|
    /// | `ideal` | ideal diode, anode at p |
    /// | `shockley:is=1e-14,n=1,rs=0,…` | junction diode, anode at p: any DC parameter of a diode's model card; `temp`, `tnom` (°C), `gmin` (S); `level=1` for ngspice's law |
    /// | `antiparallel:…` | two such diodes, in both directions |
    /// | `zener:bv=5.1,ibv=1m,…` | such a diode with breakdown |
    /// | `pair:low=-0.5,high=0.5,…` | one such diode to a source of `high` volts, one from a source of `low` volts; `pair:ideal` with ideal diodes |
    /// | `pwl:-1:-1m,0:0,1:5m` | breakpoints volts:amperes, constant current outside |
    /// | `pwl:ron=1,roff=1meg,vfwd=0.6,vrev=5,rrev=1` | LTspice's piecewise-linear diode |
    /// | `b:i=1m*tanh(v(p)/0.1)`, `b:v=…` | behavioural source |
    /// | `spice:R1 p a 1k; D1 a n DX; .model DX D` | SPICE cards between nodes p and n, n grounded |
    /// | `@file.cir:a,b` | a deck, between two of its nodes; `@file.cir:a` to ground |
    ///
    /// Diodes of built-in elements obey Shockley's law at every voltage (LEVEL 2) without a GMIN, unless
    /// they are given others; an IS below 1e-28 A counts as that, as in ngspice.
    ///
    /// The word `reversed` among the parameters of a built-in element exchanges its terminals.
    ///
    /// # Errors
    /// [`ActivationError::Element`] says what is wrong with the text; decks and cards have the errors of
    /// any deck.
    pub fn parse(text: &str) -> Result<Self, ActivationError> {
        let text = text.trim();
        if let Some(file) = text.strip_prefix('@') {
            return deck::of_file(text, file);
        }
        let (name, rest) = text.split_once(':').unwrap_or((text, ""));
        match name.to_ascii_lowercase().as_str() {
            "spice" => return deck::of_cards(text, rest),
            "b" => return deck::of_behavioural(text, rest),
            name if !NAMES.contains(&name) => {
                return Err(ElementError::UnknownName {
                    name: name.to_string(),
                    suggestion: closest(name, NAMES).map(str::to_string),
                }
                .into());
            }
            _ => {}
        }
        let mut items = Items::new(text, rest);
        let is_reversed = items.take_word("reversed");
        let kind = match name.to_ascii_lowercase().as_str() {
            "ideal" => Kind::Ideal,
            "shockley" => Kind::Diode(items.diode(DiodeCard::default())?),
            "antiparallel" => Kind::Antiparallel(items.diode(DiodeCard::default())?),
            "zener" => Kind::Diode(items.zener()?),
            "pair" => items.pair()?,
            _ => items.piecewise()?,
        };
        items.finish()?;
        Ok(Self::new(text, kind, is_reversed))
    }
}

/// The parameters behind the name.
struct Items<'a> {
    element: &'a str,
    items: Vec<&'a str>,
    /// Keys that the element knows.
    known: Vec<&'static str>,
}

impl<'a> Items<'a> {
    fn new(element: &'a str, text: &'a str) -> Self {
        let items = text.split(',').map(str::trim);
        Self {
            element,
            items: items.filter(|item| !item.is_empty()).collect(),
            known: vec!["reversed"],
        }
    }

    /// Whether a word without a value is among the items.
    fn take_word(&mut self, word: &'static str) -> bool {
        let before = self.items.len();
        self.items.retain(|item| !item.eq_ignore_ascii_case(word));
        self.items.len() < before
    }

    /// The number of a key, taken out; the last one counts.
    fn take(&mut self, key: &'static str) -> Result<Option<f64>, ElementError> {
        self.known.push(key);
        let is_key = |item: &&str| {
            let name = item.split_once('=').map(|(name, _)| name.trim());
            name.is_some_and(|name| name.eq_ignore_ascii_case(key))
        };
        let (mine, rest) = self.items.iter().partition(|item| is_key(item));
        self.items = rest;
        let mine: Vec<&str> = mine;
        let Some(item) = mine.last() else {
            return Ok(None);
        };
        let (_, value) = self.key_and_value(item)?;
        Ok(Some(value))
    }

    fn key_and_value(&self, item: &str) -> Result<(String, f64), ElementError> {
        let Some((key, value)) = item.split_once('=') else {
            return Err(ElementError::NoValue {
                element: self.element.to_string(),
                item: item.to_string(),
            });
        };
        let key = key.trim().to_ascii_lowercase();
        match parse_number(value.trim()) {
            Some(number) => Ok((key, number)),
            None => Err(ElementError::NoNumber {
                element: self.element.to_string(),
                key,
                value: value.trim().to_string(),
            }),
        }
    }

    /// All items as parameters of a diode.
    fn diode(&mut self, mut card: DiodeCard) -> Result<DiodeCard, ElementError> {
        self.known.extend(KEYS);
        let mut left = Vec::new();
        let mut taken = Vec::new();
        for item in std::mem::take(&mut self.items) {
            if !item.contains('=') {
                left.push(item);
                continue;
            }
            let (key, value) = self.key_and_value(item)?;
            match card.take(self.element, &key, value)? {
                true => taken.push((key, value)),
                false => left.push(item),
            }
        }
        self.items = left;
        // The level may come behind the keys that it rules out.
        match taken.into_iter().find(|(key, _)| !card.uses(key)) {
            None => Ok(card),
            Some((key, value)) => Err(ElementError::Refused {
                element: self.element.to_string(),
                key,
                value,
                rule: "it belongs to the other LEVEL of the diode: give level=1 or level=2",
            }),
        }
    }

    fn zener(&mut self) -> Result<DiodeCard, ElementError> {
        let mut card = DiodeCard::default();
        for (key, value) in BREAKDOWN {
            card.take(self.element, key, value)?;
        }
        self.diode(card)
    }

    fn pair(&mut self) -> Result<Kind, ElementError> {
        self.known.push("ideal");
        let is_ideal = self.take_word("ideal");
        let low = self.take("low")?.unwrap_or(LOW);
        let high = self.take("high")?.unwrap_or(HIGH);
        if !(low < high) {
            return Err(ElementError::Refused {
                element: self.element.to_string(),
                key: "high".to_string(),
                value: high,
                rule: "it must lie above `low`: between them neither diode conducts",
            });
        }
        let diode = match is_ideal {
            true => None,
            false => Some(self.diode(DiodeCard::default())?),
        };
        Ok(Kind::Pair { diode, low, high })
    }

    fn piecewise(&mut self) -> Result<Kind, ElementError> {
        let device = match self.items.first() {
            None => {
                let element = self.element.to_string();
                return Err(ElementError::NoBreakpoints { element });
            }
            Some(item) if item.contains('=') => self.piecewise_diode()?,
            Some(_) => self.table()?,
        };
        Ok(Kind::Device(device))
    }

    fn piecewise_diode(&mut self) -> Result<Device, ElementError> {
        let on = self.take("ron")?.unwrap_or(1.0);
        let off = self.take("roff")?.unwrap_or(1e12);
        let forward = self.take("vfwd")?.unwrap_or(0.0);
        let reverse_voltage = self.take("vrev")?;
        let reverse_resistance = self.take("rrev")?.unwrap_or(on);
        let reverse = reverse_voltage.map(|v| (v, reverse_resistance));
        let diode = PiecewiseDiode::new(on, off, forward, reverse, 1.0);
        diode
            .map(Device::from)
            .ok_or_else(|| ElementError::Unusable {
                element: self.element.to_string(),
                rule: "RON, ROFF and RREV must be positive, and -VREV below VFWD",
            })
    }

    fn table(&mut self) -> Result<Device, ElementError> {
        let points = std::mem::take(&mut self.items);
        let breakpoint = |item: &&str| {
            let (v, i) = item.split_once(':')?;
            Some((parse_number(v.trim())?, parse_number(i.trim())?))
        };
        let read = |item: &&str| {
            breakpoint(item).ok_or_else(|| ElementError::BadBreakpoint {
                element: self.element.to_string(),
                item: item.to_string(),
            })
        };
        let points: Vec<_> = points.iter().map(read).collect::<Result<_, _>>()?;
        let table = PiecewiseTable::new(points);
        table
            .map(Device::from)
            .map_err(|error| ElementError::Table {
                element: self.element.to_string(),
                error,
            })
    }

    /// Nothing may be left over.
    fn finish(self) -> Result<(), ElementError> {
        let Some(item) = self.items.first() else {
            return Ok(());
        };
        let (key, has_value) = match item.split_once('=') {
            Some((key, _)) => (key.trim().to_ascii_lowercase(), true),
            None => (item.to_ascii_lowercase(), false),
        };
        let is_known = self.known.contains(&key.as_str());
        let is_slip = closest(&key, self.known.iter().copied()).is_some();
        match has_value || (is_slip && !is_known) {
            true => Err(self.unknown(&key)),
            false => Err(ElementError::NoValue {
                element: self.element.to_string(),
                item: item.to_string(),
            }),
        }
    }

    fn unknown(&self, key: &str) -> ElementError {
        ElementError::UnknownKey {
            element: self.element.to_string(),
            key: key.to_string(),
            suggestion: closest(key, self.known.iter().copied()).map(str::to_string),
            known: self.known.join(", "),
        }
    }
}
