//! The store for `object_store` 0.13, which DataFusion 55 uses.

use std::ops::Range;

pub use object_store_0_13 as object_store;

use object_store::path::Path;
use object_store::{Attributes, GetResult, GetResultPayload, ListResult, ObjectMeta, PutResult};

#[path = "glue/file_system.rs"]
#[allow(clippy::duplicate_mod, reason = "the types of each version differ, the text does not")]
mod file_system;

pub use file_system::AioFileSystem;

fn get_result(payload: GetResultPayload, meta: ObjectMeta, range: Range<u64>) -> GetResult {
    GetResult { payload, meta, range, attributes: Attributes::default() }
}

fn put_result(e_tag: String) -> PutResult {
    PutResult { e_tag: Some(e_tag), version: None }
}

fn list_result(common_prefixes: Vec<Path>, objects: Vec<ObjectMeta>) -> ListResult {
    ListResult { common_prefixes, objects }
}

/// As `LocalFileSystem` of this version writes it.
fn e_tag(tag: String) -> String {
    tag
}
