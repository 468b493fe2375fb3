//! The words and signs of Rust code, without its comments and strings, and the paths in it.
//!
//! As much of the language as the rules need. Not a parser: what macros make is not seen.

/// A word or a sign, and the line it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    pub(crate) line: usize,
}

/// Every word and every sign of the code.
pub(crate) fn tokens(code: &str) -> Vec<Token<'_>> {
    let (mut tokens, mut at, mut line) = (Vec::new(), 0, 1);
    while let Some(first) = code[at..].chars().next() {
        let rest = &code[at..];
        let (length, is_token) = if let Some(length) = skipped(rest) {
            (length, false)
        } else if is_word(first) {
            (rest.find(|c| !is_word(c)).unwrap_or(rest.len()), true)
        } else if rest.starts_with("::") {
            (2, true)
        } else {
            (first.len_utf8(), !first.is_whitespace())
        };
        if is_token {
            tokens.push(Token { text: &rest[..length], line });
        }
        line += rest[..length].matches('\n').count();
        at += length;
    }
    tokens
}

/// The paths that begin with `crate`, `self` or `super`, those in braces written out, as they
/// are from the root of the crate for a file that is the module `module`.
pub(crate) fn paths(code: &str, module: &[&str]) -> Vec<(usize, Vec<String>)> {
    let tokens = tokens(code);
    let mut found = Vec::new();
    // The modules inside the file that are open, and the depth of braces at which each began.
    let mut inside: Vec<(String, usize)> = Vec::new();
    let (mut depth, mut at) = (0, 0);
    while at < tokens.len() {
        let text = tokens[at].text;
        let next = |ahead: usize| tokens.get(at + ahead).map(|token| token.text);
        match text {
            "mod" if next(2) == Some("{") => {
                inside.push((next(1).unwrap_or_default().to_owned(), depth));
                (depth, at) = (depth + 1, at + 3);
                continue;
            }
            "{" => depth += 1,
            "}" => {
                depth -= usize::from(depth > 0);
                inside.pop_if(|(_, began)| *began == depth);
            }
            "crate" | "self" | "super" if next(1) == Some("::") => {
                let here = module.iter().map(|name| (*name).to_owned());
                let here = here.chain(inside.iter().map(|(name, _)| name.clone())).collect();
                at = tree(&tokens, at, here, &mut found);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// Follows a path and what its braces hold; returns the place after it.
fn tree(
    tokens: &[Token<'_>],
    mut at: usize,
    mut path: Vec<String>,
    found: &mut Vec<(usize, Vec<String>)>,
) -> usize {
    let line = tokens[at].line;
    while let Some(token) = tokens.get(at) {
        match token.text {
            "crate" => path.clear(),
            "self" => {}
            "super" => drop(path.pop()),
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token.text != "}") {
                    at = match tokens[at].text {
                        "," => at + 1,
                        _ => tree(tokens, at, path.clone(), found),
                    };
                }
                return at + 1;
            }
            name => path.push(name.to_owned()),
        }
        at += 1;
        if tokens.get(at).is_none_or(|token| token.text != "::") {
            break;
        }
        at += 1;
    }
    found.push((line, path));
    // `as name` belongs to the path.
    if tokens.get(at).is_some_and(|token| token.text == "as") { at + 2 } else { at }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of the comment, string or character that `rest` begins with.
fn skipped(rest: &str) -> Option<usize> {
    let quoted = |start: usize| {
        let mut escaped = false;
        let end = rest[start..].find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        end.map_or(rest.len(), |end| start + end + 1)
    };
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(rest.find("*/").map_or(rest.len(), |end| end + 2));
    }
    for prefix in ["r", "br", "cr"] {
        let hashes =
            rest.strip_prefix(prefix).map(|raw| raw.len() - raw.trim_start_matches('#').len());
        if let Some(hashes) = hashes
            && rest[prefix.len() + hashes..].starts_with('"')
        {
            let (start, close) = (prefix.len() + hashes + 1, format!("\"{}", "#".repeat(hashes)));
            return Some(
                rest[start..].find(&close).map_or(rest.len(), |end| start + end + close.len()),
            );
        }
    }
    for prefix in ["\"", "b\"", "c\""] {
        if rest.starts_with(prefix) {
            return Some(quoted(prefix.len()));
        }
    }
    character(rest)
}

/// The length of the character literal that `rest` begins with; a lifetime is none.
fn character(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix('\'')?;
    let mut chars = body.char_indices();
    let (_, first) = chars.next()?;
    let from = if first == '\\' { chars.next().map(|(at, c)| at + c.len_utf8())? } else { 0 };
    let end = from + body[from..].find('\'')?;
    let is_literal =
        first == '\\' || (end > 0 && body[..end].chars().count() == 1) || first == '\'';
    is_literal.then_some(end + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(code: &str) -> Vec<&str> {
        tokens(code).into_iter().map(|token| token.text).collect()
    }

    fn joined(code: &str, module: &[&str]) -> Vec<String> {
        paths(code, module).into_iter().map(|(_, path)| path.join("::")).collect()
    }

    #[test]
    fn comments_and_strings_are_not_code() {
        assert_eq!(words("a // b\n/* c */ d"), ["a", "d"]);
        assert_eq!(
            words(r#"f("a \" unsafe", b"x", 'y', '\'', '\n')"#),
            ["f", "(", ",", ",", ",", ",", ")"]
        );
        assert_eq!(words("r\"\\\" a r#\"b \" c\"# d"), ["a", "d"]);
        assert_eq!(words("&'a str, b'x'"), ["&", "'", "a", "str", ",", "b"]);
    }

    #[test]
    fn lines_are_counted_through_what_is_skipped() {
        let lines: Vec<_> =
            tokens("a /*\n\n*/ b \"\n\" c").iter().map(|token| token.line).collect();
        assert_eq!(lines, [1, 3, 4]);
    }

    #[test]
    fn paths_are_resolved() {
        let module = ["backend", "uring", "ring"];
        assert_eq!(joined("use crate::context::Context;", &module), ["context::Context"]);
        assert_eq!(joined("use super::super::thread;", &module), ["backend::thread"]);
        assert_eq!(joined("let x = crate::select::open();", &module), ["select::open"]);
        assert_eq!(
            joined("use self::a::B as C; fn f() {}", &module),
            ["backend::uring::ring::a::B"]
        );
        assert_eq!(
            joined("use crate::{file::{A, self, B as C}, select::*};", &module),
            ["file::A", "file", "file::B", "select::*"]
        );
    }

    #[test]
    fn a_module_within_the_file_is_one_level_more() {
        let code = "mod tests { use super::super::io; fn f() { {} } } use super::io;";
        assert_eq!(joined(code, &["backend", "uring"]), ["backend::io", "backend::io"]);
    }
}
