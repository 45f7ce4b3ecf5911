//! Refusals: errors that a caller can act on, with the class that decides the exit code.

use std::fmt;

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

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}
