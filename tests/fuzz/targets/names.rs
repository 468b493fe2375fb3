//! Modes, encodings, choices of a backend, configuration, patterns and lines of checksum files from
//! any text: never a panic, and what is taken means the same when it is written out and read again.
#![no_main]

use std::path::Path;

use aiofile::Mode;
use aiofile::text::Encoding;
use aiofile_util::{ChecksumLine, HashKind};
use caio::{Choice, Config};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(mode) = text.parse::<Mode>() {
        assert!(mode.reads() || mode.writes(), "{text:?} is for something");
    }
    if let Ok(encoding) = text.parse::<Encoding>() {
        assert_eq!(encoding.name().parse::<Encoding>().unwrap(), encoding);
    }
    if let Ok(choice) = text.parse::<Choice>() {
        assert_eq!(choice.to_string().parse::<Choice>().unwrap(), choice);
    }
    match Config::from_toml(text, Path::new("fuzz.toml")) {
        Ok(config) => config.validate().unwrap(),
        Err(error) => assert!(error.to_string().contains("fuzz.toml"), "{error}"),
    }
    drop(aiofile::fs::glob(text));
    for kind in HashKind::ALL {
        if let Some(line) = ChecksumLine::parse(text.as_bytes(), kind) {
            let again = ChecksumLine::parse(&line.to_bytes(), line.kind).unwrap();
            assert_eq!((again.hash, again.path), (line.hash, line.path));
        }
    }
});
