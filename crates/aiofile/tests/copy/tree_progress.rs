//! What is told while a directory is copied.

use std::fs;
use std::sync::{Arc, Mutex};

use aiofile::fs::{CopyDirProgress, CopyOptions, Reflink};

use crate::support::{file, noise, place};

/// Copies a tree in which one of 401 files cannot be copied; what was told of it.
async fn told(options: &mut CopyOptions) -> Vec<CopyDirProgress> {
    let place = place();
    let (source, target) = (place.path().join("source"), place.path().join("target"));
    for number in 0..400 {
        let directory = source.join(format!("below{}", number % 3));
        fs::create_dir_all(&directory).unwrap();
        file(&directory, &format!("file{number}"), noise(number));
    }
    file(&source, "large", noise(3_000_000));
    fs::create_dir_all(target.join("below1/file1/in the way")).unwrap();
    let all = Arc::new(Mutex::new(Vec::new()));
    let telling = Arc::clone(&all);
    options.dir_progress(move |now| telling.lock().unwrap().push(now));
    let copied = options.copy_dir(&source, &target).await.unwrap();
    assert_eq!((copied.files(), copied.failures()), (400, 1), "{copied:?}");
    all.lock().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_and_bytes_grow_to_what_there_is() {
    let bytes = (0..400).sum::<u64>() - 1 + 3_000_000;
    let by_blocks = |options: &mut CopyOptions| {
        options.copy_file_range(false).reflink(Reflink::Never).block_size(100_000);
    };
    for (set, verify) in [(None, false), (Some(by_blocks), false), (Some(by_blocks), true)] {
        let mut options = CopyOptions::new();
        options.verify(verify);
        set.into_iter().for_each(|set| set(&mut options));
        let told = told(&mut options).await;
        let last = told.iter().max_by_key(|now| now.files).unwrap();
        assert_eq!((last.files, last.bytes, last.found), (401, bytes, 401));
        assert!(last.is_all_found);
        assert!(told.iter().all(|now| now.files <= now.found && now.bytes <= bytes));
        assert!(told.iter().filter(|now| now.is_all_found).all(|now| now.found == 401));
        let within = told.iter().any(|now| now.files < 401 && now.bytes > 0);
        assert!(within, "nothing was told in the middle");
    }
}

#[tokio::test]
async fn each_file_is_told_of_beside_the_whole() {
    let all = Arc::new(Mutex::new(0_u64));
    let (telling, mut options) = (Arc::clone(&all), CopyOptions::new());
    // Of blocks that are shared nothing is told on the way.
    options.reflink(Reflink::Never).progress(move |now| {
        if now.source.ends_with("large") {
            *telling.lock().unwrap() = now.bytes;
        }
    });
    told(&mut options).await;
    assert_eq!(*all.lock().unwrap(), 3_000_000);
}
