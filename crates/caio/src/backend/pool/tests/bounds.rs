//! That the slowness of one file is not another's.

use super::*;

for_both! {
    a_file_that_hangs_takes_no_thread_of_others,
    paths_that_hang_leave_threads_to_files,
    transfers_that_hang_leave_a_thread_to_metadata,
    writes_to_a_file_wait_without_a_thread_and_in_their_order,
}

fn a_file_that_hangs_takes_no_thread_of_others(open: Open) {
    let pool = &*open(&named("one").with(|config| config.threads_max = 5));
    let slow = file_with(b"slow");
    let duplicate = slow.duplicate().unwrap();
    let mut hanging = Vec::new();
    for _ in 0..5 {
        for file in [&slow, &duplicate] {
            hanging.push(Hanging::queue(pool, read(4, 0), Some(file)));
            hanging.push(Hanging::queue(pool, write(b"s", 0), Some(file)));
        }
        hanging.push(Hanging::queue(pool, opening(Path::new("/dev/zero"), libc::O_RDONLY), None));
    }
    let (fast, path) = (file_with(b"fast"), Path::new("/dev/null"));
    assert_eq!(contents(run(pool, read(4, 0), Some(&fast))), b"fast");
    assert_eq!(bytes(&run(pool, write(b"x", 0), Some(&fast))), 1);
    let metadata = run(pool, Op::Metadata, Some(&fast)).result;
    assert!(matches!(metadata, Ok(Output::Metadata(_))));
    drop(opened(run(pool, opening(path, libc::O_RDONLY), None)));
    assert_eq!(hanging.iter().filter(|one| one.has_begun()).count(), 3);
    for one in hanging {
        assert!(one.release().result.is_ok());
    }
}

fn paths_that_hang_leave_threads_to_files(open: Open) {
    let pool = &*open(&named("paths").with(|config| config.threads_max = 4));
    let paths = ["/dev/null", "/dev/zero", "/dev/full", "/dev/urandom"];
    let hanging: Vec<_> = paths
        .iter()
        .map(|path| Hanging::queue(pool, opening(Path::new(path), libc::O_RDONLY), None))
        .collect();
    assert_eq!(contents(run(pool, read(4, 0), Some(&file_with(b"fast")))), b"fast");
    hanging.into_iter().for_each(|one| drop(opened(one.release())));
}

fn transfers_that_hang_leave_a_thread_to_metadata(open: Open) {
    let options = named("many").with(|config| config.threads_max = 4);
    let pool = &*open(&options);
    let files: Vec<_> = (0..8).map(|_| file_with(b"slow")).collect();
    let hanging: Vec<_> =
        files.iter().map(|file| Hanging::queue(pool, read(4, 0), Some(file))).collect();
    until("three hang", || threads_of(&options) == 3);
    for op in [Op::Metadata, Op::Fsync, Op::SetLength { length: 4 }] {
        assert!(run(pool, op, Some(&files[7])).result.is_ok());
    }
    let (mut reader, writer) = std::io::pipe().unwrap();
    assert!(run(pool, Op::Close { file: writer.into() }, None).result.is_ok());
    assert_eq!(reader.read(&mut [0]).unwrap(), 0);
    hanging.into_iter().for_each(|one| assert_eq!(contents(one.release()), b"slow"));
}

fn writes_to_a_file_wait_without_a_thread_and_in_their_order(open: Open) {
    let options = named("order");
    let pool = &*open(&options);
    let file = file_with(b"");
    let first = Hanging::begin(pool, write(b"0", 0), Some(&file));
    let others: Vec<_> =
        (1..=200u8).map(|byte| submit(pool, write(&[byte], 0), Some(&file))).collect();
    assert_eq!(threads_of(&options), 1, "none came only to wait");
    assert_eq!(contents(run(pool, read(1, 0), Some(&file))), b"0", "reads do not wait");
    assert!(first.release().result.is_ok());
    others.into_iter().for_each(|one| assert_eq!(bytes(&answer(one)), 1));
    assert_eq!(contents(run(pool, read(1, 0), Some(&file))), [200]);
}
