//! `reference`: the pages of the documentation that follow from the program: keys of files, words of prose, sections, commands.

use crate::{
    args::{Cli, Reference},
    list, say, schema,
};
use anyhow::Result;
use clap::CommandFactory;
use serde_json::{Map, Value};
use shockbrief_core::fs::write_atomic;
use shockbrief_sections::{KINDS, built_in};
use shockbrief_templating::words;
use std::{collections::BTreeSet, fmt::Write as _};

/// What stands above every page.
const MADE: &str =
    "<!-- Made by `make docs` from the program; edit the documentation in the code instead. -->\n";

/// Writes each page.
pub fn run(args: &Reference) -> Result<()> {
    let pages = [
        ("keys.md", keys()),
        ("words.md", words_of_prose()),
        ("sections.md", sections()),
        ("commands.md", commands()),
    ];
    for (name, text) in pages {
        let path = args.folder.join(name);
        write_atomic(&path, format!("{MADE}\n{}\n", text.trim_end()).as_bytes())?;
        say(path.display());
    }
    Ok(())
}

/// A cell of a table: no bar and no line end divides it.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The keys of every file that authors write.
fn keys() -> String {
    let mut text = "# Keys of all files\n\nA key with a default may be left out. `shockbrief schema FILE` prints the same for editors.\n".to_owned();
    let (mut told, mut shared) = (BTreeSet::new(), String::new());
    for file in schema::files() {
        let schema = schema::of(&file, None);
        let about = schema["description"].as_str().unwrap_or_default();
        let _ = write!(text, "\n## {}\n\n`{}`. {about}\n", file.name, file.place);
        match &schema["properties"] {
            Value::Object(keys) => text.push_str(&table(keys, &schema)),
            _ => {
                let _ = write!(text, "\nThe file is: {}.\n", kind(&schema));
            }
        }
        for (name, one) in schema["$defs"].as_object().into_iter().flatten() {
            if told.insert(name.clone()) {
                shared.push_str(&definition(name, one));
            }
        }
    }
    text + "\n# What keys hold\n" + &shared
}

fn definition(name: &str, schema: &Value) -> String {
    let about = schema["description"].as_str().unwrap_or_default();
    let mut text = format!("\n### {name}\n\n{}\n", cell(about));
    if let Value::Object(keys) = &schema["properties"] {
        text.push_str(&table(keys, schema));
        return text;
    }
    let forms = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array());
    for form in forms.into_iter().flatten() {
        let about =
            form["description"].as_str().map(|about| format!(": {}", cell(about))).unwrap_or_default();
        let _ = writeln!(text, "\n- {}{about}", kind(form));
        if let Value::Object(keys) = &form["properties"] {
            text.push_str(&table(keys, form));
        }
    }
    if forms.is_none() {
        let _ = write!(text, "\n{}.\n", kind(schema));
    }
    text
}

fn table(keys: &Map<String, Value>, schema: &Value) -> String {
    let required: BTreeSet<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut text = "\n| key | holds | |\n|---|---|---|\n".to_owned();
    for (key, value) in keys {
        let must = if required.contains(key.as_str()) { "**required**. " } else { "" };
        let about = value["description"].as_str().unwrap_or_default();
        let _ = writeln!(text, "| `{key}` | {} | {must}{} |", cell(&kind(value)), cell(about));
    }
    text
}

/// What a schema takes, in words; other definitions by their names.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(only) = schema.get("const") {
        return format!("`{}`", text_of(only));
    }
    if let Some(words) = schema["enum"].as_array() {
        return words.iter().map(|word| format!("`{}`", text_of(word))).collect::<Vec<_>>().join(", ");
    }
    for key in ["anyOf", "oneOf", "allOf"] {
        let forms = schema[key].as_array().filter(|_| schema.get("properties").is_none());
        if let Some(forms) = forms {
            let told: Vec<String> = forms.iter().filter(|form| form["type"] != "null").map(kind).collect();
            return told.join(" or ");
        }
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().filter_map(Value::as_str).filter(|one| *one != "null").collect(),
        _ => vec!["anything"],
    };
    let told = types.iter().map(|one| match *one {
        "array" => list_of(schema),
        "object" => match schema.get("additionalProperties").filter(|inner| inner.is_object()) {
            Some(inner) => format!("a map of names to {}", kind(inner)),
            None => "a map".to_owned(),
        },
        "string" => "text".to_owned(),
        "integer" => "a whole number".to_owned(),
        "number" => "a number".to_owned(),
        "boolean" => "`true` or `false`".to_owned(),
        other => other.to_owned(),
    });
    told.collect::<Vec<_>>().join(" or ")
}

fn list_of(schema: &Value) -> String {
    let inner = schema.get("items").or_else(|| schema["prefixItems"].get(0));
    let inner = inner.map(kind).unwrap_or_default();
    match (schema["minItems"].as_u64(), schema["maxItems"].as_u64()) {
        (Some(least), Some(most)) if least == most => format!("a list of {least}: {inner}"),
        _ => format!("a list of {inner}"),
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), |text| text.replace('\t', "\\t"))
}

/// Filters, functions and units.
fn words_of_prose() -> String {
    let mut text = "# Words of prose\n\nText is Typst with `{{ … }}`; a number reaches the page only through a figure and a filter of its unit.\n".to_owned();
    text.push_str("\n## Filters\n\n| filter | prints | units | written |\n|---|---|---|---|\n");
    for word in words::filters() {
        let units: Vec<String> = word.units.iter().map(|unit| list::unit(*unit)).collect();
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | `{}` |",
            word.name,
            cell(word.about),
            units.join(", "),
            cell(word.form)
        );
    }
    text.push_str("\n## Functions\n\n| function | gives |\n|---|---|\n");
    for word in words::functions() {
        let _ = writeln!(text, "| `{}` | {} |", cell(word.form), cell(word.about));
    }
    text.push_str("\n## Units\n\n| unit | printed by |\n|---|---|\n");
    for unit in words::UNITS {
        let printing: Vec<String> = words::filters()
            .iter()
            .filter(|word| word.units.contains(&unit))
            .map(|word| format!("`{}`", word.name))
            .collect();
        let _ = writeln!(text, "| {} | {} |", list::unit(unit), printing.join(", "));
    }
    text
}

/// Sections of the program and kinds with their parameters.
fn sections() -> String {
    let mut text = "# Sections and kinds\n\n`shockbrief list sections` has those of a desk, with their headings.\n\nBuilt in, without parameters: ".to_owned();
    let ids: Vec<String> = built_in().iter().map(|id| format!("`{id}`")).collect();
    text.push_str(&(ids.join(", ") + ".\n"));
    for one in KINDS {
        let _ = write!(text, "\n## {}\n\n{}.\n", one.name(), one.about());
        let mut generator = shockbrief_core::schema::SchemaGenerator::default();
        let parameters = one.schema()(&mut generator).to_value();
        if let Value::Object(keys) = &parameters["properties"] {
            // What a parameter points at stands on the page of keys.
            let linked = table(keys, &parameters).replace("](#", "](keys.md#");
            text.push_str(&linked);
        }
    }
    text
}

/// Every command with its arguments, and the exit codes.
fn commands() -> String {
    let mut main = Cli::command();
    main.build();
    let mut text =
        format!("# Commands\n\n{}\n", main.get_long_about().map(ToString::to_string).unwrap_or_default());
    for command in main.get_subcommands().filter(|one| one.get_name() != "help") {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        let _ = write!(text, "\n## {}\n\n{about}.\n", command.get_name());
        let shown = command.get_arguments().filter(|one| !one.is_hide_set() && one.get_id() != "help");
        let rows: Vec<String> = shown.map(argument).collect();
        if !rows.is_empty() {
            let _ = write!(text, "\n| argument | |\n|---|---|\n{}", rows.concat());
        }
    }
    text
}

fn argument(one: &clap::Arg) -> String {
    let long = one.get_long().map(|long| format!("--{long}"));
    let short = one.get_short().map(|short| format!("-{short}"));
    let names: Vec<String> = short.into_iter().chain(long).collect();
    let value = || one.get_value_names().map(|names| names.join(" ")).unwrap_or_default();
    let written = match (names.is_empty(), one.get_action().takes_values()) {
        (true, _) => value(),
        (false, true) => format!("{} {}", names.join(", "), value()),
        (false, false) => names.join(", "),
    };
    let defaults: Vec<String> =
        one.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    let default = if defaults.is_empty() || !one.get_action().takes_values() {
        String::new()
    } else {
        format!(" Default `{}`.", defaults.join(", "))
    };
    let values = one.get_possible_values();
    let values: Vec<&str> =
        values.iter().filter(|_| one.get_action().takes_values()).map(|value| value.get_name()).collect();
    let values = if values.is_empty() { String::new() } else { format!(" One of: {}.", values.join(", ")) };
    let help = one.get_help().map(ToString::to_string).unwrap_or_default();
    let stop = if help.ends_with(['.', '?']) || help.is_empty() { "" } else { "." };
    format!("| `{written}` | {}{stop}{default}{values} |\n", cell(&help))
}
