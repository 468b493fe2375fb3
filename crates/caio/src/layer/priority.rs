//! How urgent operations are.

use std::cell::Cell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;

thread_local! {
    static CURRENT: Cell<Priority> = const { Cell::new(Priority::Normal) };
}

/// How urgent an operation is, for layers that tell operations apart by that. The engine itself
/// treats all alike.
///
/// ```
/// use caio::Priority;
///
/// assert!(Priority::High < Priority::Normal, "the more urgent come first");
/// assert_eq!(Priority::default(), Priority::Normal);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Priority {
    /// Somebody waits for it.
    High,
    /// What says nothing else.
    #[default]
    Normal,
    /// It can wait: backups, scans, read-ahead.
    Low,
}

impl Priority {
    /// Every priority, the most urgent first.
    pub const ALL: [Priority; 3] = [Priority::High, Priority::Normal, Priority::Low];

    /// That of the operations which the running task begins now.
    #[must_use]
    pub fn current() -> Self {
        CURRENT.get()
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        })
    }
}

/// The future, whose operations have this priority. The innermost counts. Tasks that it spawns
/// begin as any other.
///
/// # Cancel safety
/// That of the future.
///
/// ```
/// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
/// # doc::run(async {
/// use caio::{Priority, with_priority};
///
/// let inside = with_priority(Priority::Low, async { Priority::current() }).await;
/// assert_eq!((inside, Priority::current()), (Priority::Low, Priority::Normal));
/// # Ok(())
/// # });
/// ```
pub async fn with_priority<F: Future>(priority: Priority, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let _back = Back(CURRENT.replace(priority));
        future.as_mut().poll(cx)
    })
    .await
}

/// Puts the former priority back, also after a panic.
struct Back(Priority);

impl Drop for Back {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}
