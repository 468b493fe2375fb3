//! The file system behind the mount: files in memory, what is answered by plan, and the requests
//! that are held back. The test and the server's threads share it.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use tokio::sync::watch;

use crate::plan::{Answer, Call, Plan, Rule};

pub(crate) const ROOT: u64 = 1;

/// The file system, shared by cloning.
#[derive(Clone)]
pub(crate) struct Disk {
    state: Arc<Mutex<State>>,
    /// How many requests are held.
    held: watch::Sender<usize>,
    /// How long the kernel may remember names and attributes.
    pub(crate) remembered: Duration,
}

struct State {
    nodes: HashMap<u64, Node>,
    names: BTreeMap<(u64, OsString), u64>,
    last: u64,
    held: Vec<Held>,
    holds_everything: bool,
    faults: u64,
    overdue: usize,
}

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) is_directory: bool,
    pub(crate) contents: Vec<u8>,
    pub(crate) permissions: u16,
    /// Whether the kernel keeps nothing of it in its page cache.
    pub(crate) is_uncached: bool,
    plan: Plan,
}

struct Held {
    file: u64,
    call: Call,
    since: Instant,
    answer: Box<dyn FnOnce(Verdict) + Send>,
}

/// How a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Done,
    Short,
    Fails(Errno),
}

impl Node {
    /// An empty file or directory.
    pub(crate) fn new(is_directory: bool, permissions: u16) -> Self {
        let plan = Plan::default();
        Self { is_directory, contents: Vec::new(), permissions, is_uncached: false, plan }
    }
}

impl Verdict {
    /// The errno, or how many of so many bytes are moved, in whole units or all.
    pub(crate) fn bytes(self, length: usize, unit: usize) -> Result<usize, Errno> {
        match self {
            Self::Done => Ok(length),
            Self::Short => Ok(length.div_ceil(2).next_multiple_of(unit).min(length)),
            Self::Fails(errno) => Err(errno),
        }
    }
}

impl Disk {
    pub(crate) fn new(remembered: Duration) -> Self {
        let root = Node::new(true, 0o755);
        let state = State {
            nodes: HashMap::from([(ROOT, root)]),
            names: BTreeMap::new(),
            last: ROOT,
            held: Vec::new(),
            holds_everything: false,
            faults: 0,
            overdue: 0,
        };
        Self { state: Arc::new(Mutex::new(state)), held: watch::Sender::new(0), remembered }
    }

    /// A file in the root directory.
    pub(crate) fn create(&self, name: &str, contents: Vec<u8>, is_uncached: bool) -> u64 {
        let node = Node { contents, is_uncached, ..Node::new(false, 0o644) };
        self.add(ROOT, name.as_ref(), node)
    }

    pub(crate) fn add(&self, parent: u64, name: &OsStr, node: Node) -> u64 {
        let mut state = self.lock();
        state.last += 1;
        let number = state.last;
        state.nodes.insert(number, node);
        state.names.insert((parent, name.to_owned()), number);
        number
    }

    pub(crate) fn find(&self, parent: u64, name: &OsStr) -> Option<u64> {
        self.lock().names.get(&(parent, name.to_owned())).copied()
    }

    /// Gives a file the name in place of what has it.
    pub(crate) fn name(&self, parent: u64, name: &OsStr, number: u64) {
        self.lock().names.insert((parent, name.to_owned()), number);
    }

    /// Removes the name, and leaves the file to those that have it open.
    pub(crate) fn remove(&self, parent: u64, name: &OsStr) -> Option<u64> {
        self.lock().names.remove(&(parent, name.to_owned()))
    }

    pub(crate) fn entries(&self, parent: u64) -> Vec<(u64, OsString)> {
        let state = self.lock();
        let from = Bound::Included((parent, OsString::new()));
        let until = Bound::Excluded((parent + 1, OsString::new()));
        let entries = state.names.range((from, until));
        entries.map(|((_, name), number)| (*number, name.clone())).collect()
    }

    /// What `look` makes of a file.
    pub(crate) fn with<T>(&self, file: u64, look: impl FnOnce(&mut Node) -> T) -> Option<T> {
        self.lock().nodes.get_mut(&file).map(look)
    }

    pub(crate) fn contents(&self, file: u64) -> Vec<u8> {
        self.with(file, |node| node.contents.clone()).unwrap_or_default()
    }

    pub(crate) fn read(&self, file: u64, offset: u64, length: usize) -> Vec<u8> {
        let read = |node: &mut Node| {
            let start = usize::try_from(offset).map_or(usize::MAX, |offset| offset);
            let start = start.min(node.contents.len());
            let end = start.saturating_add(length).min(node.contents.len());
            node.contents[start..end].to_vec()
        };
        self.with(file, read).unwrap_or_default()
    }

    pub(crate) fn write(&self, file: u64, offset: u64, bytes: &[u8]) {
        let offset = usize::try_from(offset).expect("files are small");
        self.with(file, |node| {
            let end = offset + bytes.len();
            if node.contents.len() < end {
                node.contents.resize(end, 0);
            }
            node.contents[offset..end].copy_from_slice(bytes);
        });
    }

    /// Adds a rule for a file.
    pub(crate) fn plan(&self, file: u64, rule: Rule) {
        self.with(file, |node| node.plan.add(rule));
    }

    /// Forgets the rules of a file, and tells what was answered by them since the last look.
    pub(crate) fn answered(&self, file: u64) -> Vec<(Call, Answer)> {
        let look = |node: &mut Node| {
            node.plan.clear();
            node.plan.take_answered()
        };
        self.with(file, look).unwrap_or_default()
    }

    /// How many such calls came for a file.
    pub(crate) fn calls(&self, file: u64, call: Call) -> u64 {
        self.with(file, |node| node.plan.calls(call)).unwrap_or_default()
    }

    /// Counts a request that was cut short.
    pub(crate) fn moved(&self, length: usize, wanted: usize) {
        self.lock().faults += u64::from(length < wanted);
    }

    /// How many requests failed or were cut short by plan.
    pub(crate) fn faults(&self) -> u64 {
        self.lock().faults
    }

    /// Holds every such request of a file from now on.
    pub(crate) fn hold(&self, file: u64, calls: &[Call]) {
        for &call in calls {
            self.plan(file, Rule { call, answer: Answer::Held, after: 0, sticky: true });
        }
    }

    /// Whether every request of every file is held.
    pub(crate) fn hold_everything(&self, holds: bool) {
        self.lock().holds_everything = holds;
    }

    /// How many such requests of a file are held.
    pub(crate) fn held_of(&self, file: u64, calls: &[Call]) -> usize {
        let state = self.lock();
        let of_it = |held: &&Held| held.file == file && calls.contains(&held.call);
        state.held.iter().filter(of_it).count()
    }

    /// Waits until a request of each of these files is held.
    pub(crate) async fn arrived(&self, files: &[u64]) {
        let mut held = self.held.subscribe();
        let is_held = |file: &u64| self.lock().held.iter().any(|held| held.file == *file);
        while !files.iter().all(is_held) {
            held.changed().await.expect("the sender is here");
        }
    }

    /// Answers what is held, and returns how many these were. What comes later is held again where
    /// a rule says so.
    pub(crate) fn answer_held(&self, mut verdict: impl FnMut(Call) -> Verdict) -> usize {
        let mut state = self.lock();
        let held = std::mem::take(&mut state.held);
        self.held.send_replace(0);
        drop(state);
        let count = held.len();
        for Held { call, answer, .. } in held {
            answer(verdict(call));
        }
        count
    }

    /// Ends all rules of a file and does what is held of it.
    pub(crate) fn let_go(&self, file: u64) {
        self.with(file, |node| node.plan.clear());
        self.end_held(|held| held.file == file, Verdict::Done);
    }

    /// Answers with an error what was held for longer than that: nobody is to wait for ever, not
    /// where a test has failed either.
    pub(crate) fn give_up(&self, patience: Duration) {
        let is_overdue = |held: &Held| held.since.elapsed() > patience;
        let overdue = self.lock().held.iter().filter(|held| is_overdue(held)).count();
        self.lock().overdue += overdue;
        self.end_held(is_overdue, EXPIRED);
    }

    /// Answers everything with an error, for a test that ends.
    pub(crate) fn abort(&self) {
        let mut state = self.lock();
        state.holds_everything = false;
        state.nodes.values_mut().for_each(|node| node.plan.clear());
        drop(state);
        self.end_held(|_| true, EXPIRED);
    }

    /// How many requests were held for too long.
    pub(crate) fn overdue(&self) -> usize {
        self.lock().overdue
    }

    /// Answers a request as it is planned.
    pub(crate) fn serve(
        &self,
        file: u64,
        call: Call,
        answer: impl FnOnce(Verdict) + Send + 'static,
    ) {
        let mut state = self.lock();
        let planned = state.nodes.get_mut(&file).and_then(|node| node.plan.answer(call));
        let verdict = match planned {
            None if state.holds_everything => return self.keep(state, file, call, answer),
            Some(Answer::Held) => return self.keep(state, file, call, answer),
            None => Verdict::Done,
            Some(Answer::Late(delay)) => {
                drop(state);
                std::thread::sleep(delay);
                return answer(Verdict::Done);
            }
            Some(Answer::Short) => Verdict::Short,
            Some(Answer::Fails(errno)) => Verdict::Fails(errno),
        };
        state.faults += u64::from(matches!(verdict, Verdict::Fails(_)));
        drop(state);
        answer(verdict);
    }

    fn keep(
        &self,
        mut state: MutexGuard<'_, State>,
        file: u64,
        call: Call,
        answer: impl FnOnce(Verdict) + Send + 'static,
    ) {
        let answer = Box::new(answer);
        state.held.push(Held { file, call, since: Instant::now(), answer });
        self.held.send_replace(state.held.len());
    }

    fn end_held(&self, mut ends: impl FnMut(&Held) -> bool, verdict: Verdict) {
        let mut state = self.lock();
        let ended: Vec<_> = state.held.extract_if(.., |held| ends(held)).collect();
        self.held.send_replace(state.held.len());
        drop(state);
        ended.into_iter().for_each(|held| (held.answer)(verdict));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const EXPIRED: Verdict = Verdict::Fails(Errno::EIO);
