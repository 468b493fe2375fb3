//! What our own layers cost: the null backend does nothing, so that all the time is ours.

use std::hint::black_box;
use std::sync::Arc;

use aiofile::AioFile;
use caio_testkit::Null;
use criterion::{Criterion, criterion_group, criterion_main};
use tokio::runtime::Builder;

fn overhead(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    let context = aiofile::context().custom(Arc::new(Null::new())).in_place(false).build();
    let context = context.expect("the null backend works everywhere");
    let exe = std::fs::File::open("/proc/self/exe").expect("the program's own file is readable");
    let file = AioFile::from_std_in(&context, exe).expect("an open file can be examined");

    criterion.bench_function("null backend, one read from submit to result", |bencher| {
        bencher.to_async(&runtime).iter_custom(|operations| {
            let file = file.clone();
            async move {
                let mut buffer = vec![0; 64];
                let start = std::time::Instant::now();
                for offset in 0..operations {
                    let (result, back) = file.read_into(buffer, black_box(offset % 64)).await;
                    black_box(result).expect("the null backend never fails");
                    buffer = back;
                }
                start.elapsed()
            }
        });
    });
}

criterion_group!(benches, overhead);
criterion_main!(benches);
