//! What the served file system answers to the calls of one file, other than to do them.

use std::time::Duration;

use nix::errno::Errno;

/// What the kernel asks of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Lookup,
    Getattr,
    Setattr,
    Open,
    Read,
    Write,
    Fsync,
    Flush,
    Release,
    Rename,
    /// What makes or removes a name.
    Names,
    /// The entries of a directory.
    Entries,
    /// What concerns the file system as a whole.
    Statfs,
}

impl Call {
    pub(crate) const ALL: [Call; 13] = [
        Call::Lookup,
        Call::Getattr,
        Call::Setattr,
        Call::Open,
        Call::Read,
        Call::Write,
        Call::Fsync,
        Call::Flush,
        Call::Release,
        Call::Rename,
        Call::Names,
        Call::Entries,
        Call::Statfs,
    ];
}

/// What is answered instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Fails(Errno),
    /// About half of the bytes.
    Short,
    Late(Duration),
    /// Nothing, until the test lets it go.
    Held,
}

/// Which call is answered so.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    pub(crate) call: Call,
    pub(crate) answer: Answer,
    /// How many of these calls are done before.
    pub(crate) after: u32,
    /// Whether all that follow are answered so, too.
    pub(crate) sticky: bool,
}

/// The rules of one file, and what came of them.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    rules: Vec<Rule>,
    calls: [u64; Call::ALL.len()],
    answered: Vec<(Call, Answer)>,
}

impl Plan {
    pub(crate) fn add(&mut self, rule: Rule) {
        self.rules.push(rule);
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// Counts the call. `None` where it is to be done.
    pub(crate) fn answer(&mut self, call: Call) -> Option<Answer> {
        self.calls[call as usize] += 1;
        let at = self.rules.iter().position(|rule| rule.call == call)?;
        let rule = &mut self.rules[at];
        if rule.after > 0 {
            rule.after -= 1;
            return None;
        }
        let answer = rule.answer;
        if !rule.sticky {
            self.rules.remove(at);
        }
        self.answered.push((call, answer));
        Some(answer)
    }

    /// How many such calls came.
    pub(crate) fn calls(&self, call: Call) -> u64 {
        self.calls[call as usize]
    }

    /// What was answered by the rules since the last look.
    pub(crate) fn take_answered(&mut self) -> Vec<(Call, Answer)> {
        std::mem::take(&mut self.answered)
    }
}
