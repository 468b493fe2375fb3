//! fio, where it is installed: the same file, block and depth, with offsets of its own from the
//! same seed.

use std::process::Command;

use aiofile_bench::{Cell, Job, Report, Result, Usage, Work};
use nix::sys::resource::UsageWho;
use serde_json::Value;

/// Whether fio can do this cell.
pub fn takes(cell: &Cell) -> bool {
    cell.is_transfer() && !cell.is_durable() && cell.is_speed() && cell.compute_us == 0
}

/// Whether fio's libaio engine can: without O_DIRECT its submission waits for the transfer.
pub fn takes_direct(cell: &Cell) -> bool {
    takes(cell) && cell.is_direct()
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
        .arg(format!("--direct={}", u8::from(cell.is_direct())))
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
    let percentile = |name| side["lat_ns"]["percentile"][name].as_f64().map(|value| value / 1000.0);
    let microseconds = |percent: &Value| number(percent) / 100.0 * seconds * 1e6;
    let engine = job["job options"]["ioengine"].as_str().unwrap_or("?");
    Ok(Report {
        backend: format!("fio {engine}"),
        threads: 1,
        operations,
        bytes: operations * cell.bytes_each(),
        seconds,
        p50_us: percentile("50.000000"),
        p99_us: percentile("99.000000"),
        p999_us: percentile("99.900000"),
        user_us: microseconds(&job["usr_cpu"]),
        system_us: microseconds(&job["sys_cpu"]),
        switches: number(&job["ctx"]),
        peak_kib: Usage::of(UsageWho::RUSAGE_CHILDREN)?.peak_kib,
        ..Report::default()
    })
}
