//! `aiofile split`: a file cut into pieces.

use std::num::NonZeroU64;
use std::path::PathBuf;

use aiofile::fs::Fs;
use aiofile_util::{SplitBy, SplitOptions, Suffix};
use caio::Choice;
use serde_json::json;

use super::bar::Bar;
use super::json;
use super::stoppable::{self, Stop};
use crate::args::SplitArgs;
use crate::failure::Failure;
use crate::output;
use crate::signals::Interrupts;
use crate::size::Size;

/// Lines of a piece, as coreutils' split has them.
const LINES: NonZeroU64 = NonZeroU64::new(1000).expect("it is not 0");

pub(super) async fn run(
    backend: Option<Choice>,
    args: SplitArgs,
    interrupts: Interrupts,
) -> Result<(), Failure> {
    let context = super::context(backend)?;
    let by = match (args.number, args.bytes.and_then(|Size(bytes)| NonZeroU64::new(bytes))) {
        (Some(by), _) => by,
        (None, Some(bytes)) => SplitBy::Bytes(bytes),
        (None, None) => SplitBy::Lines(args.lines.unwrap_or(LINES)),
    };
    let source = if args.source.as_os_str() == "-" {
        PathBuf::from("/dev/stdin")
    } else {
        args.source.clone()
    };
    let length = Fs::new(&context).metadata(&source).await.ok();
    let length = length.filter(|metadata| metadata.is_file()).map(|metadata| metadata.len());
    let (stop, bar) = (Stop::default(), Bar::bytes(args.quiet, length));
    let (told, shown) = (stop.clone(), bar.clone());
    let mut options = SplitOptions::new(by).context(&context).overwrite(args.force);
    options = options.suffix(match (args.digits, args.hex) {
        (true, _) => Suffix::Numbers,
        (_, true) => Suffix::Hexadecimal,
        _ => Suffix::Letters,
    });
    if let Some(length) = args.suffix_length {
        options = options.suffix_length(length);
    }
    options = options.on_progress(move |bytes| {
        shown.add(bytes);
        told.flow()
    });
    let pieces =
        stoppable::run(&interrupts, &context, &stop, options.split(&source, &args.prefix)).await;
    bar.finish();
    let pieces = pieces?;
    if args.json {
        let lines =
            pieces.iter().map(|piece| json::of_path(&piece.path, json!({ "bytes": piece.bytes })));
        return output::print(lines.collect::<String>());
    }
    if args.quiet {
        return Ok(());
    }
    let bytes = Size(pieces.iter().map(|piece| piece.bytes).sum());
    let (count, source) = (pieces.len(), output::shown(&args.source));
    output::print(format_args!("split {source}, {bytes}, into {count} files\n"))
}
