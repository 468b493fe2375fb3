//! Every way to ask for a backend, and every way to be refused one.

use std::cell::RefCell;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nix::errno::Errno;

use super::environment::tests::with;
use super::*;
use crate::backend::thread::ThreadPool;
use crate::backend::{BackendKind, Lanes, PoolOptions};
use crate::capability::{Capability, ClassSet, OpSet};
use crate::request::{Request, Token};

/// A directory of its own for each test, gone with it.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("caio-select-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Writes a file in it, making its directories, and returns its path.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        self.at(name)
    }

    fn at(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    /// What is found with these variables, the user's home and the system's directory being here.
    fn find(&self, variables: &[(&str, &str)]) -> Result<Found> {
        let home = self.at("home");
        let mut all = vec![("HOME", home.as_str())];
        all.extend(variables);
        with(&all, self.0.join("etc"), Found::find)
    }

    /// Opens with these variables; every backend works, and calls itself as it was asked for.
    fn open(&self, variables: &[(&str, &str)], explicit: Option<Choice>) -> Result<Info> {
        let found = self.find(variables)?;
        let config = found.config.clone();
        let openers = Openers { open: &|backend, _| Ok(named(backend)), patience: PATIENCE };
        found.open(&config, explicit, &openers).map(|(_, info)| info)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// How long a backend in these tests may take: far more than a working one needs.
const PATIENCE: Duration = Duration::from_secs(10);

/// A backend under another name, which can be made not to answer.
#[derive(Debug)]
struct Fake {
    kind: BackendKind,
    pool: ThreadPool,
    capability: Capability,
    answers: bool,
    kept: std::sync::Mutex<Vec<Request>>,
}

fn fake(kind: BackendKind, answers: bool) -> Arc<dyn Backend> {
    let pool = ThreadPool::open(&PoolOptions::default()).unwrap();
    let capability = pool.capability().clone();
    Arc::new(Fake { kind, pool, capability, answers, kept: Default::default() })
}

fn named(kind: BackendKind) -> Arc<dyn Backend> {
    fake(kind, true)
}

impl Backend for Fake {
    fn kind(&self) -> BackendKind {
        self.kind
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    fn submit(&self, batch: &mut [Option<Request>]) -> Result<Lanes> {
        if self.answers {
            return self.pool.submit(batch);
        }
        self.kept.lock().unwrap().extend(batch.iter_mut().filter_map(Option::take));
        Ok(Lanes::NONE)
    }

    fn cancel(&self, _token: Token) {}

    fn reap(&self, _lane: usize) -> usize {
        0
    }

    fn descriptor(&self, _lane: usize) -> Option<std::os::fd::BorrowedFd<'_>> {
        None
    }

    fn shutdown(&self, deadline: std::time::Instant) -> usize {
        self.pool.shutdown(deadline)
    }
}

#[test]
fn code_beats_the_variable_beats_the_file_beats_auto() {
    let directory = Directory::new();
    let auto = directory.open(&[], None).unwrap();
    assert_eq!((auto.requested_by.clone(), auto.requested.as_str()), (RequestedBy::Auto, "auto"));
    assert_eq!(auto.backend, BackendKind::Uring);

    let path = directory.file("home/.config/caio/default_implementation", "linux\n");
    let file = directory.open(&[], None).unwrap();
    assert_eq!(file.backend, BackendKind::Linux);
    assert_eq!(file.requested_by, RequestedBy::File { path: path.into(), line: Some(1) });

    let variable = [("CAIO_IMPL", "thread")];
    let environment = directory.open(&variable, None).unwrap();
    assert_eq!(environment.backend, BackendKind::Thread);
    assert_eq!(environment.requested_by, RequestedBy::Environment);

    let code = directory.open(&variable, Some(Choice::only(BackendKind::Rust))).unwrap();
    assert_eq!(code.backend, BackendKind::Rust);
    assert_eq!(code.requested_by, RequestedBy::Code);
}

#[test]
fn a_backend_set_in_the_configuration_by_code_is_a_choice_in_code() {
    let directory = Directory::new();
    let found = directory.find(&[("CAIO_IMPL", "thread")]).unwrap();
    assert_eq!(found.config.backend, None);
    let mut config = found.config.clone();
    config.backend = Some(Choice::only(BackendKind::Linux));
    let openers = Openers { open: &|backend, _| Ok(named(backend)), patience: PATIENCE };
    let (_, info) = found.open(&config, None, &openers).unwrap();
    assert_eq!((info.backend, info.requested_by), (BackendKind::Linux, RequestedBy::Code));
}

#[test]
fn the_limits_of_a_file_hold_where_the_variable_chooses() {
    let directory = Directory::new();
    directory.file("etc/caio.toml", "backend = 'uring'\nmax_requests = 7\n");
    let info = directory.open(&[("CAIO_IMPL", "linux,thread")], None).unwrap();
    assert_eq!(info.backend, BackendKind::Linux);
    assert_eq!(info.requested, "linux,thread");
    assert_eq!(info.limits.max_requests, 7);
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let directory = Directory::new();
    for nothing in ["", "  "] {
        let info = directory.open(&[("CAIO_IMPL", nothing)], None).unwrap();
        assert_eq!(info.requested_by, RequestedBy::Auto);
    }
    let info = directory.open(&[("CAIO_CONFIG", "")], None).unwrap();
    assert_eq!(info.requested_by, RequestedBy::Auto);
}

#[test]
fn the_variable_is_refused_by_name() {
    let directory = Directory::new();
    let error = directory.open(&[("CAIO_IMPL", "nonsense")], None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Backend);
    assert_eq!(
        error.to_string(),
        "CAIO_IMPL: unknown backend \"nonsense\" \
         (valid names: uring, linux, thread, rust (or python, its alias), auto)"
    );
    let code = directory.open(&[("CAIO_IMPL", "nonsense")], Some(Choice::Auto)).unwrap();
    assert_eq!(code.requested_by, RequestedBy::Code, "a choice in code does not look there");
}

#[test]
fn empty_lines_and_comments_come_before_the_name() {
    let directory = Directory::new();
    let path =
        directory.file("etc/default_implementation", "\n# for all\n   \n\tpython  \nuring\n");
    let info = directory.open(&[], None).unwrap();
    assert_eq!(info.backend, BackendKind::Rust);
    assert_eq!(info.requested, "python");
    assert_eq!(info.requested_by, RequestedBy::File { path: path.into(), line: Some(4) });

    directory.file("etc/default_implementation", "# nothing\n\n");
    assert_eq!(directory.open(&[], None).unwrap().requested_by, RequestedBy::Auto);
}

#[test]
fn an_unknown_name_in_a_file_is_an_error_with_its_line() {
    let directory = Directory::new();
    let path = directory.file("etc/default_implementation", "# ours\nposix\nuring\n");
    let error = directory.open(&[], None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Backend);
    let shown = error.to_string();
    let expected = format!("{path}: line 2: unknown backend \"posix\" (valid names: uring");
    assert!(shown.starts_with(&expected), "{shown}");
    assert!(directory.open(&[("CAIO_IMPL", "rust")], None).is_ok(), "nobody asked the file");
}

#[test]
fn a_bad_toml_file_is_an_error_with_its_line_whoever_chooses() {
    let directory = Directory::new();
    let path = directory.file("home/.config/caio/caio.toml", "# ours\nmax_requests = 0\n");
    for variables in [&[][..], &[("CAIO_IMPL", "rust")]] {
        let error = directory.open(variables, None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let expected =
            format!("{path}: line 2, column 16: max_requests is 0; it must be at least 1");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn in_a_directory_the_toml_file_comes_first_and_the_users_directory_before_the_systems() {
    let directory = Directory::new();
    directory.file("etc/caio.toml", "backend = 'uring'\nmax_requests = 1\n");
    directory.file("etc/default_implementation", "linux");
    let info = directory.open(&[], None).unwrap();
    assert_eq!((info.backend, info.limits.max_requests), (BackendKind::Uring, 1));

    directory.file("home/.config/caio/default_implementation", "thread");
    let info = directory.open(&[], None).unwrap();
    assert_eq!((info.backend, info.limits.max_requests), (BackendKind::Thread, 1));

    directory.file("home/.config/caio/caio.toml", "max_requests = 2\n");
    let info = directory.open(&[], None).unwrap();
    assert_eq!((info.backend, info.limits.max_requests), (BackendKind::Thread, 2));
    let states: Vec<_> = info.files.iter().map(|file| file.state).collect();
    use FileState::{Read, Shadowed};
    assert_eq!(states, [Read, Read, Shadowed, Shadowed]);
}

#[test]
fn caio_config_names_a_file_or_a_directory_and_nothing_else_is_read() {
    let directory = Directory::new();
    directory.file("etc/default_implementation", "rust");
    let toml = directory.file("mine/caio.toml", "backend = ['linux']\nmax_requests = 3\n");
    let plain = directory.file("mine/default_implementation", "thread\n");
    let renamed = directory.file("other.toml", "backend = 'thread'\n");
    for (path, backend, requests) in [
        (&toml, BackendKind::Linux, 3),
        (&directory.at("mine"), BackendKind::Linux, 3),
        (&plain, BackendKind::Thread, 512),
        (&renamed, BackendKind::Thread, 512),
        (&String::from("/dev/null"), BackendKind::Uring, 512),
    ] {
        let info = directory.open(&[("CAIO_CONFIG", path)], None).unwrap();
        assert_eq!((info.backend, info.limits.max_requests), (backend, requests), "{path}");
    }
}

#[test]
fn caio_config_pointing_nowhere_is_an_error() {
    let directory = Directory::new();
    fs::create_dir(directory.0.join("empty")).unwrap();
    for (name, reason) in [
        ("missing.toml", "No such file or directory"),
        ("missing/caio.toml", "No such file or directory"),
        ("empty", "no readable caio.toml or default_implementation in it"),
    ] {
        let path = directory.at(name);
        let error = directory.open(&[("CAIO_CONFIG", &path)], None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let shown = error.to_string();
        assert!(shown.starts_with(&format!("{path}: CAIO_CONFIG points to it: ")), "{shown}");
        assert!(shown.contains(reason) && shown.contains("name a caio.toml"), "{shown}");
    }
}

#[test]
fn a_file_that_is_no_text_or_has_no_end_is_an_error() {
    let directory = Directory::new();
    let path = directory.at("binary");
    fs::write(&path, [0xff, 0xfe]).unwrap();
    for path in [path.as_str(), "/dev/zero"] {
        let error = directory.open(&[("CAIO_CONFIG", path)], None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    }
    fs::create_dir_all(directory.0.join("etc/caio.toml")).unwrap();
    let error = directory.open(&[], None).unwrap_err();
    assert!(error.to_string().contains("it cannot be read: Is a directory"), "{error}");
}

/// The answers of the system that keep a backend from being set up.
const REFUSALS: [Errno; 7] = [
    Errno::ENOSYS,
    Errno::EPERM,
    Errno::EACCES,
    Errno::EINVAL,
    Errno::ENOMEM,
    Errno::EMFILE,
    Errno::EAGAIN,
];

/// Opens a choice where `working` alone works and the others fail with `errno`.
fn open_refused(choice: Choice, working: Option<BackendKind>, errno: Errno) -> Result<Info> {
    let tried = RefCell::new(Vec::new());
    let open = |backend: BackendKind, _: &Config| {
        tried.borrow_mut().push(backend);
        if Some(backend) == working {
            return Ok(named(backend));
        }
        let error = Error::new(ErrorKind::Backend, format!("{backend}: setup_call failed"));
        Err(error.caused_by(io::Error::from(errno)).hint("do this"))
    };
    let openers = Openers { open: &open, patience: PATIENCE };
    let found = Directory::new().find(&[("CAIO_IMPL", &choice.to_string())]).unwrap();
    let result = found.open(&Config::default(), None, &openers).map(|(_, info)| info);
    let expected = choice.candidates();
    let stop = expected.iter().position(|backend| Some(*backend) == working);
    assert_eq!(*tried.borrow(), expected[..stop.map_or(expected.len(), |index| index + 1)]);
    result
}

#[test]
fn auto_and_lists_go_on_to_the_next_and_remember_why() {
    let list = Choice::Ordered(vec![BackendKind::Linux, BackendKind::Thread]);
    for errno in REFUSALS {
        let info = open_refused(Choice::Auto, Some(BackendKind::Thread), errno).unwrap();
        assert_eq!(info.backend, BackendKind::Thread);
        assert!(info.is_as_requested());
        let [refusal] = &info.refused[..] else { panic!("{:?}", info.refused) };
        assert_eq!(refusal.backend, BackendKind::Uring);
        assert_eq!(refusal.error.raw_os_error(), Some(errno as i32));
        assert_eq!(refusal.error.cure(), Some("do this"));

        let info = open_refused(list.clone(), Some(BackendKind::Thread), errno).unwrap();
        assert_eq!(info.backend, BackendKind::Thread);
        assert!(!info.is_as_requested());
        assert_eq!(info.refused[0].backend, BackendKind::Linux);
    }
}

#[test]
fn a_single_name_that_does_not_work_is_an_error_with_call_errno_and_cure() {
    for errno in REFUSALS {
        let error = open_refused(Choice::only(BackendKind::Uring), None, errno).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Backend);
        assert_eq!(error.raw_os_error(), Some(errno as i32));
        assert_eq!(
            error.to_string(),
            format!(
                "backend uring (asked for by CAIO_IMPL) cannot be used: \
                 uring: setup_call failed: {} (do this)",
                io::Error::from(errno)
            )
        );
    }
}

#[test]
fn where_nothing_works_every_reason_is_told() {
    let list = Choice::Ordered(vec![BackendKind::Linux, BackendKind::Uring]);
    let error = open_refused(list, None, Errno::ENOSYS).unwrap_err();
    assert_eq!(
        error.to_string(),
        "none of the backends linux,uring (asked for by CAIO_IMPL) works here: \
         linux: setup_call failed: Function not implemented (os error 38) (do this); \
         uring: setup_call failed: Function not implemented (os error 38) (do this)"
    );
    assert!(open_refused(Choice::Auto, None, Errno::EPERM).is_err());
}

#[test]
fn wrong_limits_are_an_error_and_no_reason_to_try_another_backend() {
    let found = Directory::new().find(&[]).unwrap();
    let config = Config { max_requests: 0, ..Config::default() };
    let openers = Openers { open: &|_, _| panic!("nothing is opened"), patience: PATIENCE };
    let error = found.open(&config, None, &openers).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[test]
fn a_backend_that_opens_and_never_answers_is_refused() {
    let open = |backend, _: &Config| Ok(fake(backend, backend != BackendKind::Uring));
    let openers = Openers { open: &open, patience: Duration::from_millis(200) };
    let found = Directory::new().find(&[]).unwrap();
    let (_, info) = found.open(&Config::default(), None, &openers).unwrap();
    assert_eq!(info.backend, BackendKind::Thread);
    let refusal = info.refused[0].to_string();
    assert!(refusal.starts_with("uring: its first read did not complete (it is"), "{refusal}");
}

#[test]
fn the_real_backends_of_this_machine_open_or_say_why_not() {
    let open = |choice| super::open(Some(choice), Some(Config::default()), |_| {});
    let (backend, _, info) = open(Choice::Auto).unwrap();
    assert_eq!(backend.kind(), info.backend);
    assert!(!info.kernel.is_empty());
    for kind in BackendKind::ALL {
        match open(Choice::only(kind)) {
            Ok((backend, _, info)) => {
                assert_eq!((backend.kind(), info.backend), (kind, kind));
                assert!(info.refused.is_empty());
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Backend);
                assert!(error.cure().is_some(), "{error}");
            }
        }
    }
}

fn example() -> Info {
    let directory = Path::new("/home/u/.config/caio");
    let capability = Capability {
        operations: OpSet::all(),
        classes: ClassSet::all(),
        requests_max: 64,
        cancels_running: true,
        writes_buffered_slowly: true,
        features: vec!["NODROP".into()],
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
operations    read, write, readv, writev, fsync, fdatasync, open, read whole, fstat, ftruncate, close
file classes  regular, block, directory, stream, character, pseudo
routed        buffered writes where the file system has no non-blocking ones (ext4) to the pool
feature       NODROP
requests      at most 512
in flight     at most 268435456 bytes
open files    at most 768
pool threads  1 to 4, the idle end after 10000 ms
in place      up to 131072 bytes
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
