//! Figures inside templates: an object that prints only through a filter of its unit.

use minijinja::value::{DynObject, Kwargs, Object, ObjectRepr, Value};
use minijinja::{Error, ErrorKind};
use shockbrief_core::{Figure, Unit, Value as Number};
use std::{fmt, sync::Arc};

use crate::format::{Format, FormatError};

/// Stands at the head of what an object prints by mistake, so that it is found in the output.
pub const UNPRINTED: char = '\u{e0f1}';

/// A figure, as templates see it.
#[derive(Debug, Clone)]
pub struct Handle {
    /// The figure.
    pub figure: Figure,
    /// Its absolute value is printed.
    pub absolute: bool,
    /// A plus is printed.
    pub signed: bool,
}

impl Handle {
    /// A figure as it is.
    #[must_use]
    pub fn new(figure: Figure) -> Self {
        Self { figure, absolute: false, signed: false }
    }

    /// The figure to print: its absolute value where that is asked for.
    #[must_use]
    pub fn printed(&self) -> Figure {
        let mut figure = self.figure.clone();
        if self.absolute
            && let Some(Number::Number(value)) = &mut figure.value
        {
            *value = value.abs();
        }
        figure
    }

    /// Its number for conditions; a date becomes text that sorts like it.
    ///
    /// # Errors
    /// A figure without value.
    pub fn raw(&self) -> Result<Value, Error> {
        match self.printed().value {
            Some(Number::Number(value)) => Ok(Value::from(value)),
            Some(Number::Date(date)) => Ok(Value::from(date.to_string())),
            None => Err(Error::new(
                ErrorKind::InvalidOperation,
                format!(
                    "figure `{}` has no value: {}",
                    self.figure.id,
                    self.figure.reason.as_deref().unwrap_or("no reason given")
                ),
            )),
        }
    }

    fn part(&self, name: &str, value: Option<f64>, unit: Unit) -> Value {
        let id = format!("{}.{name}", self.figure.id);
        let (statistic, as_of) = (self.figure.statistic.as_str(), self.figure.as_of);
        let mut part = match value {
            Some(value) => Figure::new(id, value, unit, statistic, as_of),
            None => {
                let reason = self.figure.reason.clone().unwrap_or_else(|| format!("no {name} here"));
                Figure::missing(id, reason, unit, statistic, as_of)
            }
        };
        part.currency.clone_from(&self.figure.currency);
        Value::from_object(Self::new(part))
    }
}

impl Object for Handle {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let figure = &self.figure;
        let count = |n: Option<usize>| n.map(|n| n as f64);
        Some(match key.as_str()? {
            "id" => Value::from(figure.id.clone()),
            "missing" => Value::from(figure.value.is_none()),
            "currency" => Value::from(figure.currency.clone()),
            "p" => self.part("p", figure.p, Unit::Probability),
            "se" => self.part("se", figure.se, figure.unit),
            "n" => self.part("n", count(figure.n), Unit::Count),
            "firms" => self.part("firms", count(figure.firms), Unit::Count),
            "value" => self.raw().ok()?,
            _ => return None,
        })
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<std::cmp::Ordering> {
        Some(self.figure.id.cmp(&other.downcast_ref::<Self>()?.figure.id))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{UNPRINTED}{}", self.figure.id)
    }
}

/// The figure in a template value.
///
/// # Errors
/// Another kind of value.
pub fn handle<'a>(value: &'a Value, filter: &str) -> Result<&'a Handle, Error> {
    value.downcast_object_ref::<Handle>().ok_or_else(|| {
        refuse(FormatError {
            message: format!("`{filter}` prints a figure, not a {}", value.kind()),
            hint: format!("write {{{{ fig(\"...\") | {filter} }}}}"),
        })
    })
}

/// A template error that keeps its hint.
#[must_use]
pub fn refuse(error: FormatError) -> Error {
    Error::new(ErrorKind::InvalidOperation, error.message.clone()).with_source(error)
}

/// A filter with the options given in a template: `pct(1, sign=true, abs=true)`.
///
/// # Errors
/// An option that the filter does not have.
pub fn options(
    mut format: Format,
    handle: &mut Handle,
    positional: &[Value],
    named: &Kwargs,
) -> Result<Format, Error> {
    for value in positional {
        format.option(&value.to_string()).map_err(refuse)?;
    }
    if handle.signed || named.get::<Option<bool>>("sign")? == Some(true) {
        format.sign = crate::locale::Sign::Always;
    }
    handle.absolute |= named.get::<Option<bool>>("abs")? == Some(true);
    for name in ["scale", "style"] {
        if let Some(option) = named.get::<Option<String>>(name)? {
            format.option(&option).map_err(refuse)?;
        }
    }
    named.assert_all_used()?;
    Ok(format)
}
