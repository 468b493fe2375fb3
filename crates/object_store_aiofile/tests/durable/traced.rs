//! A job in a process of its own, what it asked of the system, and what it left.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::{NamedTempFile, TempDir};

use crate::job::{BADLY, DIRECTORY, DURABLE, JOB, Job, State, WELL};

/// The calls that change something, or tell that something could not be changed.
const CALLS: &str = "mkdir,pwritev,copy_file_range,fsync,close,rename,renameat2,link,unlink";

/// A call that concerned the directory, and succeeded.
pub(crate) struct Call {
    /// The call with its paths.
    pub(crate) event: String,
    name: String,
    /// It was the so-many-th of this name by its thread.
    number: usize,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Ended {
    Well,
    Badly(String),
}

pub(crate) struct Traced {
    pub(crate) calls: Vec<Call>,
    pub(crate) ended: Ended,
    pub(crate) state: State,
    /// Unfinished files.
    pub(crate) staged: Vec<String>,
}

impl Traced {
    pub(crate) fn events(&self) -> Vec<&str> {
        self.calls.iter().map(|call| &*call.event).collect()
    }
}

/// Runs a job; where a call is given, that one fails.
pub(crate) fn run(job: &Job, is_durable: bool, fails: Option<&Call>) -> Traced {
    let directory = TempDir::new().unwrap();
    let root = directory.path().canonicalize().unwrap();
    job.prepare(&root);
    let log = NamedTempFile::new().unwrap();
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-y", "--seccomp-bpf", "-s", "4096"]);
    strace.arg("-e").arg(format!("trace={CALLS}"));
    if let Some(Call { name, number, .. }) = fails {
        strace.arg("-e").arg(format!("inject={name}:error=EIO:when={number}"));
    }
    strace.arg("-o").arg(log.path()).arg(std::env::current_exe().unwrap());
    strace.args(["--nocapture", "--test-threads=1"]);
    strace.env(JOB, job.name).env(DIRECTORY, &root).stdin(Stdio::null());
    if is_durable {
        strace.env(DURABLE, "1");
    }
    let output = strace.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let ended = said.lines().find_map(|line| {
        let (_, error) = line.split_once(BADLY).unzip();
        let error = error.map(|error| Ended::Badly(error.to_owned()));
        error.or_else(|| line.contains(WELL).then_some(Ended::Well))
    });
    let complaint = String::from_utf8_lossy(&output.stderr);
    let ended = ended.unwrap_or_else(|| panic!("{}: {said}{complaint}", job.name));
    let calls = calls(&fs::read_to_string(log.path()).unwrap(), &root);
    let (mut state, mut staged) = (State::new(), Vec::new());
    look(&root, &root, &mut state, &mut staged);
    Traced { calls, ended, state, staged }
}

/// The calls that strace wrote down.
fn calls(log: &str, root: &Path) -> Vec<Call> {
    let (mut calls, mut numbers) = (Vec::<Call>::new(), std::collections::BTreeMap::new());
    let lines: Vec<_> = log.lines().filter_map(|line| line.split_once(' ')).collect();
    for (at, (thread, line)) in lines.iter().enumerate() {
        let Some((name, arguments)) = line.trim_start().split_once('(') else { continue };
        if name.starts_with("<...") || name.starts_with("---") {
            continue;
        }
        let number = numbers.entry((thread.to_owned(), name.to_owned())).or_insert(0);
        *number += 1;
        // The end of a call that was interrupted by another thread's line stands further down.
        let end = match line.ends_with("<unfinished ...>") {
            false => Some(line),
            true => {
                let mut later = lines[at + 1..].iter();
                later.find(|(other, _)| other == thread).map(|(_, line)| line)
            }
        };
        let succeeded = end.is_some_and(|line| !line.contains(" = -1 "));
        let paths = paths(arguments, root);
        if succeeded && !paths.is_empty() {
            let event = format!("{name} {}", paths.join(" "));
            // A copy goes on until there is nothing more.
            if calls.last().is_none_or(|last| last.event != event) {
                calls.push(Call { event, name: name.to_owned(), number: *number });
            }
        }
    }
    calls
}

/// What lies below the root among the arguments of a call: strings, and files that are open.
fn paths(arguments: &str, root: &Path) -> Vec<String> {
    let root = root.to_str().unwrap();
    let parts = arguments.split(['"', '<', '>']);
    let paths = parts.filter_map(|part| part.strip_prefix(root));
    let named = paths.map(|path| match path.trim_start_matches('/') {
        "" => ".".to_owned(),
        path => path.to_owned(),
    });
    named.collect()
}

fn look(directory: &Path, root: &Path, state: &mut State, staged: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            look(&path, root, state, staged);
        } else if name.contains('#') {
            staged.push(name);
        } else {
            state.insert(name, fs::read_to_string(path).unwrap());
        }
    }
}
