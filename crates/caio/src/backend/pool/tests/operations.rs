//! Every operation, done by a thread of a pool.

use std::io::Read;
use std::path::Path;

use super::*;
use crate::file::FileClass;
use crate::op::READ_FILE_BYTES_MAX;

for_both! {
    every_operation_does_what_its_name_says,
    missing_bytes_and_wrong_ranges_are_answers_not_panics,
    appended_bytes_go_to_the_end_of_the_file,
    whole_files_are_read_up_to_a_size_and_others_opened,
}

fn every_operation_does_what_its_name_says(open: Open) {
    let pool = &*open(&named("every"));
    let file = &file_with(b"0123456789");
    assert_eq!(contents(run(pool, read(4, 3), Some(file))), b"3456");
    assert_eq!(bytes(&run(pool, write(b"abc", 9), Some(file))), 3);
    assert_eq!(contents(run(pool, read(99, 8), Some(file))), b"8abc");

    let buffers = vec![Buffer::from(b"..XY".to_vec()), Buffer::from(b"Z".to_vec())];
    let op = Op::WriteVectored { buffers, skip: 2, offset: 0 };
    assert_eq!(bytes(&run(pool, op, Some(file))), 3);
    let buffers = vec![Buffer::from(Vec::with_capacity(2)), Buffer::from(Vec::with_capacity(3))];
    let op = Op::ReadVectored { buffers, skip: 1, offset: 1 };
    let outcome = run(pool, op, Some(file));
    assert_eq!(bytes(&outcome), 4);
    let Some(Op::ReadVectored { mut buffers, .. }) = outcome.op else { panic!("it comes back") };
    buffers.iter_mut().for_each(|buffer| buffer.set_len(buffer.initialized()));
    assert_eq!((&buffers[0].as_slice()[1..], buffers[1].as_slice()), (&b"Y"[..], &b"Z34"[..]));

    for op in [Op::Fsync, Op::Fdatasync, Op::SetLength { length: 5 }] {
        assert!(matches!(run(pool, op, Some(file)).result, Ok(Output::Done)));
    }
    match run(pool, Op::Metadata, Some(file)).result {
        Ok(Output::Metadata(metadata)) => assert_eq!(metadata.len(), 5),
        other => panic!("expected metadata, got {other:?}"),
    }

    let path = Path::new("/proc/self/status");
    let file = opened(run(pool, opening(path, libc::O_RDONLY), None));
    assert_eq!(file.path(), path);
    let flags = nix::fcntl::fcntl(&file, nix::fcntl::FcntlArg::F_GETFD).unwrap();
    assert_eq!(flags & libc::FD_CLOEXEC, libc::FD_CLOEXEC);

    let (mut reader, writer) = std::io::pipe().unwrap();
    let outcome = run(pool, Op::Close { file: writer.into() }, None);
    assert!(matches!(outcome.result, Ok(Output::Done)));
    assert_eq!(reader.read(&mut [0]).unwrap(), 0, "the other end is closed");
}

fn missing_bytes_and_wrong_ranges_are_answers_not_panics(open: Open) {
    let pool = &*open(&named("wrong"));
    let file = &file_with(b"short");
    assert_eq!(bytes(&run(pool, read(8, 5), Some(file))), 0);
    assert_eq!(bytes(&run(pool, read(0, 0), Some(file))), 0);
    assert!(run(pool, read(8, 0), None).result.is_err());
    let path = Path::new("/no/such/file");
    for op in [opening(path, 0), Op::ReadFile { path: name(path) }] {
        let missing = run(pool, op, None).result.unwrap_err();
        assert_eq!(missing.raw_os_error(), Some(libc::ENOENT));
    }
    // What the constructors refuse, a literal can still say.
    let buffer = || Buffer::from(vec![0; 8]);
    for op in [
        Op::Read { buffer: buffer(), range: 0..9999, offset: 0 },
        Op::Write { buffer: buffer(), range: 4..9999, offset: 0 },
        Op::Read { buffer: Buffer::from(&b"constant"[..]), range: 0..8, offset: 0 },
        Op::ReadVectored { buffers: vec![Buffer::from(&b"c"[..])], skip: 0, offset: 0 },
        Op::Write { buffer: buffer(), range: 0..8, offset: u64::MAX },
    ] {
        assert!(run(pool, op, Some(file)).result.is_err());
    }
    assert_eq!(contents(run(pool, read(8, 0), Some(file))), b"short");
}

fn appended_bytes_go_to_the_end_of_the_file(open: Open) {
    let pool = &*open(&named("append"));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let flags = libc::O_RDWR | libc::O_CREAT | libc::O_APPEND;
    let file = opened(run(pool, opening(&path, flags), None));
    for text in [b"one ", b"two "] {
        assert_eq!(bytes(&run(pool, write(text, 0), Some(&file))), 4);
    }
    assert_eq!(std::fs::read(path).unwrap(), b"one two ");
}

fn whole_files_are_read_up_to_a_size_and_others_opened(open: Open) {
    let pool = &*open(&named("whole"));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let whole = |path: &Path| run(pool, Op::ReadFile { path: name(path) }, None);
    let text: Vec<u8> = (0..=READ_FILE_BYTES_MAX).map(|index| (index % 251) as u8).collect();
    for length in [0, 1, 4096, 100_000, READ_FILE_BYTES_MAX] {
        std::fs::write(&path, &text[..length]).unwrap();
        match whole(&path).result {
            Ok(Output::Contents(contents)) => assert!(contents == text[..length], "{length}"),
            other => panic!("expected contents, got {other:?}"),
        }
    }
    std::fs::write(&path, &text).unwrap();
    let large = opened(whole(&path));
    assert_eq!(large.file().metadata().unwrap().len(), text.len() as u64);
    assert_eq!(opened(whole(directory.path())).class(), FileClass::Directory);
    assert_eq!(opened(whole(Path::new("/dev/zero"))).path(), Path::new("/dev/zero"));
    // It says that it has no bytes.
    match whole(Path::new("/proc/self/status")).result {
        Ok(Output::Contents(contents)) => assert!(contents.starts_with(b"Name:")),
        other => panic!("expected contents, got {other:?}"),
    }
}

/// read(2) of an eventfd refuses to read nothing, and that of an inotify descriptor would wait.
#[cfg(all(target_os = "linux", not(caio_portable)))]
#[test]
fn a_read_of_nothing_gives_nothing_from_every_stream() {
    let pool = &*super::open::<crate::backend::pool::StdThreads>(&named("nothing"));
    let events = OwnedFd::from(nix::sys::eventfd::EventFd::new().unwrap());
    let file = SharedFile::from_std(events.into()).unwrap();
    assert_eq!(file.class(), FileClass::Stream);
    assert_eq!(bytes(&run(pool, read(0, 0), Some(&file))), 0);
    let count = 3u64.to_ne_bytes();
    assert_eq!(bytes(&run(pool, write(&count, 0), Some(&file))), 8);
    assert_eq!(contents(run(pool, read(8, 0), Some(&file))), count);
}
