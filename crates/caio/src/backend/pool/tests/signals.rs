//! That signals are no answers, and neither is a non-blocking descriptor's refusal to wait.

use std::sync::atomic::AtomicBool;
use std::thread;

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::*;
use crate::backend::pool::execute::move_bytes;

for_both! {
    signals_are_no_answers,
}

fn signals_are_no_answers(open: Open) {
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

/// A read of a pipe that is interrupted many times before the bytes are there. (The pool's threads
/// block signals, so that this is no test of a pool.)
#[test]
fn a_signal_interrupts_no_operation() {
    let (file, mut writer) = pipe();
    let storm = Storm::begin();
    let reading = thread::spawn(move || move_bytes(&mut read(1, 0), &file));
    thread::sleep(Duration::from_millis(50));
    assert!(!reading.is_finished(), "a signal is no answer");
    std::io::Write::write_all(&mut writer, b"x").unwrap();
    assert_eq!(reading.join().unwrap().unwrap(), 1);
    storm.end();
}

#[test]
fn a_non_blocking_descriptor_is_waited_for() {
    let (file, mut writer) = pipe();
    fcntl(&file, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    let reading = thread::spawn(move || move_bytes(&mut read(1, 0), &file));
    thread::sleep(Duration::from_millis(20));
    std::io::Write::write_all(&mut writer, b"x").unwrap();
    assert_eq!(reading.join().unwrap().unwrap(), 1);
}

/// SIGUSR1 for every thread of this process, over and over, with a handler that restarts nothing.
struct Storm {
    over: Arc<AtomicBool>,
    thread: thread::JoinHandle<usize>,
}

impl Storm {
    #[allow(unsafe_code)]
    fn begin() -> Self {
        use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
        extern "C" fn nothing(_signal: libc::c_int) {}
        let action =
            SigAction::new(SigHandler::Handler(nothing), SaFlags::empty(), SigSet::empty());
        // SAFETY: the handler does nothing, which is safe at any moment.
        unsafe { sigaction(Signal::SIGUSR1, &action) }.unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&over);
        let thread = thread::spawn(move || {
            let mut count = 0;
            while !seen.load(Ordering::SeqCst) {
                for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
                    let thread: i64 = task.file_name().to_str().unwrap().parse().unwrap();
                    let process = i64::from(std::process::id());
                    let signal = i64::from(libc::SIGUSR1);
                    // SAFETY: plain integers; a thread that is gone by now is an error.
                    unsafe { libc::syscall(libc::SYS_tgkill, process, thread, signal) };
                    count += 1;
                }
                thread::sleep(Duration::from_micros(200));
            }
            count
        });
        Self { over, thread }
    }

    fn end(self) -> usize {
        self.over.store(true, Ordering::SeqCst);
        self.thread.join().unwrap()
    }
}
