//! `aiofile merge`: files put together.

use aiofile_util::MergeOptions;
use caio::Choice;
use serde_json::json;

use super::bar::Bar;
use super::json;
use super::stoppable::{self, Stop};
use crate::args::MergeArgs;
use crate::failure::Failure;
use crate::output;
use crate::signals::Interrupts;
use crate::size::Size;

pub(super) async fn run(
    backend: Option<Choice>,
    args: MergeArgs,
    interrupts: Interrupts,
) -> Result<(), Failure> {
    let context = super::context(backend)?;
    let measured = args.files.clone();
    let total = context.run("stat", move || {
        let lengths = measured.iter().map(|path| std::fs::metadata(path).ok());
        let lengths = lengths.map(|file| file.filter(|file| file.is_file()).map(|file| file.len()));
        Ok(lengths.sum::<Option<u64>>())
    });
    let (stop, bar) = (Stop::default(), Bar::bytes(args.quiet, total.await.ok().flatten()));
    let (told, shown) = (stop.clone(), bar.clone());
    let watcher = move |bytes| {
        shown.add(bytes);
        told.flow()
    };
    let options = MergeOptions::new().context(&context).durable(args.sync);
    let options = options.append(args.append).on_progress(watcher);
    let merge = async {
        match args.sorted {
            true => options.merge_sorted(&args.files, &args.output).await,
            false => options.merge(&args.files, &args.output).await,
        }
    };
    let merged = stoppable::run(&interrupts, &context, &stop, merge).await;
    bar.finish();
    let (bytes, count) = (merged?, args.files.len());
    if args.json {
        let members = json!({ "files": count, "bytes": bytes });
        return output::print(json::of_path(&args.output, members));
    }
    if args.quiet {
        return Ok(());
    }
    let (bytes, target) = (Size(bytes), output::shown(&args.output));
    output::print(format_args!("merged {count} files, {bytes}, into {target}\n"))
}
