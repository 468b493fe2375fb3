//! The backends side by side on one cached file: in place, and each backend by itself.
//!
//! For figures against the peers, see `benches/compare`.

use std::io::Write;
use std::time::Instant;

use aiofile::{AioFile, BackendKind};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tokio::runtime::Builder;

const BLOCK_BYTES: usize = 4096;
const BLOCKS: u64 = 4096;

fn cached_reads(criterion: &mut Criterion) {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime starts");
    let mut scratch = tempfile::NamedTempFile::new().expect("there is room for a scratch file");
    for _ in 0..BLOCKS {
        scratch.write_all(&[7; BLOCK_BYTES]).expect("there is room for a scratch file");
    }
    let mut group = criterion.benchmark_group("cached 4 KiB random read, one in flight");
    group.throughput(Throughput::Elements(1));
    for kind in BackendKind::ALL {
        for in_place in [true, false] {
            let _guard = runtime.enter();
            let builder = aiofile::context().backend(kind).in_place(in_place);
            let Ok(context) = builder.build() else { continue };
            let copy = scratch.reopen().expect("the scratch file is there");
            let file = AioFile::from_std_in(&context, copy).expect("an open file can be examined");
            let route = if in_place { "in place" } else { "backend" };
            group.bench_function(BenchmarkId::new(kind.name(), route), |bencher| {
                bencher.to_async(&runtime).iter_custom(|operations| {
                    let file = file.clone();
                    async move {
                        let reading = tokio::spawn(async move {
                            let mut buffer = Vec::with_capacity(BLOCK_BYTES);
                            let mut block = 1;
                            let start = Instant::now();
                            for _ in 0..operations {
                                block = block * 1103 % BLOCKS;
                                let offset = block * BLOCK_BYTES as u64;
                                let (result, back) = file.read_into(buffer, offset).await;
                                result.expect("the scratch file is readable");
                                buffer = back;
                            }
                            start.elapsed()
                        });
                        reading.await.expect("the reading task does not panic")
                    }
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, cached_reads);
criterion_main!(benches);
