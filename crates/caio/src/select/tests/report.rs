//! What is told about a choice.

use std::path::Path;

use nix::errno::Errno;

use super::*;
use crate::capability::{Capability, ClassSet, OpSet};

fn example() -> Info {
    let directory = Path::new("/home/u/.config/caio");
    let capability = Capability {
        writes_buffered_slowly: true,
        features: vec!["NODROP".into()],
        ..Capability::all(64)
    };
    let error = Error::new(ErrorKind::Backend, "linux: io_setup failed");
    Info {
        backend: BackendKind::Uring,
        requested_by: RequestedBy::File { path: directory.join("caio.toml"), line: None },
        requested: "linux,uring".into(),
        refused: vec![Refusal {
            backend: BackendKind::Linux,
            error: error.caused_by(Errno::ENOSYS.into()).hint("choose another"),
        }],
        kernel: "6.18.0".into(),
        capability,
        limits: Config { max_open_files: 768, threads_max: 4, ..Config::default() },
        files: vec![ConfigFile { path: directory.join("caio.toml"), state: FileState::Read }],
        ignored: vec!["CAIO_IMPL", "HOME"],
    }
}

#[test]
fn the_report_tells_everything_in_lines() {
    let mut info = example();
    info.limits.threads_min = 1;
    assert_eq!(
        info.to_string(),
        "\
backend       uring
asked for     linux,uring by /home/u/.config/caio/caio.toml
refused       linux: io_setup failed: Function not implemented (os error 38) (choose another)
kernel        6.18.0
operations    read, write, readv, writev, fsync, fdatasync, open, read whole, fstat, ftruncate, \
              close, path, run
file classes  regular, block, directory, stream, character, pseudo
routed        buffered writes where the file system has no non-blocking ones (ext4) to the pool
feature       NODROP
requests      at most 512
in flight     at most 268435456 bytes
open files    at most 768
pool threads  1 to 4, the idle end after 10000 ms
in place      up to 1048576 bytes
ignored       CAIO_IMPL, HOME: the program has rights that its caller lacks
looked for    /home/u/.config/caio/caio.toml (read)
"
    );
    info.capability.operations = OpSet::all_but_open();
    info.capability.classes = ClassSet::default();
    assert_eq!(info.routed_operations().map(|kind| kind.to_string()).collect::<Vec<_>>(), ["open"]);
    assert_eq!(info.routed_classes().count(), 6);
}

impl OpSet {
    fn all_but_open() -> Self {
        let kinds = OpSet::all().iter().filter(|kind| *kind != crate::op::OpKind::Open);
        kinds.fold(OpSet::default(), OpSet::with)
    }
}
