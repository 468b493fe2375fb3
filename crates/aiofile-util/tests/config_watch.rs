//! What is told of configuration files as they change.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is a test, the helpers too"
)]

mod common;

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aiofile_util::{ConfigOptions, ConfigValue, ConfigWatch, WatchOptions};
use futures_util::FutureExt;
use serde::Deserialize;

use common::{block_on, contexts, file, place};

#[derive(Debug, Deserialize, PartialEq)]
struct Config {
    server: Server,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Server {
    port: u16,
}

const TOML: &str = "# comment\n[server]\nport = 80\n";

fn watch(options: ConfigOptions, path: &Path) -> ConfigWatch<Config> {
    let hasty = WatchOptions::new().debounce(Duration::ZERO);
    block_on(options.watch_options(hasty).watch(path)).unwrap()
}

/// The port after the next change, and the one before.
fn ports(watch: &mut ConfigWatch<Config>) -> (u16, u16) {
    let change = block_on(watch.next()).unwrap().unwrap();
    assert_eq!(watch.current(), change.new);
    (change.old.server.port, change.new.server.port)
}

fn with_port(port: u16) -> String {
    TOML.replace("80", &port.to_string())
}

#[test]
fn changes_are_told_however_the_file_is_written_on_every_backend() {
    for context in contexts() {
        let place = place();
        let path = file(place.path(), "app.toml", TOML);
        let options = ConfigOptions::new().context(&context).environment("local");
        let mut config = watch(options.clone(), &path);
        // As an editor replaces it.
        let new = file(place.path(), "app.toml~", with_port(81));
        fs::rename(&new, &path).unwrap();
        assert_eq!(ports(&mut config), (80, 81));
        // As `save` does.
        let mut value = block_on(ConfigOptions::new().load::<ConfigValue>(&path)).unwrap();
        value.set("server.port", 82).unwrap();
        block_on(options.save(&path, &value)).unwrap();
        assert_eq!(ports(&mut config), (81, 82));
        // The environment's appears, and goes.
        let temporary = file(place.path(), "temporary", "server.port = 83");
        let over = place.path().join("app.local.toml");
        fs::rename(temporary, &over).unwrap();
        assert_eq!(ports(&mut config), (82, 83));
        fs::remove_file(over).unwrap();
        assert_eq!(ports(&mut config), (83, 82));
    }
}

#[test]
fn a_file_that_is_written_in_place_is_read_when_it_is_complete() {
    let place = place();
    let path = file(place.path(), "app.toml", TOML);
    // Between truncation and write the file is bad; with a pause before it is told, nobody sees it.
    let mut config = block_on(ConfigOptions::new().watch::<Config>(&path)).unwrap();
    fs::write(&path, with_port(81)).unwrap();
    assert_eq!(ports(&mut config), (80, 81));
}

#[test]
fn a_link_that_leads_elsewhere_is_a_change() {
    let place = place();
    for (name, port) in [("one", 81), ("two", 82)] {
        fs::create_dir(place.path().join(name)).unwrap();
        file(&place.path().join(name), "app.toml", with_port(port));
    }
    // As volumes of containers are switched over.
    symlink("one", place.path().join("data")).unwrap();
    let path = place.path().join("app.toml");
    symlink("data/app.toml", &path).unwrap();
    let mut config = watch(ConfigOptions::new(), &path);
    symlink("two", place.path().join("next")).unwrap();
    fs::rename(place.path().join("next"), place.path().join("data")).unwrap();
    assert_eq!(ports(&mut config), (81, 82));
}

/// Tells nothing, whatever else happens in the directory.
fn is_quiet(config: &mut ConfigWatch<Config>, directory: &Path) {
    for _ in 0..200 {
        file(directory, "beside", "");
        let told = config.next().now_or_never();
        assert!(told.is_none(), "{told:?}");
        std::thread::yield_now();
    }
}

#[test]
fn a_bad_file_is_told_once_and_the_old_value_stays() {
    let place = place();
    let path = file(place.path(), "app.toml", TOML);
    let mut config = watch(ConfigOptions::new(), &path);
    let replace = |text: &str| {
        let new = file(place.path(), "new", text);
        fs::rename(new, &path).unwrap();
    };
    let told = |config: &mut ConfigWatch<Config>| {
        let error = block_on(config.next()).unwrap().unwrap_err();
        assert_eq!(config.current().server.port, 80);
        error.to_string()
    };
    replace("name = 'a'\n[server\n");
    assert!(told(&mut config).contains("app.toml: line 2, column 8: unclosed table"));
    // The same fault is not told again, another one is.
    is_quiet(&mut config, place.path());
    replace("[server]\nport = 'x'");
    assert!(told(&mut config).contains("line 2, column 8: server.port: invalid type"));
    fs::remove_file(&path).unwrap();
    assert!(told(&mut config).contains("No such file"));
    // Back again, with another comment: that is no change.
    replace(&TOML.replace("comment", "remark"));
    is_quiet(&mut config, place.path());
    replace(&with_port(81));
    assert_eq!(ports(&mut config), (80, 81));
}

/// Writes in place until it is told to stop, with half-written contents in between, and whole at
/// the end. The pauses are the subject: there is never as much quiet as is waited for.
fn write_on_and_on(path: &Path, pause: Duration, is_over: &AtomicBool) -> u16 {
    let mut port = 100;
    while !is_over.load(Ordering::Relaxed) {
        port = if port == u16::MAX { 100 } else { port + 1 };
        let text = with_port(port);
        let (first, second) = text.split_at(text.len() / 2);
        let mut file = fs::File::create(path).unwrap();
        for part in [first, second] {
            file.write_all(part.as_bytes()).unwrap();
            std::thread::sleep(pause);
        }
    }
    port
}

#[test]
fn a_file_that_is_written_without_end_is_seen_meanwhile_and_bad_contents_change_nothing() {
    for pause in [5, 0].map(Duration::from_millis) {
        let place = place();
        let path = file(place.path(), "app.toml", TOML);
        let options = WatchOptions::new().debounce(Duration::from_millis(20));
        let options = ConfigOptions::new().watch_options(options);
        let mut config = block_on(options.watch::<Config>(&path)).unwrap();
        let is_over = AtomicBool::new(false);
        let last = std::thread::scope(|scope| {
            let writer = scope.spawn(|| write_on_and_on(&path, pause, &is_over));
            let mut changes = 0;
            while changes < 3 {
                let before = config.current();
                match block_on(config.next()).unwrap() {
                    Ok(change) => {
                        assert_eq!(change.old, before);
                        changes += 1;
                    }
                    Err(_) => assert_eq!(config.current(), before),
                }
            }
            is_over.store(true, Ordering::Relaxed);
            writer.join().unwrap()
        });
        while config.current().server.port != last {
            let _ = block_on(config.next()).unwrap();
        }
    }
}

#[test]
fn a_dropped_wait_loses_no_change() {
    let place = place();
    let path = file(place.path(), "app.toml", TOML);
    let mut config = watch(ConfigOptions::new(), &path);
    for port in 81..100 {
        let new = file(place.path(), "new", with_port(port));
        fs::rename(new, &path).unwrap();
        while config.current().server.port != port {
            let next = config.next().now_or_never();
            if let Some(change) = next {
                change.unwrap().unwrap();
            }
            std::thread::yield_now();
        }
    }
}

#[test]
fn what_is_over_stays_over() {
    let place = place();
    let directory = place.path().join("settings");
    fs::create_dir(&directory).unwrap();
    let path = file(&directory, "app.toml", TOML);
    let mut config = watch(ConfigOptions::new(), &path);
    fs::remove_dir_all(&directory).unwrap();
    while block_on(config.next()).is_some() {}
    assert!(block_on(config.next()).is_none(), "it is asked once more");
    assert_eq!(config.current().server.port, 80);
}
