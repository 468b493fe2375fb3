//! What a `caio.toml` says is what a program's files do, where it asks for that once.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aiofile::fs;
use aiofile_util::layer::{Configured, Stage};
use caio::Config;

/// Says to this program that it is the one that is throttled.
const THROTTLED: &str = "THROTTLED_BY_ITS_OPERATOR";

fn run_with(configuration: &str) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("caio.toml");
    std::fs::write(&path, configuration).unwrap();
    // Nobody else may write to it nor to its directory, whatever the umask is.
    for path in [directory.path(), &path] {
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o700)).unwrap();
    }
    Command::new(std::env::current_exe().unwrap())
        .args(["configured::a_program_that_asked_for_its_layers", "--exact", "--nocapture"])
        .env(THROTTLED, "1")
        .env("CAIO_CONFIG", &path)
        .output()
        .unwrap()
}

/// The program. By itself, with no configuration, it has no layers.
#[test]
fn a_program_that_asked_for_its_layers() {
    if std::env::var_os(THROTTLED).is_none() {
        return;
    }
    let configured = Configured::install();
    let begun = Instant::now();
    futures_executor::block_on(async {
        for _ in 0..10 {
            if let Err(error) = fs::read("/proc/version").await {
                println!("refused: {error}");
                return;
            }
        }
    });
    let counted = configured
        .metrics()
        .map_or(0, |metrics| metrics.summaries().iter().map(|one| one.count).sum::<u64>());
    println!("{counted} operations in {} ms", begun.elapsed().as_millis());
}

#[test]
fn an_operator_can_throttle_a_program() {
    let output = run_with(
        "[rates]\noperations_per_second = 20\noperations_burst = 1\n[metrics]\nenabled = true\n",
    );
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    let line = text.lines().find(|line| line.contains("operations in")).expect("it says so");
    let numbers: Vec<u64> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
    let [counted, milliseconds] = numbers[..] else { panic!("{line}") };
    assert!(counted >= 10, "{line}");
    // Ten, the first of which comes at once.
    assert!(milliseconds >= 449, "{line}");
}

#[test]
fn nonsense_is_refused_with_file_line_and_column() {
    let output = run_with("[rates]\n\noperations_per_second = 0\n");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("caio.toml: line 3, column 25: rates.operations_per_second is 0; it must be"),
        "{text}"
    );
}

#[test]
fn what_is_not_mentioned_is_not_there_and_a_set_is_made_once() {
    let text = "[limits]\nreads = 2\nlow_priority = 1\n[breaker]\nfailures = 3\npause_ms = 10\n";
    let config = Config::from_toml(text, "caio.toml".as_ref()).unwrap();
    let configured = Configured::new();
    assert!(configured.limit().is_none(), "no context was made yet");
    assert_eq!(configured.layers(&config).len(), 2);
    let (limit, breaker) = (configured.limit().unwrap(), configured.breaker().unwrap());
    assert!(configured.metrics().is_none());
    let shown = format!("{breaker:?}");
    assert!(shown.contains("failures_max: 3") && shown.contains("pause: 10ms"), "{shown}");
    let again = configured.clone();
    assert_eq!(again.layers(&Config::default()).len(), 2, "the first settings count");
    assert!(Arc::ptr_eq(again.limit().unwrap(), limit));

    assert!(Configured::new().layers(&Config::default()).is_empty());
    let all = include_str!("../../../caio/caio.example.toml");
    let all = Config::from_toml(all, "caio.example.toml".as_ref()).unwrap();
    let stages: Vec<_> = Configured::new().layers(&all).iter().map(|one| one.stage()).collect();
    let expected =
        [Stage::Observe, Stage::Deadline, Stage::Retry, Stage::Breaker, Stage::Rate, Stage::Limit];
    assert_eq!(stages, expected, "the order that is documented");
}

#[test]
fn every_setting_has_its_effect() {
    let text = "[retry]\nattempts = 4\npause_ms = 7\npause_max_ms = 9\njitter = false\n\
                [timeouts]\nreads_ms = 1\nwrites_ms = 2\nsyncs_ms = 3\nothers_ms = 4\n\
                [rates]\nbytes_per_second = 1000\nbytes_burst = 10\n\
                [limits]\nwrites = 3\nhigh_priority = 2\nnormal_priority = 5\n";
    let config = Config::from_toml(text, "caio.toml".as_ref()).unwrap();
    let shown: Vec<_> =
        Configured::new().layers(&config).iter().map(|one| format!("{one:?}")).collect();
    let shown = shown.join("\n");
    let burst = Duration::from_millis(10);
    for part in [
        "Retry { attempts: 4, pause: 7ms, pause_max: 9ms, jitter: false }",
        "reads: Some(1ms), writes: Some(2ms), syncs: Some(3ms), others: Some(4ms)",
        &format!("per_second: 1000, burst: {burst:?}"),
        "most: 3, ",
        "most: 2, ",
        "most: 5, ",
    ] {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
}
