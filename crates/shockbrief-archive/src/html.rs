//! The little HTML that the archive needs: escaping, the frame of a page, its style and its filter.

use crate::Edition;

/// Text for HTML and XML, in content and attributes. Controls that XML forbids are left out.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Marks that turn the direction of text would let a title rewrite the line it stands in.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            c if c.is_control() && c != '\n' && c != '\t' => {}
            c => out.push(c),
        }
    }
    out
}

/// A path in a link: everything but letters, digits and `/._-` as percent escapes.
pub fn link(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    path.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

const STYLE: &str = "
*{box-sizing:border-box}
html{color-scheme:light dark;--ink:INK;--muted:MUTED;--rule:RULE;--paper:PAPER;--accent:ACCENT;--row:#f5f7f9}
@media (prefers-color-scheme:dark){html{--ink:#e8ecf1;--muted:#a9b3c0;--rule:#3a4552;--paper:#12181f;--accent:#9cc3f0;--row:#1a222b}}
body{margin:0 auto;max-width:72rem;padding:2.5rem 1.25rem 4rem;background:var(--paper);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
header{border-bottom:2px solid var(--accent);padding-bottom:1rem;margin-bottom:2rem;display:flex;flex-wrap:wrap;gap:.5rem 2rem;align-items:baseline}
h1{font-size:1.7rem;line-height:1.2;margin:0;flex:1 1 auto}
h2{font-size:1.2rem;margin:2.5rem 0 .75rem;color:var(--accent)}
a{color:var(--accent);text-underline-offset:.15em}
a:focus-visible,input:focus-visible,summary:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.skip{position:absolute;left:-99rem}.skip:focus{position:static}
label{display:block;font-size:.9rem;color:var(--muted);margin-bottom:.25rem}
input{font:inherit;width:100%;max-width:24rem;padding:.5rem .6rem;border:1px solid var(--muted);border-radius:.25rem;background:var(--paper);color:var(--ink)}
ol{list-style:none;margin:0;padding:0}
li.issue{border-top:1px solid var(--rule);padding:.8rem 0;display:grid;grid-template-columns:12rem 1fr auto;gap:.25rem 1.5rem}
li.issue:hover{background:var(--row)}
.period{font-weight:600;font-variant-numeric:tabular-nums}
.small{font-size:.875rem;color:var(--muted)}
dl{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;margin:0}
dl div{display:flex;gap:.5rem}dt{color:var(--muted);font-size:.875rem;align-self:center}dd{margin:0;font-weight:600;font-variant-numeric:tabular-nums}
.links{display:flex;flex-wrap:wrap;gap:.25rem 1rem;justify-content:flex-end}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.925rem}
th,td{text-align:left;padding:.35rem .6rem;border-top:1px solid var(--rule);overflow-wrap:anywhere}th{color:var(--muted);font-weight:600}td.n{text-align:right;font-variant-numeric:tabular-nums}
@media (max-width:44rem){li.issue{grid-template-columns:1fr}.links{justify-content:flex-start}}
@media print{.search{display:none}}
";

/// The filter: adds a field, hides what does not hold the words, says how many are left.
const SCRIPT: &str = "
const box=document.querySelector('.search');box.hidden=false;
const field=box.querySelector('input'),count=box.querySelector('output'),items=[...document.querySelectorAll('li.issue')];
field.addEventListener('input',()=>{const words=field.value.toLowerCase().split(/\\s+/).filter(Boolean);let n=0;
for(const item of items){const text=item.textContent.toLowerCase()+' '+item.dataset.report;const show=words.every(w=>text.includes(w));item.hidden=!show;n+=show}
for(const part of document.querySelectorAll('section'))part.hidden=!part.querySelector('li.issue:not([hidden])');
count.textContent=n+' / '+items.length});
";

/// A whole page around its content. `up` leads from the page to the archive's root.
pub fn page(
    edition: &Edition<'_>,
    title: &str,
    up: &str,
    other: &dyn Fn(&str) -> String,
    main: &str,
    filter: bool,
) -> String {
    let color = |token: &str| edition.colors.get(token).cloned().unwrap_or_else(|| "inherit".to_owned());
    let mut style = STYLE.to_owned();
    for token in ["ink", "muted", "rule", "paper", "accent"] {
        style = style.replace(&token.to_uppercase(), &color(token));
    }
    let languages: Vec<String> = edition
        .languages
        .iter()
        .filter(|(code, _)| code.as_str() != edition.code)
        .map(|(code, name)| {
            let (href, code) = (link(&other(code)), escape(code));
            format!("<a href=\"{href}\" lang=\"{code}\" hreflang=\"{code}\">{}</a>", escape(name))
        })
        .collect();
    let script = if filter { format!("<script>{SCRIPT}</script>\n") } else { String::new() };
    format!(
        "<!DOCTYPE html>\n<html lang=\"{code}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>{title}</title>\n\
         <link rel=\"alternate\" type=\"application/atom+xml\" title=\"Atom\" href=\"{up}feed.{code}.xml\">\n\
         <style>{style}</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">{skip}</a>\n<header>\n<h1>{title}</h1>\n\
         <nav aria-label=\"{nav}\" class=\"small\">{languages} <a href=\"{up}feed.{code}.xml\">Atom</a></nav>\n</header>\n\
         <main id=\"main\">\n{main}</main>\n{script}</body>\n</html>\n",
        code = escape(edition.code),
        title = escape(title),
        skip = edition.word("skip"),
        nav = edition.word("languages"),
        languages = languages.join(" "),
    )
}
