//! A file that moves from memory to disk: the same bytes in both, and none lost on the way.

#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]

mod common;

use std::io::{Cursor, SeekFrom};
use std::sync::LazyLock;

use aiofile::tempfile::{Builder, SpooledTempFile, spooled_tempfile};
use common::cases;
use futures_util::FutureExt;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio::runtime::Runtime;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

#[tokio::test]
async fn a_spool_that_cannot_move_keeps_what_it_has() {
    let mut file = Builder::new().directory("/nowhere").spooled(4);
    AsyncWriteExt::write_all(&mut file, b"kept").await.unwrap();
    for _ in 0..2 {
        let error = AsyncWriteExt::write_all(&mut file, b"!").await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    }
    assert!(!file.is_rolled());
    AsyncSeekExt::rewind(&mut file).await.unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "kept");
}

#[tokio::test]
async fn a_spool_outlives_a_dropped_move() {
    let mut file = spooled_tempfile(1 << 20);
    AsyncWriteExt::write_all(&mut file, b"0123456789").await.unwrap();
    AsyncSeekExt::seek(&mut file, SeekFrom::Start(4)).await.unwrap();
    drop(file.rollover().now_or_never());
    assert_eq!(file.stream_position().await.unwrap(), 4);
    let mut text = String::new();
    file.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "456789");
    assert!(file.is_rolled());
    let file = file.into_file().await.unwrap();
    assert_eq!(file.file().len().await.unwrap(), 10);
}

/// What is done to a spool and to a model of it.
#[derive(Debug, Clone)]
enum Step {
    Write(usize),
    Seek(SeekFrom),
    Read(usize),
    SetLength(u64),
    Roll,
    Cancel,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_usize..20).prop_map(Step::Write),
        1 => (0_u64..60).prop_map(|at| Step::Seek(SeekFrom::Start(at))),
        1 => (-9_i64..9).prop_map(|by| Step::Seek(SeekFrom::Current(by))),
        1 => (-20_i64..5).prop_map(|by| Step::Seek(SeekFrom::End(by))),
        3 => (1_usize..20).prop_map(Step::Read),
        1 => (0_u64..80).prop_map(Step::SetLength),
        1 => Just(Step::Roll),
        1 => Just(Step::Cancel),
    ]
}

async fn take(file: &mut SpooledTempFile, model: &mut Cursor<Vec<u8>>, step: Step, byte: u8) {
    use std::io::{Read, Seek, Write};
    match step {
        Step::Write(length) => {
            let bytes = vec![byte; length];
            AsyncWriteExt::write_all(file, &bytes).await.unwrap();
            if length > 0 {
                Write::write_all(model, &bytes).unwrap();
            }
        }
        Step::Seek(to) => {
            let found = AsyncSeekExt::seek(file, to).await;
            assert_eq!(found.is_ok(), Seek::seek(model, to).is_ok(), "{to:?}");
        }
        Step::Read(length) => {
            let (mut own, mut other) = (Vec::new(), Vec::new());
            AsyncReadExt::take(&mut *file, length as u64).read_to_end(&mut own).await.unwrap();
            Read::take(model, length as u64).read_to_end(&mut other).unwrap();
            assert_eq!(own, other);
        }
        Step::SetLength(length) => {
            file.set_len(length).await.unwrap();
            model.get_mut().resize(length as usize, 0);
        }
        Step::Roll => file.rollover().await.unwrap(),
        Step::Cancel => drop(file.rollover().now_or_never()),
    }
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn a_spool_is_what_memory_is(
        steps in prop::collection::vec(step(), 0..30),
        limit in 0_usize..70,
    ) {
        RUNTIME.block_on(async {
            let mut file = spooled_tempfile(limit);
            let mut model = Cursor::new(Vec::new());
            for (number, step) in steps.into_iter().enumerate() {
                take(&mut file, &mut model, step, number as u8 + 1).await;
            }
            let position = file.stream_position().await.unwrap();
            prop_assert_eq!(position, model.position());
            AsyncSeekExt::rewind(&mut file).await.unwrap();
            let mut all = Vec::new();
            file.read_to_end(&mut all).await.unwrap();
            prop_assert_eq!(&all, model.get_ref());
            prop_assert!(file.is_rolled() || all.len() <= limit);
            Ok(())
        })?;
    }
}
