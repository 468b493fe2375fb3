//! Operations whose requests are at the server, which does not answer them.

use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context as TaskContext, Waker};

use aiofile::{AioFile, Context};
use caio_testkit::Random;
use nix::errno::Errno;

use crate::disk::{Disk, Verdict};
use crate::drive::PATIENCE;
use crate::guards::Guards;
use crate::mounted::Mounted;
use crate::plan::Call;
use crate::work::{BUFFER_BYTES, Manner};

/// So many operations are in flight at once, each on a file of its own.
pub(crate) const FILES: usize = 6;

/// More than they have at once.
pub(crate) const BUFFERS: usize = 3 * FILES;

const FILE_BYTES: usize = 4 * BUFFER_BYTES;

/// What is in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Read,
    Write,
    ReadVectored,
    WriteVectored,
    Sync,
    Open,
}

/// Each as often as it is to be.
const KINDS: [Kind; 9] = [
    Kind::Read,
    Kind::Read,
    Kind::Read,
    Kind::Write,
    Kind::Write,
    Kind::ReadVectored,
    Kind::WriteVectored,
    Kind::Sync,
    Kind::Open,
];

/// What they ask of the server.
const CALLS: [Call; 4] = [Call::Read, Call::Write, Call::Fsync, Call::Open];

pub(crate) type Flying = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A file with one operation at a time.
pub(crate) struct Target {
    pub(crate) node: u64,
    manner: Manner,
    path: PathBuf,
    pub(crate) file: AioFile,
}

/// The files for operations in flight, and for others meanwhile.
pub(crate) struct Field<'a> {
    place: &'a Mounted,
    pub(crate) targets: Vec<Target>,
    free: Vec<Target>,
    /// Whether no write is begun while another one is held: see [`Way::has_one_write`].
    has_one_write: bool,
}

impl<'a> Field<'a> {
    pub(crate) async fn begin(
        place: &'a Mounted,
        context: &Context,
        has_one_write: bool,
    ) -> Result<Self, String> {
        let mut targets = Vec::new();
        for number in 0..FILES + Manner::ALL.len() {
            targets.push(Target::begin(place, context, number).await?);
        }
        let free = targets.split_off(FILES);
        Ok(Self { place, targets, free, has_one_write })
    }

    /// Begins an operation on each file, and waits until the server has all of them. Returns them
    /// with the number of buffers that they have.
    pub(crate) async fn launch(
        &self,
        guards: &Guards,
        random: &mut Random,
    ) -> Result<(Vec<Flying>, usize), String> {
        let disk = self.place.disk();
        for target in &self.targets {
            if target.manner == Manner::Cached {
                self.place.forget_pages(target.node)?;
            }
            disk.hold(target.node, &CALLS);
        }
        let kinds = self.kinds(random);
        let begun = self.targets.iter().zip(&kinds);
        let mut flying: Vec<_> =
            begun.map(|(target, kind)| target.operation(*kind, guards, random)).collect();
        let out = guards.out();
        let mut task = TaskContext::from_waker(Waker::noop());
        if flying.iter_mut().any(|flying| flying.as_mut().poll(&mut task).is_ready()) {
            return Err("an operation ended before its answer".to_owned());
        }
        let nodes: Vec<_> = self.targets.iter().map(|target| target.node).collect();
        if tokio::time::timeout(PATIENCE / 2, disk.arrived(&nodes)).await.is_err() {
            let seen = |node: &u64| disk.held_of(*node, &CALLS) > 0;
            let seen: Vec<_> = nodes.iter().map(seen).zip(kinds).collect();
            return Err(format!("the server does not see all of {seen:?}"));
        }
        Ok((flying, out))
    }

    /// What is begun on each file.
    fn kinds(&self, random: &mut Random) -> Vec<Kind> {
        let mut may_write = true;
        let kind = |_: &Target| {
            let kind = KINDS[random.below(KINDS.len())];
            let writes = matches!(kind, Kind::Write | Kind::WriteVectored);
            let is_left_out = writes && !may_write;
            may_write &= !(writes && self.has_one_write);
            if is_left_out { Kind::Read } else { kind }
        };
        self.targets.iter().map(kind).collect()
    }

    /// Reads and writes other files, which wait for nobody.
    pub(crate) async fn others(&self, random: &mut Random) -> Result<usize, String> {
        for target in &self.free {
            if !self.has_one_write {
                let bytes = random.bytes(BUFFER_BYTES);
                let buffer = caio::AlignedBuffer::copy_of(&bytes, 4096);
                let written = target.file.write_all_at(buffer, 0).await;
                written.map_err(|error| format!("meanwhile: {error}"))?;
            }
            let read = target.file.read_exact_at(BUFFER_BYTES, 0).await;
            let contents = self.place.disk().read(target.node, 0, BUFFER_BYTES);
            if read.map_err(|error| format!("meanwhile: {error}"))? != contents {
                return Err("meanwhile a read gave other bytes".to_owned());
            }
        }
        Ok(self.free.len() * if self.has_one_write { 1 } else { 2 })
    }

    /// The server answers, well or not.
    pub(crate) fn land(&self, random: &mut Random) {
        land(self.place.disk(), self.targets.iter().map(|target| target.node), random);
    }
}

/// The server answers what it holds of these files, well or not.
pub(crate) fn land(disk: &Disk, nodes: impl Iterator<Item = u64>, random: &mut Random) {
    for node in nodes {
        disk.answered(node);
    }
    disk.answer_held(|_| match random.below(4) {
        0 => Verdict::Fails(Errno::EIO),
        1 => Verdict::Short,
        _ => Verdict::Done,
    });
}

impl Target {
    async fn begin(place: &Mounted, context: &Context, number: usize) -> Result<Self, String> {
        let manner = Manner::ALL[number % Manner::ALL.len()];
        let name = format!("target-{number}");
        let is_uncached = manner == Manner::Uncached;
        let node = place.disk().create(&name, vec![7; FILE_BYTES], is_uncached);
        let path = place.path(name);
        let file = manner.open(context, &path).await;
        let file = file.map_err(|error| format!("without a fault: {error}"))?;
        Ok(Self { node, manner, path, file })
    }

    /// It owns what it needs.
    fn operation(&self, kind: Kind, guards: &Guards, random: &mut Random) -> Flying {
        let file = self.file.clone();
        let offset = (BUFFER_BYTES * random.below(2)) as u64;
        let empty = || guards.take();
        let full = |random: &mut Random| guards.with(&random.bytes(BUFFER_BYTES));
        match kind {
            Kind::Read => {
                let buffer = empty();
                Box::pin(async move { drop(file.read_into(buffer, offset).await) })
            }
            Kind::ReadVectored => {
                let buffers = vec![empty(), empty()];
                Box::pin(async move { drop(file.read_vectored_at(buffers, offset).await) })
            }
            Kind::Write => {
                let buffer = full(random);
                Box::pin(async move { drop(file.write_from(buffer, offset).await) })
            }
            Kind::WriteVectored => {
                let buffers = vec![full(random), full(random)];
                Box::pin(async move { drop(file.write_vectored_at(buffers, offset).await) })
            }
            Kind::Sync => {
                // After one that failed it would be refused at once.
                file.clear_sync_error();
                Box::pin(async move { drop(file.fsync().await) })
            }
            Kind::Open => {
                let (context, path, manner) =
                    (file.context().clone(), self.path.clone(), self.manner);
                Box::pin(async move { drop(manner.open(&context, &path).await) })
            }
        }
    }
}
