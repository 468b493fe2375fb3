//! The configuration files: which are read, and what is wrong in them.

use std::fs;

use super::*;

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
    assert!(directory.open(&[("CAIO_IMPL", "rust")], None).is_ok(), "the file does not decide");
}

#[test]
fn a_bad_toml_file_is_an_error_with_its_line_wherever_the_choice_is_made() {
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
