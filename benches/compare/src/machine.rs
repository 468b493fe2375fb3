//! The machine and the day, as far as they explain figures.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Names and values: the date, the processor, the memory, the kernel, the file system of `path`.
pub fn about(path: &Path) -> Vec<(String, String)> {
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let value = |file: &str, name: &str| {
        let text = read(file);
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| Some(line.split_once(':')?.1.trim().to_owned())).unwrap_or_default()
    };
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let named = |name: &str, value: String| (name.to_owned(), value);
    vec![
        named("date", said_by("date", &["-u", "+%Y-%m-%d %H:%M UTC"])),
        named("processor", format!("{}, {cpus} CPUs", value("/proc/cpuinfo", "model name"))),
        named("memory", value("/proc/meminfo", "MemTotal")),
        named("kernel", format!("Linux {}", read("/proc/sys/kernel/osrelease").trim())),
        named("file system", file_system(&read("/proc/self/mountinfo"), &path)),
        named("compiler", said_by("rustc", &["--version"])),
        named("fio", said_by("fio", &["--version"])),
        named("cp", said_by("cp", &["--version"])),
    ]
}

/// The first line that a command prints.
fn said_by(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let first = text.unwrap_or_default().lines().next().map(str::to_owned);
    first.unwrap_or_else(|| "not installed".to_owned())
}

/// Type, device and options of the mount that holds a path: the one with the longest mount point
/// above it, and of those the last, which covers the others.
fn file_system(mounts: &str, path: &Path) -> String {
    let mut holder = (0, "unknown".to_owned());
    for line in mounts.lines() {
        let Some((left, right)) = line.split_once(" - ") else { continue };
        let left: Vec<_> = left.split(' ').collect();
        let right: Vec<_> = right.split(' ').collect();
        let ([_, _, _, _, point, options, ..], [kind, device, ..]) = (&left[..], &right[..]) else {
            continue;
        };
        if path.starts_with(point.replace("\\040", " ")) && point.len() >= holder.0 {
            holder = (point.len(), format!("{kind} on {device} ({options})"));
        }
    }
    holder.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_mount_holds_the_path() {
        let mounts = "1 0 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n\
                      2 1 8:2 / /tmp/a\\040b rw shared:1 - xfs /dev/sdb rw\n";
        let of = |path: &str| file_system(mounts, Path::new(path));
        assert_eq!(of("/home/me"), "ext4 on /dev/sda1 (rw,relatime)");
        assert_eq!(of("/tmp/a b/c"), "xfs on /dev/sdb (rw)");
        assert_eq!(file_system("", Path::new("/")), "unknown");
    }

    #[test]
    fn this_machine_is_described_whatever_is_installed() {
        let about = about(Path::new("."));
        assert!(about.iter().all(|(_, value)| !value.is_empty()), "{about:?}");
        assert_eq!(said_by("no-such-program", &[]), "not installed");
    }
}
