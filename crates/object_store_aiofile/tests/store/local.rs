//! What programs rely on that use `LocalFileSystem`, in a directory that both may have.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path as FilePath;

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutPayload};
use tempfile::TempDir;

use super::{AioFileSystem, object_store};

fn store() -> (TempDir, AioFileSystem) {
    let directory = TempDir::new().unwrap();
    let store = AioFileSystem::new_with_prefix(directory.path()).unwrap();
    (directory, store)
}

/// The locations of all objects, in order.
async fn listed(store: &dyn ObjectStore, prefix: Option<&str>) -> Vec<String> {
    let prefix = prefix.map(Path::from);
    let listed: Vec<_> = store.list(prefix.as_ref()).try_collect().await.unwrap();
    let mut listed: Vec<String> = listed.into_iter().map(|meta| meta.location.into()).collect();
    listed.sort_unstable();
    listed
}

fn names(directory: &FilePath) -> Vec<String> {
    let names = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

async fn read(store: &dyn ObjectStore, location: &str) -> Bytes {
    store.get(&Path::parse(location).unwrap()).await.unwrap().bytes().await.unwrap()
}

#[test]
fn it_works_without_tokio() {
    let (_directory, store) = store();
    futures_executor::block_on(async move {
        object_store::integration::put_get_delete_list(&store).await;
        object_store::integration::list_uses_directories_correctly(&store).await;
        object_store::integration::list_with_delimiter(&store).await;

        let location = Path::from("upload");
        let mut upload = store.put_multipart(&location).await.unwrap();
        upload.put_part("123".into()).await.unwrap();
        upload.put_part("45678".into()).await.unwrap();
        let put = upload.complete().await.unwrap();
        let got = store.get(&location).await.unwrap();
        assert_eq!(got.meta.e_tag, put.e_tag);
        assert_eq!(got.bytes().await.unwrap(), "12345678");
    });
}

#[tokio::test]
async fn directories_are_made_as_they_are_needed() {
    let (directory, store) = store();
    store.put(&"new/directory/object".into(), "contents".into()).await.unwrap();
    assert_eq!(fs::read(directory.path().join("new/directory/object")).unwrap(), b"contents");
    store.copy(&"new/directory/object".into(), &"copies/copy".into()).await.unwrap();
    store.rename(&"copies/copy".into(), &"other/name".into()).await.unwrap();
    assert_eq!(read(&store, "other/name").await, "contents");
}

#[tokio::test]
async fn ranges_end_with_the_object() {
    let (_directory, store) = store();
    let location = Path::from("object");
    store.put(&location, "some contents".into()).await.unwrap();
    assert_eq!(store.get_range(&location, 5..100).await.unwrap(), "contents");
    let ranges = store.get_ranges(&location, &[5..100, 0..4, 7..7]).await.unwrap();
    assert_eq!(ranges, ["contents", "some", ""]);
    for beyond in [13..14, 100..200] {
        let error = store.get_range(&location, beyond.clone()).await.unwrap_err();
        assert!(matches!(error, Error::Generic { .. }), "{error}");
        assert!(error.to_string().contains("object"), "it names the object: {error}");
        let error = store.get_ranges(&location, &[0..1, beyond]).await.unwrap_err();
        assert!(matches!(error, Error::Generic { .. }), "{error}");
    }
    assert!(store.get_ranges(&"none".into(), &[]).await.is_err());
}

#[tokio::test]
async fn ranges_may_overlap_and_come_in_any_order() {
    let (_directory, store) = store();
    let contents: Vec<u8> = (0..40_000_u32).map(|place| (place % 251) as u8).collect();
    store.put(&"object".into(), contents.clone().into()).await.unwrap();
    let all = [
        vec![0..16, 16..32, 32..48],
        vec![39_990..40_000, 0..16, 64..80, 20_000..20_001],
        vec![100..120, 0..50, 40..60, 0..50, 110..130],
        vec![],
    ];
    for ranges in all {
        let read = store.get_ranges(&"object".into(), &ranges).await.unwrap();
        let expected =
            ranges.iter().map(|range| &contents[range.start as usize..range.end as usize]);
        assert!(read.iter().map(AsRef::as_ref).eq(expected), "{ranges:?}");
    }
}

#[tokio::test]
async fn what_is_long_comes_in_pieces_and_whole() {
    let (_directory, store) = store();
    let contents: Vec<u8> = (0..9_000_001_u32).map(|place| (place % 249) as u8).collect();
    store.put(&"object".into(), contents.clone().into()).await.unwrap();
    let got = store.get(&"object".into()).await.unwrap();
    let pieces: Vec<_> = got.into_stream().try_collect().await.unwrap();
    assert!(pieces.len() > 2, "one piece of memory would be too large for larger ones");
    assert_eq!(pieces.concat(), contents);
}

#[tokio::test]
async fn what_is_not_there_is_told_with_its_path() {
    let (directory, store) = store();
    store.put(&"directory/object".into(), "contents".into()).await.unwrap();
    for location in ["none", "directory", "directory/object/below"].map(Path::from) {
        let errors = [
            store.get(&location).await.map(drop).unwrap_err(),
            store.head(&location).await.map(drop).unwrap_err(),
            store.get_ranges(&location, &[0..1]).await.map(drop).unwrap_err(),
            store.delete(&location).await.unwrap_err(),
            store.copy(&location, &"copies/copy".into()).await.unwrap_err(),
            store.rename(&location, &"others/other".into()).await.unwrap_err(),
        ];
        for error in errors {
            let Error::NotFound { path, source } = &error else { panic!("{error:?}") };
            assert!(source.downcast_ref::<std::io::Error>().is_some(), "{source:?}");
            assert!(path.ends_with(location.as_ref()), "{path} is not {location}");
        }
    }
    assert_eq!(names(directory.path()), ["directory"], "no directory was made for nothing");
}

#[tokio::test]
async fn without_a_prefix_it_has_all_files() {
    let store = AioFileSystem::new();
    let path = fs::canonicalize("Cargo.toml").unwrap();
    let location = Path::from_filesystem_path(&path).unwrap();
    assert_eq!(store.path_to_filesystem(&location).unwrap(), path);
    assert_eq!(store.head(&location).await.unwrap().size, fs::metadata(path).unwrap().len());
    let root = store.list_with_delimiter(None).await.unwrap();
    assert!(root.common_prefixes.contains(&"proc".into()));
    assert!(AioFileSystem::new_with_prefix(".").is_ok());
    assert!(AioFileSystem::new_with_prefix("/none").is_err());
}

#[tokio::test]
async fn links_are_followed_and_only_they_are_deleted() {
    let (directory, store) = store();
    let (root, outside) = (directory.path(), tempfile::NamedTempFile::new().unwrap());
    store.put(&"a/object".into(), "contents".into()).await.unwrap();
    symlink(outside.path(), root.join("outside")).unwrap();
    symlink(root.join("a"), root.join("b")).unwrap();
    symlink(root.join("none"), root.join("broken")).unwrap();
    assert_eq!(listed(&store, None).await, ["a/object", "b/object", "outside"]);
    assert_eq!(listed(&store, Some("b")).await, ["b/object"]);
    assert_eq!(read(&store, "b/object").await, "contents");
    store.head(&"outside".into()).await.unwrap();

    let found = store.list_with_delimiter(None).await.unwrap();
    assert_eq!(found.common_prefixes, ["a", "b"].map(Path::from));
    assert_eq!(found.objects.len(), 1);
    assert_eq!(found.objects[0].location, Path::from("outside"));

    store.delete(&"outside".into()).await.unwrap();
    assert!(outside.path().exists());
    store.delete(&"b/object".into()).await.unwrap();
    assert_eq!(listed(&store, None).await, [""; 0]);
    store.put(&"b/object".into(), "through a link".into()).await.unwrap();
    assert_eq!(listed(&store, None).await, ["a/object", "b/object"]);
}

#[tokio::test]
async fn a_link_that_leads_back_is_an_error_of_the_listing() {
    let (directory, store) = store();
    fs::create_dir(directory.path().join("a")).unwrap();
    symlink(directory.path(), directory.path().join("a/back")).unwrap();
    let listed: Result<Vec<_>, _> = store.list(None).try_collect().await;
    assert!(listed.unwrap_err().to_string().contains("a/back"));
}

#[tokio::test]
async fn names_are_what_they_are_on_the_disk() {
    let (directory, _) = store();
    let root = directory.path().join("🙀");
    fs::create_dir(&root).unwrap();
    let store = AioFileSystem::new_with_prefix(&root).unwrap();
    store.put(&"directory/child".into(), "contents".into()).await.unwrap();
    fs::write(root.join("💀"), "found").unwrap();
    fs::write(root.join("L%3ABC.parquet"), "found").unwrap();
    assert_eq!(listed(&store, None).await, ["L%3ABC.parquet", "directory/child", "💀"]);
    assert_eq!(read(&store, "L%3ABC.parquet").await, "found");
    let found = store.list_with_delimiter(None).await.unwrap();
    assert_eq!(found.objects.len(), 2);

    // A part that a location cannot have is percent-encoded by object_store, and stays so.
    let odd = Path::from_iter(["..", "a/b", "#"]);
    store.put(&odd, "odd".into()).await.unwrap();
    assert_eq!(fs::read(root.join("%2E%2E/a%2Fb/%23")).unwrap(), b"odd");
    assert_eq!(listed(&store, Some("..")).await, ["%2E%2E/a%2Fb/%23"]);
}

#[tokio::test]
async fn a_name_that_is_no_text_is_an_error_of_the_listing() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let (directory, store) = store();
    fs::write(directory.path().join(OsStr::from_bytes(b"\xff")), "").unwrap();
    let listed: Result<Vec<_>, _> = store.list(None).try_collect().await;
    assert!(matches!(listed, Err(Error::InvalidPath { .. })), "{listed:?}");
    let listed = store.list_with_delimiter(None).await;
    assert!(matches!(listed, Err(Error::InvalidPath { .. })), "{listed:?}");
}

#[tokio::test]
async fn what_is_being_written_is_not_shown_and_goes_when_it_is_given_up() {
    let (directory, store) = store();
    let location = Path::from("object");
    let mut first = store.put_multipart(&location).await.unwrap();
    first.put_part("first".into()).await.unwrap();
    let mut second = store.put_multipart(&location).await.unwrap();
    second.put_part("second".into()).await.unwrap();
    assert_eq!(names(directory.path()), ["object#1", "object#2"]);
    assert_eq!(listed(&store, None).await, [""; 0]);
    assert!(store.list_with_delimiter(None).await.unwrap().objects.is_empty());
    for staged in ["object#1", "a#2"] {
        let error = store.get(&Path::parse(staged).unwrap()).await.unwrap_err();
        assert!(error.to_string().contains(staged), "{error}");
    }

    first.abort().await.unwrap();
    assert!(first.abort().await.is_err() && first.complete().await.is_err());
    assert_eq!(names(directory.path()), ["object#2"]);
    drop(second);
    while !names(directory.path()).is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn digits_behind_the_name_of_a_directory_are_no_matter() {
    let (directory, store) = store();
    for location in ["a#123/object", "a#123.txt", "b#1#x"] {
        store.put(&Path::parse(location).unwrap(), "contents".into()).await.unwrap();
    }
    fs::write(directory.path().join("b#123"), "being written").unwrap();
    assert_eq!(listed(&store, None).await, ["a#123.txt", "a#123/object", "b#1#x"]);
}

#[tokio::test]
async fn an_upload_without_one_of_its_parts_is_not_completed() {
    let (directory, store) = store();
    let mut upload = store.put_multipart(&"object".into()).await.unwrap();
    let first = upload.put_part("first ".into());
    upload.put_part("second".into()).await.unwrap();
    let error = upload.complete().await.unwrap_err();
    assert!(error.to_string().contains("1 parts"), "{error}");
    first.await.unwrap();
    upload.complete().await.unwrap();
    assert_eq!(fs::read(directory.path().join("object")).unwrap(), b"first second");
    assert_eq!(names(directory.path()), ["object"]);
}

#[tokio::test]
async fn a_payload_of_many_buffers_is_written_whole() {
    let (_directory, store) = store();
    let buffers: Vec<_> = (0..3000_u32).map(|n| Bytes::from(n.to_string())).collect();
    let whole = buffers.concat();
    let payload = PutPayload::from_iter(buffers);
    store.put(&"object".into(), payload.clone()).await.unwrap();
    assert_eq!(read(&store, "object").await, whole);
    let mut upload = store.put_multipart(&"upload".into()).await.unwrap();
    upload.put_part("head ".into()).await.unwrap();
    upload.put_part(payload).await.unwrap();
    upload.complete().await.unwrap();
    assert_eq!(read(&store, "upload").await, [b"head ", &whole[..]].concat());
}

#[tokio::test]
async fn offsets_are_those_of_whole_locations() {
    let (_directory, store) = store();
    let locations = ["a-b/x", "a/x", "a/y", "a0", "b"];
    for location in locations {
        store.put(&location.into(), "".into()).await.unwrap();
    }
    for offset in ["", "a", "a-", "a/", "a/x", "a/y", "a0", "a1", "b"] {
        let offset = Path::parse(offset).unwrap();
        let found = store.list_with_offset(None, &offset);
        let found: Vec<_> = found.map_ok(|meta| meta.location).try_collect().await.unwrap();
        let expected = locations.iter().filter(|location| **location > offset.as_ref());
        let mut found: Vec<_> = found.iter().map(AsRef::as_ref).collect();
        found.sort_unstable();
        assert!(found.iter().eq(expected), "behind {offset}: {found:?}");
    }
}

#[tokio::test]
async fn directories_that_become_empty_go_where_that_is_asked_for() {
    let (directory, store) = store();
    let location = Path::from("deep/in/directories/object");
    store.put(&location, "contents".into()).await.unwrap();
    store.delete(&location).await.unwrap();
    assert!(directory.path().join("deep/in/directories").exists());

    let store = store.with_automatic_cleanup(true);
    store.put(&location, "contents".into()).await.unwrap();
    store.put(&"deep/other".into(), "contents".into()).await.unwrap();
    store.rename(&location, &"object".into()).await.unwrap();
    assert_eq!(names(&directory.path().join("deep")), ["other"]);
    store.delete(&"deep/other".into()).await.unwrap();
    store.delete(&"object".into()).await.unwrap();
    assert_eq!(names(directory.path()), [""; 0]);
    assert!(directory.path().exists());
}

#[tokio::test]
async fn a_fifo_is_opened_at_once() {
    let (directory, store) = store();
    let path = directory.path().join("fifo");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let opened = tokio::task::spawn_blocking(|| fs::OpenOptions::new().write(true).open(path));
    assert_eq!(store.head(&"fifo".into()).await.unwrap().size, 0);
    store.get(&"fifo".into()).await.unwrap();
    opened.await.unwrap().unwrap();
    let error = store.copy(&"fifo".into(), &"copy".into()).await.unwrap_err();
    assert!(error.to_string().contains("no regular file"), "it would wait for ever: {error}");
    assert_eq!(listed(&store, None).await, [""; 0]);
}

#[tokio::test]
async fn either_store_opens_what_the_other_wrote() {
    let (directory, ours) = store();
    let theirs = LocalFileSystem::new_with_prefix(directory.path()).unwrap();
    let stores: [&dyn ObjectStore; 2] = [&ours, &theirs];
    for (writer, reader) in [(0, 1), (1, 0)] {
        let location = Path::parse(format!("Über #7 % {writer}/object")).unwrap();
        let put = stores[writer].put(&location, "contents".into()).await.unwrap();
        let found = stores[reader].head(&location).await.unwrap();
        assert_eq!(found.e_tag, put.e_tag);
        assert_eq!(found, stores[writer].head(&location).await.unwrap());
        assert_eq!(read(stores[reader], location.as_ref()).await, "contents");

        // Neither shows what the other has not completed.
        let mut upload = stores[writer].put_multipart(&location).await.unwrap();
        upload.put_part("longer contents".into()).await.unwrap();
        assert_eq!(listed(stores[0], None).await, listed(stores[1], None).await);
        upload.complete().await.unwrap();
        assert_eq!(read(stores[reader], location.as_ref()).await, "longer contents");
    }
}

#[tokio::test]
async fn an_object_that_another_program_replaces_or_changes_is_read_as_it_is_now() {
    let (directory, store) = store();
    let path = directory.path().join("object");
    for contents in ["first", "the second", "3"] {
        let new = directory.path().join("new");
        fs::write(&new, contents).unwrap();
        fs::rename(&new, &path).unwrap();
        assert_eq!(read(&store, "object").await, contents);
        assert_eq!(store.get_ranges(&"object".into(), &[0..99]).await.unwrap(), [contents]);
    }
    fs::write(&path, "written in place").unwrap();
    assert_eq!(read(&store, "object").await, "written in place");
    fs::remove_file(&path).unwrap();
    assert!(matches!(store.get(&"object".into()).await, Err(Error::NotFound { .. })));
}
