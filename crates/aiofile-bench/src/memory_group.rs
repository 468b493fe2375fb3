//! A cgroup that bounds the memory of a run: what it allocates and what it brings into the page
//! cache.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// A cgroup below this process's own, removed when this value is dropped.
///
/// Both versions of cgroups are tried. That takes the right to make one there, which root has, and
/// in the second version a group of one's own whose children may be bounded.
#[derive(Debug)]
pub struct MemoryGroup {
    path: PathBuf,
}

impl MemoryGroup {
    /// A group for processes that take no more than so many bytes together.
    ///
    /// # Errors
    /// Where none can be made or bounded here: what the system answers.
    pub fn new(bytes: u64) -> io::Result<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let own = fs::read_to_string("/proc/self/cgroup")?;
        let mut result = Err(io::Error::new(io::ErrorKind::Unsupported, "no cgroup has memory"));
        for (parent, limit) in places(&own) {
            result = bounded(&parent, limit, number, bytes);
            if result.is_ok() {
                break;
            }
        }
        result
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        // One that still has a process stays, which is no reason to fail.
        let _ = fs::remove_dir(&self.path);
    }
}

/// Has this process, with all its threads, be of the group.
///
/// # Errors
/// What the system answers.
pub(crate) fn enter(group: &Path) -> io::Result<()> {
    fs::write(group.join("cgroup.procs"), "0")
}

fn bounded(parent: &Path, limit: &str, number: u32, bytes: u64) -> io::Result<MemoryGroup> {
    let path = parent.join(format!("aiofile-bench-{}-{number}", process::id()));
    fs::create_dir(&path)?;
    let group = MemoryGroup { path };
    fs::write(group.path.join(limit), bytes.to_string())?;
    Ok(group)
}

/// Where this process's groups are that may have memory, by what /proc/self/cgroup says, and the
/// name of the file that has the bound.
fn places(own: &str) -> Vec<(PathBuf, &'static str)> {
    let place = |line: &str| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?.trim_start_matches('/'));
        if controllers.is_empty() {
            return Some((Path::new("/sys/fs/cgroup").join(path), "memory.max"));
        }
        let has_memory = controllers.split(',').any(|name| name == "memory");
        let mounted = Path::new("/sys/fs/cgroup/memory");
        has_memory.then(|| (mounted.join(path), "memory.limit_in_bytes"))
    };
    own.lines().filter_map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_found() {
        let own = "4:memory:/a/b\n3:cpu,cpuacct:/c\n0::/user.slice/d\n";
        let found = places(own);
        let found: Vec<_> =
            found.iter().map(|(path, limit)| (path.to_str().unwrap(), *limit)).collect();
        let expected = [
            ("/sys/fs/cgroup/memory/a/b", "memory.limit_in_bytes"),
            ("/sys/fs/cgroup/user.slice/d", "memory.max"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_group_has_its_bound_and_goes() {
        let parent = tempfile::tempdir().unwrap();
        let group = bounded(parent.path(), "memory.max", 7, 1 << 20).unwrap();
        assert_eq!(fs::read(group.path().join("memory.max")).unwrap(), b"1048576");
        enter(group.path()).unwrap();
        assert_eq!(fs::read(group.path().join("cgroup.procs")).unwrap(), b"0");
        // The files of a real group need not be removed before it.
        fs::remove_file(group.path().join("memory.max")).unwrap();
        fs::remove_file(group.path().join("cgroup.procs")).unwrap();
        drop(group);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }
}
