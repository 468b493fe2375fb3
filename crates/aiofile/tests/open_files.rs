//! Few descriptors: 10,000 reads at once and a walk succeed in a process that may have 64. It is a
//! process of its own, with one test.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]
#![cfg(target_os = "linux")]

use futures_util::future::join_all;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

#[test]
fn a_budget_of_64_descriptors_is_enough() {
    let directory = tempfile::tempdir().unwrap();
    for folder in 0..100 {
        let path = directory.path().join(folder.to_string());
        std::fs::create_dir(&path).unwrap();
        for file in 0..100 {
            std::fs::write(path.join(file.to_string()), format!("{folder} {file}")).unwrap();
        }
    }
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, 64, hard).unwrap();

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let reads = (0..10_000).map(|number| {
            let path = directory.path().join(format!("{}/{}", number / 100, number % 100));
            tokio::spawn(async move { aiofile::fs::read(path).await })
        });
        let reads = tokio::spawn(join_all(reads.collect::<Vec<_>>()));
        for threads in [1, 4] {
            let mut entries = aiofile::fs::walk(directory.path()).parallel(threads).entries();
            let mut count = 0;
            while let Some(entry) = entries.next().await {
                entry.unwrap();
                count += 1;
            }
            assert_eq!(count, 10_101);
        }
        for (number, read) in reads.await.unwrap().into_iter().enumerate() {
            let expected = format!("{} {}", number / 100, number % 100);
            assert_eq!(read.unwrap().unwrap(), expected.as_bytes());
        }
    });
}
