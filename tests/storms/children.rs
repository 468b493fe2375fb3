//! Tests that run themselves as a process of its own, which the parent stops and kills.

use std::env;
use std::io::{BufRead as _, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use aiofile::BackendKind;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::PATIENCE;

/// Set for such a process: backend, whether it is to do it wrongly, and where.
const ROLE: &str = "CAIO_STORM_CHILD";

/// What a process says when it begins, and when all is done.
pub(crate) const BEGINS: &str = "begins";
pub(crate) const ENDS: &str = "ends";

/// What this process is to do.
pub(crate) struct Role {
    pub(crate) kind: BackendKind,
    pub(crate) is_planted: bool,
    pub(crate) path: PathBuf,
}

/// A process that was started.
pub(crate) struct Process {
    child: Child,
    pub(crate) said: Lines<BufReader<ChildStdout>>,
}

/// The role of this process; `None` in the one that starts others.
pub(crate) fn role() -> Option<Role> {
    let role = env::var(ROLE).ok()?;
    let (kind, rest) = role.split_once(':').unwrap();
    let (planted, path) = rest.split_once(':').unwrap();
    let kind = BackendKind::from_name(kind).unwrap();
    Some(Role { kind, is_planted: planted == "planted", path: path.into() })
}

impl Process {
    /// Runs the test of this name, and waits until it begins.
    pub(crate) fn start(test: &str, kind: BackendKind, is_planted: bool, path: &Path) -> Self {
        let planted = if is_planted { "planted" } else { "right" };
        let mut child = Command::new(env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture", "--test-threads=1"])
            .env(ROLE, format!("{kind}:{planted}:{}", path.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let begins = said.by_ref().map_while(Result::ok).any(|line| line.ends_with(BEGINS));
        assert!(begins, "{test} came to its end before it began");
        Self { child, said }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        // It is not waited for yet, so that the number is its own.
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    /// Whether it has ended, and how.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Kills it.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Calls `disturb` until it ends.
    ///
    /// # Errors
    /// Where it hangs or fails.
    pub(crate) fn disturbed(mut self, mut disturb: impl FnMut(&Self)) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.ended() {
                break status;
            }
            if Instant::now() > deadline {
                self.kill();
                return Err("it hangs".to_owned());
            }
            disturb(&self);
        };
        let ends = self.said.by_ref().map_while(Result::ok).any(|line| line == ENDS);
        match status.success() && ends {
            true => Ok(()),
            false => Err(format!("it fails: {status}")),
        }
    }
}

/// Sleeps for some microseconds.
pub(crate) fn pause(micros: usize) {
    std::thread::sleep(Duration::from_micros(micros as u64));
}
