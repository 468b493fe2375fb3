//! More operations than fit: full queues, small rings, many threads, a kernel that refuses.

use super::*;

#[test]
fn a_batch_larger_than_the_ring_with_errors_in_it_completes_whole() {
    const DEPTH: usize = 8;
    let Some(backend) = open(&small(DEPTH, 1)) else { return };
    let file = file_with(b"x");
    let write_only = File::options().write(true).open("/dev/null").unwrap();
    let write_only = SharedFile::from_std(write_only).unwrap();
    let mut batch = Vec::new();
    let mut completions = Vec::new();
    for index in 0..DEPTH + 5 {
        let (file, op) = match index % 3 {
            0 => (&file, read(1, 0)),
            1 => (&write_only, read(1, 0)),
            _ => (&file, Op::Metadata),
        };
        let (request, completion) = request(op, Some(file));
        batch.push(Some(request));
        completions.push(completion);
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    while batch.iter().any(Option::is_some) {
        assert!(Instant::now() < deadline);
        let taken = batch.iter().take_while(|request| request.is_none()).count();
        assert!(batch[taken..].iter().all(Option::is_some), "taken from the front only");
        backend.submit(&mut batch[taken..]).unwrap();
        reap_all(&backend);
    }
    for (index, completion) in completions.into_iter().enumerate() {
        let result = wait(completion, || reap_all(&backend)).result;
        match index % 3 {
            0 => assert!(matches!(result, Ok(Output::Bytes(1)))),
            1 => assert_eq!(result.unwrap_err().raw_os_error(), Some(Errno::EBADF as i32)),
            _ => assert_eq!(result.unwrap_err().raw_os_error(), Some(Errno::EOPNOTSUPP as i32)),
        }
    }
}

/// Keeps `depth` reads going until `count` are done.
fn churn(backend: &Uring, file: &SharedFile, depth: usize, count: usize) {
    let mut completions = Vec::new();
    let mut begun = 0;
    let mut waiting: Vec<Option<Request>> = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(60);
    while begun < count || !completions.is_empty() {
        assert!(Instant::now() < deadline, "{begun} begun, {} open", completions.len());
        while waiting.len() + completions.len() < 2 * depth && begun < count {
            let (request, completion) = request(read(8, 8 * (begun as u64 % 512)), Some(file));
            waiting.push(Some(request));
            completions.push((begun, completion));
            begun += 1;
        }
        backend.submit(&mut waiting).unwrap();
        waiting.retain(Option::is_some);
        reap_all(backend);
        if waiting.is_empty() {
            for (index, completion) in completions.drain(..) {
                let read = contents(wait(completion, || reap_all(backend)));
                assert_eq!(read, (index as u64 % 512).to_ne_bytes());
            }
        }
    }
}

fn numbered() -> SharedFile {
    let bytes: Vec<u8> = (0..512_u64).flat_map(u64::to_ne_bytes).collect();
    file_with(&bytes)
}

#[test]
fn the_smallest_ring_does_five_thousand_operations() {
    let Some(backend) = open(&small(2, 1)) else { return };
    churn(&backend, &numbered(), 2, 5000);
    assert_eq!(backend.first().stale(), 0);
}

#[test]
fn eight_threads_share_two_rings() {
    let Some(backend) = open(&small(16, 2)) else { return };
    let file = numbered();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| churn(&backend, &file, 4, 500));
        }
    });
    assert_eq!(backend.existing().map(|ring| ring.in_flight()).sum::<usize>(), 0);
}

#[test]
fn a_polling_kernel_thread_loses_nothing() {
    let options = Options { sqpoll_idle_ms: Some(2), ..small(2, 1) };
    let Some(backend) = open(&options) else { return };
    let file = numbered();
    churn(&backend, &file, 2, 1000);
    thread::sleep(Duration::from_millis(20));
    churn(&backend, &file, 2, 100);
}

#[test]
fn a_refusing_kernel_is_asked_again_though_nothing_else_happens() {
    let Some(backend) = open(&small(4, 1)) else { return };
    backend.first().refuse(10);
    let completion = begin(&backend, read(5, 0), &file_with(b"later"));
    assert_eq!(contents(wait(completion, || ())), b"later");
}

#[test]
fn a_full_ring_leaves_requests_in_the_batch() {
    let Some(backend) = open(&small(2, 1)) else { return };
    let (reader, writer) = pipe();
    let (mut batch, completions): (Vec<_>, Vec<_>) = (0..3)
        .map(|_| request(read(1, 0), Some(&reader)))
        .map(|(request, completion)| (Some(request), completion))
        .unzip();
    backend.submit(&mut batch).unwrap();
    assert_eq!(batch.iter().filter(|request| request.is_some()).count(), 1);
    assert!(batch[2].is_some());
    drop(writer);
    let mut completions = completions.into_iter();
    for completion in completions.by_ref().take(2) {
        assert_eq!(contents(wait(completion, || reap_all(&backend))), b"");
    }
}
