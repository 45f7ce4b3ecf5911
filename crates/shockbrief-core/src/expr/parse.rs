//! From text to an expression: a lexer and a parser by precedence, each part with its place.

use super::{Arith, Expr, Fault, Function, Node, Order, Part, Question};
use std::ops::Range;

/// Deepest nesting of brackets and signs; a condition that a person wrote has three.
const DEEPEST: usize = 64;

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Number(f64),
    Text(String),
    Word(String),
    Mark(&'static str),
}

/// Two-character marks first, since `<` begins `<=`.
const MARKS: [&str; 14] = ["<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "(", ")", ",", "|"];

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<(Token, Range<usize>)>,
    next: usize,
    depth: usize,
}

pub(super) fn expression(text: &str) -> Result<Expr, Fault> {
    let mut parser = Parser { text, tokens: tokens(text)?, next: 0, depth: 0 };
    let expr = parser.or()?;
    match parser.tokens.get(parser.next) {
        None => Ok(expr),
        Some((_, at)) => Err(parser.unexpected(at.clone())),
    }
}

fn tokens(text: &str) -> Result<Vec<(Token, Range<usize>)>, Fault> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        let (token, length) = token(text, at, c)?;
        tokens.push((token, at..at + length));
        at += length;
    }
    Ok(tokens)
}

fn token(text: &str, at: usize, c: char) -> Result<(Token, usize), Fault> {
    let rest = &text[at..];
    if c == '"' || c == '\'' {
        let Some(end) = rest[1..].find(c) else {
            return Err(Fault::new(&(at..text.len()), "a quote is not closed", format!("close it with {c}")));
        };
        return Ok((Token::Text(rest[1..=end].to_owned()), end + 2));
    }
    if c.is_ascii_digit() {
        return number(at, rest);
    }
    if c.is_ascii_alphabetic() || c == '_' || c == '.' {
        let length = word(rest);
        return Ok((Token::Word(rest[..length].to_owned()), length));
    }
    match MARKS.iter().find(|mark| rest.starts_with(**mark)) {
        Some(mark) => Ok((Token::Mark(mark), mark.len())),
        None => Err(Fault::new(
            &(at..at + c.len_utf8()),
            format!("`{c}` stands in no expression"),
            "conditions compare figures by < <= > >= == != and join them by and, or, not",
        )),
    }
}

fn number(at: usize, rest: &str) -> Result<(Token, usize), Fault> {
    let bytes = rest.as_bytes();
    let mut end = bytes.iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let signed = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let digits = bytes[end + 1 + signed..].iter().take_while(|b| b.is_ascii_digit()).count();
        end += if digits > 0 { 1 + signed + digits } else { 0 };
    }
    let text = &rest[..end];
    let follows = rest[end..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && !follows => Ok((Token::Number(value), end)),
        _ => Err(Fault::new(
            &(at..at + end.max(1)),
            format!("`{text}` is no number"),
            "write decimals with a point, such as 0.05; an id that begins with a digit needs fig(\"...\")",
        )),
    }
}

/// The length of an id: letters, digits, `_`, and `.` or `-` between them.
fn word(rest: &str) -> usize {
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut chars = rest.char_indices().peekable();
    let mut end = 0;
    while let Some((at, c)) = chars.next() {
        let joined = matches!(c, '.' | '-') && chars.peek().is_some_and(|(_, next)| inside(*next));
        if !(inside(c) || joined) {
            break;
        }
        end = at + c.len_utf8();
    }
    end.max(1)
}

impl Parser<'_> {
    fn unexpected(&self, at: Range<usize>) -> Fault {
        let found = &self.text[at.clone()];
        let hint = match found {
            "=" => "compare with ==",
            "<" | "<=" | ">" | ">=" | "==" | "!=" => "compare twice: a < b and b < c",
            _ => "write it as fig(\"...\") < 0 and fig(\"...\").p < 0.05",
        };
        Fault::new(&at, format!("`{found}` is not expected here"), hint)
    }

    fn ended(&self) -> Fault {
        let end = self.text.len();
        let hint = "write it as fig(\"...\") < 0 and fig(\"...\").p < 0.05";
        Fault::new(&(end..end), "the expression ends too early", hint)
    }

    fn here(&self) -> Fault {
        self.tokens.get(self.next).map_or_else(|| self.ended(), |(_, at)| self.unexpected(at.clone()))
    }

    fn take_mark(&mut self, marks: &[&str]) -> Option<&'static str> {
        match self.tokens.get(self.next) {
            Some((Token::Mark(mark), _)) if marks.contains(mark) => {
                self.next += 1;
                Some(mark)
            }
            _ => None,
        }
    }

    fn take_word(&mut self, wanted: &str) -> bool {
        let found = matches!(self.tokens.get(self.next), Some((Token::Word(word), _)) if word == wanted);
        self.next += usize::from(found);
        found
    }

    fn start(&self) -> usize {
        self.tokens.get(self.next).map_or(self.text.len(), |(_, at)| at.start)
    }

    /// An expression from `start` to the last token taken.
    fn made(&self, start: usize, node: Node) -> Expr {
        let end = self.tokens[..self.next].last().map_or(start, |(_, at)| at.end);
        Expr { node, at: start..end }
    }

    fn or(&mut self) -> Result<Expr, Fault> {
        let start = self.start();
        let mut left = self.and()?;
        while self.take_word("or") {
            let right = self.and()?;
            left = self.made(start, Node::Or(Box::new(left), Box::new(right)));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expr, Fault> {
        let start = self.start();
        let mut left = self.not()?;
        while self.take_word("and") {
            let right = self.not()?;
            left = self.made(start, Node::And(Box::new(left), Box::new(right)));
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Expr, Fault> {
        let start = self.start();
        if !self.take_word("not") {
            return self.comparison();
        }
        let inner = self.deeper(Self::not)?;
        Ok(self.made(start, Node::Not(Box::new(inner))))
    }

    fn comparison(&mut self) -> Result<Expr, Fault> {
        let start = self.start();
        let left = self.sum()?;
        let order = match self.take_mark(&["<=", ">=", "==", "!=", "<", ">"]) {
            Some("<") => Order::Less,
            Some("<=") => Order::AtMost,
            Some(">") => Order::More,
            Some(">=") => Order::AtLeast,
            Some("==") => Order::Equal,
            Some(_) => Order::Different,
            None => return Ok(left),
        };
        let right = self.sum()?;
        Ok(self.made(start, Node::Compare(order, Box::new(left), Box::new(right))))
    }

    fn sum(&mut self) -> Result<Expr, Fault> {
        let start = self.start();
        let mut left = self.product()?;
        while let Some(mark) = self.take_mark(&["+", "-"]) {
            let arith = if mark == "+" { Arith::Add } else { Arith::Sub };
            let right = self.product()?;
            left = self.made(start, Node::Arith(arith, Box::new(left), Box::new(right)));
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Expr, Fault> {
        let start = self.start();
        let mut left = self.signed()?;
        while let Some(mark) = self.take_mark(&["*", "/"]) {
            let arith = if mark == "*" { Arith::Mul } else { Arith::Div };
            let right = self.signed()?;
            left = self.made(start, Node::Arith(arith, Box::new(left), Box::new(right)));
        }
        Ok(left)
    }

    fn signed(&mut self) -> Result<Expr, Fault> {
        let start = self.start();
        if self.take_mark(&["-"]).is_none() {
            return self.filtered();
        }
        let inner = self.deeper(Self::signed)?;
        Ok(self.made(start, Node::Negative(Box::new(inner))))
    }

    /// A value with the one filter that templates and conditions share: `fig("a") | abs`.
    fn filtered(&mut self) -> Result<Expr, Fault> {
        let start = self.start();
        let mut value = self.primary()?;
        while self.take_mark(&["|"]).is_some() {
            if !self.take_word("abs") {
                let mut fault = self.here();
                fault.hint = "a condition knows one filter, `abs`; abs(...) says the same".to_owned();
                return Err(fault);
            }
            value = self.made(start, Node::Call(Function::Abs, vec![value]));
        }
        Ok(value)
    }

    fn primary(&mut self) -> Result<Expr, Fault> {
        let start = self.start();
        let Some((token, at)) = self.tokens.get(self.next).cloned() else { return Err(self.ended()) };
        self.next += 1;
        match token {
            Token::Number(number) => Ok(self.made(start, Node::Number(number))),
            Token::Text(text) => match text.parse() {
                Ok(date) => Ok(self.made(start, Node::Date(date))),
                Err(_) => Err(Fault::new(
                    &at,
                    format!("`{text}` is no date, and texts stand only inside fig(...)"),
                    "write a date as \"2025-01-27\", a figure as fig(\"...\")",
                )),
            },
            Token::Mark("(") => {
                let inner = self.deeper(Self::or)?;
                self.close()?;
                Ok(inner)
            }
            Token::Mark(_) => Err(self.unexpected(at)),
            Token::Word(word) => self.word(start, &word, at),
        }
    }

    fn word(&mut self, start: usize, word: &str, at: Range<usize>) -> Result<Expr, Fault> {
        let called = self.take_mark(&["("]).is_some();
        match (word, called) {
            ("true" | "false", false) => Ok(self.made(start, Node::Truth(word == "true"))),
            ("and" | "or" | "not" | ".", false) => Err(self.unexpected(at)),
            (id, false) => Ok(self.made(start, Node::Figure(id.to_owned(), Part::Value))),
            ("fig", true) => {
                let id = self.quoted()?;
                self.part(start, id)
            }
            ("robust", true) => {
                let id = self.quoted()?;
                self.made_figure(start, &format!("claim.{id}.robust"), &[".holds", ".of"], "")
            }
            ("range", true) => {
                let id = self.quoted()?;
                let hint = "write range(\"...\").least or range(\"...\").greatest";
                self.made_figure(start, &format!("range.{id}"), &[".least", ".greatest"], hint)
            }
            ("has", true) => self.ask(start, Question::Has),
            ("known", true) => self.ask(start, Question::Known),
            ("ready", true) if self.take_mark(&[")"]).is_some() => {
                Ok(self.made(start, Node::Ask(Question::Ready, String::new())))
            }
            ("ready", true) => self.ask(start, Question::Ready),
            ("abs", true) => self.call(start, Function::Abs, &at),
            ("min", true) => self.call(start, Function::Min, &at),
            ("max", true) => self.call(start, Function::Max, &at),
            (name, true) => Err(Fault::new(
                &at,
                format!("there is no function `{name}`"),
                "the functions are fig, robust, range, has, known, ready, abs, min and max",
            )),
        }
    }

    /// A figure made of a claim or of another figure: `whole` with one of its `parts`, or alone where no `hint` asks for a part.
    fn made_figure(&mut self, start: usize, whole: &str, parts: &[&str], hint: &str) -> Result<Expr, Fault> {
        let part = match self.tokens.get(self.next) {
            Some((Token::Word(word), _)) if parts.contains(&word.as_str()) => word.clone(),
            _ if hint.is_empty() => return self.part(start, whole.to_owned()),
            Some((Token::Word(word), at)) if word.starts_with('.') => {
                return Err(Fault::new(at, format!("a range has no `{}`", &word[1..]), hint));
            }
            _ => return Err(Fault { hint: hint.to_owned(), ..self.here() }),
        };
        self.next += 1;
        Ok(self.made(start, Node::Figure(format!("{whole}{part}"), Part::Value)))
    }

    /// `.p` and the like behind `fig("...")`.
    fn part(&mut self, start: usize, id: String) -> Result<Expr, Fault> {
        let part = match self.tokens.get(self.next) {
            Some((Token::Word(word), at)) if word.starts_with('.') => (word.clone(), at.clone()),
            _ => return Ok(self.made(start, Node::Figure(id, Part::Value))),
        };
        self.next += 1;
        let part = match part.0.as_str() {
            ".value" => Part::Value,
            ".p" => Part::P,
            ".se" => Part::Se,
            ".n" => Part::N,
            ".firms" => Part::Firms,
            ".missing" => {
                let has = self.made(start, Node::Ask(Question::Has, id));
                return Ok(self.made(start, Node::Not(Box::new(has))));
            }
            other => {
                let message = format!("a figure has no `{}`", &other[1..]);
                return Err(Fault::new(&part.1, message, "its parts are value, p, se, n, firms and missing"));
            }
        };
        Ok(self.made(start, Node::Figure(id, part)))
    }

    fn ask(&mut self, start: usize, question: Question) -> Result<Expr, Fault> {
        let id = self.quoted()?;
        Ok(self.made(start, Node::Ask(question, id)))
    }

    fn call(&mut self, start: usize, function: Function, at: &Range<usize>) -> Result<Expr, Fault> {
        let mut many = vec![self.deeper(Self::sum)?];
        while self.take_mark(&[","]).is_some() {
            many.push(self.deeper(Self::sum)?);
        }
        self.close()?;
        if (function == Function::Abs) != (many.len() == 1) {
            return Err(Fault::new(
                at,
                "the wrong number of values",
                "abs takes one value, min and max two or more",
            ));
        }
        Ok(self.made(start, Node::Call(function, many)))
    }

    fn quoted(&mut self) -> Result<String, Fault> {
        let id = match self.tokens.get(self.next) {
            Some((Token::Text(id), _)) if !id.is_empty() => id.clone(),
            _ => {
                let mut fault = self.here();
                fault.hint = "name it in quotes: fig(\"...\")".to_owned();
                return Err(fault);
            }
        };
        self.next += 1;
        self.close()?;
        Ok(id)
    }

    fn close(&mut self) -> Result<(), Fault> {
        match self.take_mark(&[")"]) {
            Some(_) => Ok(()),
            None => Err(Fault { hint: "close the bracket with `)`".to_owned(), ..self.here() }),
        }
    }

    fn deeper(&mut self, inner: impl FnOnce(&mut Self) -> Result<Expr, Fault>) -> Result<Expr, Fault> {
        if self.depth == DEEPEST {
            return Err(Fault { hint: "write it flatter".to_owned(), ..self.here() });
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }
}
