//! The public test suite of object_store, whole, on every backend.

use aiofile::Context;
use caio_testkit::each_backend;
use object_store::integration;
use tempfile::TempDir;

use super::{AioFileSystem, object_store};

/// Runs a test with a store in a directory of its own.
fn with_store<F: Future<Output = ()>>(
    context: &Context,
    change: fn(AioFileSystem) -> AioFileSystem,
    test: impl FnOnce(AioFileSystem) -> F,
) {
    let directory = TempDir::new().unwrap();
    let store = AioFileSystem::new_with_prefix(directory.path()).unwrap().with_context(context);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(test(change(store)));
}

async fn everything(store: AioFileSystem) {
    integration::put_get_delete_list(&store).await;
    integration::list_with_offset_exclusivity(&store).await;
    integration::get_opts(&store).await;
    integration::list_uses_directories_correctly(&store).await;
    integration::list_with_delimiter(&store).await;
    integration::rename_and_copy(&store).await;
    integration::copy_if_not_exists(&store).await;
    integration::copy_rename_nonexistent_object(&store).await;
    integration::stream_get(&store).await;
    integration::put_opts(&store, false).await;
    integration::multipart_out_of_order(&store).await;
    integration::multipart_race_condition(&store, true).await;
    integration::multipart(&store, &store).await;
}

each_backend! {
    in aiofile::context();

    fn it_passes_as_it_is(context: &Context) {
        with_store(context, |store| store, everything);
    }

    fn it_lists_page_by_page(context: &Context) {
        // In a directory of its own: those that other tests leave empty are prefixes, too.
        with_store(context, |store| store, async |store| {
            integration::list_paginated(&store, &store).await;
        });
    }
}

/// What the store is told concerns what it does, and not which backend does it.
fn on_two_backends(change: fn(AioFileSystem) -> AioFileSystem) {
    for name in ["auto", "thread"] {
        let variant = caio_testkit::variant(name).unwrap();
        let context = variant.build(aiofile::context()).unwrap();
        with_store(&context, change, everything);
    }
}

#[test]
fn it_passes_where_all_is_durable() {
    on_two_backends(|store| store.with_durable(true));
}

#[test]
fn it_passes_past_the_page_cache() {
    on_two_backends(|store| store.with_direct(true).with_open_files_max(2));
}

#[test]
fn it_passes_where_it_gives_files() {
    on_two_backends(|store| store.with_file_payload(true));
}
