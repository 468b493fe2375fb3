//! A fixed number of reads through the public API and a backend that does nothing, for counting
//! the instructions of our own layers: see `benches/instructions`.

use std::process::ExitCode;
use std::sync::Arc;

use aiofile::AioFile;
use caio_testkit::Null;

fn main() -> ExitCode {
    let Some(operations) = std::env::args().nth(1).and_then(|count| count.parse().ok()) else {
        return ExitCode::from(2);
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a current-thread runtime needs nothing of the system");
    match runtime.block_on(read(operations)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

async fn read(operations: u64) -> aiofile::Result<()> {
    let context = aiofile::context().custom(Arc::new(Null::new())).in_place(false).build()?;
    let file = AioFile::from_std_in(&context, std::fs::File::open("/proc/self/exe")?)?;
    let mut buffer = vec![0; 64];
    for _ in 0..operations {
        let (result, back) = file.read_into(buffer, 0).await;
        result?;
        buffer = back;
    }
    Ok(())
}
