//! Why a provider gave nothing: its name, the subject, what was seen, and the next step.

use shockbrief_core::Refusal;
use std::fmt;

/// What kind of trouble it is; decides whether the same provider is asked again in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// The allowance is used up, often told with status 200.
    Quota,
    /// Asked too often, and the pause it wants is too long.
    Throttled,
    /// The key is missing, wrong or not entitled.
    Key,
    /// The provider wants a contact in the user agent.
    Contact,
    /// The provider does not know the symbol.
    Unknown,
    /// The provider's server failed.
    Server,
    /// No connection, or one that broke.
    Network,
    /// Too slow, as a whole or between two bytes.
    Timeout,
    /// No trustworthy connection.
    Tls,
    /// The answer stops before its end.
    Truncated,
    /// The answer is larger than the limit.
    TooLarge,
    /// Redirected too often, or to an address that is not https.
    Redirect,
    /// A page for people where data were due.
    Page,
    /// Columns, keys or values are not as documented.
    Schema,
    /// A good answer without rows.
    Empty,
    /// The configuration cannot be used.
    Config,
}

impl Trouble {
    /// Whether another symbol would meet the same trouble, so that the provider is left alone for this run.
    #[must_use]
    pub fn concerns_provider(self) -> bool {
        matches!(
            self,
            Self::Quota
                | Self::Throttled
                | Self::Key
                | Self::Contact
                | Self::Tls
                | Self::Network
                | Self::Config
        )
    }
}

/// A failed question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Id of the provider.
    pub provider: String,
    /// Our symbol or series.
    pub subject: String,
    /// What kind of trouble.
    pub trouble: Trouble,
    /// What was seen.
    pub seen: String,
    /// What to do.
    pub next: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.provider, self.subject, self.seen)
    }
}

impl std::error::Error for Failure {}

/// How a failure begins when the provider was not asked, after an earlier subject's failure.
pub(crate) const LEFT_ALONE: &str = "not asked, after ";

impl Failure {
    /// Whether the provider was not even asked, because an earlier subject met a trouble of the provider.
    #[must_use]
    pub fn left_alone(&self) -> bool {
        self.seen.starts_with(LEFT_ALONE)
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        let refusal = match failure.trouble {
            Trouble::Key | Trouble::Contact | Trouble::Config => Self::config(failure.to_string()),
            _ => Self::data(failure.to_string()),
        };
        refusal.hint(failure.next)
    }
}

impl crate::Ask<'_> {
    /// A failure of this question.
    pub(crate) fn fail(&self, trouble: Trouble, seen: impl Into<String>, next: impl Into<String>) -> Failure {
        Failure {
            provider: self.spec.id.clone(),
            subject: self.subject.to_owned(),
            trouble,
            seen: seen.into(),
            next: next.into(),
        }
    }

    /// The allowance is used up.
    pub(crate) fn limited(&self, seen: impl Into<String>) -> Failure {
        let next = "a limit of the provider: wait for its next hour or day, raise `interval_ms`, or raise the plan's allowance";
        self.fail(Trouble::Quota, seen, next)
    }

    /// The answer is not of the documented form.
    pub(crate) fn changed(&self, seen: impl Into<String>) -> Failure {
        self.fail(
            Trouble::Schema,
            seen,
            "the provider may have changed its format: look at the kept raw answer and at its documentation",
        )
    }

    /// The answer is good and holds nothing.
    pub(crate) fn empty(&self) -> Failure {
        self.fail(
            Trouble::Empty,
            format!("no rows from {} to {}", self.from, self.to),
            "check the code of the symbol and the dates; a new listing has none yet",
        )
    }
}
