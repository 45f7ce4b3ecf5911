//! Text to records: separators, quotes with separators and line ends inside, lines counted.

use super::refusal;
use anyhow::Result;
use shockbrief_core::config::Separator;

/// The longest cell; a quote that is never closed would otherwise hold the whole file.
const LONGEST: usize = 1 << 20;

/// One record.
pub(super) struct Record<'a> {
    /// The line on which it begins, counted from 1.
    pub line: usize,
    /// Its cells, as they stand there.
    pub cells: &'a [String],
    /// Whether a line end closed it.
    pub closed: bool,
}

impl Record<'_> {
    /// A cell without the white space around it; empty where the record has no such cell.
    pub fn cell(&self, index: usize) -> &str {
        self.cells.get(index).map_or("", |cell| trimmed(cell))
    }

    /// Whether all cells are empty.
    pub fn blank(&self) -> bool {
        self.cells.iter().all(|cell| trimmed(cell).is_empty())
    }
}

/// Without white space and byte order marks on either side.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c == '\0')
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before the first character of a cell that is no space.
    Begin,
    Inside,
    Quoted,
    /// After a quote within a quoted cell: its end, or one of two that stand for one.
    Quote,
}

/// Splits text that comes in pieces.
pub(super) struct Splitter<'f> {
    /// The file, for messages.
    file: &'f str,
    separator: char,
    at: At,
    cells: Vec<String>,
    /// How many of `cells` belong to the record; the others keep their room for later ones.
    used: usize,
    line: usize,
    start: usize,
    /// Whether a line feed that comes next belongs to the carriage return before it.
    swallow: bool,
}

type Each<'a> = &'a mut dyn FnMut(&Record<'_>) -> Result<()>;

impl<'f> Splitter<'f> {
    pub fn new(file: &'f str, separator: Separator) -> Self {
        Self {
            file,
            separator: separator.char(),
            at: At::Begin,
            cells: vec![String::new()],
            used: 1,
            line: 1,
            start: 1,
            swallow: false,
        }
    }

    /// The line that is being read.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Splits the next piece.
    pub fn push(&mut self, text: &str, each: Each<'_>) -> Result<()> {
        for c in text.chars() {
            let swallowed = std::mem::take(&mut self.swallow) && c == '\n';
            if !swallowed {
                self.take(c, each)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, c: char, each: Each<'_>) -> Result<()> {
        match (self.at, c) {
            (At::Quoted, '"') => self.at = At::Quote,
            (At::Quoted, c) => {
                self.line += usize::from(c == '\n');
                self.add(c)?;
            }
            (At::Quote, '"') => {
                self.add('"')?;
                self.at = At::Quoted;
            }
            (At::Begin, '"') => {
                self.cells[self.used - 1].clear();
                self.at = At::Quoted;
            }
            (_, '\n' | '\r') => {
                self.swallow = c == '\r';
                self.close(true, each)?;
                self.line += 1;
                self.start = self.line;
            }
            (_, c) if c == self.separator => {
                self.at = At::Begin;
                self.used += 1;
                match self.cells.get_mut(self.used - 1) {
                    Some(cell) => cell.clear(),
                    None => self.cells.push(String::new()),
                }
            }
            (_, c) => {
                if !c.is_whitespace() && c != '\u{feff}' {
                    self.at = At::Inside;
                }
                self.add(c)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, c: char) -> Result<()> {
        let cell = &mut self.cells[self.used - 1];
        cell.push(c);
        if cell.len() <= LONGEST {
            return Ok(());
        }
        Err(refusal(self.file, self.start, "a cell is longer than 1 MB: a quote was opened and not closed")
            .hint("close the quote, or fetch the file again")
            .into())
    }

    fn close(&mut self, closed: bool, each: Each<'_>) -> Result<()> {
        let record = Record { line: self.start, cells: &self.cells[..self.used], closed };
        each(&record)?;
        self.cells[0].clear();
        (self.used, self.at) = (1, At::Begin);
        Ok(())
    }

    /// The end of the text.
    pub fn finish(&mut self, each: Each<'_>) -> Result<()> {
        if self.at == At::Quoted {
            return Err(refusal(self.file, self.start, "a quote is opened and never closed")
                .hint("close the quote, or fetch the file again: it may have been cut off")
                .into());
        }
        if self.used > 1 || !self.cells[0].is_empty() {
            self.close(false, each)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(pieces: &[&str], separator: Separator) -> Vec<(usize, Vec<String>)> {
        let mut found = Vec::new();
        let mut splitter = Splitter::new("f.csv", separator);
        let mut each = |record: &Record<'_>| {
            found.push((record.line, record.cells.to_vec()));
            Ok(())
        };
        for piece in pieces {
            splitter.push(piece, &mut each).unwrap();
        }
        splitter.finish(&mut each).unwrap();
        found
    }

    fn row(line: usize, cells: &[&str]) -> (usize, Vec<String>) {
        (line, cells.iter().map(|cell| (*cell).to_owned()).collect())
    }

    #[test]
    fn quotes_hold_separators_and_line_ends() {
        let text = "a;\"b;\"\"c\"\"\nd\";e\r\n\r\nf; \"g\" ;5\" h\ri";
        let expected =
            [row(1, &["a", "b;\"c\"\nd", "e"]), row(3, &[""]), row(4, &["f", "g ", "5\" h"]), row(5, &["i"])];
        assert_eq!(split(&[text], Separator::Semicolon), expected);
    }

    #[test]
    fn an_open_quote_is_refused() {
        let mut splitter = Splitter::new("f.csv", Separator::Comma);
        splitter.push("a,\"b\nc\n", &mut |_| Ok(())).unwrap();
        assert!(splitter.finish(&mut |_| Ok(())).unwrap_err().to_string().contains("never closed"));
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(text in "[a,\"\r\n ]{0,40}", cut in 0_usize..40) {
            let at = (0..=cut.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
            let closes = |pieces: &[&str]| {
                let mut found = Vec::new();
                let mut splitter = Splitter::new("f.csv", Separator::Comma);
                let mut each = |r: &Record<'_>| { found.push((r.line, r.cells.to_vec())); Ok(()) };
                for piece in pieces { splitter.push(piece, &mut each).unwrap(); }
                let end = splitter.finish(&mut each).is_ok();
                (found, end)
            };
            prop_assert_eq!(closes(&[&text]), closes(&[&text[..at], &text[at..]]));
        }

        #[test]
        fn quoted_cells_come_back(rows in prop::collection::vec(prop::collection::vec("[a-z;\"\n ]{1,6}", 2..4), 1..5)) {
            let quoted = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
            let text: String = rows.iter().map(|row| row.iter().map(quoted).collect::<Vec<_>>().join(";") + "\n").collect();
            let found: Vec<Vec<String>> = split(&[&text], Separator::Semicolon).into_iter().map(|(_, cells)| cells).collect();
            prop_assert_eq!(found, rows);
        }
    }
}
