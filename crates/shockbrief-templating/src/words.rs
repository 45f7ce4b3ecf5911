//! What prose can say: filters and functions, each in one line, for `list` and the documentation.
//!
//! A test holds that these are the ones that the engine knows, no more and no fewer.

use crate::format::{Filter, Format};
use jiff::civil::Date;
use shockbrief_core::{Figure, Unit};

/// A filter or function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Its name.
    pub name: &'static str,
    /// How it is written.
    pub form: &'static str,
    /// What it prints or gives.
    pub about: &'static str,
    /// Units of the figures that it prints; of other words none.
    pub units: Vec<Unit>,
}

/// All units.
pub const UNITS: [Unit; 11] = [
    Unit::Ratio,
    Unit::Points,
    Unit::Money,
    Unit::Price,
    Unit::Count,
    Unit::Sessions,
    Unit::Statistic,
    Unit::Probability,
    Unit::Correlation,
    Unit::Number,
    Unit::Date,
];

/// Filters that print a figure: how each is written and what it prints.
const fn printed(filter: Filter) -> (&'static str, &'static str) {
    match filter {
        Filter::Pct => {
            ("fig(\"…\") | pct(1)", "a share or return as percent; options: decimals, abs=true, sign=true")
        }
        Filter::Points => {
            ("fig(\"…\") | points(1)", "a difference of shares as percentage points; options as of pct")
        }
        Filter::Money => (
            "fig(\"…\") | money(1)",
            "an amount in its currency; options: decimals, scale=\"million\", abs=true, sign=true",
        ),
        Filter::Price => ("fig(\"…\") | price(2)", "a price or an index level as quoted"),
        Filter::Num => ("fig(\"…\") | num(2)", "a plain number or a correlation"),
        Filter::Stat => ("fig(\"…\") | stat(2)", "a test statistic"),
        Filter::Pval => ("fig(\"…\") | pval", "a p-value, never as zero"),
        Filter::Date => (
            "fig(\"…\") | date",
            "a date; options: style=\"long\", \"short\", \"day\", \"weekday\" or \"month\"",
        ),
        Filter::Int => ("fig(\"…\") | int", "a count or a number of sessions"),
        Filter::Bn => ("fig(\"…\") | bn(2)", "a large count in thousand millions"),
    }
}

const OTHER_FILTERS: [(&str, &str, &str); 8] = [
    ("daymonth", "fig(\"…\") | daymonth", "a date as day and month"),
    ("df", "fig(\"…\") | df", "a test's degrees of freedom"),
    ("reason", "fig(\"…\") | reason", "why a figure has no value"),
    ("raw", "fig(\"…\") | raw", "a figure's number for conditions; it is never printed"),
    ("abs", "fig(\"…\") | abs | pct(1)", "a figure without its sign"),
    ("sign", "fig(\"…\") | sign | pct(1)", "a figure with a plus sign too"),
    ("str", "text | str", "a text as a Typst string; for layouts"),
    ("layout", "number | layout", "a whole number of the layout, such as a count of columns; for layouts"),
];

const FUNCTIONS: [(&str, &str, &str); 21] = [
    ("fig", "fig(\"figure\")", "a figure, to be printed by a filter of its unit or compared"),
    ("has", "has(\"figure\")", "whether a figure has a value"),
    ("known", "known(\"fact\")", "whether a fact was public by the as-of date"),
    ("ready", "ready(\"section\")", "whether a section of the report has something to say"),
    ("range", "range(\"figure\")", "least and greatest of a figure over specifications, with their names"),
    ("robust", "robust(\"claim\")", "in how many specifications a claim holds: .holds, .of"),
    ("t", "t(\"string\")", "a string of the house or of the section, rendered"),
    ("plain", "plain(\"string\")", "the same as plain text"),
    ("claim", "claim(\"id\")", "a claim's sentence, by what the data say"),
    ("name", "name(\"SYMBOL\")", "what readers call an instrument"),
    ("names", "names(\"theme\")", "the companies of a theme or basket, as a list in words"),
    ("theme", "theme(\"theme\")", "a theme's name"),
    ("benchmark", "benchmark()", "the name of the report's index"),
    ("event", "event()", "the name of the report's event"),
    ("en", "en(\"text\")", "words in English, marked as such in other languages"),
    ("fr", "fr(\"text\")", "words in French, marked as such in other languages"),
    ("de", "de(\"text\")", "words in German, marked as such in other languages"),
    ("table", "table(\".name\")", "a table; for layouts"),
    ("chart", "chart(\".name\")", "a chart; for layouts"),
    ("list", "list(\"name\")", "the entries of a list, to be joined or counted"),
    ("prose", "prose()", "the section's text; for layouts"),
];

/// Filters, those that print figures first.
#[must_use]
pub fn filters() -> Vec<Word> {
    let printing = Filter::ALL.iter().map(|(filter, name, _)| {
        let (form, about) = printed(*filter);
        let units = UNITS.into_iter().filter(|unit| Format::new(*filter).check(&of(*unit)).is_ok());
        Word { name, form, about, units: units.collect() }
    });
    printing.chain(OTHER_FILTERS.map(word)).collect()
}

/// Functions.
#[must_use]
pub fn functions() -> Vec<Word> {
    FUNCTIONS.map(word).into()
}

fn word((name, form, about): (&'static str, &'static str, &'static str)) -> Word {
    Word { name, form, about, units: Vec::new() }
}

/// A figure of this unit, for what filters say of it.
fn of(unit: Unit) -> Figure {
    Figure::new("x", 0.0, unit, "x", Date::ZERO)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use std::collections::BTreeSet;

    const CODE: [&str; 2] = [include_str!("engine.rs"), include_str!("robust.rs")];

    /// Names that the engine is told of by a call of this name.
    fn told(call: &str) -> BTreeSet<&'static str> {
        let calls = CODE.iter().flat_map(|code| code.split(call).skip(1));
        let heads = calls.map(|rest| rest.split(['|', ';', '{']).next().unwrap());
        heads.filter_map(|head| head.split('"').nth(1)).collect()
    }

    fn names(words: &[Word]) -> BTreeSet<&'static str> {
        words.iter().map(|word| word.name).collect()
    }

    #[test]
    fn every_function_of_the_engine_is_listed_and_no_other() {
        let mut known = told("add_function(");
        // Marks of language are added in a loop, and the prose stands where the layout says.
        assert!(
            CODE[0].contains("for language in [\"en\", \"fr\", \"de\"]") && CODE[0].contains("{{ prose() }}")
        );
        known.extend(["en", "fr", "de", "prose"]);
        assert_eq!(names(&functions()), known);
    }

    #[test]
    fn every_filter_of_the_engine_is_listed_and_no_other() {
        let mut known = told("add_filter(");
        assert!(CODE[0].contains("in Filter::ALL"));
        known.extend(Filter::ALL.map(|(_, name, _)| name));
        assert_eq!(names(&filters()), known);
    }

    #[test]
    fn every_unit_is_printed_by_some_filter() {
        for unit in UNITS {
            assert!(filters().iter().any(|word| word.units.contains(&unit)), "{unit:?}");
        }
    }
}
