//! Uploads and listings that need no state in the program.

use std::fs;

use object_store::integration;
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::multipart::{MultipartStore, PartId};
use object_store::{Error, ObjectStoreExt};
use tempfile::TempDir;

use super::{AioFileSystem, object_store};

fn store() -> (TempDir, AioFileSystem) {
    let directory = TempDir::new().unwrap();
    let store = AioFileSystem::new_with_prefix(directory.path()).unwrap();
    (directory, store)
}

#[tokio::test]
async fn parts_come_in_any_order() {
    let (_directory, store) = store();
    integration::multipart_put_part_out_of_order(&store, &store).await;
}

#[tokio::test]
async fn an_upload_is_on_the_disk_and_goes_with_all_its_parts() {
    let (directory, store) = store();
    let names = || fs::read_dir(directory.path()).unwrap().count();
    let path = "object".into();
    let (kept, given_up) = (
        store.create_multipart(&path).await.unwrap(),
        store.create_multipart(&path).await.unwrap(),
    );
    store.put_part(&path, &kept, 1, "second".into()).await.unwrap();
    store.put_part(&path, &given_up, 0, "of the other".into()).await.unwrap();
    store.put_part(&path, &kept, 0, "wrong ".into()).await.unwrap();

    // Another program goes on with it.
    let store = AioFileSystem::new_with_prefix(directory.path()).unwrap();
    store.put_part(&path, &kept, 0, "first ".into()).await.unwrap();
    let part = |index: usize| PartId { content_id: index.to_string() };
    let missing = store.complete_multipart(&path, &kept, vec![part(0), part(7)]).await;
    assert!(matches!(missing, Err(Error::NotFound { .. })), "{missing:?}");
    store.abort_multipart(&path, &given_up).await.unwrap();
    assert_eq!(names(), 3, "the upload and its two parts");
    store.complete_multipart(&path, &kept, vec![part(0), part(1)]).await.unwrap();
    assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), "first second");
    assert_eq!(names(), 1);
    for over in [&kept, &given_up] {
        let error = store.put_part(&path, over, 0, "late".into()).await.unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error}");
    }
    assert!(store.abort_multipart(&path, &"none".to_owned()).await.is_err());
}

#[tokio::test]
async fn pages_are_in_order_and_end() {
    let (_directory, store) = store();
    let mut locations = ["a-b/x", "a/x", "a/y", "a0", "b"];
    for location in locations {
        store.put(&location.into(), "".into()).await.unwrap();
    }
    locations.sort_unstable();
    let mut options = PaginatedListOptions { max_keys: Some(2), ..Default::default() };
    let mut found = Vec::new();
    loop {
        let page = store.list_paginated(None, options.clone()).await.unwrap();
        found.extend(page.result.objects.into_iter().map(|meta| meta.location.to_string()));
        options.page_token = page.page_token;
        if options.page_token.is_none() {
            break;
        }
    }
    assert_eq!(found, locations);

    options.delimiter = Some("/".into());
    let first = store.list_paginated(Some("a"), options.clone()).await.unwrap();
    assert_eq!(first.result.common_prefixes, ["a-b".into(), "a".into()]);
    options.page_token = first.page_token;
    let second = store.list_paginated(Some("a"), options.clone()).await.unwrap();
    assert_eq!(second.result.objects[0].location, "a0".into());
    assert_eq!((second.result.objects.len(), second.page_token), (1, None));

    let outside = store.list_paginated(Some("../"), PaginatedListOptions::default()).await;
    assert!(matches!(outside, Err(Error::InvalidPath { .. })), "{outside:?}");
    options.delimiter = Some("-".into());
    let odd = store.list_paginated(None, options).await;
    assert!(matches!(odd, Err(Error::NotSupported { .. })), "{odd:?}");
}
