//! What the selection takes from the process around it, as a value.
//!
//! Tests hand in another one, so that no test changes the variables of the whole process.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use nix::unistd::geteuid;

use crate::sys::process;

/// Where the administrator of a machine puts the choice for all of its users.
const SYSTEM: &str = "/etc/caio";

const ROOT: u32 = 0;

/// The variables that are asked for.
const VARIABLES: [&str; 5] =
    ["CAIO_IMPL", "CAIO_CONFIG", "XDG_CONFIG_HOME", "HOME", "XDG_CONFIG_DIRS"];

/// The variables, and the place of the system's configuration.
pub(crate) struct Environment<'a> {
    variable: &'a dyn Fn(&str) -> Option<OsString>,
    system: PathBuf,
    /// Whether the variables come from a user with fewer rights than this program.
    has_raised_rights: bool,
    /// The users that may write configurations: root, and the one that this program runs as.
    pub(super) users: [u32; 2],
}

impl Environment<'_> {
    /// That of this process.
    pub(crate) fn process() -> Self {
        Self {
            variable: &|name| std::env::var_os(name),
            system: PathBuf::from(SYSTEM),
            has_raised_rights: process::has_raised_rights(),
            users: [ROOT, geteuid().as_raw()],
        }
    }

    /// The value of a variable. One that is set to nothing counts as unset, and so does every one
    /// where the program has rights that its caller lacks.
    pub(crate) fn variable(&self, name: &str) -> Option<OsString> {
        if self.has_raised_rights { None } else { self.value(name) }
    }

    /// The variables that are set and count as unset.
    pub(crate) fn ignored(&self) -> Vec<&'static str> {
        let is_ignored = |name: &&str| self.has_raised_rights && self.value(name).is_some();
        VARIABLES.into_iter().filter(is_ignored).collect()
    }

    fn value(&self, name: &str) -> Option<OsString> {
        (self.variable)(name).filter(|value| !value.is_empty())
    }

    /// Where configuration files are looked for where `CAIO_CONFIG` does not say it: the user's
    /// directory, then the system's. A relative path in a variable counts for nothing, as the
    /// XDG base directory specification has it.
    pub(crate) fn directories(&self) -> Vec<PathBuf> {
        let absolute = |path: PathBuf| path.is_absolute().then_some(path);
        let user =
            self.variable("XDG_CONFIG_HOME").map(PathBuf::from).and_then(absolute).or_else(|| {
                let home = self.variable("HOME").map(PathBuf::from).and_then(absolute)?;
                Some(home.join(".config"))
            });
        let shared = self.variable("XDG_CONFIG_DIRS").unwrap_or_default();
        let shared = std::env::split_paths(&shared).filter_map(absolute);
        let mut directories: Vec<_> =
            user.into_iter().chain(shared).map(|directory| directory.join("caio")).collect();
        directories.push(self.system.clone());
        directories
    }
}

impl fmt::Debug for Environment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").field("system", &self.system).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Calls `body` with an environment of just these variables and this system directory.
    pub(in crate::select) fn with<T>(
        variables: &[(&str, &str)],
        system: impl Into<PathBuf>,
        body: impl FnOnce(&mut Environment<'_>) -> T,
    ) -> T {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        body(&mut Environment {
            variable: &variable,
            system: system.into(),
            has_raised_rights: false,
            users: [ROOT, geteuid().as_raw()],
        })
    }

    fn directories(variables: &[(&str, &str)]) -> Vec<String> {
        with(variables, SYSTEM, |environment| {
            let found = environment.directories();
            found.iter().map(|directory| directory.display().to_string()).collect()
        })
    }

    #[test]
    fn the_users_directory_comes_before_the_systems() {
        assert_eq!(directories(&[("HOME", "/home/u")]), ["/home/u/.config/caio", "/etc/caio"]);
        assert_eq!(
            directories(&[
                ("HOME", "/home/u"),
                ("XDG_CONFIG_HOME", "/x"),
                ("XDG_CONFIG_DIRS", "/a:b:/c"),
            ]),
            ["/x/caio", "/a/caio", "/c/caio", "/etc/caio"]
        );
    }

    #[test]
    fn a_program_with_raised_rights_asks_no_variable_and_says_which() {
        let variables = [("CAIO_IMPL", "uring"), ("CAIO_CONFIG", ""), ("HOME", "/home/u")];
        with(&variables, SYSTEM, |environment| {
            assert_eq!(environment.ignored(), Vec::<&str>::new());
            environment.has_raised_rights = true;
            assert_eq!(environment.variable("CAIO_IMPL"), None);
            assert_eq!(environment.directories(), [PathBuf::from(SYSTEM)]);
            assert_eq!(environment.ignored(), ["CAIO_IMPL", "HOME"]);
        });
    }

    #[test]
    fn empty_and_relative_variables_count_for_nothing() {
        assert_eq!(directories(&[]), ["/etc/caio"]);
        assert_eq!(
            directories(&[("HOME", "/home/u"), ("XDG_CONFIG_HOME", "")]),
            ["/home/u/.config/caio", "/etc/caio"]
        );
        assert_eq!(directories(&[("HOME", "u"), ("XDG_CONFIG_HOME", "x")]), ["/etc/caio"]);
    }
}
