//! The template engine: minijinja with strict undefined values and Typst escaping.
//!
//! Every value is escaped. A number prints only as a figure through a filter of its unit: a bare figure
//! and a bare number are errors, with the template's file and line. Prose passes through
//! [`crate::typography`] before it is compiled.

use crate::figures::{Handle, UNPRINTED, handle, options, refuse};
use crate::format::{self, Filter, Format, FormatError, Place};
use crate::locale::Locale;
use crate::{budget, charts::Charts, compose::Declared, escape, lift, tables, typography};
use anyhow::Result;
use minijinja::value::{Kwargs, Rest, Value, ValueKind};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, OutputSpan, OutputSpanKind, State, UndefinedBehavior,
};
use shockbrief_core::{
    Figure, Findings, Refusal, Refusals, config::Brand, expr::Scope as _, nearest::nearest,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A template with the name that its errors carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Path of the file as the author knows it.
    pub name: String,
    /// Its text.
    pub text: String,
}

impl Source {
    /// A template.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }
}

/// What templates of one language can ask for.
#[derive(Debug)]
pub struct Scope {
    /// Language code.
    pub code: String,
    /// Its way of writing.
    pub locale: Locale,
    /// Figures, tables, charts and lists.
    pub findings: Arc<Findings>,
    /// Strings of the language file, by key.
    pub strings: BTreeMap<String, String>,
    /// Where the strings stand, for messages.
    pub strings_name: String,
    /// Company names by symbol.
    pub names: BTreeMap<String, String>,
    /// Theme names in this language, by theme id.
    pub themes: BTreeMap<String, String>,
    /// What stands for each source in a source line, by source id.
    pub sources: BTreeMap<String, String>,
    /// Colours.
    pub brand: Brand,
    /// Sentences of claims that hold, or their replacements, with the place to name in errors.
    pub claims: BTreeMap<String, Source>,
    /// Facts and sections that may be asked for.
    pub declared: Declared,
    /// Plain facts of the brief: title, period, dates.
    pub brief: BTreeMap<String, String>,
}

/// Rendered Typst with the template line that made each of its lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rendered {
    /// Typst source.
    pub text: String,
    /// For each line of `text`, the template's name and line.
    pub origins: Vec<(String, usize)>,
}

/// Templates of one language, with the charts they asked for.
pub struct Engine {
    environment: Environment<'static>,
    scope: Shared,
    rules: typography::Rules,
    charts: Arc<Charts>,
}

type Shared = Arc<Scope>;

impl Engine {
    /// An engine over a scope.
    #[must_use]
    pub fn new(scope: Scope) -> Self {
        let rules = typography::Rules::of(&scope.code);
        let (scope, charts) = (Arc::new(scope), Arc::new(Charts::default()));
        let mut environment = environment();
        let brief = Value::from_iter(scope.brief.iter().map(|(k, v)| (k.clone(), Value::from(v.clone()))));
        environment.add_global("brief", brief);
        add_figures(&mut environment, &scope);
        add_words(&mut environment, &scope);
        add_blocks(&mut environment, &scope, &charts);
        Self { environment, scope, rules, charts }
    }

    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The language's way of writing, with what it has printed.
    #[must_use]
    pub fn locale(&self) -> &Locale {
        &self.scope.locale
    }

    /// Charts drawn so far, by path.
    #[must_use]
    pub fn charts(&self) -> BTreeMap<String, String> {
        self.charts.files()
    }

    /// Descriptions of the charts drawn so far.
    #[must_use]
    pub fn drawings(&self) -> BTreeSet<String> {
        self.charts.described()
    }

    /// Renders a section: its layout, in which `prose()` stands for the report's prose.
    ///
    /// # Errors
    /// All that the templates get wrong, with file and line: what fails is left out, and the rest is tried.
    pub fn section(&mut self, layout: &Source, prose: &Source) -> Result<Rendered, Refusals> {
        let draws = ["chart(", "table("].iter().any(|call| layout.text.contains(call));
        // What a section shows is named by number where its text ends.
        let pointers = if draws { "\n\n#pointers()\n" } else { "" };
        let include = format!("{{% include {:?} %}}{pointers}", prose.name);
        let text = layout.text.replace("{{ prose() }}", &include);
        let own = self.with_snippets(&prose.text)?;
        let mut sources =
            [Source::new(&prose.name, typography::prose(&own, self.rules)), Source::new(&layout.name, text)];
        let mut faults = Refusals::default();
        for source in &mut sources {
            match lifted(source) {
                Ok(text) => source.text = text,
                Err(refusal) => faults.push(refusal),
            }
        }
        for _ in 0..MOST_FAULTS {
            let error = match self.attempt(&sources) {
                Ok(rendered) if faults.is_empty() => return Ok(rendered),
                Ok(_) => break,
                Err(error) => error,
            };
            faults.push(refusal(&error));
            if !sources.iter_mut().any(|source| without_tag(source, &error)) {
                break;
            }
        }
        Err(faults)
    }

    /// Prose whose `{% include "x.typ.j2" %}` names the file itself, which is then known to the engine.
    fn with_snippets(&mut self, text: &str) -> Result<String, Refusals> {
        let mut text = text.to_owned();
        let mut faults = Refusals::default();
        let scope = self.scope.clone();
        for (name, snippet) in &scope.declared.snippets {
            let quoted = [format!("include \"{name}\""), format!("include '{name}'")];
            if !quoted.iter().any(|quoted| text.contains(quoted.as_str())) {
                continue;
            }
            let source = Source::new(&snippet.name, typography::prose(&snippet.text, self.rules));
            let added = lifted(&source).and_then(|lifted| {
                self.environment.add_template_owned(source.name.clone(), lifted).map_err(|e| refusal(&e))
            });
            added.err().into_iter().for_each(|refusal| faults.push(refusal));
            for quoted in quoted {
                text = text.replace(&quoted, &format!("include {:?}", snippet.name));
            }
        }
        if faults.is_empty() { Ok(text) } else { Err(faults) }
    }

    fn attempt(&mut self, sources: &[Source; 2]) -> Result<Rendered, Error> {
        for source in sources {
            self.environment.add_template_owned(source.name.clone(), source.text.clone())?;
        }
        let [_, layout] = sources;
        let (text, spans) = self.environment.get_template(&layout.name)?.render_with_spans(())?;
        let origins = origins(&layout.name, &text, &spans);
        Ok(Rendered { text, origins })
    }

    /// Renders one template on its own.
    ///
    /// # Errors
    /// Anything a template gets wrong, with file and line.
    pub fn one(&mut self, source: &Source) -> Result<Rendered, Refusal> {
        self.add(source)?;
        self.render(&source.name)
    }

    /// A string of the language as plain text.
    ///
    /// # Errors
    /// An unknown key, or a string that is no template.
    pub fn words(&self, key: &str) -> Result<String, Refusal> {
        let source = format!("{{{{ plain({key:?}) }}}}");
        let text = self.environment.render_named_str("plain", &source, ()).map_err(|e| refusal(&e))?;
        Ok(text)
    }

    /// A string of the language as markup.
    ///
    /// # Errors
    /// An unknown key, or a string that is no template.
    pub fn markup(&self, key: &str) -> Result<String, Refusal> {
        let source = format!("{{{{ t({key:?}) }}}}");
        self.environment.render_named_str("markup", &source, ()).map_err(|e| refusal(&e))
    }

    fn add(&mut self, source: &Source) -> Result<(), Refusal> {
        let text = lifted(source)?;
        self.environment.add_template_owned(source.name.clone(), text).map_err(|e| refusal(&e))
    }

    fn render(&self, name: &str) -> Result<Rendered, Refusal> {
        let template = self.environment.get_template(name).map_err(|e| refusal(&e))?;
        let (text, spans) = template.render_with_spans(()).map_err(|e| refusal(&e))?;
        let origins = origins(name, &text, &spans);
        Ok(Rendered { text, origins })
    }
}

/// Faults told of one section at most.
const MOST_FAULTS: usize = 40;

/// A template as the engine takes it: figures beside operators as numbers.
fn lifted(source: &Source) -> Result<String, Refusal> {
    refuse_packages(source)?;
    lift::template(&source.text).map_err(|stored| {
        Refusal::config(format!("{}:{}: a figure is stored in a variable", source.name, stored.line))
            .hint("write fig(\"...\") where the figure is used, or filter it first")
    })
}

/// Leaves out the printed tag of this template in which an error arose; false where it did not, or in no such tag.
fn without_tag(source: &mut Source, error: &Error) -> bool {
    let here = chain(error).into_iter().find(|error| error.name() == Some(&source.name));
    let Some(range) = here.and_then(Error::range) else { return false };
    let Some(open) = source.text.get(..range.start.saturating_add(2)).and_then(|before| before.rfind("{{"))
    else {
        return false;
    };
    let Some(close) = source.text[open..].find("}}").map(|at| open + at + 2).filter(|end| *end > range.start)
    else {
        return false;
    };
    // Lines stay where they are.
    let blank: String = source.text[open..close].chars().filter(|c| *c == '\n').collect();
    source.text.replace_range(open..close, &blank);
    true
}

/// The template line behind each line of the output.
fn origins(name: &str, text: &str, spans: &[OutputSpan]) -> Vec<(String, usize)> {
    let mut origins = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let end = start + line.len();
        let behind = spans.iter().filter(|s| s.output_range().start < end && s.output_range().end > start);
        let solid = behind.clone().find(|s| !text[s.output_range()].trim().is_empty());
        let origin = solid.or_else(|| behind.clone().next()).map(|span| {
            let skipped = start.saturating_sub(span.output_range().start);
            let raw = span.kind() == OutputSpanKind::Raw;
            let lines = if raw { text[span.output_range()][..skipped].matches('\n').count() } else { 0 };
            (span.name().to_owned(), span.line() + lines)
        });
        let before = origins.last().cloned().unwrap_or_else(|| (name.to_owned(), 1));
        origins.push(origin.unwrap_or(before));
        start = end;
    }
    origins
}

fn refuse_packages(source: &Source) -> Result<(), Refusal> {
    let line = source.text.lines().position(|line| line.contains("\"@") && line.contains("import"));
    match line {
        None => Ok(()),
        Some(line) => {
            Err(Refusal::config(format!("{}:{}: Typst packages are not used", source.name, line + 1))
                .hint("a brief is typeset without network; write the function into the template"))
        }
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Custom("typst".into()));
    environment.set_formatter(write);
    environment.set_debug(true);
    environment.set_fuel(Some(budget::FUEL));
    // Ways around the escaping and around the figures.
    for filter in
        ["safe", "escape", "e", "round", "float", "string", "format", "sum", "default", "d", "int", "abs"]
    {
        environment.remove_filter(filter);
    }
    environment
}

/// Prints one value: text escaped, anything else refused.
fn write(out: &mut Output, _: &mut State, value: &Value) -> Result<(), Error> {
    if let Some(handle) = value.downcast_object_ref::<Handle>() {
        let filter = Filter::of(handle.figure.unit).name();
        return Err(refuse(FormatError {
            message: format!("figure `{}` is printed without a filter", handle.figure.id),
            hint: format!("write {{{{ fig(\"{}\") | {filter} }}}}", handle.figure.id),
        }));
    }
    match value.kind() {
        ValueKind::String => write_text(out, value),
        ValueKind::Undefined => Err(Error::new(ErrorKind::UndefinedError, "an undefined value is printed")),
        ValueKind::Number => Err(refuse(FormatError {
            message: format!("the bare number {value} is printed"),
            hint: "numbers reach a page as figures: {{ fig(\"...\") | num(2) }}; a number of the layout passes `| layout`".to_owned(),
        })),
        kind => Err(Error::new(ErrorKind::InvalidOperation, format!("a {kind} is printed"))),
    }
}

fn write_text(out: &mut Output, value: &Value) -> Result<(), Error> {
    let text = value.as_str().unwrap_or_default();
    if let Some(at) = text.find(UNPRINTED) {
        let id: String = text[at..].chars().skip(1).take_while(|c| !c.is_whitespace()).collect();
        return Err(refuse(FormatError {
            message: format!("figure `{id}` is joined to a text without a filter"),
            hint: "filter it first: (fig(\"...\") | pct(1)) ~ \"...\"".to_owned(),
        }));
    }
    let escaped;
    let text = if value.is_safe() {
        text
    } else {
        escaped = escape::markup(text);
        &escaped
    };
    out.write_str(text).map_err(|error| Error::new(ErrorKind::WriteFailure, error.to_string()))
}

fn find(scope: &Scope, id: &str) -> Result<Figure, Error> {
    scope
        .findings
        .figures
        .get(id)
        .cloned()
        .ok_or_else(|| unknown("figure", id, scope.findings.figures.keys()))
}

/// An id that does not exist, with the nearest that does.
pub(crate) fn unknown<'a>(what: &str, id: &str, known: impl Iterator<Item = &'a String>) -> Error {
    refuse(FormatError {
        message: format!("there is no {what} `{id}`"),
        hint: match nearest(id, known.map(String::as_str)) {
            Some(nearest) => format!("the nearest is `{nearest}`"),
            None => format!("the brief has no {what} at all"),
        },
    })
}

fn add_figures(environment: &mut Environment<'static>, scope: &Shared) {
    let shared = scope.clone();
    environment
        .add_function("fig", move |id: &str| find(&shared, id).map(|f| Value::from_object(Handle::new(f))));
    let shared = scope.clone();
    environment.add_function("has", move |id: &str| find(&shared, id).map(|f| f.value.is_some()));
    let shared = scope.clone();
    environment.add_function("known", move |fact: &str| known(&shared, fact));
    let shared = scope.clone();
    environment.add_function("ready", move |section: &str| ready(&shared, section));
    crate::robust::add(environment, scope);
    for (filter, name, _) in Filter::ALL {
        add_filter(environment, scope, name, Format::new(filter));
    }
    let daymonth = Format { date: crate::locale::DateStyle::Day, ..Format::new(Filter::Date) };
    add_filter(environment, scope, "daymonth", daymonth);
    let shared = scope.clone();
    environment.add_filter("df", move |value: Value| {
        Ok::<_, Error>(format::degrees(&shared.locale, &handle(&value, "df")?.figure))
    });
    let shared = scope.clone();
    environment.add_filter("reason", move |value: Value| {
        Ok::<_, Error>(format::reason(&shared.locale, &handle(&value, "reason")?.figure))
    });
    environment.add_filter("raw", |value: Value| handle(&value, "raw")?.raw());
    environment.add_filter("abs", |value: Value| {
        Ok::<_, Error>(Value::from_object(Handle { absolute: true, ..handle(&value, "abs")?.clone() }))
    });
    environment.add_filter("sign", |value: Value| {
        Ok::<_, Error>(Value::from_object(Handle { signed: true, ..handle(&value, "sign")?.clone() }))
    });
}

/// Whether a fact of the configuration was public by the as-of date.
fn known(scope: &Scope, fact: &str) -> Result<bool, Error> {
    let id = format!("fact.{fact}");
    let declared = &scope.declared.facts;
    match (scope.findings.figures.get(&id), declared.contains(fact)) {
        (Some(figure), _) => Ok(figure.value.is_some()),
        (None, true) => Ok(false),
        (None, false) => Err(unknown("fact", fact, declared.iter())),
    }
}

/// Whether a section has something to say; one that is not in the report has not, one that does not exist is an error.
fn ready(scope: &Scope, section: &str) -> Result<bool, Error> {
    let names = scope.declared.names(&scope.findings, None);
    let sections = || scope.declared.sections.union(&scope.declared.shown);
    names.ready(section).ok_or_else(|| unknown("section", section, sections()))
}

fn add_filter(environment: &mut Environment<'static>, scope: &Shared, name: &'static str, format: Format) {
    let shared = scope.clone();
    environment.add_filter(name, move |value: Value, args: Rest<Value>, named: Kwargs| {
        let mut handle = handle(&value, name)?.clone();
        let format = options(format, &mut handle, &args, &named)?;
        format.apply(&shared.locale, &handle.printed(), Place::Prose).map_err(refuse)
    });
}

fn add_words(environment: &mut Environment<'static>, scope: &Shared) {
    let shared = scope.clone();
    environment.add_function("t", move |state: &State, key: &str, named: Kwargs| {
        words(state, &shared, key, &named).map(Value::from_safe_string)
    });
    let shared = scope.clone();
    environment.add_function("plain", move |state: &State, key: &str, named: Kwargs| {
        words(state, &shared, key, &named).map(|text| Value::from_safe_string(plain(&text)))
    });
    let shared = scope.clone();
    environment.add_function("claim", move |state: &State, id: &str| {
        let source = shared.claims.get(id).ok_or_else(|| unknown("claim", id, shared.claims.keys()))?;
        nested(state, &shared, source, ()).map(Value::from_safe_string)
    });
    let shared = scope.clone();
    environment.add_function("name", move |symbol: &str| {
        shared.names.get(symbol).cloned().ok_or_else(|| unknown("symbol", symbol, shared.names.keys()))
    });
    add_nouns(environment, scope);
    for language in ["en", "fr", "de"] {
        let shared = scope.clone();
        environment.add_function(language, move |text: &str| {
            let text = typography::plain(text, typography::Rules::of(language));
            Value::from_safe_string(phrase(&shared, language, &escape::markup(&text)))
        });
    }
    let shared = scope.clone();
    environment.add_function("theme", move |id: &str| {
        let name = shared.themes.get(id).filter(|name| !name.is_empty()).cloned();
        let lacks = shared.themes.contains_key(id);
        name.ok_or_else(|| match lacks {
            true => nameless(&shared, &format!("theme.{id}")),
            false => unknown("theme", id, shared.themes.keys()),
        })
    });
    environment.add_filter("str", |text: &str| Value::from_safe_string(escape::literal(text)));
    environment.add_filter("layout", |number: i64| Value::from_safe_string(number.to_string()));
}

/// The index, the event, and the companies of a basket or theme, as the configuration has them.
fn add_nouns(environment: &mut Environment<'static>, scope: &Shared) {
    let shared = scope.clone();
    environment.add_function("benchmark", move || {
        let symbol = shared.declared.nouns.benchmark.as_ref().ok_or_else(|| {
            refuse(FormatError {
                message: "the report has no benchmark".to_owned(),
                hint: "give it a `study` or a `panel` with one".to_owned(),
            })
        })?;
        Ok::<_, Error>(shared.names.get(symbol).unwrap_or(symbol).clone())
    });
    let shared = scope.clone();
    environment.add_function("event", move |state: &State| {
        let event = shared.declared.nouns.event.as_ref().ok_or_else(|| {
            refuse(FormatError {
                message: "the report is about no event".to_owned(),
                hint: "give it a `study` with one".to_owned(),
            })
        })?;
        string(state, &shared, &format!("event.{event}")).map(Value::from_safe_string)
    });
    let shared = scope.clone();
    environment.add_function("names", move |id: &str| {
        let members = &shared.declared.nouns.members;
        let symbols = members.get(id).ok_or_else(|| unknown("basket or theme", id, members.keys()))?;
        let names = symbols.iter().map(|symbol| shared.names.get(symbol).unwrap_or(symbol).as_str());
        Ok::<_, Error>(shared.locale.list(&names.collect::<Vec<_>>()))
    });
}

/// Markup in a language of its own, so that the tagged PDF says so and readers pronounce it; the brief's own
/// language needs no mark.
pub(crate) fn phrase(scope: &Scope, language: &str, markup: &str) -> String {
    let own = scope.code.split('-').next() == Some(language);
    // The semicolon keeps what follows from being read as part of the call.
    if own { markup.to_owned() } else { format!("#text(lang: \"{language}\")[{markup}];") }
}

/// Strings that are names out of the configuration: of themes, events, facts and the like.
const NAMES: [&str; 9] =
    ["theme.", "event.", "fact.", "fact-note.", "portfolio.", "scenario.", "watch.", "replay.", "ref."];

/// Whether a string is a name that would not print as itself: a template must not be made of what is only a name.
fn is_unsafe_name(key: &str, text: &str) -> bool {
    let marks = |c: char| "{}#$*_<>@[]~`\\\"".contains(c);
    let named = NAMES.iter().any(|prefix| key.starts_with(prefix));
    named
        && (text.contains(marks) || text.contains("//") || text.contains("/*") || escape::clean(text) != text)
}

/// A name that its declaration lacks in this language, or a string that does not exist.
fn nameless(scope: &Scope, key: &str) -> Error {
    match scope.declared.lacking.get(&scope.code).and_then(|lacking| lacking.get(key)) {
        None => unknown("string", key, scope.strings.keys()),
        Some(place) => refuse(FormatError {
            message: format!("{place}: `{key}` has no name in `{}`", scope.code),
            hint: format!("add `{}: ...` to its name there", scope.code),
        }),
    }
}

/// A string of the language, rendered.
pub(crate) fn words(state: &State, scope: &Scope, key: &str, named: &Kwargs) -> Result<String, Error> {
    let text = scope.strings.get(key).ok_or_else(|| nameless(scope, key))?;
    if is_unsafe_name(key, text) {
        return Ok(escape::markup(text));
    }
    let context: BTreeMap<String, Value> = named
        .args()
        .map(|name| Ok::<_, Error>((name.to_owned(), named.get(name)?)))
        .collect::<Result<_, _>>()?;
    nested(state, scope, &Source::new(format!("{} (`{key}`)", scope.strings_name), text), context)
}

/// A short template inside another: a string or a claim.
fn nested<C: Into<Value>>(
    state: &State,
    scope: &Scope,
    source: &Source,
    context: C,
) -> Result<String, Error> {
    let text = typography::prose(&source.text, typography::Rules::of(&scope.code));
    let text = lift::template(&text).map_err(|_| {
        Error::new(ErrorKind::InvalidOperation, format!("{}: a figure is stored in a variable", source.name))
    })?;
    let text = text.trim_end();
    state.env().render_named_str(&source.name, text, context)
}

/// Markup as plain text: escapes undone, emphasis and marks of language dropped.
pub(crate) fn plain(markup: &str) -> String {
    let mut out = String::new();
    let mut rest = markup;
    while let Some((before, after)) = rest.split_once("#text(lang: \"") {
        out.push_str(&unmarked(before));
        let (phrase, behind) =
            after.split_once(")[").and_then(|(_, phrase)| phrase.split_once("];")).unwrap_or((after, ""));
        out.push_str(&unmarked(phrase));
        rest = behind;
    }
    out + &unmarked(rest)
}

fn unmarked(markup: &str) -> String {
    let mut out = String::new();
    let mut chars = markup.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            '*' | '_' => {}
            '\n' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

fn add_blocks(environment: &mut Environment<'static>, scope: &Shared, charts: &Arc<Charts>) {
    let (shared, drawn) = (scope.clone(), charts.clone());
    environment.add_function("table", move |state: &State, id: &str| {
        let table = shared
            .findings
            .tables
            .get(id)
            .ok_or_else(|| unknown("table", id, shared.findings.tables.keys()))?;
        tables::typst(state, &shared, &drawn, table).map(Value::from_safe_string)
    });
    let (shared, charts) = (scope.clone(), charts.clone());
    environment.add_function("chart", move |state: &State, id: &str| {
        let chart = shared
            .findings
            .charts
            .get(id)
            .ok_or_else(|| unknown("chart", id, shared.findings.charts.keys()))?;
        charts.place(state, &shared, chart).map(Value::from_safe_string)
    });
    let shared = scope.clone();
    environment.add_function("list", move |id: &str| {
        let list =
            shared.findings.lists.get(id).ok_or_else(|| unknown("list", id, shared.findings.lists.keys()))?;
        Ok::<_, Error>(Value::from_iter(list.iter().cloned()))
    });
}

/// The source line of a table or chart: its own string, or the names of its sources.
pub(crate) fn source_line(state: &State, scope: &Scope, key: &str, ids: &[String]) -> Result<String, Error> {
    let own = format!("{key}.source");
    if scope.strings.contains_key(&own) {
        return words(state, scope, &own, &Kwargs::from_iter(std::iter::empty::<(&str, Value)>()));
    }
    let mut texts: Vec<String> = Vec::new();
    for id in ids {
        let text = match scope.sources.get(id) {
            Some(text) => escape::markup(text),
            None if scope.strings.contains_key(&format!("sources.{id}")) => {
                string(state, scope, &format!("sources.{id}"))?
            }
            None => continue,
        };
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    if texts.is_empty() && scope.strings.contains_key("sources.default") {
        texts.push(string(state, scope, "sources.default")?);
    }
    let french = typography::Rules::of(&scope.code) == typography::Rules::French;
    Ok(texts.join(if french { "\u{202f}\\; " } else { "\\; " }))
}

/// A string of the language without values.
pub(crate) fn string(state: &State, scope: &Scope, key: &str) -> Result<String, Error> {
    words(state, scope, key, &Kwargs::from_iter(std::iter::empty::<(&str, Value)>()))
}

/// A string that may be absent.
pub(crate) fn optional(state: &State, scope: &Scope, key: &str) -> Result<Option<String>, Error> {
    scope.strings.contains_key(key).then(|| string(state, scope, key)).transpose()
}

/// A template error as a refusal with file, line and hint.
#[must_use]
pub fn refusal(error: &Error) -> Refusal {
    let chain: Vec<&Error> = chain(error);
    let deepest = chain.iter().rev().find(|e| e.name().is_some()).unwrap_or(&error);
    let name = deepest.name().unwrap_or("template");
    // Strings and claims are short templates whose lines are not lines of their file.
    let line =
        deepest.line().filter(|_| !name.ends_with(')')).map_or(String::new(), |line| format!(":{line}"));
    // “claims.yaml:12 (claim `x`, en)”: the place first, then what stands there.
    let place = match name.strip_suffix(')').and_then(|name| name.rsplit_once(" (")) {
        Some((file, what)) => format!("{file}: {what}"),
        None => format!("{name}{line}"),
    };
    let said = Refusal::config(describe(deepest));
    // What lies in another file has its place already.
    let elsewhere = said.located().file.is_some();
    let refusal = if elsewhere { said } else { Refusal::config(format!("{place}: {}", said.message)) };
    match chain.iter().rev().find_map(|e| hint(e)) {
        Some(hint) => refusal.hint(hint),
        None => refusal.hint(general_hint(deepest.kind())),
    }
}

fn chain(error: &Error) -> Vec<&Error> {
    let mut chain = vec![error];
    let mut source = std::error::Error::source(error);
    while let Some(next) = source {
        chain.extend(next.downcast_ref::<Error>());
        source = next.source();
    }
    chain
}

fn describe(error: &Error) -> String {
    match error.detail() {
        Some(detail) if error.kind() == ErrorKind::InvalidOperation => detail.to_owned(),
        _ if error.kind() == ErrorKind::OutOfFuel => budget::SPENT.to_owned(),
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

fn hint(error: &Error) -> Option<String> {
    let mut source = std::error::Error::source(error);
    while let Some(next) = source {
        if let Some(format) = next.downcast_ref::<FormatError>() {
            return Some(format.hint.clone());
        }
        source = next.source();
    }
    None
}

fn general_hint(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::OutOfFuel => budget::HINT,
        ErrorKind::SyntaxError => "check the braces and quotes around this place",
        ErrorKind::UndefinedError => {
            "check the spelling; values come from fig, t, name, theme, claim, table, chart and list"
        }
        ErrorKind::UnknownFilter => {
            "figures print through pct, points, money, price, num, stat, pval, date, int, bn, df or reason"
        }
        ErrorKind::UnknownFunction => {
            "templates may call fig, has, t, name, theme, claim, table, chart, list, en, fr and prose"
        }
        _ => "correct the template at this place",
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn marks_leave_plain_text() {
        let markup =
            "un intervalle #text(lang: \"en\")[boot\\-strap]; *à* 90\u{a0}%, #text(lang: \"en\")[x];.";
        assert_eq!(plain(markup), "un intervalle boot-strap à 90\u{a0}%, x.");
        assert_eq!(plain("S&P \\*"), "S&P *");
    }
}
