//! Runs that go on where they were: torn lines, killed processes, two runs at once.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is a test, the helpers too"
)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use aiofile::with_context;
use aiofile_util::{Journal, OnError, PipelineOptions};
use caio_testkit::Random;
use futures_util::FutureExt;

use common::{block_on, contexts, file, names, place};

const HEAD: &str = "aiofile journal 1\n";

/// Once what was given up before is over.
fn open(path: &Path) -> Journal {
    let begun = Instant::now();
    loop {
        match block_on(Journal::open(path)) {
            Err(error) if error.kind() == ErrorKind::ResourceBusy => {
                assert!(begun.elapsed() < Duration::from_secs(60), "{error}");
                std::thread::yield_now();
            }
            journal => return journal.unwrap(),
        }
    }
}

#[test]
fn what_is_acknowledged_is_done_on_every_backend() {
    for context in contexts() {
        let place = place();
        let path = place.path().join("journal");
        let odd = ["plain", "two\nlines", "back\\slash", "\u{fc}", "\r", " "];
        let odd: Vec<_> = odd.iter().map(PathBuf::from).collect();
        let not_utf8 = PathBuf::from(std::ffi::OsStr::from_bytes(b"\xff\xfe"));
        let run = async {
            let journal = Journal::open(&path).await?;
            for path in odd.iter().chain([&not_utf8, &odd[0]]) {
                journal.acknowledge(path).await?;
            }
            journal.sync().await?;
            for bad in ["", "a\0b"] {
                let error = journal.acknowledge(bad).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidInput);
            }
            assert_eq!(journal.done(), 7);
            drop(journal);
            let journal = Journal::open(&path).await?;
            assert_eq!(journal.done(), 7);
            let all = odd.iter().chain([&not_utf8]).cloned();
            Ok::<_, std::io::Error>(journal.remaining(all.chain([PathBuf::from("new")])))
        };
        let left = block_on(with_context(&context, run)).unwrap();
        assert_eq!(left, [PathBuf::from("new")]);
        assert_eq!(
            fs::read_to_string(&path).err().map(|error| error.kind()),
            Some(ErrorKind::InvalidData)
        );
    }
}

#[test]
fn a_torn_line_does_not_count_and_joins_no_other() {
    let place = place();
    let whole = format!("{HEAD}a\nsome longer name\n");
    for length in 0..=whole.len() {
        let path = file(place.path(), "journal", &whole[..length]);
        let journal = open(&path);
        let lines = whole[..length].matches('\n').count();
        assert_eq!(journal.done(), lines.saturating_sub(1), "after {length} bytes");
        block_on(journal.acknowledge("new")).unwrap();
        drop(journal);
        let text = fs::read_to_string(&path).unwrap();
        let kept = &whole[..whole[..length].rfind('\n').map_or(0, |newline| newline + 1)];
        let kept = if kept.is_empty() { HEAD } else { kept };
        let rest = text.strip_prefix(&format!("{kept}new\n")).unwrap();
        assert!(!rest.contains('\n'), "{rest:?} is the rest of the torn line");
        let journal = open(&path);
        assert_eq!(journal.done(), lines.max(1));
        block_on(journal.acknowledge("a name that is longer than the torn one")).unwrap();
        drop(journal);
        assert_eq!(open(&path).done(), lines.max(1) + 1);
    }
}

#[test]
fn no_other_file_is_taken_for_a_journal() {
    let place = place();
    for contents in [
        "aiofile",
        "some text\nmore",
        "aiofile journal 2\n",
        "\n",
        &format!("{HEAD}\n"),
        &format!("{HEAD}a\\b\n"),
        "\0",
        "\0\0a\n",
        "aio\0ile journal 1",
        &"\0".repeat(100),
    ] {
        // What a loss of power may leave of a new journal.
        let is_prefix = ["aiofile", "\0", "aio\0ile journal 1"].contains(&contents);
        let path = file(place.path(), "file", contents);
        let opened = block_on(Journal::open(&path));
        if is_prefix {
            opened.unwrap();
            continue;
        }
        let error = opened.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{contents:?}");
        assert!(error.to_string().starts_with(&format!("read {}: ", path.display())), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), contents, "it is left as it is");
    }
}

#[test]
fn what_the_power_has_taken_does_not_count_nor_what_is_behind_it() {
    let place = place();
    for (contents, done) in [
        (format!("{HEAD}a\n\0\0\0b\n"), 1),
        (format!("{HEAD}\0\0\0\0"), 0),
        (format!("{HEAD}a\nb\0\nc\n"), 1),
    ] {
        let path = file(place.path(), "journal", &contents);
        let journal = open(&path);
        assert_eq!(journal.done(), done, "{contents:?}");
        block_on(journal.acknowledge("new")).unwrap();
        drop(journal);
        let kept = if done == 1 { "a\n" } else { "" };
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{HEAD}{kept}new\n"));
    }
}

#[test]
fn what_is_no_journal_is_not_read_to_its_end() {
    let place = place();
    let error = block_on(Journal::open("/dev/null")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(
        error.to_string(),
        "open /dev/null: it is no regular file, of which a write that failed could be undone"
    );
    let fifo = place.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(block_on(Journal::open(&fifo)).unwrap_err().kind(), ErrorKind::InvalidInput);
    // No memory has room for this one.
    let huge = place.path().join("huge");
    fs::File::create(&huge).unwrap().set_len(1 << 40).unwrap();
    let error = block_on(Journal::open(&huge)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
    assert!(error.to_string().contains("name another file"), "{error}");
}

#[test]
fn two_runs_do_not_share_a_journal() {
    let place = place();
    let path = place.path().join("journal");
    let first = open(&path);
    let error = block_on(Journal::open(&path)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourceBusy);
    assert!(error.to_string().contains("another run has this journal"), "{error}");
    drop(first);
    open(&path);
}

#[test]
fn a_full_disk_leaves_a_journal_that_goes_on() {
    // /dev/full cannot be a journal; a limit on the size of files can be had by a child alone.
    let place = place();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["child_with_a_limit", "--exact", "--nocapture"])
        .env("JOURNAL_TEST_LIMITED", place.path())
        .output()
        .unwrap();
    assert!(child.status.success(), "{child:?}");
    let journal = open(&place.path().join("journal"));
    assert_eq!(journal.remaining(["a", "b".repeat(100).as_str(), "c"]).len(), 1);
}

/// A child of another test; without its variable there is nothing to do.
#[test]
fn child_with_a_limit() {
    let Some(place) = std::env::var_os("JOURNAL_TEST_LIMITED") else { return };
    let journal = open(&PathBuf::from(place).join("journal"));
    block_on(journal.acknowledge("a")).unwrap();
    let limit = nix::sys::resource::Resource::RLIMIT_FSIZE;
    let (_, hard) = nix::sys::resource::getrlimit(limit).unwrap();
    nix::sys::resource::setrlimit(limit, HEAD.len() as u64 + 30, hard).unwrap();
    let long = "b".repeat(100);
    let error = block_on(journal.acknowledge(&long)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FileTooLarge, "{error}");
    assert_eq!(journal.remaining([long.as_str()]).len(), 1);
    block_on(journal.acknowledge("c")).unwrap();
}

/// 5,000 files in runs that are given up at any point, also in the middle of an acknowledgement.
#[test]
fn runs_that_are_given_up_lose_nothing_and_double_nothing() {
    let place = place();
    let paths: Vec<_> =
        (0..500).map(|number| file(place.path(), &number.to_string(), "x")).collect();
    for seed in 0..10 {
        let journal_path = place.path().join(format!("journal {seed}"));
        let mut random = Random::new(seed);
        let mut consumed: BTreeMap<PathBuf, u32> = BTreeMap::new();
        let mut unsure: BTreeMap<PathBuf, u32> = BTreeMap::new();
        loop {
            let journal = open(&journal_path);
            let left = journal.remaining(paths.clone());
            if left.is_empty() {
                break;
            }
            let options = PipelineOptions::new().ordered(random.chance(0.5));
            let mut files =
                options.on_error(OnError::Collect).process(left, move |path| async move {
                    match path.as_os_str().len() % 7 {
                        0 => Err(ErrorKind::TimedOut.into()),
                        _ => fs::read(path),
                    }
                });
            for _ in 0..random.within(1..200) {
                let Some(outcome) = block_on(files.next()) else { break };
                *consumed.entry(outcome.path.to_path_buf()).or_default() += 1;
                let acknowledge = journal.acknowledge(&outcome.path);
                if random.chance(0.05) {
                    // Given up: whether it is written is not known.
                    _ = acknowledge.now_or_never();
                    *unsure.entry(outcome.path.to_path_buf()).or_default() += 1;
                } else {
                    block_on(acknowledge).unwrap();
                }
            }
            // What was given up may be under way, and the lock goes with it.
            drop((files, journal));
        }
        for path in &paths {
            let (times, unsure) = (consumed[path], unsure.get(path).copied().unwrap_or(0));
            assert!((1..=1 + unsure).contains(&times), "{}: {times}", path.display());
        }
    }
}

/// What a killed run has done and what it has not.
#[test]
fn a_killed_run_goes_on_where_it_was() {
    let place = place();
    let (sources, targets) = (place.path().join("sources"), place.path().join("targets"));
    fs::create_dir(&sources).unwrap();
    fs::create_dir(&targets).unwrap();
    for number in 0..400 {
        file(&sources, &format!("{number:03}"), number.to_string().repeat(1000));
    }
    let (journal, log) = (place.path().join("journal"), place.path().join("log"));
    let mut random = Random::new(7);
    let (mut acknowledged, mut kills) = (0, 0);
    loop {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["child_that_is_killed", "--exact"])
            .env("JOURNAL_TEST_KILLED", place.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Killed once so many more are done.
        let until = acknowledged + random.within(10..60);
        let begun = Instant::now();
        let ended = loop {
            assert!(begun.elapsed() < Duration::from_secs(120), "it does not come to an end");
            if let Some(status) = child.try_wait().unwrap() {
                break Some(status);
            }
            if lines(&journal) > until + 1 {
                child.kill().unwrap();
                child.wait().unwrap();
                break None;
            }
            std::thread::yield_now();
        };
        if let Some(status) = ended {
            assert!(status.success());
            break;
        }
        kills += 1;
        acknowledged = open(&journal).done();
    }
    assert!(kills >= 4, "it was killed {kills} times");
    // All are there and whole, and what was killed in between has at most its jobs to do again.
    assert_eq!(names(&targets).iter().filter(|name| name.as_bytes()[0] != b'.').count(), 400);
    for number in 0..400 {
        let target = targets.join(format!("{number:03}"));
        assert_eq!(fs::read_to_string(target).unwrap(), number.to_string().repeat(1000));
    }
    let done = fs::read_to_string(log).unwrap().lines().count();
    assert!((400..=400 + kills * 8).contains(&done), "{done} with {kills} kills");
    assert_eq!(lines(&journal), 401, "each is acknowledged once");
}

fn lines(path: &Path) -> usize {
    fs::read(path).map_or(0, |bytes| bytes.iter().filter(|byte| **byte == b'\n').count())
}

/// A child of another test; without its variable there is nothing to do.
#[test]
fn child_that_is_killed() {
    let Some(place) = std::env::var_os("JOURNAL_TEST_KILLED").map(PathBuf::from) else { return };
    let run = async {
        let journal = Journal::open(place.join("journal")).await?;
        let sources = (0..400).map(|number| place.join(format!("sources/{number:03}")));
        let log = fs::File::options().append(true).create(true).open(place.join("log"))?;
        let log = std::sync::Arc::new(log);
        let targets = place.join("targets");
        let options = PipelineOptions::new().jobs(4.try_into().unwrap()).ordered(false);
        let mut copies = options.process(journal.remaining(sources), move |path| {
            let (log, target) = (log.clone(), targets.join(path.file_name().unwrap()));
            async move {
                let contents = aiofile::fs::read(path).await?;
                (&*log).write_all(b"begun\n")?;
                aiofile::fs::write_atomic(target, contents).await
            }
        });
        while let Some(copy) = copies.next().await {
            copy.result?;
            journal.acknowledge(&copy.path).await?;
        }
        Ok::<_, std::io::Error>(())
    };
    block_on(run).unwrap();
}
