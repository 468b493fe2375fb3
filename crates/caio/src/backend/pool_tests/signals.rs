//! What both pools promise in a storm of signals, and what their ways of doing one operation
//! promise without the protection of the pool.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{Open, answer, contents, named, pipe, read, submit};
use crate::backend::serve::Perform;
use crate::testing::file_with;

pub(crate) fn signals_are_no_answers(open: Open) {
    let pool = open(&named("storm"));
    let file = file_with(&[1; 4096]);
    let (pipe, writer) = pipe();
    let storm = Storm::begin();
    for round in 0..100 {
        let waiting = submit(&*pool, read(1, 0), Some(&pipe));
        let all: Vec<_> = (0..100).map(|_| submit(&*pool, read(4096, 0), Some(&file))).collect();
        all.into_iter().for_each(|one| assert_eq!(contents(answer(one)).len(), 4096));
        std::io::Write::write_all(&mut &writer, &[round]).unwrap();
        assert_eq!(contents(answer(waiting)), [round]);
    }
    assert!(storm.end() > 100, "signals came in the meantime");
}

/// SIGUSR1 for every thread of this process, over and over, with a handler that restarts nothing.
pub(crate) struct Storm {
    over: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<usize>,
}

impl Storm {
    #[allow(unsafe_code)]
    pub(crate) fn begin() -> Self {
        use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
        extern "C" fn nothing(_signal: nix::libc::c_int) {}
        let action =
            SigAction::new(SigHandler::Handler(nothing), SaFlags::empty(), SigSet::empty());
        // SAFETY: the handler does nothing, which is safe at any moment.
        unsafe { sigaction(Signal::SIGUSR1, &action) }.unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            let mut count = 0;
            while !seen.load(Ordering::SeqCst) {
                for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
                    let thread: i64 = task.file_name().to_str().unwrap().parse().unwrap();
                    let process = i64::from(std::process::id());
                    let signal = i64::from(nix::libc::SIGUSR1);
                    // SAFETY: plain integers; a thread that is gone by now is an error.
                    unsafe { nix::libc::syscall(nix::libc::SYS_tgkill, process, thread, signal) };
                    count += 1;
                }
                std::thread::sleep(Duration::from_micros(200));
            }
            count
        });
        Self { over, thread }
    }

    pub(crate) fn end(self) -> usize {
        self.over.store(true, Ordering::SeqCst);
        self.thread.join().unwrap()
    }
}

/// A read of a pipe that is interrupted many times before the bytes are there.
pub(crate) fn a_signal_interrupts_no_operation(perform: Perform) {
    let (file, mut writer) = pipe();
    let storm = Storm::begin();
    let reading = std::thread::spawn(move || {
        let mut op = read(1, 0);
        perform(&mut op, Some(&file)).map(|output| format!("{output:?}"))
    });
    std::thread::sleep(Duration::from_millis(50));
    assert!(!reading.is_finished(), "a signal is no answer");
    std::io::Write::write_all(&mut writer, b"x").unwrap();
    assert_eq!(reading.join().unwrap().unwrap(), "Bytes(1)");
    storm.end();
}

/// An empty descriptor with O_NONBLOCK is waited for.
pub(crate) fn a_non_blocking_descriptor_is_waited_for(perform: Perform) {
    use nix::fcntl::{FcntlArg, OFlag, fcntl};
    let (file, mut writer) = pipe();
    fcntl(&file, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    let reading = std::thread::spawn(move || {
        let mut op = read(1, 0);
        perform(&mut op, Some(&file)).map(|output| format!("{output:?}"))
    });
    std::thread::sleep(Duration::from_millis(20));
    std::io::Write::write_all(&mut writer, b"x").unwrap();
    assert_eq!(reading.join().unwrap().unwrap(), "Bytes(1)");
}
