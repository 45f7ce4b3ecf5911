//! Refusals: errors that a caller can act on, with the class that decides the exit code.

use std::fmt;

/// Class of a refusal of whatever else went wrong.
const OTHER: Class = Class::Unforeseen;

/// Why a run stops; each class is one exit code of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Wrong usage or configuration (exit code 2).
    Config,
    /// Data refused: stale, gaps, a guard (exit code 4).
    Data,
    /// A claim of the analyst failed (exit code 5).
    Claim,
    /// The typesetter failed (exit code 6).
    Typeset,
    /// A delivery was not taken (exit code 3: the briefs are out).
    Delivery,
    /// Another run holds the lock (exit code 75).
    Locked,
    /// The machine, or a fault of the program (exit code 1).
    Unforeseen,
}

impl Class {
    /// The process exit code of this class.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Config => 2,
            Self::Data => 4,
            Self::Claim => 5,
            Self::Typeset => 6,
            Self::Delivery => 3,
            Self::Locked => 75,
            Self::Unforeseen => 1,
        }
    }
}

/// An error with its class and the next step for whoever reads it.
///
/// `message` names file, line, symbol or date; `hint` says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of refusal this is.
    pub class: Class,
    /// What is wrong and where.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Refusal {
    /// A refusal without hint.
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), hint: None }
    }

    /// A configuration error.
    pub fn config(message: impl Into<String>) -> Self {
        Self::new(Class::Config, message)
    }

    /// A data refusal.
    pub fn data(message: impl Into<String>) -> Self {
        Self::new(Class::Data, message)
    }

    /// Adds the next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// A refusal's message taken apart: the file, the place in it, and what is wrong there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Located<'a> {
    /// The file; none when the message begins with no place.
    pub file: Option<&'a str>,
    /// The line, counted from 1.
    pub line: Option<usize>,
    /// The column, counted from 1.
    pub column: Option<usize>,
    /// What is wrong.
    pub what: &'a str,
}

impl Refusal {
    /// The message taken apart: `reports/x/report.yaml:3:5: what is wrong`.
    #[must_use]
    pub fn located(&self) -> Located<'_> {
        let whole = Located { file: None, line: None, column: None, what: &self.message };
        let Some((place, what)) = self.message.split_once(": ") else { return whole };
        let mut parts = place.rsplitn(3, ':');
        let numbers: Vec<Option<usize>> = parts.clone().take(2).map(|part| part.parse().ok()).collect();
        let (file, line, column) = match numbers[..] {
            [Some(column), Some(line)] => (parts.nth(2), Some(line), Some(column)),
            [Some(line), None] => (place.rsplit_once(':').map(|(file, _)| file), Some(line), None),
            _ => (Some(place), None, None),
        };
        match file.filter(|file| file.contains('.') && !file.contains(' ')) {
            None => whole,
            file => Located { file, line, column, what },
        }
    }
}

/// All refusals of one pass: told together; the first decides the exit code.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Refusals(Vec<Refusal>);

impl Refusals {
    /// Adds one, unless it was told already.
    pub fn push(&mut self, refusal: Refusal) {
        if !self.0.contains(&refusal) {
            self.0.push(refusal);
        }
    }

    /// Adds whatever an error holds: one refusal, several, or something unforeseen.
    pub fn absorb(&mut self, error: &anyhow::Error) {
        if let Some(many) = error.chain().find_map(|cause| cause.downcast_ref::<Self>()) {
            many.0.iter().for_each(|refusal| self.push(refusal.clone()));
        } else if let Some(one) = error.chain().find_map(|cause| cause.downcast_ref::<Refusal>()) {
            self.push(one.clone());
        } else {
            self.push(Refusal::new(OTHER, format!("{error:#}")));
        }
    }

    /// The value, or none when it could not be had and why is kept.
    pub fn keep<T>(&mut self, result: anyhow::Result<T>) -> Option<T> {
        result.map_err(|error| self.absorb(&error)).ok()
    }

    /// The value, unless something was refused.
    ///
    /// # Errors
    /// All that was refused.
    pub fn or<T>(self, value: T) -> anyhow::Result<T> {
        self.finish().map(|()| value)
    }

    /// Nothing, unless something was refused.
    ///
    /// # Errors
    /// The only refusal, or all of them.
    pub fn finish(mut self) -> anyhow::Result<()> {
        match self.0.len() {
            0 => Ok(()),
            1 => Err(self.0.remove(0).into()),
            _ => Err(self.into()),
        }
    }

    /// Whether nothing was refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The refusals, in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Refusal> {
        self.0.iter()
    }

    /// All refusals behind an error: several, one or none.
    #[must_use]
    pub fn behind(error: &anyhow::Error) -> Vec<&Refusal> {
        if let Some(many) = error.chain().find_map(|cause| cause.downcast_ref::<Self>()) {
            return many.0.iter().collect();
        }
        error.chain().find_map(|cause| cause.downcast_ref::<Refusal>()).into_iter().collect()
    }
}

impl fmt::Display for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let messages: Vec<&str> = self.0.iter().map(|refusal| refusal.message.as_str()).collect();
        f.write_str(&messages.join("\n"))
    }
}

impl std::error::Error for Refusals {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_taken_apart() {
        let parts = |message: &str| {
            let refusal = Refusal::config(message);
            let at = refusal.located();
            (at.file.map(str::to_owned), at.line, at.column, at.what.to_owned())
        };
        let file = || Some("a/report.yaml".to_owned());
        assert_eq!(parts("a/report.yaml:3:5: wrong"), (file(), Some(3), Some(5), "wrong".to_owned()));
        assert_eq!(parts("a/report.yaml:3: wrong: x"), (file(), Some(3), None, "wrong: x".to_owned()));
        assert_eq!(parts("a/report.yaml: wrong"), (file(), None, None, "wrong".to_owned()));
        assert_eq!(parts("no place: wrong"), (None, None, None, "no place: wrong".to_owned()));
    }

    #[test]
    fn one_refusal_stays_itself_and_several_are_told_once_each() {
        let mut refusals = Refusals::default();
        refusals.push(Refusal::config("a"));
        assert!(refusals.clone().finish().is_err_and(|error| error.is::<Refusal>()));
        refusals.push(Refusal::data("b"));
        refusals.push(Refusal::config("a"));
        let error = refusals.finish().err();
        assert_eq!(error.as_ref().map(|error| Refusals::behind(error).len()), Some(2));
        let mut again = Refusals::default();
        error.iter().for_each(|error| again.absorb(error));
        assert_eq!(again.to_string(), "a\nb");
    }
}
