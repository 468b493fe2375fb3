//! A fixed number of reads through the public API, for counting the instructions of our own layers:
//! see `benches/instructions`.

use std::process::ExitCode;
use std::sync::Arc;

use aiofile::{AioFile, Context};
use caio::{Admission, Layer, OpInfo};
use caio_testkit::Null;

/// Lets everything in.
#[derive(Debug)]
struct Open;

impl Layer for Open {
    fn admit(&self, _op: &OpInfo) -> Admission {
        Admission::Now
    }
}

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let way = args.next().unwrap_or_default();
    let Some(operations) = args.next().and_then(|count| count.parse().ok()) else {
        return ExitCode::from(2);
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a current-thread runtime needs nothing of the system");
    match context(&way).map(|context| runtime.block_on(read(&context, operations))) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// What a read goes through.
fn context(way: &str) -> caio::Result<Context> {
    let builder = aiofile::context();
    match way {
        "backend" => builder.custom(Arc::new(Null::new())).in_place(false).build(),
        "in-place" => builder.build(),
        _ => builder.layer(Arc::new(Open)).build(),
    }
}

async fn read(context: &Context, operations: u64) -> aiofile::Result<()> {
    let file = AioFile::from_std_in(context, std::fs::File::open("/proc/self/exe")?)?;
    let mut buffer = vec![0; 64];
    for _ in 0..operations {
        let (result, back) = file.read_into(buffer, 0).await;
        result?;
        buffer = back;
    }
    Ok(())
}
