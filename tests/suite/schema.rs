//! The small part of JSON Schema that the schemas of this project use: what is written must be described there.

use serde_json::Value;

/// Where a value departs from its schema, one line each.
#[must_use]
pub fn departures(value: &Value, schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    visit("", value, schema, &mut found);
    found
}

fn visit(place: &str, value: &Value, schema: &Value, found: &mut Vec<String>) {
    if schema.get("const").is_some_and(|only| only != value) {
        found.push(format!("{place}: {value} is not {}", schema["const"]));
    }
    let listed = schema.get("enum").and_then(Value::as_array);
    if listed.is_some_and(|listed| !listed.contains(value)) {
        found.push(format!("{place}: {value} is not listed"));
    }
    let fits = match schema.get("type").and_then(Value::as_str) {
        Some("string") => value.is_string(),
        Some("integer") => value.is_u64() || value.is_i64(),
        Some("number") => value.is_number(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        Some(_) => false,
        None => true,
    };
    if !fits {
        found.push(format!("{place}: {value} is no {}", schema["type"]));
    }
    for (at, item) in value.as_array().into_iter().flatten().enumerate() {
        visit(&format!("{place}/{at}"), item, &schema["items"], found);
    }
    object(place, value, schema, found);
}

fn object(place: &str, value: &Value, schema: &Value, found: &mut Vec<String>) {
    let Some(fields) = value.as_object() else { return };
    for (key, field) in fields {
        match schema["properties"].get(key) {
            Some(schema) => visit(&format!("{place}/{key}"), field, schema, found),
            None => found.push(format!("{place}/{key} is not described")),
        }
    }
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    found.extend(
        required.filter(|key| !fields.contains_key(*key)).map(|key| format!("{place}/{key} is missing")),
    );
}
