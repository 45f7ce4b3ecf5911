//! Where each value of a YAML file stands, by its path of keys and indices.
//!
//! A second reader beside serde_yaml, which stays the reader of values and tells no places. It also sees what
//! serde_yaml lets pass: a key that stands twice in a map.

use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use std::{collections::BTreeMap, fmt};

/// One step into a file: a key of a map, or an index of a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// A key.
    Key(String),
    /// An index, counted from 0.
    Index(usize),
}

impl From<&str> for Step {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<&String> for Step {
    fn from(key: &String) -> Self {
        Self::Key(key.clone())
    }
}

impl From<usize> for Step {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// The path of a value: `study.sample[3]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct KeyPath(pub Vec<Step>);

impl KeyPath {
    /// The path of a value below this one.
    #[must_use]
    pub fn then(&self, step: impl Into<Step>) -> Self {
        let mut path = self.clone();
        path.0.push(step.into());
        path
    }

    /// The path above; none above the whole file.
    #[must_use]
    pub fn above(&self) -> Option<Self> {
        let (_, above) = self.0.split_last()?;
        Some(Self(above.to_vec()))
    }

    fn key(&self) -> Option<&str> {
        match self.0.last() {
            Some(Step::Key(key)) => Some(key),
            _ => None,
        }
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if index == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(at) => write!(f, "[{at}]")?,
            }
        }
        Ok(())
    }
}

/// A path written step by step: `at!["study", "sample", 3]`.
#[macro_export]
macro_rules! at {
    ($($step:expr),* $(,)?) => {
        $crate::config::KeyPath(vec![$($crate::config::Step::from($step)),*])
    };
}

/// A place in a file, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// A scalar as it is written, and whether quotes or a block make it text whatever it looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scalar {
    pub(super) text: String,
    pub(super) quoted: bool,
}

/// A key that stands twice in its map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Repeated {
    pub(super) path: KeyPath,
    pub(super) first: Place,
    pub(super) again: Place,
}

/// The places of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Places {
    /// Of a key where the value has one, of the value itself in a list.
    at: BTreeMap<KeyPath, Place>,
    pub(super) scalars: BTreeMap<KeyPath, Scalar>,
    pub(super) repeated: Vec<Repeated>,
}

/// Why the text is no YAML, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) place: Place,
    pub(super) message: String,
}

enum Level {
    Map(KeyPath, Option<String>),
    List(KeyPath, usize),
}

impl Places {
    /// Reads the places of a text.
    pub(super) fn of(text: &str) -> Result<Self, Broken> {
        let (mut found, mut levels) = (Self::default(), Vec::new());
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(|error| Broken {
                place: Place { line: error.marker().line(), column: error.marker().col() + 1 },
                message: error.info().to_owned(),
            })?;
            found.take(event, place(span), &mut levels);
        }
        Ok(found)
    }

    fn take(&mut self, event: Event<'_>, place: Place, levels: &mut Vec<Level>) {
        match event {
            Event::Scalar(text, style, ..) => match levels.last_mut() {
                Some(Level::Map(path, key @ None)) => {
                    let path = path.then(&*text);
                    *key = Some(text.into_owned());
                    self.key(path, place);
                }
                _ => {
                    let path = self.value(place, levels);
                    let quoted = style != ScalarStyle::Plain;
                    self.scalars.insert(path, Scalar { text: text.into_owned(), quoted });
                }
            },
            Event::Alias(_) => drop(self.value(place, levels)),
            Event::MappingStart(..) => {
                let path = self.value(place, levels);
                levels.push(Level::Map(path, None));
            }
            Event::SequenceStart(..) => {
                let path = self.value(place, levels);
                levels.push(Level::List(path, 0));
            }
            Event::MappingEnd | Event::SequenceEnd => drop(levels.pop()),
            _ => {}
        }
    }

    fn key(&mut self, path: KeyPath, place: Place) {
        match self.at.get(&path) {
            Some(first) => self.repeated.push(Repeated { path, first: *first, again: place }),
            None => drop(self.at.insert(path, place)),
        }
    }

    /// The path of the value that begins here; a key waits for it no longer.
    fn value(&mut self, place: Place, levels: &mut [Level]) -> KeyPath {
        let path = match levels.last_mut() {
            None => KeyPath::default(),
            // A key that is no scalar has no name; what stands below it is refused by its type.
            Some(Level::Map(path, key)) => return path.then(&*key.take().unwrap_or_default()),
            Some(Level::List(path, next)) => {
                let path = path.then(*next);
                *next += 1;
                path
            }
        };
        self.at.insert(path.clone(), place);
        path
    }

    /// The place of a path, or of what is nearest above it.
    pub(super) fn get(&self, path: &KeyPath) -> Option<Place> {
        let mut path = path.clone();
        loop {
            if let Some(place) = self.at.get(&path) {
                return Some(*place);
            }
            path = path.above()?;
        }
    }

    /// Whether this very path is there.
    pub(super) fn holds(&self, path: &KeyPath) -> bool {
        self.at.contains_key(path)
    }

    /// The first place of a name: the path itself, a key, then a value of this text.
    pub(super) fn find(&self, name: &str) -> Option<Place> {
        let named = |path: &&KeyPath| path.to_string() == name || path.key() == Some(name);
        let key = self.at.keys().filter(named).map(|path| self.at[path]).min();
        let values = self.scalars.iter().filter(|(_, scalar)| scalar.text == name);
        key.or_else(|| values.filter_map(|(path, _)| self.get(path)).min())
    }

    /// The first place where a key has this value.
    pub(super) fn pair(&self, key: &str, value: &str) -> Option<Place> {
        let pairs =
            self.scalars.iter().filter(|(path, scalar)| path.key() == Some(key) && scalar.text == value);
        pairs.filter_map(|(path, _)| self.get(path)).min()
    }
}

fn place(span: Span) -> Place {
    Place { line: span.start.line(), column: span.start.col() + 1 }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use serde_yaml::Value;

    const TEXT: &str = "# a comment\ntitle: {fr: \"Là\", en: Here}\nlist:\n  - one\n  - {id: two, on: [3, 4]}\ntext: |\n  title: no key\nlast: é\n";

    #[test]
    fn places_are_those_an_editor_shows() {
        let places = Places::of(TEXT).unwrap();
        let place = |path: &KeyPath| places.get(path).map(|place| (place.line, place.column));
        assert_eq!(place(&at!["title", "en"]), Some((2, 19)));
        assert_eq!(place(&at!["list", 0]), Some((4, 5)));
        assert_eq!(place(&at!["list", 1, "on", 1]), Some((5, 23)));
        assert_eq!(place(&at!["last"]), Some((8, 1)));
        assert_eq!(place(&at!["list", 1, "absent", "below"]), Some((5, 5)));
        assert_eq!(places.pair("id", "two").map(|place| place.line), Some(5));
        assert_eq!(places.find("one").map(|place| place.line), Some(4));
        assert_eq!(places.find("title").map(|place| place.line), Some(2));
        assert_eq!(at!["list", 1, "on"].to_string(), "list[1].on");
    }

    #[test]
    fn a_key_that_stands_twice_is_seen_in_any_form() {
        for text in ["a: 1\nb: 2\na: 3\n", "x: {a: 1, b: 2, a: 3}\n", "- a: 1\n  a: 2\n", "a: 1\n\"a\": 2\n"]
        {
            assert_eq!(Places::of(text).unwrap().repeated.len(), 1, "{text}");
        }
        assert!(Places::of("- a: 1\n- a: 2\n").unwrap().repeated.is_empty());
        assert!(Places::of("x: {a: 1}\ny: {a: 1}\n").unwrap().repeated.is_empty());
    }

    fn yaml_files(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                yaml_files(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "yaml") {
                found.push(path);
            }
        }
    }

    /// Counts the values of a tree, each compared with what the reader of places read there.
    fn compare(value: &Value, path: &KeyPath, places: &Places) -> usize {
        let scalar = |places: &Places| places.scalars.get(path).cloned();
        match value {
            Value::Mapping(map) => map
                .iter()
                .map(|(key, value)| {
                    let key = match key {
                        Value::String(key) => key.clone(),
                        other => serde_yaml::to_string(other).unwrap().trim().to_owned(),
                    };
                    compare(value, &path.then(&key), places)
                })
                .sum(),
            Value::Sequence(list) => {
                let items = list.iter().enumerate();
                items.map(|(index, value)| compare(value, &path.then(index), places)).sum()
            }
            Value::String(text) => {
                let read = scalar(places).unwrap_or_else(|| panic!("{path}: no scalar"));
                assert_eq!(read.text, *text, "{path}");
                1
            }
            Value::Tagged(_) => panic!("{path}: a tag"),
            other => {
                let read = scalar(places).unwrap_or_else(|| panic!("{path}: no scalar"));
                assert!(!read.quoted, "{path}: quoted, and no text");
                assert_eq!(serde_yaml::from_str::<Value>(&read.text).unwrap(), *other, "{path}");
                1
            }
        }
    }

    #[test]
    fn both_readers_read_the_same_from_every_shipped_file() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut files = Vec::new();
        ["config", "reports"].iter().for_each(|folder| yaml_files(&root.join(folder), &mut files));
        assert!(files.len() >= 30, "only {} files", files.len());
        for file in files {
            let text = crate::fs::read_text(&file).unwrap();
            let places = Places::of(&text).unwrap_or_else(|broken| panic!("{}: {broken:?}", file.display()));
            assert!(places.repeated.is_empty(), "{}: {:?}", file.display(), places.repeated);
            let values = compare(&serde_yaml::from_str(&text).unwrap(), &KeyPath::default(), &places);
            assert_eq!(values, places.scalars.len(), "{}: one reader has read more", file.display());
        }
    }
}
