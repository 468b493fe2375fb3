//! A small file system: without room, and when it is unmounted.

use std::io::SeekFrom;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use aiofile::Error;
use tokio::io::{AsyncSeekExt, AsyncWriteExt};

use crate::backends::{each, open};

/// A tmpfs of 512 KiB, where it can be mounted.
struct Small(tempfile::TempDir);

impl Small {
    fn mount() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=512k", "tmpfs"])
            .arg(directory.path())
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(directory)),
            Ok(output) => {
                println!("skipped: {}", String::from_utf8_lossy(&output.stderr).trim());
                None
            }
            Err(error) => {
                println!("skipped: mount: {error}");
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Small {
    /// Whether nothing in it is open.
    fn unmount(&self) -> bool {
        Command::new("umount").arg(self.path()).output().is_ok_and(|ran| ran.status.success())
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).output();
    }
}

#[test]
fn a_full_file_system_takes_what_fits_says_so_and_goes_on_when_there_is_room() {
    each(async |context| {
        let Some(small) = Small::mount() else { return };
        let ballast = small.path().join("ballast");
        std::fs::write(&ballast, vec![0; 256 << 10]).unwrap();
        let data: Vec<u8> = (0..400_000u32).map(|i| i as u8).collect();
        let mut handle = open(context, small.path().join("data"), "w+").await;
        let accepted = handle.write(&data).await.unwrap();
        assert!(accepted < data.len());
        assert_eq!(handle.tell(), accepted as u64);
        // Why it was short is told by what is done next, and once.
        let error = Error::from(handle.flush().await.unwrap_err());
        assert_eq!(error.raw_os_error(), Some(28));
        handle.flush().await.unwrap();
        for _ in 0..2 {
            let error =
                Error::from(handle.write_owned(data[accepted..].to_vec()).await.unwrap_err());
            assert_eq!((error.raw_os_error(), handle.tell()), (Some(28), accepted as u64));
        }
        handle.flush().await.unwrap();
        std::fs::remove_file(ballast).unwrap();
        handle.write_owned(data[accepted..].to_vec()).await.unwrap();
        handle.seek(SeekFrom::Start(0)).await.unwrap();
        assert_eq!(handle.read_all().await.unwrap(), data);
        handle.close().await.unwrap();
    });
}

/// Trap D6: somebody refers to a file that was dropped or closed.
#[test]
fn a_file_system_can_be_unmounted_when_its_files_are_dropped_or_closed() {
    each(async |context| {
        for closed in [false, true] {
            let Some(small) = Small::mount() else { return };
            let mut handle = open(context, small.path().join("data"), "w+").await;
            handle.write_owned(vec![7; 100_000]).await.unwrap();
            handle.seek(SeekFrom::Start(0)).await.unwrap();
            assert_eq!(handle.read_all().await.unwrap(), vec![7; 100_000]);
            assert!(!small.unmount(), "a file in it is open");
            if closed {
                handle.close().await.unwrap();
            } else {
                drop(handle);
            }
            let deadline = Instant::now() + Duration::from_secs(60);
            while !small.unmount() {
                assert!(Instant::now() < deadline, "it is busy, closed: {closed}");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    });
}
