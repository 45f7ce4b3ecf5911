//! Text: a section of nothing but what its author declares.

use crate::{
    Context, Outcome,
    declared::check::Needs,
    kind::{Kind, Output},
};
use anyhow::Result;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of a text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Facts without which the section has nothing to say: where one of them was not public, its `absent` stands.
    #[serde(default)]
    #[schemars(with = "Vec<shockbrief_core::schema::FactId>")]
    facts: Vec<String>,
}

/// The kind.
pub struct Text;

impl Kind for Text {
    const NAME: &'static str = "text";
    const ABOUT: &'static str = "prose with the figures, tables, charts and claims that its author declares";
    type Params = Params;

    fn needs(params: &Params) -> Needs {
        Needs { facts: params.facts.clone(), ..Needs::default() }
    }

    fn analyse(params: &Params, context: &Context<'_>, out: &mut Output<'_>) -> Result<Outcome> {
        let desk = &context.desk;
        let facts: Vec<&str> = params.facts.iter().map(String::as_str).collect();
        if !desk.knows(&facts) {
            return Ok(Outcome::Absent("absent.facts"));
        }
        // What is partial or only claimed is said in words beside the tables.
        let noted = |id: &&String| desk.facts.known(id, desk.as_of).is_some_and(|fact| fact.note.is_some());
        out.list("notes", params.facts.iter().filter(noted).cloned().collect());
        Ok(Outcome::Ready)
    }
}
