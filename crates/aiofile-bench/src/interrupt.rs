//! Signals that end a benchmark: the run under way is ended, and the way back to the caller removes
//! the scratch files.

use std::io;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;

use crate::Result;

/// Whether a signal came, and the process to end when it comes.
#[derive(Clone, Debug, Default)]
pub struct Interrupt {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    signal: AtomicU8,
    /// A process that has not been waited for yet, so that its number is its own.
    running: Mutex<Option<Pid>>,
}

impl Interrupt {
    /// From now on these signals are waited for on a thread of their own. To be called before
    /// there are other threads, which would take them.
    ///
    /// # Errors
    /// What the system answers.
    pub fn watch(signals: impl IntoIterator<Item = Signal>) -> io::Result<Self> {
        let signals: SigSet = signals.into_iter().collect();
        signals.thread_block()?;
        let interrupt = Self::default();
        let theirs = interrupt.clone();
        let wait = move || {
            while let Ok(signal) = signals.wait() {
                theirs.shared.signal.store(signal as i32 as u8, Ordering::SeqCst);
                if let Some(pid) = *theirs.running() {
                    let _ = kill(pid, Signal::SIGKILL);
                }
            }
        };
        thread::Builder::new().name("signals".to_owned()).spawn(wait)?;
        Ok(interrupt)
    }

    /// One that no signal reaches.
    #[cfg(test)]
    pub(crate) fn never() -> Self {
        Self::default()
    }

    /// The number of the signal that came.
    pub fn signal(&self) -> Option<u8> {
        Some(self.shared.signal.load(Ordering::SeqCst)).filter(|signal| *signal > 0)
    }

    /// Nothing, until a signal came.
    ///
    /// # Errors
    /// From then on.
    pub fn check(&self) -> Result<()> {
        self.signal().map_or(Ok(()), |_| Err("interrupted".into()))
    }

    /// Runs a command to its end, or to the signal.
    ///
    /// # Errors
    /// Where it cannot be started, or the signal came.
    pub fn run(&self, command: &mut Command) -> Result<Output> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = self.start(command)?;
        // Both pipes end with the process; only then is it waited for, and only here.
        let output = self.output(child);
        self.check()?;
        Ok(output?)
    }

    fn start(&self, command: &mut Command) -> Result<Child> {
        let mut running = self.running();
        // Under the lock: a signal before this line is seen here, one after it kills the process.
        self.check()?;
        let child = command.spawn()?;
        *running = i32::try_from(child.id()).ok().map(Pid::from_raw);
        Ok(child)
    }

    fn output(&self, mut child: Child) -> io::Result<Output> {
        let mut output = (Vec::new(), Vec::new());
        let read = read_all(&mut child, &mut output);
        *self.running() = None;
        let status = child.wait()?;
        read?;
        Ok(Output { status, stdout: output.0, stderr: output.1 })
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Option<Pid>> {
        self.shared.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a participant says on stderr is a line or two, which its pipe holds until stdout has ended.
fn read_all(child: &mut Child, output: &mut (Vec<u8>, Vec<u8>)) -> io::Result<()> {
    use std::io::Read;
    if let Some(stdout) = &mut child.stdout {
        stdout.read_to_end(&mut output.0)?;
    }
    if let Some(stderr) = &mut child.stderr {
        stderr.read_to_end(&mut output.1)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_and_status_of_a_command_come_back() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo complaint >&2; exit 3"]);
        let output = Interrupt::never().run(&mut command).unwrap();
        assert_eq!((&output.stdout[..], &output.stderr[..]), (&b"out\n"[..], &b"complaint\n"[..]));
        assert_eq!(output.status.code(), Some(3));
    }

    #[test]
    fn nothing_starts_after_a_signal() {
        let interrupt = Interrupt::never();
        interrupt.shared.signal.store(2, Ordering::SeqCst);
        let error = interrupt.run(&mut Command::new("true")).unwrap_err();
        assert_eq!(error.to_string(), "interrupted");
    }
}
