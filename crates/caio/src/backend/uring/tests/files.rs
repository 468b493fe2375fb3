//! Files that are registered with the ring.

use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::Command;

use super::*;
use crate::testing::is_alone;

fn with_places(places: u32) -> Option<Uring> {
    open(&Options { registered_files: places, rings: 1, ..Options::default() })
}

/// The files that the kernel has in the ring's table: their paths, or fewer where it is busy.
fn in_table(backend: &Uring) -> Vec<String> {
    let ring = backend.first().descriptor().as_raw_fd();
    let told = std::fs::read_to_string(format!("/proc/self/fdinfo/{ring}")).unwrap();
    let table = told.lines().skip_while(|line| !line.starts_with("UserFiles:")).skip(1);
    let entries = table.take_while(|line| line.starts_with(' '));
    entries.filter(|line| !line.contains("<none>")).map(|line| line.trim().to_owned()).collect()
}

#[test]
fn a_file_is_in_the_table_from_its_first_operation_to_its_last_share() {
    let Some(backend) = with_places(4) else { return };
    let file = file_with(b"contents");
    assert_eq!(in_table(&backend), [""; 0]);
    for _ in 0..3 {
        assert_eq!(contents(run(&backend, read(8, 0), Some(&file))), b"contents");
        assert_eq!(in_table(&backend).len(), 1);
    }
    let share = file.clone();
    drop(file);
    assert_eq!(contents(run(&backend, read(8, 0), Some(&share))), b"contents");
    drop(share);
    assert_eq!(in_table(&backend), [""; 0]);
}

#[test]
fn a_place_that_is_used_again_means_the_new_file() {
    let Some(backend) = with_places(1) else { return };
    for round in 0_u64..100 {
        let file = file_with(&round.to_ne_bytes());
        assert_eq!(contents(run(&backend, read(8, 0), Some(&file))), round.to_ne_bytes());
        assert_eq!(in_table(&backend).len(), 1);
    }
}

#[test]
fn files_beyond_the_table_go_by_their_descriptors() {
    let Some(backend) = with_places(2) else { return };
    let files: Vec<_> = (0_u64..5).map(|number| file_with(&number.to_ne_bytes())).collect();
    let expect_all = |files: &[(u64, SharedFile)]| {
        for (number, file) in files {
            assert_eq!(contents(run(&backend, read(8, 0), Some(file))), number.to_ne_bytes());
        }
    };
    let mut files: Vec<_> = (0_u64..).zip(files).collect();
    expect_all(&files);
    assert_eq!(in_table(&backend).len(), 2);
    drop(files.remove(0));
    assert_eq!(in_table(&backend).len(), 1);
    expect_all(&files);
    assert_eq!(in_table(&backend).len(), 2, "the place went to another");
}

#[test]
fn threads_that_share_a_ring_agree_about_its_table() {
    let Some(backend) = with_places(3) else { return };
    let shared = file_with(&u64::MAX.to_ne_bytes());
    thread::scope(|scope| {
        for thread in 0_u64..4 {
            let (backend, shared) = (&backend, &shared);
            scope.spawn(move || {
                for round in 0..100 {
                    let number = thread << 32 | round;
                    let own = file_with(&number.to_ne_bytes());
                    let read_own = run(backend, read(8, 0), Some(&own));
                    assert_eq!(contents(read_own), number.to_ne_bytes());
                    let read_shared = run(backend, read(8, 0), Some(shared));
                    assert_eq!(contents(read_shared), u64::MAX.to_ne_bytes());
                }
            });
        }
    });
    drop(shared);
    assert_eq!(in_table(&backend), [""; 0]);
}

#[test]
fn operations_give_the_same_with_and_without_places() {
    let script = |backend: &Uring| {
        let file = file_with(b"0123456789");
        let write_only = File::options().write(true).open("/dev/null").unwrap();
        let write_only = SharedFile::from_std(write_only).unwrap();
        let (stream, writer) = pipe();
        File::from(writer).write_all(b"stream").unwrap();
        let ops = [
            (&file, write(b"abc", 8)),
            (&file, read(64, 1)),
            (&file, read(64, 1 << 40)),
            (&file, Op::Fdatasync),
            (&write_only, write(b"gone", 0)),
            (&write_only, read(1, 0)),
            (&stream, read(64, 0)),
            (&file, Op::Metadata),
        ];
        ops.map(|(file, op)| {
            let outcome = run(backend, op, Some(file));
            let result = format!("{:?}", outcome.result);
            let bytes = match outcome.op {
                Some(Op::Read { .. }) if outcome.result.is_ok() => contents(outcome),
                _ => Vec::new(),
            };
            (result, bytes)
        })
    };
    let (Some(with), Some(without)) = (with_places(8), open(&Options::default())) else { return };
    assert_eq!(script(&with), script(&without));
}

#[test]
fn a_ring_that_goes_first_leaves_its_files_alone() {
    let file = file_with(b"still");
    for _ in 0..3 {
        let Some(backend) = with_places(4) else { return };
        assert_eq!(contents(run(&backend, read(5, 0), Some(&file))), b"still");
    }
    drop(file);
}

/// A program that was written through the ring, and closed.
struct Program(PathBuf);

impl Program {
    fn write(backend: &Uring) -> (Self, SharedFile) {
        let path = std::env::temp_dir().join(format!("caio-program-{}", std::process::id()));
        let mut options = File::options();
        let file = options.write(true).create(true).truncate(true).mode(0o755).open(&path);
        let file = SharedFile::new(file.unwrap(), &path).unwrap();
        let text = std::fs::read("/bin/true").unwrap();
        let length = text.len();
        let op = Op::write(Buffer::from(text), 0..length, 0).unwrap();
        assert_eq!(bytes(&run(backend, op, Some(&file))), length);
        (Self(path), file)
    }

    fn run(&self) -> std::io::Result<bool> {
        Command::new(&self.0).status().map(|status| status.success())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn a_program_that_was_written_and_closed_can_be_executed_at_once() {
    // A child that another test is just starting would hold the file open, too.
    let name = "a_program_that_was_written_and_closed_can_be_executed_at_once";
    if !is_alone(&format!("backend::uring::tests::files::{name}")) {
        return;
    }
    let Some(backend) = with_places(4) else { return };
    for _ in 0..20 {
        let (program, file) = Program::write(&backend);
        let busy = program.run().unwrap_err();
        assert_eq!(busy.raw_os_error(), Some(Errno::ETXTBSY as i32));
        drop(file);
        assert!(program.run().unwrap());
    }
}

#[test]
fn dropping_the_ring_lets_go_of_files_at_once() {
    let name = "dropping_the_ring_lets_go_of_files_at_once";
    if !is_alone(&format!("backend::uring::tests::files::{name}")) {
        return;
    }
    for _ in 0..20 {
        let Some(backend) = with_places(4) else { return };
        let (program, file) = Program::write(&backend);
        drop(backend);
        drop(file);
        assert!(program.run().unwrap());
    }
}
