//! "Did you mean …?": the known word nearest to a misspelt one.

/// The word of `known` that takes the fewest edits to reach, if that is few enough to be a slip of the hand.
pub(crate) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let word: Vec<char> = word.chars().take(64).flat_map(char::to_lowercase).collect();
    let allowed = (word.len() / 3).clamp(1, 3);
    known.iter().map(|k| (edits(&word, k), *k)).filter(|(n, _)| *n <= allowed).min_by_key(|(n, _)| *n).map(|(_, k)| k)
}

/// Levenshtein's distance, with a swap of two neighbours counted once.
fn edits(word: &[char], known: &str) -> usize {
    let known: Vec<char> = known.chars().flat_map(char::to_lowercase).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=known.len()).collect();
    for (i, w) in word.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, k) in known.iter().enumerate() {
            let mut least = (above[j] + usize::from(w != k)).min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *w == known[j - 1] && word[i - 1] == *k {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[known.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let known = ["@path", "@template", "@arrayPath", "@if"];
        assert_eq!(nearest("@pth", &known), Some("@path"));
        assert_eq!(nearest("@apth", &known), Some("@path"));
        assert_eq!(nearest("@arraypath", &known), Some("@arrayPath"));
        assert_eq!(nearest("@templete", &known), Some("@template"));
        assert_eq!(nearest("@timestamp", &known), None);
        assert_eq!(nearest("", &known), None);
    }
}
