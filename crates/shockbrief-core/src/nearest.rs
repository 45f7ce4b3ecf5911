//! The nearest of the ids that exist, for messages about one that does not.

/// The known id that takes the fewest edits to reach; the first of several, none of none.
#[must_use]
pub fn nearest<'a>(id: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known.into_iter().min_by_key(|other| distance(&id.to_lowercase(), &other.to_lowercase()))
}

/// A hint that offers the nearest known id, and all of them where they are few.
#[must_use]
pub fn offer<'a>(id: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    const FEW: usize = 12;
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(id, known.iter().copied()) {
        None => "there is none".to_owned(),
        Some(nearest) if known.len() > FEW => format!("the nearest is `{nearest}`"),
        Some(nearest) => format!("the nearest is `{nearest}`; there are: {}", known.join(", ")),
    }
}

/// Levenshtein's edit distance in characters.
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
    fn distances_of_the_literature() {
        for (a, b, edits) in
            [("kitten", "sitting", 3), ("saturday", "sunday", 3), ("", "ab", 2), ("é", "e", 1)]
        {
            assert_eq!((distance(a, b), distance(b, a)), (edits, edits));
        }
    }

    #[test]
    fn the_first_of_equals_and_none_of_none() {
        assert_eq!(nearest("ab", ["xy", "ac", "ad"]), Some("ac"));
        assert_eq!(nearest("ab", []), None);
    }
}
