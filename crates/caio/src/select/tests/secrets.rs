//! Of files that are no configuration, and of variables that are no names, little is repeated.

use super::*;

#[test]
fn an_error_repeats_nothing_of_a_file_but_what_looks_like_a_name() {
    let directory = Directory::new();
    for (first_line, shown) in [
        ("posix", "unknown backend \"posix\""),
        ("io_uring, Tr0ub4dor", "unknown backend \"io_uring\""),
        ("root:$6$Tr0ub4dor:19000:0:99999:7:::", "what stands there is not the name of a backend"),
        ("uring,Tr0ub4dor", "what stands there is not the name of a backend"),
    ] {
        let path = directory.file("shadow", first_line);
        let error = directory.open(&[("CAIO_CONFIG", &path)], None).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{path}: line 1: {shown} (valid names: ")), "{error}");
        assert!(!error.contains("Tr0ub4dor"), "{error}");
    }
}

#[test]
fn a_long_variable_is_not_repeated_as_a_whole() {
    let directory = Directory::new();
    let error = |variable| directory.open(&[variable], None).unwrap_err().to_string();
    let long = "x".repeat(100_000);
    let shown = error(("CAIO_IMPL", &long));
    let expected = format!(
        "CAIO_IMPL: unknown backend \"{}\" and 99936 bytes more (valid names: ",
        "x".repeat(64)
    );
    assert!(shown.starts_with(&expected), "{shown}");
    let shown = error(("CAIO_IMPL", "\x1b[31m"));
    assert!(shown.starts_with("CAIO_IMPL: unknown backend \"\\u{1b}[31m\" ("), "{shown}");
    assert_eq!(
        error(("CAIO_CONFIG", &long)),
        "CAIO_CONFIG has 100000 bytes (a path has at most 4095)"
    );
}

#[test]
fn a_name_that_is_said_a_thousand_times_is_reported_once() {
    let directory = Directory::new();
    let names = ["uring"; 1000].join(",");
    let variable = directory.open(&[("CAIO_IMPL", &names)], None).unwrap();
    directory.file("etc/default_implementation", &names);
    let file = directory.open(&[], None).unwrap();
    assert_eq!([variable.requested, file.requested], ["uring", "uring"]);
}
