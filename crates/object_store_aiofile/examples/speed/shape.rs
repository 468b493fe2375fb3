//! What is done with a store, and how often.

use std::error::Error;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::{try_join, try_join_all};
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store_aiofile::v0_13::object_store::path::Path;
use object_store_aiofile::v0_13::object_store::{ObjectStore, ObjectStoreExt, PutPayload};

type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// The large object.
pub(crate) const LARGE: &str = "large";

pub(crate) const LARGE_BYTES: u64 = 256 << 20;

/// So many small objects are in the directory that is listed.
pub(crate) const LISTED: usize = 2000;

/// One kind of work.
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    work: Work,
}

#[derive(Clone, Copy)]
enum Work {
    /// Each caller makes so many calls for so many ranges of so many bytes.
    Ranges {
        callers: usize,
        calls: usize,
        ranges: usize,
        bytes: u64,
    },
    /// Reads the large object as a stream.
    Stream,
    /// Asks for what is known of an object.
    Head {
        calls: usize,
    },
    List,
    /// So many objects, one after the other.
    Put {
        calls: usize,
        bytes: usize,
    },
    /// One object of so many parts of 8 MiB, two at a time.
    Upload {
        parts: usize,
    },
    /// Copies a small object.
    Copy {
        calls: usize,
    },
}

const fn ranges(
    name: &'static str,
    callers: usize,
    calls: usize,
    ranges: usize,
    bytes: u64,
) -> Shape {
    Shape { name, work: Work::Ranges { callers, calls, ranges, bytes } }
}

pub(crate) const SHAPES: [Shape; 12] = [
    ranges("1 range of 4 KiB", 1, 400, 1, 4 << 10),
    ranges("64 ranges of 4 KiB", 1, 40, 64, 4 << 10),
    ranges("64 ranges of 64 KiB", 1, 12, 64, 64 << 10),
    ranges("16 ranges of 1 MiB", 1, 4, 16, 1 << 20),
    ranges("16 callers, 16 ranges of 16 KiB", 16, 12, 16, 16 << 10),
    ranges("4 callers, 256 ranges of 8 KiB", 4, 8, 256, 8 << 10),
    Shape { name: "the whole of 256 MiB", work: Work::Stream },
    Shape { name: "head", work: Work::Head { calls: 400 } },
    Shape { name: "list 2000 objects", work: Work::List },
    Shape { name: "put 16 KiB", work: Work::Put { calls: 200, bytes: 16 << 10 } },
    Shape { name: "upload 8 parts of 8 MiB", work: Work::Upload { parts: 8 } },
    Shape { name: "copy 16 KiB", work: Work::Copy { calls: 200 } },
];

impl Shape {
    /// Whether it reads the large object, which may then be cold.
    pub(crate) fn reads(&self) -> bool {
        matches!(self.work, Work::Ranges { .. } | Work::Stream)
    }

    /// Does the work. The places that are read follow from the seed.
    pub(crate) async fn run(&self, store: &Arc<dyn ObjectStore>, seed: u64) -> Result<()> {
        let large = Path::from(LARGE);
        match self.work {
            Work::Ranges { callers, calls, ranges, bytes } => {
                let caller = |number| {
                    let (store, large) = (Arc::clone(store), large.clone());
                    tokio::spawn(async move {
                        let mut places = Places(seed + number as u64);
                        for _ in 0..calls {
                            read(&*store, &large, &mut places, ranges, bytes).await?;
                        }
                        Ok(())
                    })
                };
                let done: Vec<Result<()>> = try_join_all((0..callers).map(caller)).await?;
                done.into_iter().collect()
            }
            Work::Stream => {
                let mut body = store.get(&large).await?.into_stream();
                let mut bytes = 0;
                while let Some(chunk) = body.next().await {
                    bytes += chunk?.len() as u64;
                }
                expect(bytes, LARGE_BYTES)
            }
            Work::Head { calls } => {
                for _ in 0..calls {
                    expect(store.head(&large).await?.size, LARGE_BYTES)?;
                }
                Ok(())
            }
            Work::List => {
                let listed: Vec<_> = store.list(Some(&"listed".into())).try_collect().await?;
                expect(listed.len() as u64, LISTED as u64)
            }
            Work::Put { calls, bytes } => {
                let contents = Bytes::from(vec![7; bytes]);
                for number in 0..calls {
                    let path = Path::from(format!("put/{number}"));
                    store.put(&path, contents.clone().into()).await?;
                }
                Ok(())
            }
            Work::Upload { parts } => {
                let part = PutPayload::from(Bytes::from(vec![7; 8 << 20]));
                let mut upload = store.put_multipart(&"put/upload".into()).await?;
                for _ in 0..parts / 2 {
                    let (first, second) = (part.clone(), part.clone());
                    try_join(upload.put_part(first), upload.put_part(second)).await?;
                }
                upload.complete().await?;
                Ok(())
            }
            Work::Copy { calls } => {
                for number in 0..calls {
                    store.copy(&"small".into(), &format!("put/{number}").into()).await?;
                }
                Ok(())
            }
        }
    }
}

async fn read(
    store: &dyn ObjectStore,
    location: &Path,
    places: &mut Places,
    ranges: usize,
    bytes: u64,
) -> Result<()> {
    let mut wanted: Vec<_> = (0..ranges).map(|_| places.range(bytes)).collect();
    let read = match wanted.pop() {
        Some(only) if ranges == 1 => store.get_range(location, only).await?.len(),
        last => {
            wanted.extend(last);
            store.get_ranges(location, &wanted).await?.iter().map(Bytes::len).sum()
        }
    };
    expect(read as u64, bytes * ranges as u64)
}

fn expect(found: u64, expected: u64) -> Result<()> {
    match found == expected {
        true => Ok(()),
        false => Err(format!("{found} came where {expected} were to come").into()),
    }
}

/// Small objects for those that need some.
pub(crate) async fn prepare(store: &dyn ObjectStore) -> Result<()> {
    store.put(&"small".into(), vec![7; 16 << 10].into()).await?;
    let put = |number| async move {
        let path = Path::from(format!("listed/{}/{number}", number % 8));
        store.put(&path, "small".into()).await
    };
    stream::iter(0..LISTED).map(put).buffered(16).try_collect::<Vec<_>>().await?;
    Ok(())
}

/// Places in the large object, by a xorshift generator.
struct Places(u64);

impl Places {
    fn range(&mut self, bytes: u64) -> Range<u64> {
        self.0 = (self.0 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let start = (mixed >> 20) % ((LARGE_BYTES - bytes) / 4096) * 4096;
        start..start + bytes
    }
}
