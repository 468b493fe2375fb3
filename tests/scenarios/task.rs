//! One task of a program: its steps, and what it may find.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use aiofile::fs::{AtomicWriteOptions, Durability, Fs};
use aiofile::{AioFile, Context, Error, ErrorKind};

use crate::interrupt;
use crate::model::{Records, Region, bytes, record};
use crate::scenario::{Action, REGION, Step, Task};
use crate::transfer::{read, through_a_pipe, write};
use crate::world::World;

/// What a task has done, for the looks at the files at the end.
pub(crate) struct Done {
    pub(crate) regions: Vec<Region>,
    pub(crate) records: Records,
    /// What its own file may hold; nothing while it may not be there.
    pub(crate) replaced: Replaced,
}

#[derive(Default)]
pub(crate) struct Replaced {
    pub(crate) acknowledged: Option<Vec<u8>>,
    pub(crate) given_up: Vec<Vec<u8>>,
}

impl Replaced {
    /// Whether the file may hold this, or not be there.
    pub(crate) fn check(&self, found: Option<&[u8]>) -> Result<(), String> {
        let may_be = match found {
            None => self.acknowledged.is_none(),
            Some(found) => {
                self.acknowledged.as_deref() == Some(found)
                    || self.given_up.iter().any(|given_up| given_up == found)
            }
        };
        let length = found.map(<[u8]>::len);
        may_be.then_some(()).ok_or_else(|| format!("the replaced file has {length:?} wrong bytes"))
    }
}

struct Running {
    world: Arc<World>,
    /// Which of the tasks this is: its regions and its file are called after it.
    number: usize,
    context: Context,
    fs: Fs,
    /// The context ends before its time: what fails for that reason is given up.
    may_end: bool,
    files: Vec<AioFile>,
    append: AioFile,
    done: Done,
}

/// Does what the task has to do. An error says what was wrong, and after which step.
pub(crate) async fn run(world: Arc<World>, number: usize, task: Task) -> Result<Done, String> {
    let context = world.contexts[task.context].clone();
    let mut running = Running {
        fs: Fs::new(&context),
        may_end: world.scenario.shuts_down(task.context),
        files: world.files[task.context].clone(),
        append: world.append[task.context].clone(),
        done: Done {
            regions: world.paths.iter().map(|_| Region::new()).collect(),
            records: Records::default(),
            replaced: Replaced::default(),
        },
        world,
        number,
        context,
    };
    for step in task.steps {
        running.world.at[number].store(step.number, Ordering::SeqCst);
        let result = running.step(step).await;
        result.map_err(|error| format!("step {}: {error}", step.number))?;
    }
    Ok(running.done)
}

impl Running {
    async fn step(&mut self, step: Step) -> Result<(), String> {
        let number = step.number;
        match step.action {
            Action::Write { file, at, length, way } => {
                let range = at..at + length;
                let write =
                    write(&self.files[file], bytes(number, range.clone()), way, self.offset(at));
                let written = interrupt::run(step.interruption, write).await;
                match self.answered(written)? {
                    Some(()) => self.done.regions[file].written(number, range),
                    None => self.done.regions[file].given_up(number, range),
                }
            }
            Action::Read { file, at, length, way } => {
                let read = read(&self.files[file], length, way, self.offset(at));
                let found = interrupt::run(step.interruption, read).await;
                if let Some(found) = self.answered(found)? {
                    (found.len() == length).then_some(()).ok_or("a short read")?;
                    self.done.regions[file].check(at, &found)?;
                }
            }
            Action::Sync { file, data_only } => self.sync(step, file, data_only).await?,
            Action::Reopen { file } => {
                let open = self.world.open(&self.context, file);
                let opened = interrupt::run(step.interruption, open).await;
                if let Some(opened) = self.answered(opened)? {
                    self.files[file] = opened;
                    self.done.regions[file].reopened();
                }
            }
            Action::Append { length } => {
                let append = self.append.append(record(number, length));
                let appended = interrupt::run(step.interruption, append).await;
                let acknowledged = self.answered(appended)?.is_some();
                self.done.records.appended(number, acknowledged);
            }
            Action::Replace { length } => self.replace(step, length).await?,
            Action::ReadWhole => self.read_whole(step).await?,
            Action::Lock { held } => self.lock(step, held).await?,
            Action::Pipe { length } => {
                let through = through_a_pipe(&self.context, bytes(number, 0..length));
                let found = interrupt::run(step.interruption, through).await;
                if let Some(found) = self.answered(found)? {
                    (found == bytes(number, 0..length)).then_some(()).ok_or("wrong in the pipe")?;
                }
            }
            Action::Compute(micros) => interrupt::compute(micros),
            Action::Block(micros) => std::thread::sleep(Duration::from_micros(micros)),
            Action::Shutdown => {
                let shutdown = self.context.shutdown(Duration::from_secs(60));
                let abandoned = interrupt::run(step.interruption, shutdown).await;
                if abandoned.is_some_and(|abandoned| abandoned > 0) {
                    return Err("the shutdown gave operations up".into());
                }
            }
        }
        Ok(())
    }

    /// A sync settles what the writes that were given up have done.
    async fn sync(&mut self, step: Step, file: usize, data_only: bool) -> Result<(), String> {
        let handle = &self.files[file];
        let sync =
            async { if data_only { handle.fdatasync().await } else { handle.fsync().await } };
        let synced = interrupt::run(step.interruption, sync).await;
        if self.answered(synced)?.is_none() {
            return Ok(());
        }
        let found = Some(self.files[file].read_exact_at(REGION, self.offset(0)).await);
        if let Some(found) = self.answered(found)? {
            self.done.regions[file].settle(&found)?;
        }
        Ok(())
    }

    async fn replace(&mut self, step: Step, length: usize) -> Result<(), String> {
        let contents = bytes(step.number, 0..length);
        let (path, mut options) = (self.own_path(), AtomicWriteOptions::new());
        options.durability(Durability::None).context(&self.context);
        let replace = options.write(path, &contents);
        let replaced = interrupt::run(step.interruption, replace).await;
        match self.answered(replaced)? {
            Some(()) => self.done.replaced.acknowledged = Some(contents),
            None => self.done.replaced.given_up.push(contents),
        }
        Ok(())
    }

    async fn read_whole(&self, step: Step) -> Result<(), String> {
        let read = async {
            match self.fs.read(self.own_path()).await {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                read => read.map(Some),
            }
        };
        let found = interrupt::run(step.interruption, read).await;
        match self.answered(found)? {
            Some(found) => self.done.replaced.check(found.as_deref()),
            None => Ok(()),
        }
    }

    /// Of those that wait for the lock one has it.
    async fn lock(&self, step: Step, held: u64) -> Result<(), String> {
        let (fs, path) = (self.fs.clone(), self.world.lock.clone());
        let holders = &self.world.holders;
        let lock = async {
            let lock = fs.lock(&std::fs::File::options().write(true).open(path)?).await?;
            let others = holders.fetch_add(1, Ordering::SeqCst);
            interrupt::compute(held);
            holders.fetch_sub(1, Ordering::SeqCst);
            lock.unlock().await.map(|()| others)
        };
        let others = interrupt::run(step.interruption, lock).await;
        match self.answered(others)? {
            Some(1..) => Err("two have the lock".into()),
            _ => Ok(()),
        }
    }

    /// What an operation answered; `None` where it was given up, or came to the end of its context.
    fn answered<T>(&self, answer: Option<io::Result<T>>) -> Result<Option<T>, String> {
        let ended = |error: &io::Error| {
            Error::of(error).is_some_and(|error| {
                matches!(error.kind(), ErrorKind::Shutdown | ErrorKind::Cancelled)
            })
        };
        match answer {
            None => Ok(None),
            Some(Ok(output)) => Ok(Some(output)),
            Some(Err(error)) if self.may_end && ended(&error) => Ok(None),
            Some(Err(error)) => Err(error.to_string()),
        }
    }

    fn offset(&self, at: usize) -> u64 {
        (self.number * REGION + at) as u64
    }

    fn own_path(&self) -> PathBuf {
        self.world.replaced(self.number)
    }
}
