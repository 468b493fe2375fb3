//! Configuration files: what is read, what is refused and where, and what is saved.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is a test, the helpers too"
)]

mod common;

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use aiofile::with_context;
use aiofile_util::{ConfigFormat, ConfigOptions, ConfigValue};
use caio_testkit::Simulated;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use common::{block_on, contexts, file, place};

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Config {
    name: String,
    server: Server,
    #[serde(default)]
    hosts: Vec<Host>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Server {
    port: u16,
    #[serde(default)]
    workers: usize,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Host {
    address: String,
}

const JSON: &str = r#"{
  "name": "ünit",
  "server": {"port": 80, "workers": 2},
  "hosts": [{"address": "a"}, {"address": "b"}]
}"#;

const TOML: &str = r#"# comment
name = "ünit"
[server]
port = 80
workers = 2
[[hosts]]
address = "a"
[[hosts]]
address = "b"
"#;

const YAML: &str = "name: ünit
server: {port: 80, workers: 2}
hosts:
  - address: a
  - address: b
";

fn load(path: &Path) -> std::io::Result<Config> {
    block_on(ConfigOptions::new().load(path))
}

fn value(path: &Path) -> std::io::Result<Value> {
    block_on(ConfigOptions::new().load::<ConfigValue>(path)).map(|value| value.as_json().clone())
}

#[test]
fn each_format_is_read_on_every_backend_and_laid_over() {
    let expected = |port| Config {
        name: "ünit".to_owned(),
        server: Server { port, workers: 2 },
        hosts: ["a", "b"].map(|address| Host { address: address.to_owned() }).into(),
    };
    for context in contexts() {
        let place = place();
        let texts = [
            ("app.json", JSON, "app.local.json", r#"{"server": {"port": 81}}"#),
            ("app.toml", TOML, "app.local.toml", "server.port = 81"),
            ("app.yaml", YAML, "app.local.yaml", "server:\n  port: 81"),
            ("app.YML", YAML, "app.local.YML", "server: {port: 81}"),
        ];
        let options = ConfigOptions::new().context(&context).environment("local");
        for (name, text, over, laid_over) in texts {
            let path = file(place.path(), name, text);
            assert_eq!(block_on(options.load::<Config>(&path)).unwrap(), expected(80), "{name}");
            file(place.path(), over, laid_over);
            assert_eq!(block_on(options.load::<Config>(&path)).unwrap(), expected(81), "{name}");
        }
    }
}

#[test]
fn a_simulated_disk_has_configurations_too() {
    let disk = Arc::new(Simulated::new(3));
    for name in ["app.json", "app.local.json"] {
        disk.create(name).unwrap();
    }
    let context = aiofile::context().custom(disk.clone()).in_place(false).build().unwrap();
    let run = async {
        aiofile::fs::write("app.json", JSON).await?;
        aiofile::fs::write("app.local.json", r#"{"server": {"port": 81}}"#).await?;
        ConfigOptions::new().environment("local").load::<Config>("app.json").await
    };
    assert_eq!(disk.drive(with_context(&context, run)).unwrap().server.port, 81);
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_column() {
    let place = place();
    let texts = [
        // Not of the format.
        ("a.json", "", "line 1, column 1: EOF"),
        ("a.json", "{\n  \"ü\": x}", "line 2, column 8: expected value"),
        ("a.json", "{\"a\": 1,}", "line 1, column 9: trailing comma"),
        ("a.json", "{}\n{}", "line 2, column 1: trailing characters"),
        ("a.json", "[1]", "line 1, column 1: the whole must be a table"),
        ("a.toml", "name = 1\n ü = 2", "line 2, column 2: invalid unquoted key"),
        ("a.toml", "a = 1\n\na = 2", "line 3, column 1: duplicate key"),
        ("a.yaml", "a: 1\nb: [1, 2", "line 3, column 1: did not find"),
        ("a.yaml", "a: 1\n---\nb: 2", "deserializing from YAML containing more than one document"),
        ("a.yaml", "- a", "line 1, column 1: the whole must be a table"),
        // What a format would take, and change silently.
        ("a.json", "{\"a\": 1,\n \"a\": 2}", "line 2, column 4: the key `a` is there twice"),
        ("a.yaml", "a: 1\na: 2", "line 1, column 1: the key `a` is there twice"),
        ("a.toml", "\na = nan", "line 2, column 5: the number is not finite"),
        ("a.yaml", "a: 1\nb: .inf", "line 2, column 4: b: the number is not finite"),
        ("a.yaml", "a: &x {b: 1}\nc:\n  <<: *x", "line 3, column 3: c: merge keys"),
        ("a.yaml", "a: !odd 1", "line 1, column 4: a: invalid type: enum"),
        // Not of the type.
        (
            "a.json",
            "{\"name\": \"a\",\n \"server\": {\"port\": \"x\"}}",
            "line 2, column 23: server.port: invalid type: string \"x\", expected u16",
        ),
        (
            "a.toml",
            "name = 'a'\n[server]\nport = 70000",
            "line 3, column 8: server.port: invalid value: integer `70000`",
        ),
        ("a.yaml", "name: a\nserver:\n  port: x", "line 3, column 9: server.port: invalid type"),
        (
            "a.yaml",
            "name: a\nserver: {port: 1}\nhosts:\n- address: a\n- address: [1]",
            "line 5, column 12: hosts[1].address: invalid type: sequence",
        ),
        (
            "a.toml",
            "name = 'a'\nsever = 1\n[server]\nport = 1",
            "line 2, column 9: sever: unknown field `sever`",
        ),
        (
            "a.toml",
            "name = 'a'\n[server]\nports = 1",
            "line 2, column 1: server: missing field `port`",
        ),
        ("a.json", "{\"name\": \"a\"}", "missing field `server`"),
    ];
    for (name, text, expected) in texts {
        let path = file(place.path(), name, text);
        let error = load(&path).unwrap_err();
        let expected = format!("parse {}: {expected}", path.display());
        assert!(error.to_string().starts_with(&expected), "{error}\n{expected}");
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
    }
    let path = file(place.path(), "a.json", b"{\n\"\xc3\xbc\": \"\xff\"}");
    let error = load(&path).unwrap_err().to_string();
    assert!(error.ends_with("line 2, column 7: this is not UTF-8"), "{error}");
}

#[test]
fn a_fault_is_told_of_the_file_that_has_it() {
    let place = place();
    let path = file(place.path(), "app.toml", TOML);
    let over = file(place.path(), "app.local.toml", "[server]\nport = 'x'\n");
    let options = ConfigOptions::new().environment("local");
    let error = block_on(options.load::<Config>(&path)).unwrap_err().to_string();
    let expected = format!("parse {}: line 2, column 8: server.port: ", over.display());
    assert!(error.starts_with(&expected), "{error}");
    // What the other file has is told of the other file.
    file(place.path(), "app.toml", TOML.replace("workers = 2", "workers = -2"));
    file(place.path(), "app.local.toml", "[server]\nport = 81\n");
    let error = block_on(options.load::<Config>(&path)).unwrap_err().to_string();
    let expected = format!("parse {}: line 5, column 11: server.workers: ", path.display());
    assert!(error.starts_with(&expected), "{error}");
}

#[test]
fn too_large_deep_or_endless_files_are_refused() {
    let place = place();
    let limit = "1048576 bytes";
    let path = file(place.path(), "large.json", vec![b' '; (1 << 20) + 1]);
    assert!(load(&path).unwrap_err().to_string().contains(limit));
    let options = ConfigOptions::new().format(ConfigFormat::Json);
    let error = block_on(options.load::<Config>("/dev/zero")).unwrap_err();
    assert!(error.to_string().contains(limit), "{error}");
    let raised = ConfigOptions::new().max_bytes(2 << 20);
    file(place.path(), "large.json", JSON.to_owned() + &" ".repeat(1 << 20));
    block_on(raised.load::<Config>(&path)).unwrap();

    let deep =
        |open: &str, close: &str| format!("{}1{}", open.repeat(50_000), close.repeat(50_000));
    let texts = [
        ("a.json", format!("{{\"a\": {}}}", deep("[", "]"))),
        ("a.toml", format!("a = {}", deep("[", "]"))),
        ("a.yaml", format!("a: {}", deep("[", "]"))),
        ("b.yaml", {
            let list = |name: char, of: char| {
                format!("{name}: &{name} [*{of}{}]\n", format!(", *{of}").repeat(9))
            };
            let mut text = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n".to_owned();
            for (of, name) in ('a'..='k').zip('b'..='l') {
                text += &list(name, of);
            }
            text
        }),
    ];
    for (name, text) in texts {
        let path = file(place.path(), name, text);
        let error = value(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{name}");
        let is_deep_yaml = name == "a.yaml";
        // The crate would take minutes to find that out.
        assert_eq!(error.to_string().contains("too many brackets are open"), is_deep_yaml);
    }
}

#[test]
fn what_names_no_file_or_format_is_refused() {
    let place = place();
    let path = file(place.path(), "app.conf", JSON);
    let error = load(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("name it .json, .toml or .yaml"), "{error}");
    let path = file(place.path(), "app.json", JSON);
    for environment in ["", "../etc", "a\0"] {
        let options = ConfigOptions::new().environment(environment);
        let error = block_on(options.load::<Config>(&path)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{environment:?}");
    }
    let missing = place.path().join("none.json");
    let error = load(&missing).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("none.json"), "{error}");
}

#[test]
fn marks_of_order_comments_and_dates_are_understood() {
    let place = place();
    let path = file(place.path(), "a.json", "\u{feff}{\"a\": 1}");
    assert_eq!(value(&path).unwrap(), json!({"a": 1}));
    let path = file(place.path(), "a.yaml", "# all of it\n# is commented out\n");
    assert_eq!(value(&path).unwrap(), json!({}));
    let path = file(place.path(), "a.toml", "day = 2026-11-27\nat = [12:50:00]");
    assert_eq!(value(&path).unwrap(), json!({"day": "2026-11-27", "at": ["12:50:00"]}));
}

#[test]
fn dotted_keys_look_up_and_set() {
    let mut config = ConfigValue::from(json!({"a": {"b": [1, {"c": true}]}, "n": null}));
    assert_eq!(config.get::<bool>("a.b.1.c").unwrap(), Some(true));
    assert_eq!(config.get::<Option<u8>>("n").unwrap(), Some(None));
    for missing in ["a.b.2", "a.b.x", "a.b.0.c", "x", "", "a..b", "a.b.-1"] {
        assert_eq!(config.get::<Value>(missing).unwrap(), None, "{missing}");
    }
    let error = config.get::<u8>("a.b.1.c").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert!(error.to_string().starts_with("the value of `a.b.1.c`: invalid type: boolean"));

    config.set("a.b.0", "first").unwrap();
    config.set("a.x.y", 2).unwrap();
    config.set("n.deep", ()).unwrap();
    let before = config.clone();
    assert_eq!(config.set("a.b.7.z", 1).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(config, before);
    let expected = json!({"a": {"b": ["first", {"c": true}], "x": {"y": 2}}, "n": {"deep": null}});
    assert_eq!(config.as_json(), &expected);
}

#[test]
fn saving_replaces_the_file_at_once_and_keeps_its_mode() {
    let place = place();
    let path = file(place.path(), "app.toml", "old = 1");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let options = ConfigOptions::new();
    block_on(options.save(&path, &json!({"b": {"c": [{"x": 1}]}, "a": "ü"}))).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "a = \"ü\"\n\n[[b.c]]\nx = 1\n");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    // What TOML has no form for leaves the file as it is.
    let error = block_on(options.save(&path, &json!({"a": null}))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(fs::read_to_string(&path).unwrap().starts_with("a = "));
    assert_eq!(common::names(place.path()), ["app.toml"]);
}

/// Values that all formats have.
fn values() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        any::<String>(),
        "[ -~]{0,12}",
        prop::sample::select(vec!["yes", "null", "~", "1", "0x1", "1e3", "<<", "- a", "a: b", "#"])
            .prop_map(str::to_owned),
    ];
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    let key = text.prop_filter("YAML has another meaning for it", |key| key != "<<");
    leaf.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn tables() -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[a-c]", values(), 0..4)
        .prop_map(|map| Value::Object(map.into_iter().collect()))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_saved_is_loaded(table in tables()) {
        let place = place();
        for name in ["a.json", "a.toml", "a.yaml"] {
            let path = place.path().join(name);
            block_on(ConfigOptions::new().save(&path, &table)).unwrap();
            let loaded = value(&path).map_err(|error| {
                TestCaseError::fail(format!("{error}\n{}", fs::read_to_string(&path).unwrap()))
            })?;
            prop_assert_eq!(&loaded, &table, "{}", name);
        }
    }

    #[test]
    fn laying_over_is_key_by_key(base in tables(), over in tables()) {
        let laid = |base: &Value, over: &Value| {
            let mut config = ConfigValue::from(base.clone());
            config.merge(ConfigValue::from(over.clone()));
            config.as_json().clone()
        };
        let both = laid(&base, &over);
        for (key, value) in both.as_object().unwrap() {
            let expected = match (base.get(key), over.get(key)) {
                (Some(Value::Object(base)), Some(Value::Object(over))) => {
                    laid(&base.clone().into(), &over.clone().into())
                }
                (_, Some(value)) | (Some(value), None) => value.clone(),
                (None, None) => return Err(TestCaseError::fail(key.clone())),
            };
            prop_assert_eq!(value, &expected);
        }
        for key in base.as_object().unwrap().keys().chain(over.as_object().unwrap().keys()) {
            prop_assert!(both.get(key).is_some());
        }
        prop_assert_eq!(laid(&both, &over), both.clone());
    }
}
