//! The nearest of known names, for messages about one that points nowhere.

/// The known name with the smallest edit distance to `name`; none when nothing is known.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known.into_iter().min_by_key(|other| distance(&name.to_lowercase(), &other.to_lowercase()))
}

/// A hint that offers the nearest known name, and all of them where they are few.
#[must_use]
pub fn offer<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    const FEW: usize = 12;
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(name, known.iter().copied()) {
        None => "there is none".to_owned(),
        Some(nearest) if known.len() > FEW => format!("the nearest is `{nearest}`"),
        Some(nearest) => format!("the nearest is `{nearest}`; there are: {}", known.join(", ")),
    }
}

/// Edit distance of Levenshtein: insertions, deletions and replacements of one character.
#[must_use]
pub fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_textbook() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("NVDAA", "NVDA"), 1);
    }

    #[test]
    fn case_is_no_distance() {
        assert_eq!(nearest("nvda", ["AMD", "NVDA"]), Some("NVDA"));
        assert_eq!(nearest("x", []), None);
        assert_eq!(offer("treshold", ["threshold", "of"]), "the nearest is `threshold`; there are: threshold, of");
    }
}
