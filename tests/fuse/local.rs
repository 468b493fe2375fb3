//! A disk that does not answer: ext4 on a loop device whose image the server holds. Files of a
//! local file system are in the queues of io_uring and kernel AIO, as a user has them there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::task::{Context as TaskContext, Waker};
use std::time::{Duration, Instant};

use aiofile::AioFile;
use caio::Context;
use caio_testkit::Random;
use futures_util::future::{BoxFuture, FutureExt};
use nix::errno::Errno;
use tempfile::TempDir;

use crate::disk::{Disk, Verdict};
use crate::drive::{PATIENCE, mounted, number, run, runtime, seed, skipped};
use crate::guards::Guards;
use crate::in_use;
use crate::mounted::Mounted;
use crate::plan::Call;
use crate::settled::settled;
use crate::ways;
use crate::work::{BUFFER_BYTES, Manner};

/// On each backend.
const CANCELS: u64 = 600;

/// So many are in flight at once, each on a file of its own.
const FILES: usize = 6;

const FILE_BYTES: usize = 1 << 20;

const IMAGE_BYTES: usize = 64 << 20;

#[test]
fn cancellations_in_flight_on_a_disk() {
    let _alone = in_use::alone();
    let Some(mounted) = mounted() else { return };
    let image = mounted.disk().create("image", vec![0; IMAGE_BYTES], true);
    let ext4 = match Ext4::mount(mounted.disk().clone(), image, &mounted.path("image")) {
        Ok(ext4) => ext4,
        Err(reason) => return skipped(&reason),
    };
    let cancels = number("CAIO_FUSE_CANCELS", CANCELS);
    let patience = PATIENCE + Duration::from_millis(20 * cancels);
    ways::each(|way| {
        if way.is_queue {
            return;
        }
        let (before, begun) = (in_use::now(), Instant::now());
        let context = way.build().unwrap();
        let done = gate(&mounted, image, &ext4, &context, cancels, patience);
        let routed = context.metrics().routed;
        drop(context);
        let done = done.and_then(|()| in_use::given_back(&before, PATIENCE));
        let name = way.name;
        done.unwrap_or_else(|error| panic!("{name}: {error}\nCAIO_FUSE_SEED={}", seed()));
        println!(
            "gate=fuse_disk_cancels backend={name} cancels={cancels} early_drops=0 \
             routed={routed} seconds={:.1}",
            begun.elapsed().as_secs_f64()
        );
    });
    drop(ext4);
    mounted.unmount().unwrap();
}

/// Cancels that many transfers that the loop device has handed to the server.
fn gate(
    mounted: &Mounted,
    image: u64,
    ext4: &Ext4,
    context: &Context,
    wanted: u64,
    patience: Duration,
) -> Result<(), String> {
    let disk = mounted.disk();
    let guards = Guards::new(2 * FILES, BUFFER_BYTES);
    let mut random = Random::new(seed());
    run(&runtime(), context, patience, async {
        let mut files = Vec::new();
        for number in 0..FILES {
            files.push(ext4.file(context, number).await.map_err(|error| error.to_string())?);
        }
        let routed = context.metrics().routed;
        let mut cancels = 0;
        while cancels < wanted {
            disk.hold(image, &[Call::Read, Call::Write]);
            let mut flying: Vec<_> =
                files.iter().map(|file| transfer(file, &guards, &mut random)).collect();
            let mut task = TaskContext::from_waker(Waker::noop());
            if flying.iter_mut().any(|flying| flying.poll_unpin(&mut task).is_ready()) {
                return Err("a transfer ended before its answer".to_owned());
            }
            // A task that had its share begins nothing until it is polled anew.
            while disk.held_of(image, &[Call::Read, Call::Write]) < flying.len() {
                tokio::time::sleep(Duration::from_micros(100)).await;
                flying.retain_mut(|flying| flying.poll_unpin(&mut task).is_pending());
            }
            cancels += flying.len() as u64;
            guards.poison();
            let out = guards.out();
            drop(flying);
            guards.no_early_drops(out)?;
            disk.answered(image);
            disk.answer_held(|call| match call {
                Call::Read if random.chance(0.3) => Verdict::Fails(Errno::EIO),
                _ => Verdict::Done,
            });
            settled(context, PATIENCE)?;
            guards.all_back()?;
            guards.poison();
        }
        guards.no_early_drops(0)?;

        match context.info().backend.name() {
            "uring" | "linux" if context.metrics().routed > routed => {
                Err("transfers of a local file went another way".to_owned())
            }
            _ => Ok(()),
        }
    })
}

fn transfer(file: &AioFile, guards: &Guards, random: &mut Random) -> BoxFuture<'static, ()> {
    let file = file.clone();
    // Neighbours at the border of two files could become one request.
    let offset = (BUFFER_BYTES * random.within(1..FILE_BYTES / BUFFER_BYTES - 1)) as u64;
    match random.below(3) {
        0 => {
            let buffer = guards.with(&random.bytes(BUFFER_BYTES));
            async move { drop(file.write_from(buffer, offset).await) }.boxed()
        }
        1 => {
            let buffers = vec![guards.take()];
            async move { drop(file.read_vectored_at(buffers, offset).await) }.boxed()
        }
        _ => {
            let buffer = guards.take();
            async move { drop(file.read_into(buffer, offset).await) }.boxed()
        }
    }
}

/// ext4 in a file that the server has, until it is dropped.
struct Ext4 {
    disk: Disk,
    image: u64,
    device: String,
    directory: TempDir,
}

impl Ext4 {
    /// Makes and mounts it, or says what is missing for that.
    fn mount(disk: Disk, image: u64, path: &Path) -> Result<Self, String> {
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        // Nothing is written but what the test writes: no journal, no times, nothing made ready.
        let options = ["-q", "-F", "-b", "4096", "-O", "^has_journal"];
        let options = [&options[..], &["-E", "lazy_itable_init=0"]].concat();
        run_program("mkfs.ext4", &options, path)?;
        // By direct I/O the device hands on one request beside the other.
        let device = run_program("losetup", &["--find", "--show", "--direct-io=on"], path)?;
        let ext4 = Self { disk, image, device: device.trim().to_owned(), directory };
        run_program("mount", &["-o", "noatime,lazytime", &ext4.device], ext4.directory.path())?;
        Ok(ext4)
    }

    /// A file with blocks of its own, opened with O_DIRECT.
    async fn file(&self, context: &Context, number: usize) -> std::io::Result<AioFile> {
        let path: PathBuf = self.directory.path().join(format!("file-{number}"));
        std::fs::write(&path, vec![7; FILE_BYTES])?;
        std::fs::File::open(&path)?.sync_all()?;
        Manner::Direct.open(context, &path).await
    }
}

impl Drop for Ext4 {
    fn drop(&mut self) {
        self.disk.let_go(self.image);
        // What is missing after a failed mount is not there to be ended.
        let _ = run_program("umount", &[], self.directory.path());
        let _ = run_program("losetup", &["--detach"], Path::new(&self.device));
    }
}

fn run_program(program: &str, arguments: &[&str], path: &Path) -> Result<String, String> {
    match Command::new(program).args(arguments).arg(path).output() {
        Ok(output) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Ok(output) => Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim())),
        Err(error) => Err(format!("{program}: {error}")),
    }
}
