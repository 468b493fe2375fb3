//! Running the command, and files to run it on.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;

pub(crate) const BACKENDS: [&str; 4] = ["uring", "linux", "thread", "rust"];

/// Longer than the busiest machine takes for what does not hang.
pub(crate) const HANGS: Duration = Duration::from_secs(60);

/// The command, with nothing of the surrounding choice of backend.
pub(crate) fn aiofile() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aiofile"));
    command.env_remove("CAIO_IMPL").env("CAIO_CONFIG", "/dev/null").stdin(Stdio::null());
    command
}

/// A shell that runs this script with the command's path as `$0` and these arguments, in that
/// directory.
pub(crate) fn shell(directory: &Path, script: &str, arguments: &[&Path]) -> Command {
    let mut command = Command::new("sh");
    command.env_remove("CAIO_IMPL").env("CAIO_CONFIG", "/dev/null").stdin(Stdio::null());
    command.current_dir(directory).arg("-c").arg(script).arg(env!("CARGO_BIN_EXE_aiofile"));
    command.args(arguments);
    command
}

/// What a run printed and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    /// The signal that it died of.
    pub(crate) signal: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

pub(crate) fn run(command: &mut Command) -> Ran {
    Ran::from(command.output().unwrap())
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let stderr = String::from_utf8(output.stderr).unwrap();
        let (code, signal) = (output.status.code(), output.status.signal());
        Self { code, signal, stdout: output.stdout, stderr }
    }
}

impl Ran {
    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{}", self.text());
        self
    }

    /// Ended with this code and one line on stderr that contains all of these words.
    #[track_caller]
    pub(crate) fn failed(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{}", self.stderr);
        assert!(self.stderr.starts_with("aiofile: "), "{}", self.stderr);
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is not in {:?}", self.stderr);
        }
        self
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// Whether a backend works here; where not, says so, or fails where `CAIO_REQUIRE` names it.
pub(crate) fn works(backend: &str) -> bool {
    let doctor = run(aiofile().args(["--backend", backend, "doctor"]));
    if doctor.code == Some(0) {
        return true;
    }
    let required = std::env::var("CAIO_REQUIRE").unwrap_or_default();
    let is_required =
        required.split(',').map(str::trim).any(|name| [backend, "all"].contains(&name));
    assert!(!is_required, "{backend}: {}", doctor.stderr);
    println!("skipped: backend {backend}: {}", doctor.stderr);
    false
}

/// A place for files on the disk, beside the build, and not in a temporary directory in memory;
/// that one only where the build belongs to somebody else.
pub(crate) fn place() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).or_else(|_| tempfile::tempdir()).unwrap()
}

/// Bytes that look random and are the same each time.
pub(crate) fn noise(bytes: usize, seed: u64) -> Vec<u8> {
    let mut state = seed * 2 + 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut noise: Vec<u8> = (0..bytes.div_ceil(8)).flat_map(|_| next().to_le_bytes()).collect();
    noise.truncate(bytes);
    noise
}

pub(crate) fn file(directory: &Path, name: &str, contents: &[u8]) -> PathBuf {
    let path = directory.join(name);
    File::create(&path).unwrap().write_all(contents).unwrap();
    path
}

/// A file that is a hole but for some bytes here and there.
pub(crate) fn sparse(directory: &Path, name: &str, bytes: u64) -> PathBuf {
    let path = directory.join(name);
    let file = File::create(&path).unwrap();
    file.set_len(bytes).unwrap();
    for (index, offset) in [0, bytes / 3 + 17, bytes / 2, bytes - 5].into_iter().enumerate() {
        file.write_all_at(&noise(5, index as u64), offset).unwrap();
    }
    file.sync_all().unwrap();
    path
}

/// The names in a directory, sorted.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Equal, without printing millions of bytes where not.
#[track_caller]
pub(crate) fn assert_same(one: &Path, other: &Path) {
    let (left, right) = (std::fs::read(one).unwrap(), std::fs::read(other).unwrap());
    assert_eq!(left.len(), right.len(), "lengths of {} and {}", one.display(), other.display());
    let difference = left.iter().zip(&right).position(|(left, right)| left != right);
    assert_eq!(difference, None, "{} and {} differ", one.display(), other.display());
}

pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// This signal; SIGTERM, which is like it, where this process was started with it ignored, as under
/// nohup and in the background of a script. The command then ignores it, too.
pub(crate) fn heard(signal: Signal) -> Signal {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    let mask = u64::from_str_radix(mask.trim(), 16).unwrap();
    if mask & 1 << (signal as i32 - 1) == 0 {
        return signal;
    }
    println!("skipped: {signal}, which is ignored here");
    Signal::SIGTERM
}
