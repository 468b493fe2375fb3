//! Objects of a durable store. They need no directory, since on a file system without a journal the
//! inode of a file that was removed may become a directory's, and its old name come back.

use std::io;

use object_store_aiofile::v0_13::AioFileSystem;
use object_store_aiofile::v0_13::object_store::ObjectStoreExt;
use object_store_aiofile::v0_13::object_store::path::Path;

use crate::job::{Job, LeftOut, Place, STEPS, Seen};

/// How many objects are written, over and over.
const OBJECTS: u64 = 3;

pub(super) const JOBS: &[Job] = &[
    Job {
        name: "objects_put",
        needs: &[LeftOut::Sync],
        run: |place| Box::pin(async move { write(&place, None).await }),
        check,
    },
    Job {
        name: "objects_in_parts",
        needs: &[LeftOut::Sync],
        run: |place| Box::pin(async move { write(&place, Some(6000)).await }),
        check,
    },
];

/// Puts an object in each step, as a whole or in parts of so many bytes.
async fn write(place: &Place, part_bytes: Option<usize>) -> io::Result<()> {
    let store = AioFileSystem::new_with_prefix(&place.directory)?;
    let store = store.with_context(&place.context).with_durable(place.syncs());
    for step in 0..STEPS {
        place.begin(step);
        let (location, content) = (Path::from(object(step)), place.content(step));
        match part_bytes {
            None => _ = store.put(&location, content.into()).await?,
            Some(bytes) => {
                let mut upload = store.put_multipart(&location).await?;
                for part in content.chunks(bytes) {
                    upload.put_part(part.to_vec().into()).await?;
                }
                upload.complete().await?;
            }
        }
        place.acknowledge(step);
    }
    Ok(())
}

fn object(step: u64) -> String {
    format!("object-{}", step % OBJECTS)
}

/// Each object is there as a whole, in the version that was acknowledged last or a later one.
fn check(seen: &Seen) -> Result<(), String> {
    // A part of an upload that was cut off is left beside it.
    seen.only(|name| name.starts_with("object-"))?;
    (0..OBJECTS)
        .try_for_each(|number| seen.holds_latest(&object(number), |step| step % OBJECTS == number))
}
