//! Who may import whom, who may make system calls, and where `unsafe` may stand.

use crate::tokens::{paths, tokens};
use crate::tree::{Findings, Source};

/// The modules of the backends. Beside them lies what they share.
const BACKENDS: [&str; 4] = ["uring", "linux_aio", "pthread", "thread"];

/// The crates through which system calls are made.
const SYSTEM: [&str; 4] = ["libc", "nix", "io_uring", "rustix"];

/// Where `unsafe` may stand: the engine, and the peers of the comparison that drive a ring by hand.
const UNSAFE: [&str; 3] = [
    "crates/caio/",
    "benches/compare/src/participants/ring.rs",
    "benches/compare/src/participants/tokio_ring.rs",
];

/// A backend knows nothing of what is above it, nor of another backend.
pub(crate) fn backends(source: &Source) -> Findings {
    let Some(module) = module(&source.path) else { return Vec::new() };
    if module.first() != Some(&"backend") {
        return Vec::new();
    }
    let own = module.get(1).copied();
    let mut found = Vec::new();
    for (line, path) in paths(&source.text, &module) {
        let path: Vec<_> = path.iter().map(String::as_str).collect();
        let what_to_do = match path.as_slice() {
            [above @ ("context" | "select"), ..] => {
                format!("`{above}` is above the backends: let it hand down what is needed")
            }
            [name] if name.starts_with(char::is_uppercase) => {
                format!("import `{name}` from its module, so that its layer can be seen")
            }
            ["backend", other, ..] if is_foreign(own, other) => {
                format!("`{other}` is another backend: put what both need beside them")
            }
            _ => continue,
        };
        found.push((line, what_to_do));
    }
    found
}

/// `aiofile` leaves every system call to `caio`.
pub(crate) fn system_crates(source: &Source) -> Findings {
    if !source.path.starts_with("crates/aiofile/src/") {
        return Vec::new();
    }
    let named = tokens(&source.text).into_iter().filter(|token| SYSTEM.contains(&token.text));
    named.map(|token| (token.line, format!("`{}`: let caio do that", token.text))).collect()
}

/// `unsafe` stands only where it is allowed.
pub(crate) fn unsafe_code(source: &Source) -> Findings {
    if UNSAFE.iter().any(|place| source.path.starts_with(place)) {
        return Vec::new();
    }
    let words = tokens(&source.text);
    let named = words.iter().filter(|token| token.text == "unsafe");
    named.map(|token| (token.line, "move what is unsafe into caio".to_owned())).collect()
}

/// The module of a file of `caio`, from the root of the crate.
fn module(path: &str) -> Option<Vec<&str>> {
    let within = path.strip_prefix("crates/caio/src/")?.strip_suffix(".rs")?;
    Some(within.split('/').collect())
}

/// Whether a file of `own` (a backend, something that they share, or `backend.rs` itself) must not
/// import from `other`. What they share must know none of them, except to test them all.
fn is_foreign(own: Option<&str>, other: &str) -> bool {
    let free = [Some(other), Some("pool_tests"), None].contains(&own);
    BACKENDS.contains(&other) && !free
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_backend_that_looks_up_is_found() {
        for line in [
            "use crate::context::Context;",
            "use crate::{\n    file::SharedFile,\n    select::Choice,\n};",
            "use super::super::super::context;",
            "fn f() { crate::select::open() }",
            "use crate::Context;",
        ] {
            let found = backends(&source("crates/caio/src/backend/uring/ring.rs", line));
            assert_eq!(found.len(), 1, "{line}: {found:?}");
        }
        let found = backends(&source("crates/caio/src/backend/perform.rs", "\nuse crate::select;"));
        assert_eq!(found[0].0, 2);
    }

    #[test]
    fn a_backend_that_looks_at_another_is_found() {
        let find = |path, line| backends(&source(path, line)).len();
        let (uring, pthread) =
            ("crates/caio/src/backend/uring.rs", "crates/caio/src/backend/pthread/queue.rs");
        assert_eq!(find(uring, "use super::thread::Threads;"), 1);
        assert_eq!(find(pthread, "use crate::backend::{serve::serve, uring::Uring};"), 1);
        assert_eq!(find(pthread, "use crate::backend::pthread::Pthreads;"), 0);
        assert_eq!(find(pthread, "use super::super::serve;"), 0);
        assert_eq!(find("crates/caio/src/backend/serve.rs", "use super::uring::Uring;"), 1);
        assert_eq!(find("crates/caio/src/backend/pool_tests.rs", "use super::thread::Threads;"), 0);
        assert_eq!(find(uring, "//! Links to [`crate::Context`] are no imports.\n"), 0);
        assert_eq!(find("crates/caio/src/select/openers.rs", "use crate::select::Choice;"), 0);
    }

    #[test]
    fn a_system_call_in_the_user_api_is_found() {
        let text = "//! No libc.\nfn f() { libc::close(3) }";
        assert_eq!(system_crates(&source("crates/aiofile/src/file.rs", text))[0].0, 2);
        assert!(system_crates(&source("crates/caio/src/sys.rs", text)).is_empty());
    }

    #[test]
    fn unsafe_outside_the_engine_is_found() {
        let text = "// unsafe here is a word\nlet x = unsafe { f() };";
        assert_eq!(unsafe_code(&source("crates/aiofile/src/file.rs", text))[0].0, 2);
        assert_eq!(unsafe_code(&source("tests/handle/main.rs", text)).len(), 1);
        assert!(unsafe_code(&source("crates/caio/src/sys/aio.rs", text)).is_empty());
    }
}
