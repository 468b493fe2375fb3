//! fio, where it is installed: the same file, block and depth, with offsets of its own from the
//! same seed.

use std::process::Command;

use nix::sys::resource::{UsageWho, getrusage};
use serde_json::Value;

use crate::cell::{Cell, Job, Work};
use crate::report::Report;
use crate::stage::Result;

/// Whether fio can do this cell.
pub fn takes(cell: &Cell) -> bool {
    cell.is_transfer() && cell.work != Work::DurableAppend
}

/// Whether fio's libaio engine can: without O_DIRECT its submission waits for the transfer.
pub fn takes_direct(cell: &Cell) -> bool {
    takes(cell) && cell.direct
}

/// Whether the program is there.
pub fn is_installed() -> bool {
    Command::new("fio").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Runs fio on the job.
pub fn run(job: &Job, engine: &str) -> Result<Report> {
    let cell = &job.cell;
    let kind = match cell.work {
        Work::RandomWrite => "randwrite",
        Work::SequentialRead => "read",
        _ => "randread",
    };
    let output = Command::new("fio")
        .args(["--name=compare", "--thread", "--time_based", "--norandommap", "--invalidate=0"])
        .args(["--output-format=json", "--lat_percentiles=1"])
        .arg(format!("--filename={}", job.path().display()))
        .arg(format!("--rw={kind}"))
        .arg(format!("--ioengine={engine}"))
        .arg(format!("--bs={}", cell.block))
        .arg(format!("--iodepth={}", cell.in_flight))
        .arg(format!("--size={}", cell.size))
        .arg(format!("--direct={}", u8::from(cell.direct)))
        .arg(format!("--randseed={}", job.seed))
        .arg(format!("--ramp_time={}ms", job.warm_up_ms))
        .arg(format!("--runtime={}ms", job.measure_ms.max(1)))
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    report(&output.stdout, cell)
}

fn report(output: &[u8], cell: &Cell) -> Result<Report> {
    // fio may say something before the JSON.
    let start = output.iter().position(|byte| *byte == b'{').ok_or("fio printed no JSON")?;
    let answer: Value = serde_json::from_slice(&output[start..])?;
    let job = &answer["jobs"][0];
    let side = &job[if cell.writes() { "write" } else { "read" }];
    let number = |value: &Value| value.as_f64().unwrap_or(0.0);
    let seconds = number(&side["runtime"]) / 1000.0;
    let operations = side["total_ios"].as_u64().ok_or("fio's JSON has no total_ios")?;
    let operations_per_s = number(&side["iops"]);
    let percentile = |name| side["lat_ns"]["percentile"][name].as_f64().map(|value| value / 1000.0);
    let per_operation = |percent: &Value| number(percent) / 100.0 * 1e6 / operations_per_s;
    let engine = job["job options"]["ioengine"].as_str().unwrap_or("?");
    Ok(Report {
        backend: format!("fio {engine}"),
        threads: 1,
        operations,
        total_operations: operations,
        seconds,
        operations_per_s,
        bytes_per_s: number(&side["bw_bytes"]),
        p50_us: percentile("50.000000"),
        p99_us: percentile("99.000000"),
        p999_us: percentile("99.900000"),
        user_us_per_op: per_operation(&job["usr_cpu"]),
        system_us_per_op: per_operation(&job["sys_cpu"]),
        switches_per_op: number(&job["ctx"]) / operations.max(1) as f64,
        peak_rss_kib: getrusage(UsageWho::RUSAGE_CHILDREN)
            .map_or(0, |usage| usage.max_rss() as u64),
        ..Report::default()
    })
}
