//! Every future can move between threads and be run by `tokio::spawn`, with borrowed names too.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::time::SystemTime;

use aiofile::fs::{
    self, Access, AtomicWriteOptions, DirBuilder, DirEntry, FileTimes, Fs, ReadDir, WalkEntries,
};
use aiofile::{AioFile, ChunkStream, File, Follow, LineStream, OpenOptions, RangeStream};

use super::support::temporary;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_of_them_in_a_spawned_task() {
    let directory = temporary();
    let path = directory.path().to_owned();
    let task = tokio::spawn(async move {
        let (file, other, link) = (path.join("file"), path.join("other"), path.join("link"));
        fs::write(&file, "text").await?;
        fs::append(&file, "more").await?;
        fs::write_atomic(&other, "text").await?;
        AtomicWriteOptions::new().write(&other, &[0; 4][..]).await?;
        fs::read(&file).await?;
        fs::read_to_string(&file).await?;
        fs::metadata(&file).await?;
        fs::symlink_metadata(&file).await?;
        fs::try_exists(&file).await?;
        fs::access(&file, Access::READ).await?;
        fs::canonicalize(&file).await?;
        fs::symlink(&file, &link).await?;
        fs::read_link(&link).await?;
        fs::hard_link(&file, path.join("hard")).await?;
        fs::rename(&other, path.join("renamed")).await?;
        fs::set_permissions(&file, Permissions::from_mode(0o600)).await?;
        fs::chown(&file, None, None).await?;
        fs::lchown(&link, None, None).await?;
        fs::set_times(&file, FileTimes::new()).await?;
        fs::set_modified(&file, SystemTime::UNIX_EPOCH).await?;
        fs::create_dir(path.join("a")).await?;
        fs::create_dir_all(path.join("b/c")).await?;
        DirBuilder::new().recursive(true).create(path.join("d/e")).await?;
        fs::remove_dir(path.join("a")).await?;
        fs::remove_dir_all(path.join("b")).await?;
        fs::remove_file(&link).await?;
        let mut entries = fs::read_dir(&path).await?;
        let mut names = Vec::new();
        while let Some(entry) = entries.next_entry().await? {
            entry.metadata().await?;
            entry.file_type().await?;
            names.push(entry.file_name());
        }
        names.sort();
        std::io::Result::Ok(names)
    });
    assert_eq!(task.await.unwrap().unwrap(), ["d", "file", "hard", "renamed"]);
}

#[test]
fn futures_can_be_shared_between_threads() {
    fn shared<T>(future: impl Future<Output = T> + Send + Sync) {
        drop(future);
    }
    shared(fs::write("file", "text"));
    shared(fs::append("file", "more"));
    shared(fs::write_atomic("file", "text"));
    shared(fs::read("file"));
    shared(fs::read_to_string("file"));
    shared(fs::metadata("file"));
    shared(fs::symlink_metadata("file"));
    shared(fs::try_exists("file"));
    shared(fs::access("file", Access::READ));
    shared(fs::canonicalize("file"));
    shared(fs::copy("file", "other"));
    shared(fs::copy_dir("a", "b"));
    shared(fs::symlink("file", "link"));
    shared(fs::read_link("link"));
    shared(fs::hard_link("file", "hard"));
    shared(fs::rename("file", "other"));
    shared(fs::rename_or_copy("file", "other"));
    shared(fs::set_permissions("file", Permissions::from_mode(0o600)));
    shared(fs::chown("file", None, None));
    shared(fs::set_times("file", FileTimes::new()));
    shared(fs::create_dir("a"));
    shared(fs::create_dir_all("a/b"));
    shared(DirBuilder::new().create("a"));
    shared(fs::remove_dir("a"));
    shared(fs::remove_dir_all("a"));
    shared(fs::remove_file("file"));
    shared(fs::read_dir("a"));
    shared(fs::disk_usage("a"));
    shared(File::open("file"));
    shared(File::create("file"));
    shared(OpenOptions::new().open("file"));
    shared(AioFile::open("file", "r"));
    shared(async {
        let mut entries = fs::read_dir("a").await?;
        while let Some(entry) = entries.next_entry().await? {
            entry.file_type().await?;
            entry.metadata().await?;
        }
        let file = AioFile::open("file", "r+").await?;
        file.read_at(1, 0).await?;
        file.write_at("x", 0).await?;
        file.read_ranges(&[0..1, 2..3]).await?;
        let file = File::open("file").await?;
        file.set_len(0).await?;
        file.sync_all().await?;
        file.sync_data().await?;
        file.set_permissions(Permissions::from_mode(0o600)).await?;
        file.metadata().await?;
        fs::lock(&file).await?.unlock().await?;
        file.try_clone().await?.into_std().await;
        std::io::Result::Ok(())
    });
}

#[test]
fn types_can_be_shared_between_threads() {
    fn shared<T: Send + Sync + std::fmt::Debug>() {}
    shared::<Fs>();
    shared::<ReadDir>();
    shared::<DirEntry>();
    shared::<DirBuilder>();
    shared::<AtomicWriteOptions>();
    shared::<WalkEntries>();
    shared::<File>();
    shared::<AioFile>();
    shared::<RangeStream>();
    shared::<ChunkStream>();
    shared::<LineStream>();
    shared::<Follow>();
}
