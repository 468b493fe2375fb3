//! What the options of a copy say, without the context.

use std::fmt;
use std::sync::Arc;

use super::meter::Callback;
use super::options::{Reflink, Replace};
use super::tree::DirCallback;

/// What the options of a copy say.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) reflink: Reflink,
    pub(super) copy_file_range: bool,
    pub(super) in_flight: usize,
    pub(super) block_size: usize,
    pub(super) sparse: bool,
    pub(super) direct: bool,
    pub(super) verify: bool,
    pub(super) durable: bool,
    pub(super) replace: Replace,
    pub(super) keep_mode: bool,
    pub(super) keep_times: bool,
    pub(super) keep_owner: bool,
    pub(super) keep_xattrs: bool,
    pub(super) regular_only: bool,
    pub(super) refuse_changed: bool,
    pub(super) progress: Option<Arc<Callback>>,
    pub(super) keep_hard_links: bool,
    pub(super) dir_progress: Option<Arc<DirCallback>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            reflink: Reflink::Auto,
            copy_file_range: true,
            in_flight: 4,
            block_size: 1 << 20,
            sparse: true,
            direct: false,
            verify: false,
            durable: false,
            replace: Replace::InPlace,
            keep_mode: true,
            keep_times: false,
            keep_owner: false,
            keep_xattrs: false,
            regular_only: false,
            refuse_changed: false,
            progress: None,
            keep_hard_links: false,
            dir_progress: None,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("reflink", &self.reflink)
            .field("copy_file_range", &self.copy_file_range)
            .field("in_flight", &self.in_flight)
            .field("block_size", &self.block_size)
            .field("direct", &self.direct)
            .field("verify", &self.verify)
            .field("durable", &self.durable)
            .field("replace", &self.replace)
            .finish_non_exhaustive()
    }
}
