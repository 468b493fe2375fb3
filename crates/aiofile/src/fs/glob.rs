//! The paths that match a pattern.

use std::io;
use std::path::{Path, PathBuf};

use caio::{Context, Error, ErrorKind};
use globset::{GlobBuilder, GlobMatcher};

use super::Fs;
use super::walk::{Walk, WalkEntries};

/// The entries whose path matches a pattern, as a walk gives them.
///
/// `*` and `?` match within a name, `[a-z]` and `[!a]` one character, `{a,b}` either, and `**` any
/// number of directories (see the crate `globset`). A backslash takes the meaning from what
/// follows. Unlike in a shell, a name that begins with a dot is matched like any other. A pattern
/// that ends with `/` matches directories. Symbolic links are matched and not followed, but for
/// those in the part of the pattern that has no wildcard; that part is looked up and not searched,
/// and no directory is read that cannot hold a match.
///
/// # Costs
/// A hop for up to 1,024 matches, and for each 5 ms of searching.
///
/// # Errors
/// [`InvalidInput`](io::ErrorKind::InvalidInput) for a pattern that cannot be understood. What
/// cannot be read on the way is an item of the stream.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let root = directory.path();
/// # std::fs::create_dir_all(root.join("src/fs"))?;
/// # for name in ["src/lib.rs", "src/fs/walk.rs", "src/notes.txt"] {
/// #     std::fs::write(root.join(name), "")?;
/// # }
/// let pattern = format!("{}/src/**/*.rs", root.display());
/// let mut sources = aiofile::fs::glob(&pattern)?;
/// let mut count = 0;
/// while let Some(source) = sources.next().await {
///     assert!(source?.file_type().is_file());
///     count += 1;
/// }
/// assert_eq!(count, 2);
/// # Ok(()) }
/// ```
#[doc(alias = "iglob")]
pub fn glob(pattern: &str) -> io::Result<WalkEntries> {
    entries(None, pattern)
}

impl Fs {
    /// As [`fs::glob`](glob()).
    pub fn glob(&self, pattern: &str) -> io::Result<WalkEntries> {
        entries(Some(self.context()), pattern)
    }
}

/// Without a context, in the default one of the task that asks for the first entry.
fn entries(context: Option<&Context>, pattern: &str) -> io::Result<WalkEntries> {
    let parts = Parts::of(pattern)?;
    let is_bare = parts.root.as_os_str().is_empty();
    let root = if is_bare { Path::new(".") } else { &parts.root };
    let (below, levels) = (root.to_owned(), parts.levels);
    let mut walk = Walk::new(root);
    walk.max_depth(parts.max_depth).bare(is_bare).optional(true).filter_entry(move |entry| {
        // A directory that does not match its part of the pattern holds no match.
        match entry.depth().checked_sub(1).and_then(|level| levels.get(level)) {
            Some(level) => level.is_match(entry.file_name()),
            None => true,
        }
    });
    let (matcher, is_dir) = (parts.matcher, parts.is_dir);
    walk.select(move |entry| {
        let below = entry.path().strip_prefix(&below).unwrap_or(entry.path());
        let matches = match &matcher {
            Some(matcher) => entry.depth() > 0 && matcher.is_match(below),
            None => entry.depth() == 0,
        };
        matches && (!is_dir || entry.file_type().is_dir())
    });
    if let Some(context) = context {
        walk.context(context);
    }
    Ok(walk.entries())
}

/// A pattern, taken apart.
struct Parts {
    /// The leading names that have no wildcard.
    root: PathBuf,
    /// What a path below the root must match; `None` where the root is all of it.
    matcher: Option<GlobMatcher>,
    /// What the names of the first levels below the root must match.
    levels: Vec<GlobMatcher>,
    max_depth: usize,
    is_dir: bool,
}

impl Parts {
    fn of(pattern: &str) -> io::Result<Self> {
        if pattern.is_empty() {
            let error = Error::new(ErrorKind::InvalidInput, "an empty pattern matches nothing");
            return Err(error.doing("glob").into());
        }
        // A pattern that is wrong anywhere is wrong, also where no part of it would be used.
        compile(pattern, pattern)?;
        let is_dir = pattern.len() > 1 && pattern.ends_with('/');
        let trimmed = if is_dir { pattern.trim_end_matches('/') } else { pattern };
        let names: Vec<_> = trimmed.split('/').collect();
        let literal = names.iter().take_while(|name| !name.contains(WILD)).count();
        let root = match names[..literal].join("/") {
            root if literal == 1 && root.is_empty() => PathBuf::from("/"),
            root => PathBuf::from(root),
        };
        let rest: Vec<_> =
            names[literal..].iter().copied().filter(|name| !name.is_empty()).collect();
        if rest.is_empty() {
            let root = if trimmed.is_empty() { pattern.into() } else { root };
            return Ok(Self { root, matcher: None, levels: Vec::new(), max_depth: 0, is_dir });
        }
        let plain: Vec<_> = rest.iter().take_while(|name| is_one_level(name)).collect();
        let max_depth = if plain.len() == rest.len() { rest.len() } else { usize::MAX };
        let levels = plain.into_iter().map(|name| compile(name, pattern));
        Ok(Self {
            root,
            matcher: Some(compile(&rest.join("/"), pattern)?),
            levels: levels.collect::<io::Result<_>>()?,
            max_depth,
            is_dir,
        })
    }
}

/// Whether a name of a pattern is a pattern by itself for the names of one level: not where it is
/// any number of levels, nor where braces or brackets reach over the slash.
fn is_one_level(name: &str) -> bool {
    let balances =
        |open, close| name.matches::<char>(open).count() == name.matches::<char>(close).count();
    !name.contains("**") && !name.contains('\\') && balances('{', '}') && balances('[', ']')
}

/// What has a meaning of its own in a pattern.
const WILD: [char; 6] = ['*', '?', '[', ']', '{', '\\'];

fn compile(part: &str, pattern: &str) -> io::Result<GlobMatcher> {
    let glob = GlobBuilder::new(part).literal_separator(true).backslash_escape(true).build();
    let refuse = |error: globset::Error| {
        let message = format!("`{pattern}` is no pattern: {}", error.kind());
        Error::new(ErrorKind::InvalidInput, message)
            .doing("glob")
            .hint("a `\\` before it quotes it")
    };
    Ok(glob.map_err(refuse)?.compile_matcher())
}
