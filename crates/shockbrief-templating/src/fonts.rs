//! Fonts that a brief is set in.
//!
//! Text is set in Libertinus Serif, which the compiler embeds. Headings, tables and charts are set in
//! Noto Sans, under the SIL Open Font License, from the crate `notosans`: tabular figures by default, and
//! glyphs for U+202F, U+2212 and every currency of the universe. System fonts are never used.

use anyhow::Result;
use std::path::Path;

/// File names and contents.
const FILES: [(&str, &[u8]); 3] = [
    ("NotoSans-Regular.ttf", notosans::REGULAR_TTF),
    ("NotoSans-Bold.ttf", notosans::BOLD_TTF),
    ("NotoSans-Italic.ttf", notosans::ITALIC_TTF),
];

/// Writes the fonts into a folder.
///
/// # Errors
/// When the folder is not writable.
pub fn write(folder: &Path) -> Result<()> {
    fs_err::create_dir_all(folder)?;
    for (name, bytes) in FILES {
        fs_err::write(folder.join(name), bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ttf_parser::Face;

    #[test]
    fn the_sans_has_what_the_rules_need_and_its_figures_are_tabular() {
        for bytes in [notosans::REGULAR_TTF, notosans::BOLD_TTF] {
            let face = Face::parse(bytes, 0).unwrap();
            for c in "\u{a0}\u{202f}\u{2212}\u{2013}\u{2020}«»…’€$£¥₩éèàçœ≤≥×σβχ²".chars()
            {
                assert!(face.glyph_index(c).is_some(), "{c:?}");
            }
            let width = |c| face.glyph_hor_advance(face.glyph_index(c).unwrap());
            assert!(('0'..='9').all(|c| width(c) == width('0')));
        }
    }
}
