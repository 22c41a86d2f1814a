//! "Did you mean …": the known name closest to one that is not known.

/// The candidate with the smallest edit distance, if that is small enough to be a slip.
pub fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Longer names are not typed by hand, and the distance costs the product of the lengths.
    const LONGEST: usize = 64;
    let allowed = (name.len() / 3).clamp(1, 3);
    let plausible = |c: &&str| c.len().abs_diff(name.len()) <= allowed && name.len() <= LONGEST;
    candidates
        .into_iter()
        .filter(plausible)
        .map(|c| (edit_distance(name, c), c))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance, one row at a time.
fn edit_distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, to) in b.chars().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[row.len() - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_a_stranger_is_not() {
        let known = ["1n4148", "dmod", "zener"];
        assert_eq!(closest("1n4184", known), Some("1n4148"));
        assert_eq!(closest("dmd", known), Some("dmod"));
        assert_eq!(closest("bjt", known), None);
    }

    #[test]
    fn distance_counts_single_edits() {
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("", "abc"), 3);
    }
}
