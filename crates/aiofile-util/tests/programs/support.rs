//! Where the programs are, and what they print.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A directory on the disk of the build; where that is read-only, a temporary one.
pub(crate) fn place() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).or_else(|_| tempfile::tempdir()).unwrap()
}

/// The program `name`, which lies beside the tests: in `examples`, while they are in `deps`.
pub(crate) fn program(name: &str) -> Command {
    let own = std::env::current_exe().unwrap();
    let profile = own.ancestors().nth(2).unwrap();
    let path = profile.join("examples").join(name);
    let how = "`cargo build -p aiofile-util --examples` builds it, as `cargo test` does";
    assert!(path.exists(), "{} is not there: {how}", path.display());
    let mut command = Command::new(path);
    command.stdin(Stdio::null());
    command
}

/// What it printed on its standard output; it has to succeed and to complain of nothing.
#[track_caller]
pub(crate) fn stdout(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What it printed on both streams; it has to fail with this code, not to die or to panic.
#[track_caller]
pub(crate) fn failure(command: &mut Command, code: i32) -> (String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert_eq!(status.code(), Some(code), "{command:?}: {stdout} {stderr}");
    assert!(!stderr.contains("panicked"), "{command:?}: {stderr}");
    (stdout.into_owned(), stderr.into_owned())
}

pub(crate) fn file(directory: &Path, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, contents).unwrap();
    path
}

/// A name that is not UTF-8.
pub(crate) fn strange_name() -> OsString {
    OsString::from_vec(b"caf\xe9".to_vec())
}

/// A file that this process may not read; `None` for a superuser, whom nothing stops.
pub(crate) fn unreadable(directory: &Path) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let path = file(directory, "unreadable", "secret");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    match std::fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Some(path),
        _ => {
            println!("skipped: a file without permissions, which a superuser reads");
            std::fs::remove_file(&path).unwrap();
            None
        }
    }
}
