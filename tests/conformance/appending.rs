//! Records that several append at once do not mix, however long they are.

use std::fs::File;

use caio::{Buffer, Context, SharedFile};
use tokio::task::JoinSet;

use crate::harness::{Case, cases};
use crate::support::{Env, multi_thread, places};

pub(crate) const CASES: &[Case] = cases![
    each long_records_of_many_appenders_do_not_mix,
    each vectored_records_of_many_appenders_do_not_mix,
];

/// Longer than what is done in place in one go.
const RECORD: usize = 5 << 19;

const RECORDS: u8 = 3;

const APPENDERS: u8 = 3;

async fn append_whole(context: Context, file: SharedFile, appender: u8) {
    for number in 0..RECORDS {
        let record = Buffer::from(vec![appender + number; RECORD]);
        assert_eq!(context.write(&file, record, 0..RECORD, 0).await.0.unwrap(), RECORD);
    }
}

async fn append_in_parts(context: Context, file: SharedFile, appender: u8) {
    for number in 0..RECORDS {
        let parts = (0..5).map(|_| Buffer::from(vec![appender + number; RECORD / 5])).collect();
        assert_eq!(context.write_vectored(&file, parts, 0).await.0.unwrap(), RECORD);
    }
}

fn many_append<F>(env: &Env, append: fn(Context, SharedFile, u8) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    env.bounded(move |env| {
        for place in places() {
            let path = place.file("log", b"");
            multi_thread(2).block_on(async {
                let mut appenders = JoinSet::new();
                for appender in 0..APPENDERS {
                    let file = File::options().append(true).open(&path).unwrap();
                    let file = SharedFile::new(file, &path).unwrap();
                    appenders.spawn(append(env.context.clone(), file, appender * RECORDS));
                }
                appenders.join_all().await;
            });
            let contents = std::fs::read(&path).unwrap();
            assert_eq!(contents.len(), usize::from(APPENDERS * RECORDS) * RECORD);
            for (number, record) in contents.chunks(RECORD).enumerate() {
                let whole = record.iter().all(|byte| *byte == record[0]);
                assert!(whole, "on {} record {number} is mixed with another", place.name);
            }
        }
    });
}

fn long_records_of_many_appenders_do_not_mix(env: &Env) {
    many_append(env, append_whole);
}

fn vectored_records_of_many_appenders_do_not_mix(env: &Env) {
    many_append(env, append_in_parts);
}
