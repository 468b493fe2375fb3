//! What the tasks of a program share, and the looks at it when they are through.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aiofile::{AioFile, Context, OpenOptions};
use caio::Error;
use tempfile::TempDir;

use crate::model::{Records, bytes};
use crate::scenario::{Place, REGION, Scenario};
use crate::settled::settled;
use crate::task::Done;

pub(crate) struct World {
    pub(crate) scenario: Scenario,
    pub(crate) contexts: Vec<Context>,
    /// The shared files, and each one open in each context.
    pub(crate) paths: Vec<PathBuf>,
    pub(crate) files: Vec<Vec<AioFile>>,
    pub(crate) append: Vec<AioFile>,
    pub(crate) lock: PathBuf,
    /// How many have the lock.
    pub(crate) holders: AtomicUsize,
    /// The step that each task has come to.
    pub(crate) at: Vec<AtomicUsize>,
    disk: TempDir,
    _memory: TempDir,
}

impl World {
    /// Files that hold what step 0 writes, and contexts.
    pub(crate) fn new(
        scenario: &Scenario,
        build: &dyn Fn() -> Result<Context, Error>,
    ) -> io::Result<Self> {
        let disk = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let memory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())?;
        let contexts = (0..scenario.contexts).map(|_| Ok(build()?));
        let contexts = contexts.collect::<io::Result<Vec<_>>>()?;
        let mut world = Self {
            scenario: scenario.clone(),
            paths: Vec::new(),
            files: Vec::new(),
            append: Vec::new(),
            lock: disk.path().join("lock"),
            holders: AtomicUsize::new(0),
            at: scenario.tasks.iter().map(|_| AtomicUsize::new(0)).collect(),
            contexts,
            disk,
            _memory: memory,
        };
        for (number, place) in scenario.files.iter().enumerate() {
            let directory = if *place == Place::Memory { &world._memory } else { &world.disk };
            let path = directory.path().join(format!("shared-{number}"));
            std::fs::write(&path, bytes(0, 0..REGION).repeat(scenario.tasks.len()))?;
            world.paths.push(path);
        }
        std::fs::write(&world.lock, "")?;
        let append = world.append_path();
        for context in &world.contexts {
            let open = |file| smol::block_on(world.open(context, file));
            world.files.push((0..world.paths.len()).map(open).collect::<io::Result<_>>()?);
            let mut options = OpenOptions::new();
            options.append(true).create(true).context(context);
            world.append.push(smol::block_on(options.open_aio(&append))?);
        }
        Ok(world)
    }

    /// Opens a shared file.
    pub(crate) async fn open(&self, context: &Context, file: usize) -> io::Result<AioFile> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).context(context);
        if self.scenario.files[file] == Place::Direct {
            options.direct(true).bounce(true);
        }
        options.open_aio(&self.paths[file]).await
    }

    /// The file that a task of this number replaces.
    pub(crate) fn replaced(&self, task: usize) -> PathBuf {
        self.disk.path().join(format!("replaced-{task}"))
    }

    fn append_path(&self) -> PathBuf {
        self.disk.path().join("append")
    }

    /// Where each task is, and what the contexts have in flight, for one who wonders why it hangs.
    pub(crate) fn describe(&self) -> String {
        let at: Vec<_> = self.at.iter().map(|step| step.load(Ordering::SeqCst)).collect();
        let contexts = self.contexts.iter().map(|context| (context.in_flight(), context.metrics()));
        format!(
            "the tasks are at the steps {at:?}, the contexts at {:?}",
            contexts.collect::<Vec<_>>()
        )
    }

    /// What must hold when all tasks are through, whatever was given up on the way.
    pub(crate) fn check(&self, done: Vec<Done>, patience: Duration) -> Result<(), String> {
        for context in &self.contexts {
            settled(context, patience)?;
        }
        let read = |path| std::fs::read(path).map_err(|error| error.to_string());
        for (file, path) in self.paths.iter().enumerate() {
            let found = read(path.clone())?;
            if found.len() != REGION * done.len() {
                return Err(format!("file {file} has {} bytes", found.len()));
            }
            for (task, (found, done)) in found.chunks(REGION).zip(&done).enumerate() {
                let wrong = |error| format!("file {file}, region of task {task}: {error}");
                done.regions[file].check(0, found).map_err(wrong)?;
            }
        }
        for (task, done) in done.iter().enumerate() {
            let found = std::fs::read(self.replaced(task)).ok();
            done.replaced.check(found.as_deref())?;
        }
        let records: Vec<_> = done.into_iter().map(|done| done.records).collect();
        Records::check(&records, &read(self.append_path())?)?;
        self.check_names()?;
        let lock = std::fs::File::open(&self.lock).map_err(|error| error.to_string())?;
        let context = aiofile::context().build().map_err(|error| error.to_string())?;
        match smol::block_on(aiofile::fs::Fs::new(&context).try_lock_shared(&lock)) {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err("somebody has the lock still".into()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Nothing temporary is left behind.
    fn check_names(&self) -> Result<(), String> {
        let directory = std::fs::read_dir(self.disk.path()).map_err(|error| error.to_string())?;
        let known = ["shared-", "replaced-", "append", "lock"];
        for entry in directory {
            let name = entry.map_err(|error| error.to_string())?.file_name();
            let name = name.to_string_lossy();
            if !known.iter().any(|known| name.starts_with(known)) {
                return Err(format!("{name} is left behind"));
            }
        }
        Ok(())
    }
}
