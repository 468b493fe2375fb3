//! Trying again what may succeed a moment later.

use std::io;
use std::time::Duration;

use aiofile::Context;
use caio::Error;

use crate::steps::context_or_default;

/// The first pause; each is twice as long as the one before.
const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// The attempts at one thing.
pub(super) struct Attempts {
    /// Whose clock the pauses go by.
    context: Option<Context>,
    max: u32,
    /// How many were made, the running one included.
    pub(super) made: u32,
    pause: Duration,
}

impl Attempts {
    /// At most so many, of which the first begins now.
    pub(super) fn new(context: Option<&Context>, max: u32) -> Self {
        Self { context: context.cloned(), max, made: 1, pause: PAUSE_MIN }
    }

    /// Whether it is to be tried again after this error; the pause before that is over then.
    pub(super) async fn again(&mut self, error: &io::Error) -> bool {
        // Without a clock or a thread that ends the pause there is none, and no further attempt.
        if self.made >= self.max || !is_transient(error) || self.sleep().await.is_err() {
            return false;
        }
        self.made += 1;
        self.pause = PAUSE_MAX.min(self.pause * 2);
        true
    }

    async fn sleep(&self) -> io::Result<()> {
        let context = context_or_default(self.context.as_ref()).await?;
        context.clock().sleep(self.pause).await
    }
}

fn is_transient(error: &io::Error) -> bool {
    match (Error::of(error), error.raw_os_error()) {
        (Some(error), _) => error.is_transient(),
        (None, Some(errno)) => Error::system(io::Error::from_raw_os_error(errno)).is_transient(),
        (None, None) => false,
    }
}
