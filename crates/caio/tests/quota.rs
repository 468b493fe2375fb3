//! Containers: what follows from the number of processors follows from the quota of the cgroup.
//!
//! It takes the right to make a cgroup, which root has; without it the test says so and ends.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use caio::Config;

/// The cgroup that a child of this test is to enter.
const GROUP: &str = "CAIO_TEST_QUOTA";

/// A cgroup that is removed at the end.
struct Group(PathBuf);

impl Drop for Group {
    fn drop(&mut self) {
        // It is empty when the child has ended.
        let _ = fs::remove_dir(&self.0);
    }
}

/// A cgroup below this process's own that may have so many hundredths of a processor; in either
/// version of cgroups.
fn group(hundredths: u32) -> io::Result<Group> {
    let quota = hundredths * 1000;
    let own = fs::read_to_string("/proc/self/cgroup")?;
    let mut result = Err(io::Error::other("no cgroup has processors"));
    for line in own.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let (mount, file, text) = match controllers {
            "" => ("", "cpu.max", format!("{quota} 100000")),
            _ if controllers.split(',').any(|name| name == "cpu") => {
                (controllers, "cpu.cfs_quota_us", quota.to_string())
            }
            _ => continue,
        };
        let parent = Path::new("/sys/fs/cgroup").join(mount).join(path.trim_start_matches('/'));
        let group = Group(parent.join(format!("caio-quota-{}-{hundredths}", process::id())));
        result = fs::create_dir(&group.0).and_then(|()| fs::write(group.0.join(file), text));
        if result.is_ok() {
            return Ok(group);
        }
    }
    result.map(|()| unreachable!("a group that was made is returned"))
}

#[test]
fn rings_and_workers_follow_from_the_quota() {
    if let Some(group) = std::env::var_os(GROUP) {
        fs::write(Path::new(&group).join("cgroup.procs"), "0").unwrap();
        let config = Config::default();
        println!("found {} {}", config.uring.rings, config.uring.kernel_workers_max);
        return;
    }
    let unlimited = Config::default().uring.rings;
    // What is left of a processor is none: a ring more than can run at once waits for the others.
    for (hundredths, processors) in [(50, 1), (100, 1), (150, 1), (200, 2)] {
        let group = match group(hundredths) {
            Ok(group) => group,
            Err(error) => return println!("skipped: no cgroup can be made: {error}"),
        };
        let this = std::env::current_exe().unwrap();
        let arguments = ["--exact", "rings_and_workers_follow_from_the_quota", "--nocapture"];
        let output = Command::new(this).args(arguments).env(GROUP, &group.0).output().unwrap();
        let words = String::from_utf8_lossy(&output.stdout);
        let rings = processors.min(unlimited);
        let expected = format!("found {rings} {}", (2 * rings).clamp(4, 32));
        assert!(words.contains(&expected), "{hundredths}: {expected:?} in {words}");
    }
}
