//! O_DIRECT on every path: any extent is read, what is not aligned is bounced or refused, and what
//! is cut within a block goes on.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]
#![allow(clippy::print_stdout, reason = "a test says what it skips")]
#![allow(clippy::single_range_in_vec_init, reason = "one range is meant")]

mod common;

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aiofile::{
    AioFile, AlignedBuffer, Buffer, Context, Error, ErrorKind, OpenOptions, RangeOptions, Reader,
    Writer, async_open,
};
use caio::{Capability, FileSystem, Op, Output, SharedFile};
use caio_testkit::Null;
use common::{disk, noise};
use tokio::io::AsyncSeekExt;

/// What every disk takes.
const BLOCK: usize = 4096;

/// A file on the disk, opened with O_DIRECT to read and write, where there is such a thing.
async fn direct(path: &Path, options: &OpenOptions) -> Option<AioFile> {
    match options.clone().direct(true).open_aio(path).await {
        Ok(file) => Some(file),
        Err(error) => {
            println!("skipped: no O_DIRECT here: {error}");
            None
        }
    }
}

fn both() -> OpenOptions {
    OpenOptions::new().read(true).write(true).clone()
}

fn aligned(bytes: usize) -> Buffer {
    AlignedBuffer::new(bytes, BLOCK).into()
}

/// Memory that begins at no block's multiple.
fn odd(bytes: usize) -> Buffer {
    let mut memory = bytes::BytesMut::with_capacity(bytes + BLOCK);
    let lead = memory.as_ptr().align_offset(BLOCK) + 1;
    memory.resize(lead, 0);
    let mut memory = memory.split_off(lead);
    drop(memory.split_off(bytes));
    memory.into()
}

fn joint(buffers: &[Buffer]) -> Vec<u8> {
    buffers.iter().flat_map(Buffer::as_slice).copied().collect()
}

#[tokio::test]
async fn vectored_reads_take_any_memory_and_any_offset() {
    let (directory, contents) = (disk(), noise(50_000));
    let path = directory.path().join("data");
    std::fs::write(&path, &contents).unwrap();
    let Some(file) = direct(&path, &both()).await else { return };
    type Buffers = fn() -> Vec<Buffer>;
    let cases: [Buffers; 4] = [
        || vec![aligned(8192), aligned(4096), aligned(65_536)],
        || vec![odd(8192), aligned(4096)],
        || vec![odd(1), odd(0), odd(4096), odd(3)],
        || vec![aligned(4096), aligned(100), aligned(4096)],
    ];
    for make in cases {
        for offset in [0, 4096, 1, 4095, 45_056, 49_999, 50_000, 60_000] {
            let capacity: usize = make().iter().map(Buffer::capacity).sum();
            let end = contents.len().min(offset + capacity);
            let expected = contents.get(offset..end).unwrap_or_default();
            let (read, buffers) = file.read_vectored_at(make(), offset as u64).await;
            assert_eq!(read.unwrap(), expected.len(), "{offset}");
            assert!(joint(&buffers) == expected, "{offset}");
        }
    }
    let buffers = vec![odd(9), Buffer::from(&b"constant"[..])];
    let error = Error::from(file.read_vectored_at(buffers, 3).await.0.unwrap_err());
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn vectored_writes_are_aligned_or_refused_or_bounced() {
    let (directory, contents) = (disk(), noise(50_000));
    let path = directory.path().join("data");
    let filled = |mut buffer: Buffer, byte| {
        let capacity = buffer.capacity();
        buffer.writable(0..capacity).fill(byte);
        buffer.set_len(capacity);
        buffer
    };
    type Buffers = fn() -> Vec<Buffer>;
    let odd_ones: [(Buffers, usize); 4] = [
        (|| vec![aligned(4096), odd(4096)], 0),
        (|| vec![aligned(4096), aligned(100)], 0),
        (|| vec![aligned(4096)], 5),
        (|| vec![odd(1), odd(0), odd(3)], 8191),
    ];
    for (make, offset) in odd_ones {
        std::fs::write(&path, &contents).unwrap();
        let buffers = || make().into_iter().map(|buffer| filled(buffer, 7)).collect::<Vec<_>>();
        let Some(file) = direct(&path, &both()).await else { return };
        let error =
            Error::from(file.write_vectored_at(buffers(), offset as u64).await.0.unwrap_err());
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains("O_DIRECT"), "{error}");
        assert!(std::fs::read(&path).unwrap() == contents, "nothing was written");
        let Some(file) = direct(&path, both().bounce(true)).await else { return };
        let length = buffers().iter().map(Buffer::len).sum();
        let (written, _) = file.write_vectored_at(buffers(), offset as u64).await;
        assert_eq!(written.unwrap(), length);
        let mut expected = contents.clone();
        expected[offset..offset + length].fill(7);
        assert!(std::fs::read(&path).unwrap() == expected);
        assert!(file.read_at(50_000, 0).await.unwrap() == expected);
    }
    let Some(file) = direct(&path, &both()).await else { return };
    let buffers = vec![filled(aligned(8192), 8), Buffer::default(), filled(aligned(4096), 9)];
    let (written, _) = file.write_vectored_at(buffers, 4096).await;
    assert_eq!(written.unwrap(), 12_288);
    assert_eq!(file.write_vectored_at(vec![Buffer::default()], 5).await.0.unwrap(), 0);
    assert_eq!(file.write_at("", 5).await.unwrap(), 0);
    let found = std::fs::read(&path).unwrap();
    assert!(found[4096..12_288] == [8; 8192] && found[12_288..16_384] == [9; 4096]);
}

#[tokio::test]
async fn what_is_bounced_to_a_file_opened_to_append_is_appended() {
    let directory = disk();
    let path = directory.path().join("log");
    std::fs::write(&path, "first,").unwrap();
    let mut options = OpenOptions::new();
    options.append(true).bounce(true);
    let Some(file) = direct(&path, &options).await else { return };
    file.append("second,").await.unwrap();
    // Aligned, but for the place where the file ends, which only the kernel knows.
    file.append(AlignedBuffer::copy_of(&[b'x'; BLOCK], BLOCK)).await.unwrap();
    let expected = ["first,second,", &"x".repeat(BLOCK)].concat();
    assert!(std::fs::read_to_string(&path).unwrap() == expected);

    let Some(file) = direct(&path, OpenOptions::new().append(true)).await else { return };
    for record in [AlignedBuffer::copy_of(&[1; BLOCK], BLOCK), AlignedBuffer::copy_of(&[1], BLOCK)]
    {
        let error = match file.append(record).await {
            Ok(()) => return println!("skipped: this file system takes what is not aligned"),
            Err(error) => Error::from(error),
        };
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains("the end of the file"), "{error}");
    }
    assert!(std::fs::read_to_string(&path).unwrap() == expected);
}

/// Moves at most so many bytes at once, wherever that ends, and answers as the kernel does to what
/// is not aligned.
#[derive(Debug)]
struct Cutting {
    bytes_max: usize,
}

impl Cutting {
    fn context(bytes_max: usize) -> Context {
        let cutting = Self { bytes_max };
        let backend = Null::answering(Capability::all(64), move |op, file| match (op, file) {
            (Op::Open { path, flags, .. }, _) => {
                let path = PathBuf::from(path.to_str().unwrap());
                let mut options = File::options();
                let file = options.read(true).write(true).custom_flags(*flags & !3).open(&path)?;
                Ok(Output::File(SharedFile::new(file, path)?))
            }
            (Op::Metadata, Some(file)) => {
                file.file().metadata().map(|found| Output::Metadata(Box::new(found)))
            }
            (op, Some(file)) => cutting.transfer(op, file),
            (_, None) => Ok(Output::Done),
        });
        aiofile::context().custom(Arc::new(backend)).build().unwrap()
    }

    fn transfer(&self, op: &mut Op, file: &SharedFile) -> io::Result<Output> {
        let refused = || Err(io::Error::from_raw_os_error(22));
        let (mut parts, offset, write) = match op {
            Op::Read { buffer, range, offset } => (vec![(buffer, range.clone())], *offset, false),
            Op::Write { buffer, range, offset } => (vec![(buffer, range.clone())], *offset, true),
            Op::ReadVectored { buffers, skip: 0, offset } => {
                let whole = |buffer: &Buffer| 0..buffer.capacity();
                let parts = buffers.iter_mut().map(|buffer| (whole(buffer), buffer));
                (parts.map(|(range, buffer)| (buffer, range)).collect(), *offset, false)
            }
            Op::WriteVectored { buffers, skip: 0, offset } => {
                let whole = |buffer: &Buffer| 0..buffer.len();
                let parts = buffers.iter_mut().map(|buffer| (whole(buffer), buffer));
                (parts.map(|(range, buffer)| (buffer, range)).collect(), *offset, true)
            }
            _ => return refused(),
        };
        let is_odd = |number: usize| file.is_direct() && !number.is_multiple_of(512);
        if is_odd(offset as usize)
            || parts.iter().any(|(buffer, range)| {
                is_odd(range.len()) || is_odd(buffer.as_ptr() as usize + range.start)
            })
        {
            return refused();
        }
        // The same file without O_DIRECT, for the part of a block that is moved.
        let cached = File::options().read(true).write(true).open(file.path())?;
        let mut done = 0;
        for (buffer, range) in &mut parts {
            let end = range.end.min(range.start + self.bytes_max - done);
            let at = offset + done as u64;
            let moved = match write {
                true => cached.write_at(&buffer.as_slice()[range.start..end], at)?,
                false => cached.read_at(buffer.writable(range.start..end), at)?,
            };
            done += moved;
            if moved < range.len() {
                break;
            }
        }
        Ok(Output::Bytes(done))
    }
}

#[tokio::test]
async fn a_read_that_is_cut_within_a_block_goes_on_on_every_path() {
    let (directory, contents) = (disk(), noise(30_001));
    let path = directory.path().join("data");
    std::fs::write(&path, &contents).unwrap();
    for bytes_max in [4097, 5000, 12_289] {
        let context = Cutting::context(bytes_max);
        let Some(file) = direct(&path, both().context(&context)).await else { return };
        for offset in [0, 4096, 777] {
            let rest = &contents[offset..];
            let at = offset as u64;
            assert!(file.read_at(rest.len(), at).await.unwrap() == rest);
            assert!(file.read_at(40_000, at).await.unwrap() == rest);
            assert!(file.read_exact_at(rest.len(), at).await.unwrap() == rest);
            assert!(file.read_to_end(at).await.unwrap() == rest);
            let (read, buffer) = file.read_into(AlignedBuffer::new(40_960, BLOCK), at).await;
            assert!(read.unwrap() == rest.len() && buffer[..] == *rest);
            let buffers = vec![aligned(8192), aligned(40_960)];
            let (read, buffers) = file.read_vectored_at(buffers, at).await;
            assert!(read.unwrap() == rest.len() && joint(&buffers) == rest);
            let mut reader = Reader::new(&file).offset(at).chunk_size(10_000);
            let mut all = Vec::new();
            while let Some(chunk) = reader.next_chunk().await.unwrap() {
                all.extend_from_slice(&chunk);
            }
            assert!(all == rest);
            let mut handle = async_open(file.clone(), "r").await.unwrap();
            handle.seek(io::SeekFrom::Start(at)).await.unwrap();
            assert!(handle.read_all().await.unwrap() == rest);
        }
        let ranges = [1..2, 20_000..30_001, 4_096..16_384];
        let read = file.read_ranges_with(&ranges, &RangeOptions::new()).await.unwrap();
        for (range, bytes) in ranges.iter().zip(read) {
            assert!(bytes == contents[range.start as usize..range.end as usize]);
        }
        let error = Error::from(file.read_ranges(&[30_000..30_002]).await.unwrap_err());
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    }
}

#[tokio::test]
async fn a_write_that_is_cut_within_a_block_goes_on_on_every_path() {
    let (directory, contents) = (disk(), noise(40_960));
    let path = directory.path().join("data");
    for bytes_max in [4097, 5000, 12_289] {
        let context = Cutting::context(bytes_max);
        let mut options = both();
        options.context(&context);
        let whole = || AlignedBuffer::copy_of(&contents, BLOCK);
        for way in 0..4 {
            std::fs::write(&path, "").unwrap();
            let Some(file) = direct(&path, &options).await else { return };
            match way {
                0 => assert_eq!(file.write_at(whole(), 0).await.unwrap(), contents.len()),
                1 => file.write_all_at(whole(), 0).await.unwrap(),
                2 => {
                    let part = |range: std::ops::Range<usize>| {
                        AlignedBuffer::copy_of(&contents[range], BLOCK)
                    };
                    let buffers = vec![part(0..8192), part(8192..12_288), part(12_288..40_960)];
                    let (written, buffers) = file.write_vectored_at(buffers, 0).await;
                    assert_eq!((written.unwrap(), buffers.len()), (contents.len(), 3));
                }
                _ => Writer::new(&file).write_all(whole()).await.unwrap(),
            }
            assert!(std::fs::read(&path).unwrap() == contents, "{bytes_max}, way {way}");
        }
    }
    // What never gets beyond the first part of a block ends.
    let context = Cutting::context(100);
    let Some(file) = direct(&path, both().context(&context)).await else { return };
    let plain = SharedFile::new(File::open(&path).unwrap(), &path).unwrap();
    if matches!(plain.file_system(), FileSystem::Memory | FileSystem::Btrfs) {
        return println!("skipped: this file system takes what is not aligned");
    }
    let block = || AlignedBuffer::copy_of(&[1; BLOCK], BLOCK);
    assert_eq!(file.write_at(block(), 0).await.unwrap(), 100);
    let error = Error::from(file.write_all_at(block(), 0).await.unwrap_err());
    assert_eq!(error.kind(), ErrorKind::WriteZero);
    assert_eq!(file.read_at(BLOCK, 0).await.unwrap().len(), 100);
}
