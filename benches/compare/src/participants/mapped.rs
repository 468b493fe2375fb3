//! What a program does that maps its file: ranges are copied out of the mapping.

use std::hint::black_box;

use aiofile_bench::{Access, Cell, Job, Report, Result, Work, threads};
use memmap2::{Advice, Mmap};

/// Whether it can do this cell: nothing is mapped past the page cache.
pub fn takes(cell: &Cell) -> bool {
    cell.work == Work::OwnedRange && !cell.is_direct()
}

/// Runs the job on a thread for each operation in flight, so that others go on while one waits for
/// a page. What is cold is asked for before it is touched, which otherwise happens page by page.
pub fn run(job: &Job) -> Result<Report> {
    let file = job.open()?;
    // SAFETY: nobody changes or cuts the scratch file while the mapping is there.
    #[allow(unsafe_code)]
    let mapping = unsafe { Mmap::map(&file) }?;
    threads::run(job, job.cell.in_flight, job.cell.in_flight, |thread| {
        let mut clients = thread.ready();
        for client in &mut clients {
            while let Some(range) = client.begin_range() {
                let part = range.start as usize..range.end as usize;
                if job.cell.access == Access::Cold {
                    mapping.advise_range(Advice::WillNeed, part.start, part.len())?;
                }
                let copy = mapping[part].to_vec();
                client.finish_range(black_box(copy).len(), &range)?;
            }
        }
        Ok(clients)
    })
}
