//! Random sequences of calls to this store and to `LocalFileSystem`, each in a directory of its
//! own: the same results, the same kinds of errors, and the same objects on the disk.
//!
//! `CAIO_STORE_SEQUENCES=10000` runs so many; 100 unless set.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::Path as FilePath;

use futures_util::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    Error, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutPayload,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use tempfile::TempDir;

use super::{AioFileSystem, object_store};

/// Some are directories of others.
const LOCATIONS: [&str; 8] = ["a", "b", "a/x", "d", "d/a", "d/b", "d/e/a", "d-e"];

#[derive(Debug, Clone)]
enum Call {
    Put(&'static str, usize, bool),
    Upload(&'static str, Vec<usize>, bool),
    Get(&'static str, Option<GetRange>, Condition),
    Head(&'static str),
    Ranges(&'static str, Vec<Range<u64>>),
    Delete(Vec<&'static str>),
    List(Option<&'static str>, Option<&'static str>),
    ListDirectory(Option<&'static str>),
    Copy(&'static str, &'static str, bool),
    Rename(&'static str, &'static str, bool),
}

#[derive(Debug, Clone, Copy)]
enum Condition {
    None,
    Match(&'static str),
    NoneMatch(&'static str),
}

/// What came of a call, as far as it is to be the same.
#[derive(Debug, Clone, PartialEq)]
enum Came {
    Done,
    Bytes(Vec<Vec<u8>>),
    Objects(Vec<(String, u64)>, Vec<String>),
    Each(Vec<Came>),
    Failed(&'static str),
}

fn location() -> impl Strategy<Value = &'static str> {
    select(&LOCATIONS[..])
}

fn range() -> impl Strategy<Value = Range<u64>> {
    (0..12_000_u64, 0..5_000_u64).prop_map(|(start, length)| start..start + length)
}

fn call() -> impl Strategy<Value = Call> {
    let part = prop_oneof![Just(0), 1..20_usize, 1..9_000_usize];
    let get_range = prop_oneof![
        range().prop_map(GetRange::Bounded),
        (0..12_000_u64).prop_map(GetRange::Offset),
        (0..12_000_u64).prop_map(GetRange::Suffix),
    ];
    let tag = select(&["*", "another", "one, another"][..]);
    let condition = prop_oneof![
        4 => Just(Condition::None),
        1 => tag.clone().prop_map(Condition::Match),
        1 => tag.prop_map(Condition::NoneMatch),
    ];
    prop_oneof![
        6 => (location(), part.clone(), any::<bool>())
            .prop_map(|(at, bytes, new)| Call::Put(at, bytes, new)),
        2 => (location(), vec(part, 0..4), prop::bool::weighted(0.8))
            .prop_map(|(at, parts, ends)| Call::Upload(at, parts, ends)),
        3 => (location(), option::of(get_range), condition)
            .prop_map(|(at, range, condition)| Call::Get(at, range, condition)),
        1 => location().prop_map(Call::Head),
        3 => (location(), vec(range(), 0..5)).prop_map(|(at, ranges)| Call::Ranges(at, ranges)),
        2 => vec(location(), 1..4).prop_map(Call::Delete),
        2 => (option::of(location()), option::of(location()))
            .prop_map(|(prefix, offset)| Call::List(prefix, offset)),
        1 => option::of(location()).prop_map(Call::ListDirectory),
        2 => (location(), location(), any::<bool>())
            .prop_map(|(from, to, new)| Call::Copy(from, to, new)),
        2 => (location(), location(), any::<bool>())
            .prop_map(|(from, to, new)| Call::Rename(from, to, new)),
    ]
}

fn contents(bytes: usize) -> PutPayload {
    (0..bytes).map(|place| (place % 253 + bytes % 7) as u8).collect::<Vec<_>>().into()
}

async fn make(store: &dyn ObjectStore, call: &Call) -> Result<Came, Error> {
    let path = |location: &str| Path::from(location);
    match call.clone() {
        Call::Put(at, bytes, new) => {
            let mode = if new { PutMode::Create } else { PutMode::Overwrite };
            store.put_opts(&path(at), contents(bytes), mode.into()).await?;
        }
        Call::Upload(at, parts, ends) => {
            let mut upload = store.put_multipart(&path(at)).await?;
            for bytes in parts {
                upload.put_part(contents(bytes)).await?;
            }
            if ends {
                upload.complete().await?;
            } else {
                upload.abort().await?;
            }
        }
        Call::Get(at, range, condition) => {
            let options = GetOptions { range, ..GetOptions::default() };
            let options = match condition {
                Condition::None => options,
                Condition::Match(tag) => options.with_if_match(Some(tag)),
                Condition::NoneMatch(tag) => options.with_if_none_match(Some(tag)),
            };
            let got = store.get_opts(&path(at), options).await?;
            assert_eq!(got.meta.location, path(at));
            return Ok(Came::Bytes(vec![got.bytes().await?.into()]));
        }
        Call::Head(at) => return Ok(objects(vec![store.head(&path(at)).await?], Vec::new())),
        Call::Ranges(at, ranges) => {
            let read = store.get_ranges(&path(at), &ranges).await?;
            return Ok(Came::Bytes(read.into_iter().map(Into::into).collect()));
        }
        Call::Delete(all) => {
            let mut each = Vec::new();
            for at in all {
                each.push(came(store.delete(&path(at)).await.map(|()| Came::Done)));
            }
            return Ok(Came::Each(each));
        }
        Call::List(prefix, offset) => {
            let prefix = prefix.map(path);
            let listed = match offset {
                Some(offset) => store.list_with_offset(prefix.as_ref(), &path(offset)),
                None => store.list(prefix.as_ref()),
            };
            return Ok(objects(listed.try_collect().await?, Vec::new()));
        }
        Call::ListDirectory(prefix) => {
            let listed = store.list_with_delimiter(prefix.map(path).as_ref()).await?;
            return Ok(objects(listed.objects, listed.common_prefixes));
        }
        Call::Copy(from, to, true) => store.copy_if_not_exists(&path(from), &path(to)).await?,
        Call::Copy(from, to, false) => store.copy(&path(from), &path(to)).await?,
        Call::Rename(from, to, true) => store.rename_if_not_exists(&path(from), &path(to)).await?,
        Call::Rename(from, to, false) => store.rename(&path(from), &path(to)).await?,
    }
    Ok(Came::Done)
}

fn objects(objects: Vec<ObjectMeta>, prefixes: Vec<Path>) -> Came {
    let mut objects: Vec<_> =
        objects.into_iter().map(|meta| (meta.location.into(), meta.size)).collect();
    objects.sort_unstable();
    Came::Objects(objects, prefixes.into_iter().map(Into::into).collect())
}

fn came(result: Result<Came, Error>) -> Came {
    result.unwrap_or_else(|error| {
        Came::Failed(match error {
            Error::NotFound { .. } => "not found",
            Error::AlreadyExists { .. } => "already exists",
            Error::Precondition { .. } => "precondition",
            Error::NotModified { .. } => "not modified",
            Error::Generic { .. } => "generic",
            other => panic!("an error of another kind: {other:?}"),
        })
    })
}

/// What the call would have to be for `LocalFileSystem` to mean the same; `None` where there is no
/// such call.
fn meant(call: Call, theirs: &FilePath) -> Option<Call> {
    let file = |location: &str| fs::metadata(theirs.join(location)).ok();
    match call {
        // It fails for a range that ends behind the object.
        Call::Ranges(at, ranges) => {
            let length = file(at).map_or(0, |file| file.len());
            let cut = |range: Range<u64>| range.start..range.end.min(length.max(range.start));
            let reaches = |range: &Range<u64>| range.start < length;
            let cut = ranges.into_iter().map(|one| if reaches(&one) { cut(one) } else { one });
            Some(Call::Ranges(at, cut.collect()))
        }
        // It makes the directories for the copy of one.
        Call::Copy(from, ..) if file(from).is_some_and(|from| from.is_dir()) => None,
        // It renames directories, and leaves a file where it is whose copy has the other name.
        Call::Rename(from, to, _) => {
            let (from, to) = (file(from), file(to));
            let is_directory = from.as_ref().is_some_and(|from| from.is_dir());
            let inode = |file: &fs::Metadata| (file.dev(), file.ino());
            let same = from.is_some() && from.as_ref().map(inode) == to.as_ref().map(inode);
            (!is_directory && !same).then_some(call)
        }
        other => Some(other),
    }
}

/// If there is no such object, but a directory or something below a file, ours says so where theirs
/// may fail in another way.
fn is_like(ours: &Came, theirs: &Came, is_none: bool) -> bool {
    match (ours, theirs) {
        (Came::Each(ours), Came::Each(theirs)) => {
            let one = |(ours, theirs)| is_like(ours, theirs, is_none);
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(one)
        }
        (Came::Failed("not found"), Came::Failed(_)) if is_none => true,
        // It reads nothing of a directory.
        (Came::Failed("not found"), Came::Bytes(read)) if is_none => read.concat().is_empty(),
        // A listing of what lies below a file is empty.
        (Came::Objects(objects, prefixes), Came::Failed("generic")) if is_none => {
            objects.is_empty() && prefixes.is_empty()
        }
        (ours, theirs) => ours == theirs,
    }
}

/// What a call looks for; not what it makes.
fn about(call: &Call) -> Vec<&'static str> {
    match call {
        Call::Put(..) | Call::Upload(..) => Vec::new(),
        Call::Get(at, ..) | Call::Head(at) | Call::Ranges(at, _) => vec![at],
        Call::Copy(from, ..) | Call::Rename(from, ..) => vec![from],
        Call::Delete(all) => all.clone(),
        Call::List(prefix, _) | Call::ListDirectory(prefix) => prefix.iter().copied().collect(),
    }
}

/// All objects in a directory, with their contents.
fn on_disk(directory: &FilePath) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(next) = directories.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(directory).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                directories.push(path);
            } else if !name.contains('#') {
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

async fn compare(calls: Vec<Call>) -> Result<(), TestCaseError> {
    let (ours, theirs) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let our_store = AioFileSystem::new_with_prefix(ours.path()).unwrap().with_open_files_max(2);
    let their_store = LocalFileSystem::new_with_prefix(theirs.path()).unwrap();
    for call in calls {
        let Some(call) = meant(call, theirs.path()) else { continue };
        let is_none = about(&call).iter().any(|at| !ours.path().join(at).is_file());
        let expected = came(make(&their_store, &call).await);
        let found = came(make(&our_store, &call).await);
        prop_assert!(
            is_like(&found, &expected, is_none),
            "{call:?}: {found:?} is not {expected:?}"
        );
        prop_assert_eq!(on_disk(ours.path()), on_disk(theirs.path()), "after {:?}", call);
        let staged = fs::read_dir(ours.path()).unwrap();
        let staged = staged.filter(|entry| {
            entry.as_ref().is_ok_and(|entry| entry.file_name().to_string_lossy().contains('#'))
        });
        prop_assert_eq!(staged.count(), 0, "something is left of {:?}", call);
    }
    Ok(())
}

#[test]
fn every_sequence_of_calls_does_what_local_file_system_does() {
    let cases = std::env::var("CAIO_STORE_SEQUENCES").ok();
    let cases = cases.map_or(100, |cases| cases.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner =
        TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let compared = runner.run(&vec(call(), 1..24), |calls| runtime.block_on(compare(calls)));
    compared.unwrap();
}
