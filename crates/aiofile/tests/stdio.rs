//! Standard streams, each case in a process of its own: this program starts itself again, with what
//! to do in an environment variable.

#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "what is printed has its order")]

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::task::{Context as TaskContext, Waker};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use libtest_mimic::{Arguments, Trial};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::runtime::{self, Runtime};

/// Names what a child does.
const CASE: &str = "STDIO_CASE";

/// How long a child may take that has nothing to wait for, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() {
    if let Ok(case) = std::env::var(CASE) {
        return child(&case);
    }
    let tests: [(&str, fn()); 13] = [
        ("a_pending_read_keeps_no_runtime_and_no_process", pending_reads),
        ("a_pending_read_of_a_terminal_keeps_no_process", pending_read_of_a_terminal),
        ("lines_come_from_a_pipe_a_file_and_a_terminal", lines),
        ("a_line_that_is_not_text_is_passed_over", not_text),
        ("what_was_read_ahead_is_there_for_the_next", handed_over),
        ("a_regular_input_stands_behind_what_was_taken", position_of_a_file),
        ("a_pipe_nobody_reads_is_an_error", broken_pipe),
        ("what_is_printed_and_written_keeps_its_order", interleaved),
        ("much_goes_through_a_slow_pipe", slow_pipe),
        ("closed_streams_are_errors", closed),
        ("descriptors_stay_blocking", still_blocking),
        ("standard_error_is_written_too", standard_error),
        ("streams_can_be_sent", sent),
    ];
    let tests = tests.map(|(name, test)| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), tests.into()).exit();
}

/// What the processes do that are started.
fn child(case: &str) {
    match case {
        "pending" => pending(&multi_thread()),
        "pending on one thread" => pending(&one_thread()),
        "pending without a runtime" => {
            let mut input = aiofile::stdin();
            let mut bytes = [0; 8];
            let mut read = Box::pin(input.read(&mut bytes));
            assert!(futures_executor::block_on(async { (&mut read).now_or_never() }).is_none());
        }
        "echo" => multi_thread().block_on(async {
            let (mut input, mut output) = (aiofile::stdin(), aiofile::stdout());
            while let Some(line) = input.next_line().await.unwrap() {
                output.write_all(format!("<{line}>").as_bytes()).await.unwrap();
            }
        }),
        "echo without a runtime" => futures_executor::block_on(async {
            let (mut input, mut output) = (aiofile::stdin(), aiofile::stdout());
            let mut lines = (&mut input).lines();
            while let Some(line) = lines.next_line().await.unwrap() {
                output.write_all(format!("<{line}>").as_bytes()).await.unwrap();
            }
        }),
        "errors" => one_thread().block_on(async {
            let mut input = aiofile::stdin();
            loop {
                match input.next_line().await {
                    Ok(None) => break,
                    Ok(Some(line)) => println!("{line}"),
                    Err(error) => println!("{error}"),
                }
            }
        }),
        "one line each" => {
            // Each in a runtime of its own, of a `Stdin` that read ahead of it.
            while let Some(line) =
                multi_thread().block_on(async { aiofile::stdin().next_line().await }).unwrap()
            {
                print!("<{line}>");
            }
        }
        "one line" => {
            let line = one_thread().block_on(async { aiofile::stdin().next_line().await });
            assert_eq!(line.unwrap().unwrap(), "first");
        }
        "broken" => one_thread().block_on(broken()),
        "interleaved" => multi_thread().block_on(async {
            let mut output = aiofile::stdout();
            for number in 0..50 {
                println!("printed {number}");
                output.write_all(format!("written {number}\n").as_bytes()).await.unwrap();
            }
        }),
        "much" => multi_thread().block_on(async {
            let mut output = aiofile::stdout();
            output.write_all(&much()).await.unwrap();
            output.flush().await.unwrap();
        }),
        "closed" => closed_streams(),
        "error" => one_thread().block_on(async {
            aiofile::stderr().write_all(b"to standard error").await.unwrap();
        }),
        other => panic!("there is no case {other}"),
    }
}

fn multi_thread() -> Runtime {
    runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn one_thread() -> Runtime {
    runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A read that has begun, in a task and in the end of `main`.
fn pending(runtime: &Runtime) {
    runtime.block_on(async {
        let mut input = aiofile::stdin();
        let mut bytes = [0; 8];
        // The first polls make the context and duplicate the descriptor.
        while !input_waits(&mut input) {
            tokio::task::yield_now().await;
        }
        let task = tokio::spawn(async move {
            let mut text = String::new();
            aiofile::stdin().read_to_string(&mut text).await
        });
        tokio::task::yield_now().await;
        assert!(input.read(&mut bytes).now_or_never().is_none() && !task.is_finished());
    });
}

/// Polls a read often enough that it has come to where it waits for bytes.
fn input_waits(input: &mut aiofile::Stdin) -> bool {
    let metrics = || aiofile::default_context().unwrap().metrics().submitted;
    let before = metrics();
    let mut bytes = [0; 8];
    let mut cx = TaskContext::from_waker(Waker::noop());
    let polled = Pin::new(input).poll_read(&mut cx, &mut ReadBuf::new(&mut bytes));
    assert!(polled.is_pending());
    metrics() > before
}

fn much() -> Vec<u8> {
    (0..300_000_u32).flat_map(u32::to_le_bytes).collect()
}

/// Writes until nobody reads.
async fn broken() {
    let mut output = aiofile::stdout();
    let error = loop {
        if let Err(error) = output.write_all(&[b'x'; 100_000]).await {
            break error;
        }
    };
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe, "{error}");
    eprint!("refused");
}

/// Closes its own standard streams.
fn closed_streams() {
    one_thread().block_on(async {
        // What is opened after the closing would get the numbers.
        let _context = aiofile::default_context().unwrap();
        nix::unistd::close(0).unwrap();
        nix::unistd::close(1).unwrap();
        let error = aiofile::stdin().next_line().await.unwrap_err();
        assert_eq!(aiofile::Error::of(&error).unwrap().raw_os_error(), Some(9), "{error}");
        assert!(error.to_string().contains("standard input"), "{error}");
        let error = aiofile::stdout().write_all(b"lost").await.unwrap_err();
        assert!(error.to_string().contains("standard output"), "{error}");
    });
    eprint!("both");
}

fn start(case: &str, stdin: impl Into<Stdio>, stdout: impl Into<Stdio>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(CASE, case).stdin(stdin).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits for the end of a child that has nothing to wait for, and returns what it said.
fn ended(mut child: Child) -> (ExitStatus, String) {
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("the process has not ended");
        }
        thread::sleep(Duration::from_millis(5));
    };
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (status, said)
}

fn succeeds(child: Child) -> String {
    let (status, said) = ended(child);
    assert!(status.success(), "{status}: {said}");
    said
}

fn pending_reads() {
    for case in ["pending", "pending on one thread", "pending without a runtime"] {
        let (reader, _writer) = std::io::pipe().unwrap();
        succeeds(start(case, reader, Stdio::null()));
    }
}

/// A terminal without anybody before it: its two ends.
fn terminal() -> Option<(File, OwnedFd)> {
    match nix::pty::openpty(None, None) {
        Ok(ends) => Some((ends.master.into(), ends.slave)),
        Err(error) => {
            println!("skipped: there is no terminal to be had: {error}");
            None
        }
    }
}

fn pending_read_of_a_terminal() {
    let Some((_master, slave)) = terminal() else { return };
    for case in ["pending", "pending on one thread"] {
        succeeds(start(case, slave.try_clone().unwrap(), Stdio::null()));
    }
}

fn lines() {
    let text = "one\ntwo\r\n\nlast";
    for case in ["echo", "echo without a runtime"] {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let (mut output, to_output) = std::io::pipe().unwrap();
        let child = start(case, reader, to_output);
        writer.write_all(text.as_bytes()).unwrap();
        drop(writer);
        let mut said = String::new();
        output.read_to_string(&mut said).unwrap();
        assert_eq!(said, "<one><two><><last>");
        succeeds(child);

        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.rewind().unwrap();
        let mut output = tempfile::tempfile().unwrap();
        succeeds(start(case, file, output.try_clone().unwrap()));
        output.rewind().unwrap();
        let mut said = String::new();
        output.read_to_string(&mut said).unwrap();
        assert_eq!(said, "<one><two><><last>");
    }
    let Some((mut master, slave)) = terminal() else { return };
    let (mut output, to_output) = std::io::pipe().unwrap();
    let child = start("echo", slave, to_output);
    let mut said = [0; 10];
    // The second line is typed once the first is answered; then comes the end of the input, ^D.
    master.write_all(b"one\n").unwrap();
    output.read_exact(&mut said[..5]).unwrap();
    master.write_all(b"two\n\x04").unwrap();
    output.read_exact(&mut said[5..]).unwrap();
    assert_eq!(&said, b"<one><two>");
    succeeds(child);
}

fn not_text() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"one\n\xff\ntwo").unwrap();
    file.rewind().unwrap();
    let (mut output, to_output) = std::io::pipe().unwrap();
    let child = start("errors", file, to_output);
    let mut said = String::new();
    output.read_to_string(&mut said).unwrap();
    assert_eq!(said, "one\nread standard input: the line is not UTF-8\ntwo\n");
    succeeds(child);
}

fn handed_over() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let (mut output, to_output) = std::io::pipe().unwrap();
    writer.write_all(b"first\nsecond\nthird\nha").unwrap();
    let child = start("one line each", reader, to_output);
    writer.write_all(b"lf\n").unwrap();
    drop(writer);
    let mut said = String::new();
    output.read_to_string(&mut said).unwrap();
    assert_eq!(said, "<first><second><third><half>");
    succeeds(child);
}

fn position_of_a_file() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"first\nsecond\n").unwrap();
    file.rewind().unwrap();
    succeeds(start("one line", file.try_clone().unwrap(), Stdio::null()));
    assert_eq!(file.stream_position().unwrap(), 6);
}

fn broken_pipe() {
    let (reader, writer) = std::io::pipe().unwrap();
    let child = start("broken", Stdio::null(), writer);
    drop(reader);
    assert_eq!(succeeds(child), "refused");
}

fn interleaved() {
    let expected: String =
        (0..50).map(|number| format!("printed {number}\nwritten {number}\n")).collect();
    let (mut output, to_output) = std::io::pipe().unwrap();
    let child = start("interleaved", Stdio::null(), to_output);
    let mut said = String::new();
    output.read_to_string(&mut said).unwrap();
    assert_eq!(said, expected, "a pipe");
    succeeds(child);

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("output");
    for append in [false, true] {
        std::fs::write(&path, "before\n").unwrap();
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(!append).append(append).open(&path).unwrap();
        (&file).seek(std::io::SeekFrom::End(0)).unwrap();
        succeeds(start("interleaved", Stdio::null(), file));
        let said = std::fs::read_to_string(&path).unwrap();
        assert_eq!(said, format!("before\n{expected}"), "append: {append}");
    }
}

fn slow_pipe() {
    let (mut output, to_output) = std::io::pipe().unwrap();
    let child = start("much", Stdio::null(), to_output);
    let mut said = Vec::new();
    output.read_to_end(&mut said).unwrap();
    assert!(said == much());
    succeeds(child);
}

fn closed() {
    assert_eq!(succeeds(start("closed", Stdio::null(), Stdio::null())), "both");
}

fn still_blocking() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let (mut output, to_output) = std::io::pipe().unwrap();
    let (own_input, own_output) = (reader.try_clone().unwrap(), to_output.try_clone().unwrap());
    let child = start("echo", reader, to_output);
    writer.write_all(b"x\n").unwrap();
    // The child has used both when this has come, and waits for more.
    output.read_exact(&mut [0; 3]).unwrap();
    for descriptor in [own_input.as_fd(), own_output.as_fd()] {
        let flags = OFlag::from_bits_retain(fcntl(descriptor, FcntlArg::F_GETFL).unwrap());
        assert!(!flags.contains(OFlag::O_NONBLOCK));
    }
    drop(writer);
    succeeds(child);
}

fn standard_error() {
    assert_eq!(succeeds(start("error", Stdio::null(), Stdio::null())), "to standard error");
}

fn sent() {
    fn sent<T: Send + Sync + 'static>(_: T) {}
    sent((aiofile::stdin(), aiofile::stdout(), aiofile::stderr()));
}
