//! A child of fork(2) without exec: it has the memory, and neither threads nor completions.

use std::io::Write;
use std::path::Path;

use super::*;
use crate::error::{Error, ErrorKind};
use crate::testing::{HANGS, file_with, in_child, is_alone};

fn is_refusal<T>(result: Result<T, Error>) -> bool {
    result.is_err_and(|error| {
        error.kind() == ErrorKind::Shutdown
            && error.to_string().contains("belongs to the parent")
            && error.cure().is_some_and(|cure| cure.contains("in the child"))
    })
}

#[test]
fn every_call_in_a_child_is_refused_and_the_parent_goes_on() {
    // Beside other tests a child could inherit locks that their threads hold.
    let name = "every_call_in_a_child_is_refused_and_the_parent_goes_on";
    if !is_alone(&format!("context::tests::forked::{name}")) {
        return;
    }
    each(|context| {
        let file = file_with(b"contents");
        let (reader, writer) = pipe();
        let mut pending = read(&context, &reader, 16);
        begin(&mut pending);
        let mut inherited = Some((context.clone(), pending));
        assert!(in_child(|| {
            let (context, pending) = inherited.take().unwrap();
            let read = block_on(read(&context, &file, 8)).result;
            let all = context.submit_all(&file, [Op::Fsync, Op::Fdatasync]);
            let all = all.into_iter().all(|operation| is_refusal(block_on(operation).result));
            let refused = is_refusal(read)
                && all
                && is_refusal(block_on(context.open(Path::new("/dev/null"), 0, 0)))
                && is_refusal(block_on(context.read_file(Path::new("/dev/null"))))
                && is_refusal(block_on(context.sync(&file, false)))
                && is_refusal(block_on(context.set_length(&file, 1)))
                && is_refusal(block_on(context.close(file.clone(), true)))
                && is_refusal(block_on(pending).result);
            let abandoned = block_on(context.shutdown(HANGS));
            drop(context);
            refused && abandoned == 0
        }));
        // Also one that is given up there, and a child that builds its own.
        assert!(in_child(|| {
            let (context, pending) = inherited.take().unwrap();
            let kind = context.info().backend;
            drop(pending);
            drop(context);
            let own = Context::builder().backend(kind).in_place(false).build().unwrap();
            let outcome = block_on(super::read(&own, &file, 8));
            outcome.result.is_ok() && block_on(own.shutdown(HANGS)) == 0
        }));
        let (_, pending) = inherited.take().unwrap();
        File::from(writer).write_all(b"later").unwrap();
        assert!(block_on(pending).result.is_ok());
        assert!(block_on(read(&context, &file, 8)).result.is_ok());
    });
}
