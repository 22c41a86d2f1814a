//! "Did you mean …": the known name closest to one that is not known.

/// The candidate with the smallest edit distance, if that is small enough to be a slip.
pub fn closest<S: AsRef<str>>(name: &str, candidates: impl IntoIterator<Item = S>) -> Option<S> {
    // Longer names are not typed by hand, and the distance costs the product of the lengths.
    const LONGEST: usize = 64;
    let allowed = (name.len() / 3).clamp(1, 3);
    let plausible = |c: &str| c.len().abs_diff(name.len()) <= allowed && name.len() <= LONGEST;
    candidates
        .into_iter()
        .filter(|c| plausible(c.as_ref()) && c.as_ref() != name && name.len() > 1)
        .map(|c| (edit_distance(name, c.as_ref()), c))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, c)| (*distance, c.as_ref().len().abs_diff(name.len())))
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours that lead from `a` to `b`.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
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
        assert_eq!(edit_distance("apm", "amp"), 1);
    }
}
