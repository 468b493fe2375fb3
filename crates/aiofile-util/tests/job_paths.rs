//! Layers are told which file each job on the pool works on.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is a test, the helpers too"
)]

mod common;

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::sync::{Arc, Mutex};

use aiofile_util::layer::{Ending, Layer, OpInfo};
use aiofile_util::{
    Compare, HashKind, HashOptions, MergeOptions, SplitBy, SplitOptions, SyncOptions,
};
use caio::OpKind;

use common::{block_on, file, noise, place};

/// The names of closures, by whether there was a path.
#[derive(Debug, Default)]
struct Jobs {
    with: Mutex<BTreeSet<&'static str>>,
    without: Mutex<BTreeSet<&'static str>>,
}

impl Layer for Jobs {
    fn finished(&self, op: &OpInfo, _ending: &Ending<'_>) {
        if op.kind() == OpKind::Run {
            let jobs = if op.path().is_some() { &self.with } else { &self.without };
            jobs.lock().unwrap().insert(op.name());
        }
    }
}

#[test]
fn every_job_on_a_file_says_which_one() {
    let jobs = Arc::new(Jobs::default());
    let context = aiofile::context().layer(jobs.clone()).build().unwrap();
    let place = place();
    let root = place.path();
    let large = file(root, "large", noise(9 << 20, 1));
    let lines = file(root, "lines", "a\n".repeat(1 << 20));
    let (from, to) = (root.join("from"), root.join("to"));
    std::fs::create_dir_all(from.join("deep")).unwrap();
    std::fs::create_dir(&to).unwrap();
    file(&from.join("deep"), "file", noise(5 << 20, 2));
    file(&from, "same", "same");
    file(&to, "same", "same");
    file(&to, "gone", "gone");
    symlink("same", from.join("link")).unwrap();
    std::fs::hard_link(from.join("same"), from.join("other")).unwrap();
    block_on(async {
        for kind in [HashKind::Blake3, HashKind::Md5] {
            HashOptions::new(kind).context(&context).hash(&large).await?;
        }
        let count = 3.try_into().unwrap();
        let cuts = [SplitBy::Pieces(count), SplitBy::PiecesOfLines(count)];
        for (number, by) in cuts.iter().enumerate() {
            let split = SplitOptions::new(*by).context(&context);
            split.split(&lines, root.join(format!("piece{number}."))).await?;
        }
        let lines_each = SplitOptions::new(SplitBy::Lines((1 << 20).try_into().unwrap()));
        lines_each.context(&context).split(&lines, root.join("lines.")).await?;
        let merge = MergeOptions::new().context(&context);
        merge.merge([&large, &lines], root.join("merged")).await?;
        merge.merge_sorted([&lines], root.join("sorted")).await?;
        let sync = SyncOptions::new().context(&context).delete(true).compare(Compare::Contents);
        sync.keep_hard_links(true).sync(&from, &to).await?;
        Ok::<_, std::io::Error>(())
    })
    .unwrap();
    assert_eq!(*jobs.without.lock().unwrap(), BTreeSet::new());
    let with = jobs.with.lock().unwrap();
    for name in ["hash", "read", "split", "merge", "sync", "read_dir", "stat", "finish"] {
        assert!(with.contains(name), "{name} of {with:?}");
    }
}
