//! Files whose server does not answer: they hold up no other file, and no shutdown.

use std::path::Path;
use std::time::{Duration, Instant};

use aiofile::fs::Fs;
use aiofile::{AioFile, Context, Error, ErrorKind};
use futures_util::future::{BoxFuture, FutureExt, join_all};

use crate::drive::{PATIENCE, mounted, run, runtime};
use crate::guards::Guards;
use crate::in_use;
use crate::mounted::Mounted;
use crate::plan::Call;
use crate::planted_backend::Defect;
use crate::ways;
use crate::work::{BUFFER_BYTES, Manner};

/// More of each operation than a pool has threads.
const MANY: usize = 40;

/// How often other files are used meanwhile.
const ROUNDS: u8 = 20;

/// Longer than two ticks of the kernel's clock.
const TICK: Duration = Duration::from_millis(25);

/// How long a shutdown waits for what will not come.
const SHUTDOWN: Duration = Duration::from_millis(50);

#[test]
fn a_file_that_hangs_delays_no_other() {
    let _alone = in_use::alone();
    let Some(mounted) = mounted() else { return };
    ways::each(|way| {
        // The kernel's queues are not asked for what may hang.
        if way.is_queue {
            return;
        }
        for manner in Manner::ALL {
            let (before, begun) = (in_use::now(), Instant::now());
            let done = gate(&mounted, &way.build().unwrap(), manner, PATIENCE);
            let done = done.and_then(|done| in_use::given_back(&before, PATIENCE).map(|()| done));
            let done = done.unwrap_or_else(|error| panic!("{}, {manner:?}: {error}", way.name));
            let seconds = begun.elapsed().as_secs_f64();
            println!(
                "gate=fuse_hangs backend={} manner={manner:?} hung={} meanwhile={} given_up={} \
                 seconds={seconds:.1}",
                way.name, done.hung, done.meanwhile, done.given_up
            );
        }
    });
    mounted.unmount().unwrap();
}

#[test]
fn a_backend_in_which_files_wait_for_each_other_is_found_out() {
    let _alone = in_use::alone();
    let Some(mounted) = mounted() else { return };
    // All requests of all files wait for the one thread.
    let context = ways::planted(Defect::None, 1).unwrap();
    let patience = Duration::from_secs(1);
    let error = gate(&mounted, &context, Manner::Uncached, patience).unwrap_err();
    assert!(error.contains("it hangs"), "{error}");
    println!("gate=fuse_hangs planted=one_at_a_time caught=yes");
}

#[test]
fn many_files_do_not_wait_for_one_that_hangs() {
    let _alone = in_use::alone();
    let Some(mounted) = mounted() else { return };
    let directory = tempfile::tempdir().unwrap();
    let paths: Vec<_> = (0..MANY).map(|number| directory.path().join(number.to_string())).collect();
    paths.iter().for_each(|path| std::fs::write(path, "local").unwrap());
    ways::each(|way| {
        let context = way.build().unwrap();
        let hung = mounted.disk().create("hung", b"served".to_vec(), false);
        mounted.disk().hold(hung, &[Call::Open]);
        let done = run(&runtime(), &context, PATIENCE, async {
            let all = [mounted.path("hung")].into_iter().chain(paths.clone());
            let limit = (2 * MANY).try_into().expect("it is not 0");
            let mut files = Fs::new(&context).read_many(all, limit);
            let mut next = async || {
                let (_, read) = files.next().await.ok_or("a file is missing")?;
                read.map_err(|error| error.to_string())
            };
            for _ in 0..MANY {
                assert_eq!(next().await?, b"local");
            }
            mounted.disk().let_go(hung);
            assert_eq!(next().await?, b"served");
            Ok(())
        });
        mounted.disk().let_go(hung);
        done.unwrap_or_else(|error| panic!("{}: {error}", way.name));
    });
    mounted.unmount().unwrap();
}

#[derive(Debug)]
struct Done {
    hung: usize,
    meanwhile: usize,
    given_up: usize,
}

type Hanging = BoxFuture<'static, Result<(), Error>>;

fn gate(
    mounted: &Mounted,
    context: &Context,
    manner: Manner,
    patience: Duration,
) -> Result<Done, String> {
    let disk = mounted.disk();
    let guards = Guards::new(2 * MANY, BUFFER_BYTES);
    let is_uncached = manner == Manner::Uncached;
    let hung = disk.create("hung", vec![7; 2 * MANY * BUFFER_BYTES], is_uncached);
    for number in 0..Manner::ALL.len() {
        disk.create(&format!("free-{number}"), Vec::new(), number == 0);
    }
    let runtime = runtime();
    let done = run(&runtime, context, patience, async {
        let path = mounted.path("hung");
        let file = manner.open(context, &path).await;
        let file = file.map_err(|error| format!("without a fault: {error}"))?;
        let mut others = Vec::new();
        for _ in 0..=MANY {
            others.push(manner.open(context, &path).await.map_err(|error| error.to_string())?);
        }
        let another = others.pop().expect("one more was opened");
        // Until the clock has ticked the kernel knows the attributes from the opening.
        tokio::time::sleep(TICK).await;
        let calls = [Call::Read, Call::Write, Call::Fsync, Call::Getattr, Call::Open, Call::Flush];
        disk.hold(hung, &calls);
        let hanging = hanging([&file, &another], &guards);
        let tasks: Vec<_> = hanging
            .into_iter()
            .chain(of_the_path(context, &path, manner))
            .chain(others.into_iter().map(closing))
            .map(tokio::spawn)
            .collect();
        disk.arrived(&[hung]).await;
        let mut meanwhile = 0;
        for round in 0..ROUNDS {
            for number in 0..Manner::ALL.len() {
                meanwhile += use_file(mounted, context, number, round)
                    .await
                    .map_err(|error| format!("meanwhile: {error}"))?;
            }
        }
        let ended = tasks.iter().filter(|task| task.is_finished()).count();
        if ended > 0 {
            return Err(format!("{ended} operations ended without an answer"));
        }
        let given_up = context.shutdown(SHUTDOWN).await;
        // What has begun keeps its memory, though its future has an answer.
        let at_server = disk.held_of(hung, &[Call::Read, Call::Write]);
        if guards.out() < at_server {
            let out = guards.out();
            return Err(format!("{at_server} transfers are at the server with {out} buffers"));
        }
        let hung = tasks.len();
        for result in join_all(tasks).await {
            let ended = result.map_err(|error| error.to_string())?;
            let kind = ended.err().map(|error| error.kind());
            if kind != Some(ErrorKind::Shutdown) {
                return Err(format!("a shutdown ended an operation with {kind:?}"));
            }
        }
        if given_up != hung {
            return Err(format!("{given_up} of {hung} operations are said to be given up"));
        }
        guards.poison();
        Ok(Done { hung, meanwhile, given_up })
    });
    disk.let_go(hung);
    let done = done?;
    guards.all_back()?;
    Ok(done)
}

/// Operations of a file, by two of its descriptors, that wait for the server.
fn hanging(files: [&AioFile; 2], guards: &Guards) -> Vec<Hanging> {
    let place = |number: usize| (number * BUFFER_BYTES) as u64;
    let file = |number: usize| files[number % 2].clone();
    let reads = (0..MANY).map(|number| {
        let (file, buffer) = (file(number), guards.take());
        async move { Ok(file.read_into(buffer, place(number)).await.0.map(drop)?) }.boxed()
    });
    // What is written can be read from the cache before the server has it.
    let writes = (MANY..2 * MANY).map(|number| {
        let (file, buffer) = (file(number), guards.with(&[1; BUFFER_BYTES]));
        async move { Ok(file.write_from(buffer, place(number)).await.0.map(drop)?) }.boxed()
    });
    let lengths = (0..MANY).map(|number| {
        let file = file(number);
        async move { Ok(file.len().await.map(drop)?) }.boxed()
    });
    let syncs = (0..2).map(|number| {
        let file = file(number);
        async move { Ok(file.fsync().await?) }.boxed()
    });
    reads.chain(writes).chain(lengths).chain(syncs).collect()
}

/// Operations of its path that wait for the server.
fn of_the_path(context: &Context, path: &Path, manner: Manner) -> Vec<Hanging> {
    let opens = (0..MANY).map(|_| {
        let (context, path) = (context.clone(), path.to_owned());
        async move { Ok(manner.open(&context, &path).await.map(drop)?) }.boxed()
    });
    let looks = (0..MANY).map(|_| {
        let (fs, path) = (Fs::new(context), path.to_owned());
        async move { Ok(fs.metadata(&path).await.map(drop)?) }.boxed()
    });
    let whole = (0..MANY).map(|_| {
        let (fs, path) = (Fs::new(context), path.to_owned());
        async move { Ok(fs.read(&path).await.map(drop)?) }.boxed()
    });
    opens.chain(looks).chain(whole).collect()
}

fn closing(mut file: AioFile) -> Hanging {
    async move { Ok(file.close().await?) }.boxed()
}

/// Everything that can be done with a file. Returns how many operations it were.
async fn use_file(
    mounted: &Mounted,
    context: &Context,
    number: usize,
    round: u8,
) -> Result<usize, Error> {
    let manner = Manner::ALL[number];
    let (path, renamed) = (format!("free-{number}"), format!("free-{number}-renamed"));
    let (path, renamed) = (mounted.path(path), mounted.path(renamed));
    let fs = Fs::new(context);
    let mut file = manner.open(context, &path).await?;
    let bytes = caio::AlignedBuffer::copy_of(&[round; BUFFER_BYTES], 4096);
    file.write_all_at(bytes, 0).await?;
    assert_eq!(file.read_exact_at(BUFFER_BYTES, 0).await?, [round; BUFFER_BYTES][..]);
    file.fdatasync().await?;
    file.fsync().await?;
    assert_eq!(file.len().await?, BUFFER_BYTES as u64);
    file.close().await?;
    fs.rename(&path, &renamed).await?;
    assert_eq!(fs.read(&renamed).await?, [round; BUFFER_BYTES]);
    fs.rename(&renamed, &path).await?;
    assert!(fs.metadata(&path).await?.is_file());
    Ok(11)
}
