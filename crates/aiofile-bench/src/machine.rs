//! The machine, as far as it explains figures.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use indicatif::BinaryBytes;
use nix::sys::statvfs::statvfs;
use serde::{Deserialize, Serialize};

/// Processor, memory, kernel, and the file system that was measured.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Machine {
    /// The model of the processor.
    pub processor: String,
    /// CPUs that this process may use.
    pub cpus: usize,
    /// Bytes of memory.
    pub memory: u64,
    /// The kernel's release.
    pub kernel: String,
    /// The directory that was measured in.
    pub path: String,
    /// Its file system: type, device and options.
    pub file_system: String,
    /// Bytes that are free there.
    pub free: u64,
}

impl Machine {
    /// This one, with the file system of `path`.
    ///
    /// # Errors
    /// Where the path is not there.
    pub fn of(path: &Path) -> io::Result<Self> {
        let path = path.canonicalize()?;
        let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
        let value = |file: &str, name: &str| {
            let line = read(file).lines().find(|line| line.starts_with(name)).map(str::to_owned);
            line.and_then(|line| Some(line.split_once(':')?.1.trim().to_owned()))
        };
        let memory = value("/proc/meminfo", "MemTotal").unwrap_or_default();
        let memory = memory.split(' ').next().and_then(|kib| kib.parse::<u64>().ok());
        let space = statvfs(&path)?;
        Ok(Self {
            processor: value("/proc/cpuinfo", "model name").unwrap_or("unknown".to_owned()),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            memory: memory.unwrap_or(0) * 1024,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            file_system: file_system(&read("/proc/self/mountinfo"), &path),
            path: path.display().to_string(),
            free: space.blocks_available() * space.fragment_size(),
        })
    }

    /// The same as rows.
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let gib = |bytes: u64| BinaryBytes(bytes).to_string();
        vec![
            ("processor", format!("{}, {} CPUs", self.processor, self.cpus)),
            ("memory", gib(self.memory)),
            ("kernel", format!("Linux {}", self.kernel)),
            ("directory", self.path.clone()),
            ("file system", format!("{}, {} free", self.file_system, gib(self.free))),
        ]
    }
}

/// The moment, by date(1).
pub fn date() -> String {
    first_line("date", &["-u", "+%Y-%m-%d %H:%M UTC"])
}

/// What a program says of its version.
pub fn version_of(program: &str) -> String {
    first_line(program, &["--version"])
}

fn first_line(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let first = text.unwrap_or_default().lines().next().map(str::to_owned);
    first.unwrap_or_else(|| "not installed".to_owned())
}

/// The mount that holds a path: the one with the longest mount point above it, and of those the
/// last, which covers the others.
fn file_system(mounts: &str, path: &Path) -> String {
    let holder = mounts
        .lines()
        .filter_map(|line| {
            let (left, right) = line.split_once(" - ")?;
            let left: Vec<_> = left.split(' ').collect();
            let right: Vec<_> = right.split(' ').collect();
            let point = left.get(4)?.replace("\\040", " ");
            path.starts_with(&point).then(|| {
                let words =
                    format!("{} on {} ({})", right[0], right.get(1).unwrap_or(&"?"), left[5]);
                (point.len(), words)
            })
        })
        .max_by_key(|(length, _)| *length);
    holder.map_or("unknown".to_owned(), |(_, words)| words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_mount_holds_the_path() {
        let mounts = "1 0 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n\
                      2 1 0:5 / /tmp rw,nosuid shared:1 - tmpfs tmpfs rw,size=1g\n\
                      3 1 8:2 / /tmp/a\\040b rw - xfs /dev/sdb rw\n";
        let of = |path: &str| file_system(mounts, Path::new(path));
        assert_eq!(of("/home/me"), "ext4 on /dev/sda1 (rw,relatime)");
        assert_eq!(of("/tmp/x"), "tmpfs on tmpfs (rw,nosuid)");
        assert_eq!(of("/tmp/a b/c"), "xfs on /dev/sdb (rw)");
        assert_eq!(of("/tmpfoo"), "ext4 on /dev/sda1 (rw,relatime)");
    }

    #[test]
    fn this_machine_is_known() {
        let machine = Machine::of(&std::env::temp_dir()).unwrap();
        assert!(machine.cpus > 0 && machine.memory > 0, "{machine:?}");
        assert!(!machine.kernel.is_empty() && machine.file_system != "unknown", "{machine:?}");
        assert!(machine.rows().iter().all(|(_, value)| !value.is_empty()), "{machine:?}");
        assert_eq!(version_of("no-such-program"), "not installed");
    }
}
