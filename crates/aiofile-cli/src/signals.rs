//! The signals that end a command in order: its temporary files are removed first.

use nix::sys::signal::Signal;

/// SIGINT (Ctrl-C), SIGTERM, and SIGHUP (the terminal was closed). SIGHUP not where whoever started
/// this process had it ignored, as nohup(1) does: then the command is meant to go on.
pub(crate) fn ending() -> Vec<Signal> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut signals = vec![Signal::SIGINT, Signal::SIGTERM];
    if !is_ignored(&status, Signal::SIGHUP) {
        signals.push(Signal::SIGHUP);
    }
    signals
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
