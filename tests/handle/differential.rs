//! Random sequences of operations do to a handle what they do to a `std::fs::File`.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use aiofile::{BackendKind, Context, File, Mode, OpenOptions, async_open};
use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use crate::backends::{context, runtime};

#[test]
fn uring() {
    check(BackendKind::Uring);
}

#[test]
fn linux() {
    check(BackendKind::Linux);
}

#[test]
fn thread() {
    check(BackendKind::Thread);
}

#[test]
fn rust() {
    check(BackendKind::Rust);
}

/// What is done to the file, through one of the handles on it.
#[derive(Debug, Clone)]
enum Step {
    Read(usize),
    ReadExact(usize),
    ReadAll,
    Readline(&'static str),
    NextLine,
    NextChunk(usize),
    Write(Data),
    WriteAll(Data),
    Seek(SeekFrom),
    Truncate(Option<u64>),
    Flush,
    Clone,
    Switch(prop::sample::Index),
    TokioRead(usize),
    TokioLine,
    TokioWrite(Data),
    TokioSeek(SeekFrom),
}

/// Bytes to write, told shortly.
#[derive(Debug, Clone)]
struct Data {
    pattern: Vec<u8>,
    repeated: usize,
}

impl Data {
    fn bytes(&self) -> Vec<u8> {
        self.pattern.repeat(self.repeated)
    }
}

#[derive(Debug, Clone)]
struct Case {
    mode: &'static str,
    before: Option<Data>,
    steps: Vec<Step>,
    /// On a file system that is memory, rather than on a disk.
    memory: bool,
    in_place: bool,
}

fn data() -> impl Strategy<Value = Data> {
    let pattern = vec(prop::sample::select(&b"ab\n;\r\0"[..]), 1..24);
    let repeated = prop_oneof![6 => 1..4usize, 1 => 4_000..12_000usize];
    (pattern, repeated).prop_map(|(pattern, repeated)| Data { pattern, repeated })
}

fn length() -> impl Strategy<Value = usize> {
    prop_oneof![6 => 1..40usize, 2 => 60_000..140_000usize, 1 => 1_000_000..3_000_000usize]
}

fn seek() -> impl Strategy<Value = SeekFrom> {
    prop_oneof![
        (0..60u64).prop_map(SeekFrom::Start),
        (0..200_000u64).prop_map(SeekFrom::Start),
        (-40..40i64).prop_map(SeekFrom::Current),
        (-40..40i64).prop_map(SeekFrom::End),
        (-200_000..70_000i64).prop_map(SeekFrom::Current),
        prop::sample::select(vec![
            SeekFrom::Start(u64::MAX),
            SeekFrom::Start(1 << 63),
            SeekFrom::Current(i64::MIN),
            SeekFrom::End(i64::MIN),
        ]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let truncated = prop::option::of(prop_oneof![0..60u64, 0..200_000u64]);
    prop_oneof![
        4 => length().prop_map(Step::Read),
        1 => length().prop_map(Step::ReadExact),
        1 => Just(Step::ReadAll),
        4 => prop::sample::select(vec!["\n", ";", "\r\n", "ab"]).prop_map(Step::Readline),
        2 => Just(Step::NextLine),
        2 => length().prop_map(Step::NextChunk),
        4 => data().prop_map(Step::Write),
        1 => data().prop_map(Step::WriteAll),
        4 => seek().prop_map(Step::Seek),
        2 => truncated.prop_map(Step::Truncate),
        1 => Just(Step::Flush),
        1 => Just(Step::Clone),
        3 => any::<prop::sample::Index>().prop_map(Step::Switch),
        2 => length().prop_map(Step::TokioRead),
        2 => Just(Step::TokioLine),
        2 => data().prop_map(Step::TokioWrite),
        1 => seek().prop_map(Step::TokioSeek),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let modes = vec![
        "r", "rb", "rt", "r+", "rb+", "r+t", "w", "wb", "w+", "w+b", "+tw", "a", "ab", "a+", "at+",
        "x", "bx", "x+", "xt+",
    ];
    let before = prop::option::weighted(0.8, data());
    (prop::sample::select(modes), before, vec(step(), 1..40), any::<bool>(), any::<bool>())
        .prop_map(|(mode, before, steps, memory, in_place)| Case {
            mode,
            // Exclusive modes find nothing, except for a few that ought to fail.
            before: before.filter(|_| !mode.contains('x') || steps.len() == 1),
            steps,
            memory,
            in_place,
        })
}

fn check(kind: BackendKind) {
    let cases = std::env::var("AIOFILE_CASES").ok().and_then(|cases| cases.parse().ok());
    let (Some(quick), Some(slow)) = (context(kind, true), context(kind, false)) else { return };
    let disk = tempfile::tempdir().unwrap();
    let memory = tempfile::tempdir_in("/dev/shm").inspect_err(|error| {
        println!("nothing is tried on tmpfs: {error}");
    });
    let runtime = runtime();
    let (begun, cases) = (Instant::now(), cases.unwrap_or(128));
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&case(), |case| {
        let directory = match &memory {
            Ok(memory) if case.memory => memory.path(),
            _ => disk.path(),
        };
        let context = if case.in_place { &quick } else { &slow };
        runtime.block_on(compare(context, directory, &case))
    });
    if let Err(failure) = result {
        panic!("{kind}: {failure}");
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("gate=sequences backend={kind} sequences={cases} seconds={seconds:.1}");
}

async fn compare(context: &Context, directory: &Path, case: &Case) -> Result<(), TestCaseError> {
    let (ours, theirs) = (directory.join("ours"), directory.join("theirs"));
    for path in [&ours, &theirs] {
        let _ = fs::remove_file(path);
        if let Some(before) = &case.before {
            fs::write(path, before.bytes()).unwrap();
        }
    }
    let model = Model::open(&theirs, case.mode);
    let opened = open(context, ours.clone(), case.mode).await;
    let (mut model, handle) = match (model, opened) {
        (Ok(model), Ok(handle)) => (model, handle),
        (Err(expected), Err(error)) => {
            prop_assert_eq!(expected.raw_os_error(), errno(&error));
            return Ok(());
        }
        (model, opened) => {
            let model = model.map(drop);
            return Err(TestCaseError::fail(format!("open: std {model:?}, handle {opened:?}")));
        }
    };
    let mut handles = vec![handle];
    for (number, step) in case.steps.iter().enumerate() {
        match step {
            Step::Clone => {
                handles.push(handles[model.current].clone());
                model.cursors.push(model.cursors[model.current]);
            }
            Step::Switch(index) => model.current = index.index(handles.len()),
            step => {
                let handle = &mut handles[model.current];
                let done = apply(handle, step).await;
                let expected = model.apply(step, &done);
                let told = (&done, handle.tell());
                prop_assert_eq!(told, (&expected, model.cursor()), "step {}: {:?}", number, step);
            }
        }
    }
    drop(handles);
    prop_assert_eq!(fs::read(&ours).unwrap(), fs::read(&theirs).unwrap(), "the files differ");
    Ok(())
}

async fn open(context: &Context, path: PathBuf, mode: &str) -> aiofile::Result<File> {
    let file = OpenOptions::new().context(context).access(mode)?.open_aio(path).await?;
    async_open(file, mode).await
}

/// What a step gave, in terms that std shares.
#[derive(Debug, PartialEq)]
enum Done {
    Bytes(Vec<u8>),
    Number(u64),
    Nothing,
    Ended,
    /// An errno, or the words for what no system call was asked.
    Failed(Result<i32, io::ErrorKind>),
}

impl<T: Into<Done>> From<io::Result<T>> for Done {
    fn from(result: io::Result<T>) -> Self {
        match result {
            Ok(value) => value.into(),
            Err(error) => Self::Failed(errno(&error).ok_or(error.kind())),
        }
    }
}

impl From<Vec<u8>> for Done {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Bytes> for Done {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<u64> for Done {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<()> for Done {
    fn from((): ()) -> Self {
        Self::Nothing
    }
}

impl From<Option<Bytes>> for Done {
    fn from(item: Option<Bytes>) -> Self {
        item.map_or(Self::Ended, |bytes| Self::Bytes(bytes.to_vec()))
    }
}

async fn apply(handle: &mut File, step: &Step) -> Done {
    match step {
        Step::Read(length) => handle.read_bytes(*length).await.into(),
        Step::ReadExact(length) => handle.read_exact_bytes(*length).await.into(),
        Step::ReadAll => handle.read_all().await.into(),
        Step::Readline(separator) => handle.readline_with(separator).await.into(),
        Step::NextLine => handle.line_stream().next().await.transpose().into(),
        Step::NextChunk(size) => handle.iter_chunked(*size).next().await.transpose().into(),
        Step::Write(data) => {
            let written = AsyncWriteExt::write(handle, &data.bytes()).await;
            written.map(|bytes| bytes as u64).into()
        }
        Step::WriteAll(data) => handle.write_owned(data.bytes()).await.into(),
        Step::Seek(to) => handle.seek(*to).await.into(),
        Step::Truncate(length) => handle.truncate(*length).await.into(),
        Step::Flush => handle.flush().await.into(),
        Step::TokioRead(length) => {
            let mut bytes = vec![0; *length];
            let result = AsyncReadExt::read(handle, &mut bytes).await;
            result.map(|read| bytes[..read].to_vec()).into()
        }
        Step::TokioLine => {
            let mut line = Vec::new();
            handle.read_until(b'\n', &mut line).await.map(|_| line).into()
        }
        Step::TokioWrite(data) => {
            let result = AsyncWriteExt::write_all(handle, &data.bytes()).await;
            result.into()
        }
        Step::TokioSeek(to) => AsyncSeekExt::seek(handle, *to).await.into(),
        Step::Clone | Step::Switch(_) => unreachable!("they concern more than one handle"),
    }
}

fn errno(error: &io::Error) -> Option<i32> {
    error.raw_os_error().or_else(|| aiofile::Error::of(error)?.raw_os_error())
}

/// One std file, with several cursors that take turns on it.
struct Model {
    file: fs::File,
    cursors: Vec<u64>,
    current: usize,
}

impl Model {
    fn open(path: &Path, mode: &str) -> io::Result<Self> {
        let mode: Mode = mode.parse().unwrap();
        let mut file = fs::File::options()
            .read(mode.reads())
            .write(mode.writes() && !mode.appends())
            .append(mode.appends())
            .truncate(mode.truncates())
            .create(mode.creates() && !mode.is_exclusive())
            .create_new(mode.is_exclusive())
            .open(path)?;
        // As Python does, and unlike std.
        let start = if mode.appends() { file.seek(SeekFrom::End(0))? } else { 0 };
        Ok(Self { file, cursors: vec![start], current: 0 })
    }

    fn cursor(&self) -> u64 {
        self.cursors[self.current]
    }

    fn apply(&mut self, step: &Step, done: &Done) -> Done {
        let start = self.cursor();
        self.file.seek(SeekFrom::Start(start)).unwrap();
        let answer = self.answer(step, done);
        self.cursors[self.current] = match answer {
            Done::Failed(_) => start,
            _ => self.file.stream_position().unwrap(),
        };
        answer
    }

    fn answer(&mut self, step: &Step, done: &Done) -> Done {
        match step {
            Step::Read(length) => self.read(*length).into(),
            Step::ReadExact(length) => {
                let mut bytes = vec![0; *length];
                self.file.read_exact(&mut bytes).map(|()| bytes).into()
            }
            Step::ReadAll => self.read(usize::MAX).into(),
            Step::Readline(separator) => self.line(separator.as_bytes()).into(),
            Step::TokioLine => self.line(b"\n").into(),
            Step::NextLine => self.line(b"\n").map(next_line).into(),
            Step::NextChunk(size) => {
                let chunk = self.read(*size).map(Bytes::from);
                chunk.map(|chunk| Some(chunk).filter(|chunk| !chunk.is_empty())).into()
            }
            Step::Write(data) => {
                let bytes = data.bytes();
                self.file.write_all(&bytes).map(|()| bytes.len() as u64).into()
            }
            Step::WriteAll(data) | Step::TokioWrite(data) => {
                self.file.write_all(&data.bytes()).into()
            }
            Step::Seek(to) | Step::TokioSeek(to) => {
                // The words differ and the errno is std's affair: a position that cannot be.
                let result = self.file.seek(*to);
                result.map_err(|_| io::ErrorKind::InvalidInput.into()).into()
            }
            Step::Truncate(length) => {
                let length = length.unwrap_or(self.cursor());
                self.file.set_len(length).map(|()| length).into()
            }
            Step::Flush => self.file.flush().into(),
            Step::TokioRead(length) => {
                // Any part of what was asked for is right, and nothing only at the end.
                let part = match done {
                    Done::Bytes(bytes) => bytes.len().clamp(1, *length),
                    _ => *length,
                };
                self.read(part).into()
            }
            Step::Clone | Step::Switch(_) => unreachable!("they concern more than one handle"),
        }
    }

    fn read(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        (&self.file).take(length as u64).read_to_end(&mut bytes).map(|_| bytes)
    }

    fn line(&mut self, separator: &[u8]) -> io::Result<Vec<u8>> {
        let start = self.cursor();
        let mut bytes = self.read(usize::MAX)?;
        let found = bytes.windows(separator.len()).position(|window| window == separator);
        bytes.truncate(found.map_or(bytes.len(), |found| found + separator.len()));
        self.file.seek(SeekFrom::Start(start + bytes.len() as u64))?;
        Ok(bytes)
    }
}

fn next_line(line: Vec<u8>) -> Option<Bytes> {
    let text = match line.strip_suffix(b"\n") {
        Some(text) => text.strip_suffix(b"\r").unwrap_or(text),
        None => &line,
    };
    (!line.is_empty()).then(|| Bytes::copy_from_slice(text))
}
