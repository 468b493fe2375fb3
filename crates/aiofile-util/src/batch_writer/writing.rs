//! The one that writes: batch after batch, with rotations and syncs in between.

use std::sync::Arc;

use super::batch::Batch;
use super::output::Output;
use super::rotated::Names;
use super::shared::{Ending, Shared};
use super::state::Step;
use super::upkeep;

/// Writes until the writer is closed.
pub(super) async fn run(shared: Arc<Shared>, mut output: Output, mut names: Option<Names>) {
    let _ending = Ending(Arc::clone(&shared));
    loop {
        match shared.next().await {
            Step::Write(batch) => {
                if let (true, Some(names)) = (batch.rotates, &mut names) {
                    rotate(&shared, &mut output, names).await;
                }
                write(&shared, &mut output, batch).await;
            }
            Step::Sync(until) => {
                let result = output.sync().await;
                shared.tell(|state| state.synced(until, result));
            }
            Step::End => break,
        }
    }
    let closed = output.close().await;
    shared.end(closed);
}

async fn write(shared: &Shared, output: &mut Output, mut batch: Batch) {
    let result = output.write(&mut batch.bytes).await;
    shared.tell(|state| state.wrote(batch, result, output.length()));
}

/// Begins another file. Where that cannot be, the records go behind those of the present one rather
/// than nowhere.
async fn rotate(shared: &Arc<Shared>, output: &mut Output, names: &mut Names) {
    // No later sync reaches what is in this file.
    if let Err(error) = output.sync().await {
        shared.tell(|state| _ = state.sync_error.get_or_insert(error));
    }
    let rotated = output.rotate(names).await;
    let is_rotated = rotated.is_ok();
    shared.tell(|state| state.rotated(rotated, output.length()));
    if is_rotated && shared.settings.has_upkeep() {
        upkeep::ask(shared, names);
    }
}
