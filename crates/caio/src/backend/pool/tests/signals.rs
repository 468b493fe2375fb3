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
    let options = named("storm");
    let pool = open(&options);
    let file = file_with(&[1; 4096]);
    let (pipe, writer) = pipe();
    let storm = Storm::begin(&options.name);
    let mut round = 0_u8;
    while round < 100 || storm.count() <= 100 {
        round = round.wrapping_add(1);
        let waiting = submit(&*pool, read(1, 0), Some(&pipe));
        let all: Vec<_> = (0..100).map(|_| submit(&*pool, read(4096, 0), Some(&file))).collect();
        all.into_iter().for_each(|one| assert_eq!(contents(answer(one)).len(), 4096));
        std::io::Write::write_all(&mut &writer, &[round]).unwrap();
        assert_eq!(contents(answer(waiting)), [round]);
    }
    storm.end();
}

/// A read of a pipe that is interrupted many times before the bytes are there. (The pool's threads
/// block signals, so that this is no test of a pool.)
#[test]
fn a_signal_interrupts_no_operation() {
    let (file, mut writer) = pipe();
    let reading = thread::Builder::new().name("interrupted".to_owned());
    let reading = reading.spawn(move || move_bytes(&mut read(1, 0), &file)).unwrap();
    let storm = Storm::begin("interrupted");
    until("signals come in the meantime", || storm.count() > 100 || reading.is_finished());
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

/// SIGUSR1 for the caller and for all threads whose names begin so, over and over, with a handler
/// that restarts nothing. The threads of other tests are not to be interrupted.
struct Storm {
    over: Arc<AtomicBool>,
    sent: Arc<AtomicUsize>,
    thread: thread::JoinHandle<()>,
}

impl Storm {
    #[allow(unsafe_code)]
    fn begin(names: &str) -> Self {
        use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
        extern "C" fn nothing(_signal: libc::c_int) {}
        let action =
            SigAction::new(SigHandler::Handler(nothing), SaFlags::empty(), SigSet::empty());
        // SAFETY: the handler does nothing, which is safe at any moment.
        unsafe { sigaction(Signal::SIGUSR1, &action) }.unwrap();
        let (over, sent) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let (seen, counted) = (Arc::clone(&over), Arc::<AtomicUsize>::clone(&sent));
        let (caller, names) = (nix::unistd::gettid().to_string(), names.to_owned());
        let thread = thread::spawn(move || {
            while !seen.load(Ordering::SeqCst) {
                for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
                    let number = task.file_name().into_string().unwrap();
                    let name = std::fs::read_to_string(task.path().join("comm"));
                    if number != caller && !name.is_ok_and(|name| name.starts_with(&names)) {
                        continue;
                    }
                    let thread: i64 = number.parse().unwrap();
                    let process = i64::from(std::process::id());
                    let signal = i64::from(libc::SIGUSR1);
                    // SAFETY: plain integers; a thread that is gone by now is an error.
                    unsafe { libc::syscall(libc::SYS_tgkill, process, thread, signal) };
                    counted.fetch_add(1, Ordering::SeqCst);
                }
                thread::sleep(Duration::from_micros(200));
            }
        });
        Self { over, sent, thread }
    }

    fn count(&self) -> usize {
        self.sent.load(Ordering::SeqCst)
    }

    fn end(self) {
        self.over.store(true, Ordering::SeqCst);
        self.thread.join().unwrap();
    }
}
