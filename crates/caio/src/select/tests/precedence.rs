//! What decides where several say something.

use super::*;

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
    let openers = Openers { open: &|backend, _| Ok(named(backend)), timeout: TIMEOUT };
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
