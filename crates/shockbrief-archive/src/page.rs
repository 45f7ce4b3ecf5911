//! The listing of all briefs, and the pages of changes.

use crate::{
    Edition, Issue,
    html::{escape, link, page},
};
use shockbrief_core::{Value, diff::Cause};
use std::{collections::BTreeMap, fmt::Write as _};

/// Changes listed on a page; the twins hold all.
const LISTED: usize = 200;

/// The page that lists every brief, by report, newest first.
#[must_use]
pub fn index(edition: &Edition<'_>, issues: &[Issue]) -> String {
    let mut reports: BTreeMap<&str, Vec<&Issue>> = BTreeMap::new();
    for issue in issues {
        reports.entry(&issue.manifest.report).or_default().push(issue);
    }
    let mut main = search(edition, issues.len());
    for (report, mut issues) in reports {
        issues.sort_by(|a, b| {
            (b.manifest.as_of, &b.manifest.period).cmp(&(a.manifest.as_of, &a.manifest.period))
        });
        // Letters for several portfolios share their title; a landmark for each report would be too many.
        let (title, subtitle) = issues
            .first()
            .map_or((report, ""), |issue| (issue.title(edition.code), issue.subtitle(edition.code)));
        let _ = writeln!(
            main,
            "<section>\n<h2 id=\"{}\">{} <span class=\"small\">{}</span></h2>\n<ol>",
            escape(report),
            escape(title),
            escape(subtitle)
        );
        issues.iter().for_each(|issue| main.push_str(&item(edition, issue)));
        main.push_str("</ol>\n</section>\n");
    }
    if issues.is_empty() {
        let _ = writeln!(main, "<p>{}</p>", edition.word("none"));
    }
    let title =
        format!("{} – {}", edition.publisher, edition.words.get("archive.title").map_or("", String::as_str));
    page(edition, &title, "", &|code| edition.index_page(code), &main, !issues.is_empty())
}

fn search(edition: &Edition<'_>, issues: usize) -> String {
    if issues == 0 {
        return String::new();
    }
    format!(
        "<div class=\"search\" role=\"search\" hidden>\n<label for=\"filter\">{}</label>\n\
         <input id=\"filter\" type=\"search\" autocomplete=\"off\">\n<output for=\"filter\" class=\"small\"></output>\n</div>\n",
        edition.word("filter")
    )
}

fn item(edition: &Edition<'_>, issue: &Issue) -> String {
    let manifest = &issue.manifest;
    let revision = if manifest.revision > 1 {
        format!(" · {} {}", edition.word("revision"), manifest.revision)
    } else {
        String::new()
    };
    let pages = manifest
        .audited
        .get(edition.code)
        .map_or_else(String::new, |audited| format!(" · {} {}", audited.pages, edition.word("pages")));
    let mut figures = String::new();
    for headline in &issue.brief.headline {
        let (name, text) = (headline.name.get(edition.code), headline.text.get(edition.code));
        if let (Some(name), Some(text)) = (name, text) {
            let _ = write!(figures, "<div><dt>{}</dt><dd>{}</dd></div>", escape(name), escape(text));
        }
    }
    let figures = if figures.is_empty() { String::new() } else { format!("<dl>{figures}</dl>") };
    format!(
        "<li class=\"issue\" data-report=\"{}\"><div><span class=\"period\">{}</span>\n\
         <div class=\"small\"><time datetime=\"{}\">{}</time>{pages}{revision}</div></div>\n<div>{figures}</div>\n\
         <div class=\"links\">{}</div></li>\n",
        escape(&manifest.report),
        escape(&manifest.period),
        manifest.as_of,
        manifest.as_of,
        links(edition, issue),
    )
}

/// Every link says what it opens: a screen reader may list links alone.
fn links(edition: &Edition<'_>, issue: &Issue) -> String {
    let (folder, period) = (issue.folder(), escape(&issue.manifest.period));
    let name = escape(&issue.name(edition.code));
    let about = |label: &str| format!("aria-label=\"{label}, {name} {period}\"");
    let mut links: Vec<String> = issue
        .pdfs()
        .into_iter()
        .map(|(code, name)| {
            let label = format!("PDF {}", escape(code));
            format!(
                "<a href=\"{}\" hreflang=\"{}\" {}>{label}</a>",
                link(&format!("{folder}{name}")),
                escape(code),
                about(&label)
            )
        })
        .collect();
    links.push(format!("<a href=\"{}\" {}>JSON</a>", link(&format!("{folder}brief.json")), about("JSON")));
    if issue.diff.is_some() {
        let label = edition.word("changes");
        links.push(format!(
            "<a href=\"{}\" {}>{label}</a>",
            link(&issue.changes_page(edition.code)),
            about(&label)
        ));
    }
    links.join(" ")
}

/// The page that tells what changed since the issue before; none for a first issue.
#[must_use]
pub fn changes(edition: &Edition<'_>, issue: &Issue) -> Option<String> {
    let (before, diff) = issue.diff.as_ref()?;
    let mut main =
        format!("<p><a href=\"../{}\">{}</a></p>\n", edition.index_page(edition.code), edition.word("back"));
    main.push_str("<dl>");
    for cause in Cause::ALL {
        let count = diff.changes.iter().filter(|change| change.cause == cause).count();
        let _ = write!(main, "<div><dt>{}</dt><dd>{count}</dd></div>", cause_word(edition, cause));
    }
    let _ = writeln!(main, "<div><dt>{}</dt><dd>{}</dd></div></dl>", edition.word("same"), diff.same);
    let _ = writeln!(
        main,
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\"><table>\n<thead><tr><th scope=\"col\">{1}</th>\
         <th scope=\"col\">{2}</th><th scope=\"col\">{3}</th><th scope=\"col\">{4}</th></tr></thead>\n<tbody>",
        edition.word("changes"),
        edition.word("figure"),
        edition.word("cause"),
        escape(before),
        escape(&issue.manifest.period),
    );
    for change in diff.changes.iter().take(LISTED) {
        let _ = writeln!(
            main,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            escape(&change.figure),
            cause_word(edition, change.cause),
            value(change.before),
            value(change.after),
        );
    }
    main.push_str("</tbody></table></div>\n");
    if diff.changes.len() > LISTED {
        let _ = writeln!(
            main,
            "<p class=\"small\">{} {} / {}</p>",
            edition.word("listed"),
            LISTED,
            diff.changes.len()
        );
    }
    let title = format!("{} {}", issue.name(edition.code), issue.manifest.period);
    let other = |code: &str| format!("../{}", issue.changes_page(code));
    Some(page(edition, &title, "../", &other, &main, false))
}

fn cause_word(edition: &Edition<'_>, cause: Cause) -> String {
    edition.word(match cause {
        Cause::Market => "cause.market",
        Cause::RevisedData => "cause.revised-data",
        Cause::Method => "cause.method",
        Cause::New => "cause.new",
        Cause::Gone => "cause.gone",
    })
}

/// Five digits are enough to see a change; the twin holds them all.
fn value(value: Option<Value>) -> String {
    match value {
        Some(Value::Number(number)) if number == number.trunc() && number.abs() < 1e9 => format!("{number}"),
        Some(Value::Number(number)) => format!("{number:.4e}"),
        Some(Value::Date(date)) => date.to_string(),
        None => "–".to_owned(),
    }
}
