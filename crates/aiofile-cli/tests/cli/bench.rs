//! The benchmark: what it reports, what it refuses, what it leaves behind.

use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::{HANGS, Ran, aiofile, heard, names, place, run, shell};

const SHORT: [&str; 7] = ["bench", "--rounds", "1", "--seconds", "0.05", "--size", "4M"];

#[test]
fn a_quick_run_reports_every_row_and_cleans_up() {
    let place = place();
    let ran = run(aiofile().args(SHORT).args(["--quick", "--json", "-"]).arg(place.path()));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("runs of 0.05 s"), "{}", ran.stderr);
    assert_eq!(names(place.path()), [""; 0]);

    let report: Value = serde_json::from_slice(&ran.stdout).unwrap();
    let cells = report["cells"].as_array().unwrap();
    assert!(cells.len() >= 10, "{report:#}");
    assert!(report["machine"]["file_system"].is_string() && report["settings"]["seed"] == "1");
    for cell in cells {
        for row in cell["rows"].as_array().unwrap() {
            let what = format!("{} {}", cell["name"], row["participant"]);
            if row["refused"].is_string() {
                println!("refused: {what}: {}", row["refused"]);
                continue;
            }
            assert!(row["rate"]["median"].as_f64().unwrap() > 0.0, "{what}");
            assert!(row["peak_kib"]["median"].as_f64().unwrap() > 0.0, "{what}");
            let ours = row["runs"][0]["routes"].is_object();
            assert_eq!(
                ours,
                !["pread", "tokio-fs"].contains(&row["participant"].as_str().unwrap())
            );
            assert!(!ours || row["backend"] == row["participant"], "{what}");
        }
    }
    // Plain system calls on a cached file work everywhere.
    let plain =
        cells[0]["rows"].as_array().unwrap().iter().find(|row| row["participant"] == "pread");
    assert!(plain.unwrap()["refused"].is_null(), "{report:#}");
}

#[test]
fn rows_and_participants_can_be_picked() {
    let place = place();
    let only = ["--only", "random-read-cached-4k-q1", "--only", "thread*", "--only", "pread"];
    let page = place.path().join("report.html");
    let ran = run(aiofile().args(SHORT).args(only).arg("--html").arg(&page).arg(place.path()));
    let (code, text) = (ran.code, ran.text());
    assert_eq!(code, Some(0), "{ran:?}");
    let heads = text.lines().find(|line| line.trim_start().starts_with("thread")).unwrap();
    assert_eq!(
        heads.split_whitespace().collect::<Vec<_>>(),
        ["thread", "pread", "winner", "ratio"]
    );
    assert!(text.contains("thread-alone") && !text.contains("uring"), "{text}");
    assert_eq!(names(place.path()), ["report.html"]);
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("<svg ") && page.ends_with("</html>\n"), "{page}");
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let ran = run(aiofile().args(["bench", "/nonexistent"]));
    ran.failed(1, &["/nonexistent", "No such file"]);
    let ran = run(aiofile().args(["bench", "--only", "glommio"]));
    ran.failed(2, &["glommio", "no cell and no participant"]);
    let ran = run(aiofile().args(["bench", "--seconds", "0"]));
    assert_eq!(ran.code, Some(2), "{ran:?}");
}

#[test]
fn what_would_be_in_vain_is_told_before_anything_is_measured() {
    let place = place();
    for report in ["--json", "--html"] {
        let report = [report, "/nonexistent/report"];
        let ran = run(aiofile().args(SHORT).args(report).arg(place.path()));
        ran.failed(1, &["/nonexistent/report", "No such file"]);
    }
    let script = "ulimit -n 64; exec \"$0\" bench --seconds 0.05 .";
    run(&mut shell(place.path(), script, &[])).failed(1, &["64 files", "ulimit -n"]);
    assert_eq!(names(place.path()), [""; 0]);
}

#[test]
fn an_interruption_leaves_no_file() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].map(heard) {
        let place = place();
        let child = aiofile()
            .args(["bench", "--seconds", "30", "--size", "4M", "--only", "pread"])
            .arg(place.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        wait_for_scratch(&child, || !names(place.path()).is_empty());
        // Some of the time the first run is under way by then.
        thread::sleep(Duration::from_millis(300));
        kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
        let begun = Instant::now();
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert!(begun.elapsed() < HANGS, "it took its time to end");
        assert_eq!(ran.signal, Some(signal as i32), "{ran:?}");
        assert_eq!(names(place.path()), [""; 0]);
    }
}

fn wait_for_scratch(child: &Child, is_there: impl Fn() -> bool) {
    let deadline = Instant::now() + HANGS;
    while !is_there() {
        assert!(Instant::now() < deadline, "process {} made no files", child.id());
        thread::sleep(Duration::from_millis(5));
    }
}
