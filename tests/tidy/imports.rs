//! Who may import whom, who may make system calls, and where `unsafe` may stand.
//!
//! The rules look at lines and words. They do not parse: rustfmt writes one import like the other.

use crate::tree::{Findings, Source};

/// The modules of the backends. Beside them lies what they share.
const BACKENDS: [&str; 3] = ["uring", "linux_aio", "pool"];

/// The modules above the backends.
const ABOVE: [&str; 2] = ["context", "select"];

/// The crates through which system calls are made that are not safe, or that are the engine's.
const SYSTEM: [&str; 3] = ["libc", "nix", "io_uring"];

/// Where `unsafe` may stand: the engine, std's `FromRawFd`, memory of Python's that the engine
/// reads into, and the peers of the comparison that drive a ring by hand or map a file.
const UNSAFE: [&str; 6] = [
    "crates/caio/",
    "crates/aiofile/src/file/raw_fd.rs",
    "crates/aiofile-python/src/memory.rs",
    "benches/compare/src/participants/mapped.rs",
    "benches/compare/src/participants/ring.rs",
    "benches/compare/src/participants/tokio_ring.rs",
];

/// A backend knows nothing of what is above it, nor of another backend.
pub(crate) fn backends(source: &Source) -> Findings {
    let Some(path) = source.path.strip_prefix("crates/caio/src/backend/") else {
        return Vec::new();
    };
    let own = path.split(['/', '.']).next().unwrap_or_default();
    let foreign: Vec<_> = BACKENDS.into_iter().filter(|backend| *backend != own).collect();
    let mut found = Vec::new();
    let mut imports = false;
    for (number, line) in code(&source.text) {
        let start = line.trim_start();
        imports |= start.starts_with("use ") || start.starts_with("pub use ");
        let follows = |name: &str, roots: &[&str]| {
            roots.iter().any(|root| line.contains(&format!("{root}::{name}")))
        };
        let names = |name: &str, roots: &[&str]| {
            if imports { words(line).any(|word| word == name) } else { follows(name, roots) }
        };
        for above in ABOVE.into_iter().filter(|above| names(above, &["crate", "super"])) {
            let what = format!("`{above}` is above the backends: let it hand down what is needed");
            found.push((number, what));
        }
        for other in foreign.iter().filter(|other| names(other, &["backend", "super"])) {
            let what = format!("`{other}` is another backend: put what both need beside them");
            found.push((number, what));
        }
        let item = line.split_once("crate::").map_or("", |(_, item)| item);
        let is_hidden = item.starts_with(|first: char| first == '{' || first.is_uppercase());
        if is_hidden && (imports || item.starts_with("Context")) {
            let what = "import it from its module, so that its layer can be seen";
            found.push((number, what.to_owned()));
        }
        imports &= !line.contains(';');
    }
    found
}

/// `aiofile` leaves every system call to `caio`, but for `fs`, which makes several in one closure
/// on the pool.
pub(crate) fn system_crates(source: &Source) -> Findings {
    let is_within = |place: &str| source.path.starts_with(place);
    if !is_within("crates/aiofile/src/") || is_within("crates/aiofile/src/fs/") {
        return Vec::new();
    }
    let named = code(&source.text).flat_map(|(number, line)| {
        let named = words(line).filter(|word| SYSTEM.contains(word));
        named.map(move |word| (number, format!("`{word}`: let caio do that")))
    });
    named.collect()
}

/// `unsafe` stands only where it is allowed.
pub(crate) fn unsafe_code(source: &Source) -> Findings {
    if UNSAFE.iter().any(|place| source.path.starts_with(place)) {
        return Vec::new();
    }
    let begins = ["{", "fn", "impl", "trait", "extern"];
    let is_unsafe = |line: &str| {
        begins.iter().any(|next| line.contains(&format!("{} {next}", concat!("un", "safe"))))
    };
    let named = code(&source.text).filter(|(_, line)| is_unsafe(line));
    named.map(|(number, _)| (number, "move what is unsafe into caio".to_owned())).collect()
}

/// The lines, without comments.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate();
    lines.map(|(index, line)| (index + 1, line.split("//").next().unwrap_or_default()))
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric() && c != '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines that a rule complains of.
    fn at(rule: fn(&Source) -> Findings, path: &str, text: &str) -> Vec<usize> {
        let source = Source { path: path.to_owned(), text: text.to_owned() };
        rule(&source).into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn a_backend_that_looks_up_is_found() {
        let find = |text| at(backends, "crates/caio/src/backend/uring/ring.rs", text);
        assert_eq!(find("use crate::context::Context;"), [1]);
        assert_eq!(find("use super::super::super::{\n    file,\n    select::Choice,\n};"), [3]);
        assert_eq!(find("\nfn f() { crate::select::open() }"), [2]);
        assert_eq!(find("use crate::Context;\nuse crate::{\n    op::Op,\n};"), [1, 2]);
        assert_eq!(find("fn f(_: crate::Context) {}\nfn g(_: crate::ErrorKind) {}"), [1]);
        assert_eq!(find("use std::task::Context;\nlet context = super::f();"), []);
        assert_eq!(find("//! Links to [`crate::Context`] are no imports.\n"), []);
        assert_eq!(at(backends, "crates/caio/src/context.rs", "use crate::select;"), []);
    }

    #[test]
    fn a_backend_that_looks_at_another_is_found() {
        let find =
            |file: &str, text| at(backends, &format!("crates/caio/src/backend/{file}"), text);
        assert_eq!(find("uring.rs", "use super::pool::ThreadPool;"), [1]);
        assert_eq!(find("pool/queue.rs", "let ring = crate::backend::uring::Uring::open();"), [1]);
        assert_eq!(find("in_flight.rs", "use super::linux_aio::LinuxAio;"), [1]);
        assert_eq!(find("pool/queue.rs", "use crate::backend::pool::Pool;"), []);
        assert_eq!(find("uring.rs", "use super::in_flight::InFlight;\nlet pool = 3;"), []);
    }

    #[test]
    fn a_system_call_in_the_user_api_is_found() {
        let text = "//! No libc.\nfn f() { libc::close(3) }";
        assert_eq!(at(system_crates, "crates/aiofile/src/file.rs", text), [2]);
        assert_eq!(at(system_crates, "crates/aiofile/src/fs/copy.rs", text), []);
        assert_eq!(at(system_crates, "crates/caio/src/sys.rs", text), []);
    }

    #[test]
    fn unsafe_outside_the_engine_is_found() {
        let word = concat!("un", "safe");
        let text = format!("// {word} {{ here is a comment\nlet x = {word} {{ f() }};");
        assert_eq!(at(unsafe_code, "crates/aiofile/src/file.rs", &text), [2]);
        assert_eq!(at(unsafe_code, "tests/handle/main.rs", &format!("{word} fn f() {{}}")), [1]);
        assert_eq!(at(unsafe_code, "crates/aiofile/src/lib.rs", "a word: unsafe, in words"), []);
        assert_eq!(at(unsafe_code, "crates/caio/src/sys/aio.rs", &text), []);
    }
}
