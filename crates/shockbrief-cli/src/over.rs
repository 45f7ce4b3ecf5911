//! A condition asked of other figures than the brief's, and of the brief's own for what those do not touch.

use shockbrief_core::{
    Figure,
    expr::{Answer, Expr, Names, Scope},
};

struct Over<'a, F> {
    other: F,
    brief: Names<'a>,
}

impl<'a, F: Fn(&str) -> Option<&'a Figure>> Scope for Over<'a, F> {
    fn figure(&self, id: &str) -> Option<&Figure> {
        (self.other)(id).or_else(|| self.brief.figure(id))
    }
    fn figures(&self) -> Vec<&str> {
        self.brief.figures()
    }
    fn known(&self, fact: &str) -> Option<bool> {
        self.brief.known(fact)
    }
    fn facts(&self) -> Vec<&str> {
        self.brief.facts()
    }
    fn ready(&self, section: &str) -> Option<bool> {
        self.brief.ready(section)
    }
    fn sections(&self) -> Vec<&str> {
        self.brief.sections()
    }
    fn within(&self) -> Option<&str> {
        self.brief.within()
    }
}

/// Whether a condition holds there; `None` where a figure that it asks for has no value.
pub fn holds<'a>(
    condition: &Expr,
    brief: Names<'a>,
    other: impl Fn(&str) -> Option<&'a Figure>,
) -> Option<bool> {
    match condition.judge(&Over { other, brief }).ok()?.truth {
        Answer::Is(truth) => Some(truth),
        Answer::Missing(_) => None,
    }
}
