//! Which values of a configuration can be right.

use super::Config;
use crate::backend::QueueId;

/// A field whose value cannot be right.
#[derive(Debug)]
pub(super) struct Fault {
    /// The key in a `caio.toml`, with its section.
    pub(super) field: &'static str,
    pub(super) message: String,
}

/// More than this is a typing error rather than a wish: each of them costs memory up front.
const REQUESTS_MOST: u64 = 1 << 20;

/// More threads than this help no device and exhaust the system's own limits first.
const THREADS_MOST: u64 = 1024;

/// More entries than this only cost memory: no batch is longer.
const ENTRIES_MOST: u64 = 4096;

/// A day: a thread that idles longer might as well stay.
const IDLE_MOST_MS: u64 = 24 * 3600 * 1000;

/// More attempts than this are a loop that hides a failure.
const ATTEMPTS_MOST: u64 = 100;

/// More in a second than any device does: a typing error.
const RATE_MOST: u64 = 1_000_000_000_000;

/// A minute: a kernel thread that polls for longer takes a CPU from a program that does nothing.
const POLLING_MOST_MS: u64 = 60 * 1000;

/// A page. With less, a transfer is cut into so many system calls, or waits for so many others,
/// that the value must have been meant in another unit.
const BYTES_LEAST: u64 = 4096;

pub(super) fn check(config: &Config) -> Result<(), Fault> {
    let uring = &config.uring;
    for (field, value, least, most) in [
        ("max_requests", config.max_requests as u64, 1, REQUESTS_MOST),
        ("max_bytes_in_flight", config.max_bytes_in_flight as u64, BYTES_LEAST, u64::MAX),
        ("max_open_files", config.max_open_files as u64, 1, u64::MAX),
        ("threads_min", config.threads_min as u64, 0, THREADS_MOST),
        ("threads_max", config.threads_max as u64, 1, THREADS_MOST),
        ("threads_idle_timeout_ms", config.threads_idle_timeout_ms, 1, IDLE_MOST_MS),
        ("uring.rings", uring.rings as u64, 1, QueueId::MAX as u64),
        ("uring.entries", uring.entries.into(), 1, ENTRIES_MOST),
        ("uring.sqpoll_idle_ms", uring.sqpoll_idle_ms.unwrap_or(1).into(), 1, POLLING_MOST_MS),
        ("uring.kernel_workers_max", uring.kernel_workers_max.into(), 0, THREADS_MOST),
    ] {
        within(field, value, least, most)?;
    }
    within("in_place_bytes_max", config.in_place_bytes_max as u64, BYTES_LEAST, u64::MAX).map_err(
        |Fault { field, message }| Fault {
            field,
            message: format!("{message}, and in_place = false switches transfers in place off"),
        },
    )?;
    if config.threads_min > config.threads_max {
        return Err(Fault {
            field: "threads_min",
            message: format!(
                "threads_min is {}, which is more than threads_max, {}",
                config.threads_min, config.threads_max
            ),
        });
    }
    check_layers(config)
}

/// What is set for layers has to be possible, and what only changes another setting needs that one.
fn check_layers(config: &Config) -> Result<(), Fault> {
    check_values(config)?;
    let Config { rates, retry, breaker, .. } = config;
    let (attempts, failures) = (retry.attempts.is_some(), breaker.failures.is_some());
    let (operations, bytes) =
        (rates.operations_per_second.is_some(), rates.bytes_per_second.is_some());
    for (field, is_set, needed, is_there) in [
        (
            "rates.operations_burst",
            rates.operations_burst.is_some(),
            "rates.operations_per_second",
            operations,
        ),
        ("rates.bytes_burst", rates.bytes_burst.is_some(), "rates.bytes_per_second", bytes),
        ("retry.pause_ms", retry.pause_ms.is_some(), "retry.attempts", attempts),
        ("retry.pause_max_ms", retry.pause_max_ms.is_some(), "retry.attempts", attempts),
        ("retry.jitter", retry.jitter.is_some(), "retry.attempts", attempts),
        ("breaker.pause_ms", breaker.pause_ms.is_some(), "breaker.failures", failures),
    ] {
        if is_set && !is_there {
            return Err(Fault {
                field,
                message: format!("{field} means nothing without {needed}"),
            });
        }
    }
    match (retry.pause_ms, retry.pause_max_ms) {
        (Some(pause), Some(most)) if pause > most => Err(Fault {
            field: "retry.pause_ms",
            message: format!(
                "retry.pause_ms is {pause}, which is more than retry.pause_max_ms, {most}"
            ),
        }),
        _ => Ok(()),
    }
}

fn check_values(config: &Config) -> Result<(), Fault> {
    let Config { limits, rates, retry, breaker, timeouts, .. } = config;
    let count = |value: Option<usize>| value.map(|value| value as u64);
    for (field, value, most) in [
        ("limits.reads", count(limits.reads), REQUESTS_MOST),
        ("limits.writes", count(limits.writes), REQUESTS_MOST),
        ("limits.high_priority", count(limits.high_priority), REQUESTS_MOST),
        ("limits.normal_priority", count(limits.normal_priority), REQUESTS_MOST),
        ("limits.low_priority", count(limits.low_priority), REQUESTS_MOST),
        ("rates.operations_per_second", rates.operations_per_second, RATE_MOST),
        ("rates.operations_burst", rates.operations_burst, RATE_MOST),
        ("rates.bytes_per_second", rates.bytes_per_second, RATE_MOST),
        ("rates.bytes_burst", rates.bytes_burst, RATE_MOST),
        ("retry.attempts", retry.attempts.map(u64::from), ATTEMPTS_MOST),
        ("retry.pause_ms", retry.pause_ms, IDLE_MOST_MS),
        ("retry.pause_max_ms", retry.pause_max_ms, IDLE_MOST_MS),
        ("breaker.failures", breaker.failures.map(u64::from), u64::MAX),
        ("breaker.pause_ms", breaker.pause_ms, IDLE_MOST_MS),
        ("timeouts.reads_ms", timeouts.reads_ms, IDLE_MOST_MS),
        ("timeouts.writes_ms", timeouts.writes_ms, IDLE_MOST_MS),
        ("timeouts.syncs_ms", timeouts.syncs_ms, IDLE_MOST_MS),
        ("timeouts.others_ms", timeouts.others_ms, IDLE_MOST_MS),
    ] {
        value.map_or(Ok(()), |value| within(field, value, 1, most))?;
    }
    Ok(())
}

fn within(field: &'static str, value: u64, least: u64, most: u64) -> Result<(), Fault> {
    let bound = if value < least {
        format!("at least {least}")
    } else if value > most {
        format!("at most {most}")
    } else {
        return Ok(());
    };
    Err(Fault { field, message: format!("{field} is {value}; it must be {bound}") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    /// What is wrong with the default configuration after `change`.
    fn fault(change: impl FnOnce(&mut Config)) -> String {
        let mut config = Config::default();
        change(&mut config);
        let error = config.validate().expect_err("the change is invalid");
        assert_eq!(error.kind(), ErrorKind::Config);
        error.to_string()
    }

    type Change = fn(&mut Config);

    #[test]
    fn zero_limits_are_refused_by_name() {
        let zeros: [(&str, Change); 7] = [
            ("max_requests", |config| config.max_requests = 0),
            ("max_open_files", |config| config.max_open_files = 0),
            ("threads_max", |config| config.threads_max = 0),
            ("threads_idle_timeout_ms", |config| config.threads_idle_timeout_ms = 0),
            ("uring.rings", |config| config.uring.rings = 0),
            ("uring.entries", |config| config.uring.entries = 0),
            ("uring.sqpoll_idle_ms", |config| config.uring.sqpoll_idle_ms = Some(0)),
        ];
        for (field, zero) in zeros {
            assert_eq!(fault(zero), format!("{field} is 0; it must be at least 1"));
        }
    }

    #[test]
    fn fewer_bytes_than_a_page_are_refused() {
        for bytes in [0, 1, 4095] {
            assert_eq!(
                fault(|config| config.max_bytes_in_flight = bytes),
                format!("max_bytes_in_flight is {bytes}; it must be at least 4096")
            );
            assert_eq!(
                fault(|config| config.in_place_bytes_max = bytes),
                format!(
                    "in_place_bytes_max is {bytes}; it must be at least 4096, and in_place = false \
                     switches transfers in place off"
                )
            );
        }
        let page =
            Config { max_bytes_in_flight: 4096, in_place_bytes_max: 4096, ..Config::default() };
        page.validate().unwrap();
    }

    #[test]
    fn absurd_limits_are_refused() {
        assert_eq!(
            fault(|config| config.max_requests = usize::MAX),
            format!("max_requests is {}; it must be at most 1048576", usize::MAX)
        );
        assert_eq!(
            fault(|config| config.uring.sqpoll_idle_ms = Some(60_001)),
            "uring.sqpoll_idle_ms is 60001; it must be at most 60000"
        );
        assert_eq!(
            fault(|config| config.uring.rings = 65),
            "uring.rings is 65; it must be at most 64"
        );
        assert_eq!(
            fault(|config| (config.threads_min, config.threads_max) = (9, 8)),
            "threads_min is 9, which is more than threads_max, 8"
        );
    }
}
