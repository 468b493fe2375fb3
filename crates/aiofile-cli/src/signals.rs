//! The signals that end a command in order: its temporary files are removed first, and then the
//! command dies of the signal, as whoever waits for it has to see.

use std::io;
use std::process::ExitCode;

use nix::sys::signal::{SigSet, Signal, raise};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use tokio::io::unix::AsyncFd;

use crate::failure::Failure;

/// SIGINT (Ctrl-C), SIGTERM, and SIGHUP (the terminal was closed); none that whoever started this
/// process had it ignore, as nohup(1) does, or a shell for a command in the background: then the
/// command is meant to go on.
pub(crate) fn ending() -> Vec<Signal> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut signals = vec![Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];
    signals.retain(|signal| !is_ignored(&status, *signal));
    signals
}

/// The signals that end the command, held back until it is ready to end.
#[derive(Debug)]
pub(crate) struct Interrupts {
    signals: SigSet,
}

impl Interrupts {
    /// From now on they end nothing by themselves. To be called before there are other threads,
    /// which would take them. SIGXFSZ is held back for good: a file that may not grow further is an
    /// error of the write, after which there is something to remove.
    ///
    /// # Errors
    /// What the system answers.
    pub(crate) fn hold() -> Result<Self, Failure> {
        let signals: SigSet = ending().into_iter().collect();
        let mut held = signals;
        held.add(Signal::SIGXFSZ);
        held.thread_block().map_err(|error| Failure::during("wait for signals", error))?;
        Ok(Self { signals })
    }

    /// Waits for one of them.
    ///
    /// # Errors
    /// At once, where no descriptor is left to wait with.
    pub(crate) fn arrival(&self) -> Result<impl Future<Output = Failure> + use<>, Failure> {
        let failed = |error: io::Error| Failure::during("wait for signals", error);
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        let waiting = SignalFd::with_flags(&self.signals, flags);
        let waiting = waiting.map_err(|errno| failed(errno.into()))?;
        #[allow(deprecated, reason = "the descriptor is owned by what is registered")]
        let waiting = AsyncFd::new(waiting).map_err(failed)?;
        Ok(async move {
            loop {
                let mut guard = match waiting.readable().await {
                    Ok(guard) => guard,
                    Err(error) => return failed(error),
                };
                match guard.get_inner().read_signal() {
                    Ok(Some(found)) => {
                        return Failure::Interrupted(found.ssi_signo.try_into().unwrap_or(u8::MAX));
                    }
                    Ok(None) => guard.clear_ready(),
                    Err(errno) => return failed(errno.into()),
                }
            }
        })
    }
}

/// Ends the process by a signal that was held back. The code is what a shell says of such an end,
/// should the process outlive it.
pub(crate) fn die(signal: u8) -> ExitCode {
    if let Ok(signal) = Signal::try_from(i32::from(signal)) {
        let _ = raise(signal);
        let _ = SigSet::from(signal).thread_unblock();
    }
    ExitCode::from(128_u8.saturating_add(signal))
}

/// Whether the line `SigIgn` in this text of `/proc/self/status` names the signal; bit 0 is the
/// signal 1.
fn is_ignored(status: &str, signal: Signal) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 << (signal as i32 - 1) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_counts_signals_from_one() {
        let status = "SigBlk:\tffffffffffffffff\nSigIgn:\t0000000000001001\nSigCgt:\t0\n";
        let ignored = |signal| is_ignored(status, signal);
        assert!(ignored(Signal::SIGHUP) && ignored(Signal::SIGPIPE));
        assert!(!ignored(Signal::SIGINT) && !ignored(Signal::SIGTERM));
        assert!(!is_ignored("", Signal::SIGHUP));
    }
}
