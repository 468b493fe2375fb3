//! Whether completions are handed from task to task on one worker, or to all workers at once.
//!
//! One worker costs least, and is enough as long as it keeps up. What the tasks do with their data
//! is not known, so it is measured. Tasks that take long are for all workers. Where rounds of
//! completions leave little pause, the worker may be at its limit; then all workers are tried, and
//! kept if more is done by them.

use std::time::{Duration, Instant};

/// How long the share of the time that rounds take is looked at.
const WINDOW: Duration = Duration::from_millis(20);

/// From this share on a worker may be at its limit, in hundredths: it does more than that.
const BUSY: u32 = 70;

/// How long all workers are tried.
const TRIAL: Duration = Duration::from_millis(20);

/// How many times as much they must get done: the others have work of their own.
const WORTHWHILE: f64 = 1.05;

/// A task that takes so long does more than to take its answer and to begin the next operation,
/// with its share of the system call.
const LONG: Duration = Duration::from_micros(25);

/// So many tasks are looked at together for that; fewer, where one takes as long as all of them.
const TASKS: u32 = 32;

/// How long a verdict stands: the first, and one that was the same many times.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// The most completions that one worker is left with.
pub(super) const ROW_MAX: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Width {
    mode: Mode,
    /// When the present window or trial began, what has completed since, and the time that rounds
    /// took.
    since: Option<Instant>,
    completed: usize,
    busy: Duration,
    /// Tasks that have run since they were looked at last, and the time that they took.
    tasks: u32,
    took: Duration,
    /// How long the last verdict stood.
    pause: Duration,
}

#[derive(Debug, Default, Clone, Copy)]
enum Mode {
    /// One worker.
    #[default]
    Row,
    /// One worker: all of them got no more done, and are not tried before then.
    Settled { until: Instant },
    /// All workers, to see whether they get done more than so many operations a second.
    Trial { row: f64 },
    /// All workers.
    Wide { until: Instant },
}

impl Width {
    /// Whether a round that begins now is for all workers.
    pub(super) fn is_wide(&mut self, now: Instant) -> bool {
        let since = *self.since.get_or_insert(now);
        match self.mode {
            Mode::Row | Mode::Settled { .. } => false,
            Mode::Trial { row } if now >= since + TRIAL => {
                let wide = self.rate(now) > WORTHWHILE * row;
                self.decide(wide, now);
                wide
            }
            Mode::Wide { until } if now >= until => {
                self.begin(Mode::Row, now);
                false
            }
            Mode::Trial { .. } | Mode::Wide { .. } => true,
        }
    }

    /// So many operations have completed.
    pub(super) fn completed(&mut self, operations: usize) {
        self.completed += operations;
    }

    /// So many tasks have run on one worker, and have taken so long. Returns whether the others and
    /// those of later rounds are for all workers.
    pub(super) fn ran(&mut self, tasks: u32, took: Duration, now: Instant) -> bool {
        self.tasks += tasks;
        self.took += took;
        let enough = self.tasks >= TASKS || self.took > TASKS * LONG;
        let long = enough && self.took > self.tasks.min(TASKS) * LONG;
        if enough {
            (self.tasks, self.took) = (0, Duration::ZERO);
        }
        if long {
            self.decide(true, now);
        }
        long
    }

    /// Whether the round of one worker that began then goes on for too long, and is for all workers
    /// from now on.
    pub(super) fn widens(&mut self, begun: Instant, now: Instant) -> bool {
        let busy = self.busy + self.part(begun, now);
        self.look(busy, now)
    }

    /// A round of one worker has ended.
    pub(super) fn ended(&mut self, begun: Instant, now: Instant) {
        let part = self.part(begun, now);
        self.busy += part;
        self.look(self.busy, now);
    }

    /// The time of a round that lies in the present window.
    fn part(&mut self, begun: Instant, now: Instant) -> Duration {
        let since = *self.since.get_or_insert(begun);
        now.saturating_duration_since(begun.max(since))
    }

    /// Closes the window where it is time to. Returns whether a trial begins.
    fn look(&mut self, busy: Duration, now: Instant) -> bool {
        let length = self.length(now);
        if length < WINDOW {
            return false;
        }
        if busy * 100 <= length * BUSY {
            self.pause = Duration::ZERO;
            self.begin(Mode::Row, now);
            return false;
        }
        let settled = matches!(self.mode, Mode::Settled { until } if now < until);
        let next = if settled { self.mode } else { Mode::Trial { row: self.rate(now) } };
        self.begin(next, now);
        !settled
    }

    /// How long the present window or trial has lasted.
    fn length(&self, now: Instant) -> Duration {
        self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    /// Operations a second in the present window or trial.
    fn rate(&self, now: Instant) -> f64 {
        self.completed as f64 / self.length(now).as_secs_f64().max(1e-6)
    }

    /// All workers or one, until it is time to look again.
    fn decide(&mut self, wide: bool, now: Instant) {
        self.pause = (2 * self.pause).clamp(PAUSE_MIN, PAUSE_MAX);
        let until = now + self.pause;
        self.begin(if wide { Mode::Wide { until } } else { Mode::Settled { until } }, now);
    }

    fn begin(&mut self, mode: Mode, now: Instant) {
        (self.mode, self.since, self.completed, self.busy) = (mode, Some(now), 0, Duration::ZERO);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A load on which one worker is busy for so many hundredths of the time, and all workers get
    /// done so many times as much.
    struct Load {
        busy: u32,
        gain: f64,
    }

    /// Rounds that begin every 100 microseconds, for so long. Returns the share of those for all
    /// workers.
    fn run(width: &mut Width, now: &mut Instant, load: &Load, time: Duration) -> f64 {
        let (end, interval) = (*now + time, Duration::from_micros(100));
        let (mut rounds, mut wide) = (0.0, 0.0);
        let mut done = 0.0;
        while *now < end {
            rounds += 1.0;
            done += 10.0;
            if width.is_wide(*now) {
                wide += 1.0;
                done += 10.0 * (load.gain - 1.0);
            } else {
                let ended = *now + interval * load.busy / 100;
                width.ended(*now, ended);
            }
            width.completed(done as usize);
            done -= done.floor();
            *now += interval;
        }
        wide / rounds
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_worker_that_keeps_up_is_left_alone() {
        let load = Load { busy: 65, gain: 2.0 };
        assert!(run(&mut Width::default(), &mut Instant::now(), &load, SECOND) < f64::EPSILON);
    }

    #[test]
    fn a_worker_at_its_limit_is_helped_where_that_helps() {
        let (mut width, mut now) = (Width::default(), Instant::now());
        let (helped, vain) = (Load { busy: 100, gain: 1.5 }, Load { busy: 100, gain: 1.0 });
        assert!(run(&mut width, &mut now, &helped, SECOND) > 0.8);
        // The verdict stands for a second at most, and all workers are tried ever more rarely.
        run(&mut width, &mut now, &vain, 2 * SECOND);
        assert!(run(&mut width, &mut now, &vain, 10 * SECOND) < 0.05);
        run(&mut width, &mut now, &helped, 2 * SECOND);
        assert!(run(&mut width, &mut now, &helped, 10 * SECOND) > 0.95);
    }

    #[test]
    fn after_a_pause_in_the_load_verdicts_are_short_again() {
        let (mut width, mut now) = (Width::default(), Instant::now());
        let (busy, idle) = (Load { busy: 100, gain: 1.5 }, Load { busy: 10, gain: 1.0 });
        run(&mut width, &mut now, &busy, 10 * SECOND);
        run(&mut width, &mut now, &idle, 2 * SECOND);
        run(&mut width, &mut now, &busy, WINDOW + TRIAL + 10 * LONG);
        assert!(width.is_wide(now));
        assert!(!width.is_wide(now + PAUSE_MIN));
    }

    #[test]
    fn a_round_without_an_end_is_looked_at_while_it_lasts() {
        let (mut width, now) = (Width::default(), Instant::now());
        assert!(!width.is_wide(now));
        assert!(!width.widens(now, now + WINDOW / 2));
        assert!(width.widens(now, now + WINDOW));
        assert!(width.is_wide(now + WINDOW));
    }

    #[test]
    fn tasks_that_take_long_are_for_all_workers() {
        let (mut width, now) = (Width::default(), Instant::now());
        // The system call of one of them is for others, too.
        assert!(!width.ran(4, 7 * LONG, now) && !(1..8).any(|_| width.ran(4, 3 * LONG, now)));
        assert!(!(1..7).any(|_| width.ran(4, 5 * LONG, now)));
        assert!(width.ran(4, 5 * LONG, now) && width.is_wide(now));
        let mut width = Width::default();
        assert!(width.ran(1, 2 * TASKS * LONG, now), "one may be enough");
    }
}
