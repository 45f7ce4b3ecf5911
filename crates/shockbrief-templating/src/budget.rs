//! How much work one template may be: its steps, the bytes of every text that it makes, and what it prints.
//!
//! A loop in a loop or a text doubled again and again would else keep a run busy for ever, or take the machine's memory
//! and with it the briefs beside it. The template engine counts steps and bytes in one number. Lists made of lists it
//! does not count; they can only grow through variables and macros, so that a template with one of these is to be tried
//! in a process of its own first: see [`crate::Typst::rehearse`].

/// Steps of one rendering, of which each also stands for 64 bytes of text. The longest shipped section takes less than a
/// hundredth.
pub(crate) const FUEL: u64 = 2_000_000;
/// What is said of a template that wants more.
pub(crate) const SPENT: &str = "the template wants more than 2 million steps, or 128 MB of text";
/// What to do about it.
pub const HINT: &str = "look for a loop within loops, or a text or list that grows with each turn";

/// The tags with which a value gets a name, and with it can be made of itself.
const NAMING: [&str; 6] = ["set", "macro", "with", "import", "from", "call"];

/// The first line, counted from 1, on which a template gives a value a name.
#[must_use]
pub fn grows(template: &str) -> Option<usize> {
    let named = |at: usize| {
        let tag = template[at + 2..].trim_start_matches(['-', '+']).trim_start();
        let word = tag.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
        NAMING.contains(&word)
    };
    let tags = template.match_indices("{%").map(|(at, _)| at).filter(|at| named(*at));
    let first = tags.chain(template.find("namespace(")).min()?;
    Some(template[..first].matches('\n').count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_whatever_stands_around_them() {
        for (template, line) in [
            ("a\n{% set x = 1 %}", 2),
            ("{%- macro m() %}{% endmacro %}", 1),
            ("{%+set x = 1 %}", 1),
            ("\n\n{% with x = 1 %}{% endwith %}", 3),
            ("{{ namespace(a=1) }}", 1),
        ] {
            assert_eq!(grows(template), Some(line), "{template}");
        }
        for template in
            ["{% for x in list(\"a\") %}{{ x }}{% endfor %}", "{% if true %}set{% endif %}", "{{ settle }}"]
        {
            assert_eq!(grows(template), None, "{template}");
        }
    }
}
