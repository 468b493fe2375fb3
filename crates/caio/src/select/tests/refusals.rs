//! Backends that do not work here.

use std::cell::RefCell;
use std::io;

use nix::errno::Errno;

use super::*;

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
    let openers = Openers { open: &open, timeout: TIMEOUT };
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
    let openers = Openers { open: &|_, _| panic!("nothing is opened"), timeout: TIMEOUT };
    let error = found.open(&config, None, &openers).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[test]
fn a_backend_that_opens_and_never_answers_is_refused() {
    let open = |backend, _: &Config| Ok(fake(backend, backend != BackendKind::Uring));
    let openers = Openers { open: &open, timeout: Duration::from_secs(1) };
    let found = Directory::new().find(&[]).unwrap();
    let (_, info) = found.open(&Config::default(), None, &openers).unwrap();
    // Which of the others answers in time is the machine's affair.
    assert_ne!(info.backend, BackendKind::Uring);
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
