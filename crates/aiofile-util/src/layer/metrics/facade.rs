//! Counts for the recorder that a program has given to the crate `metrics`.

use caio::Ending;
use metrics::{Label, counter, histogram};

use super::route_name;

/// Tells of an operation that has ended.
pub(super) fn tell(name: &'static str, ending: &Ending<'_>, error: Option<&str>) {
    let mut labels = vec![
        Label::from_static_parts("operation", name),
        Label::new("route", route_name(ending.route)),
    ];
    counter!("aiofile_operations_total", labels.clone()).increment(1);
    if let Ok(bytes) = ending.result {
        counter!("aiofile_bytes_total", labels.clone()).increment(bytes);
    }
    histogram!("aiofile_latency_seconds", labels.clone()).record(ending.duration);
    if let Some(error) = error {
        labels.push(Label::new("kind", error.to_owned()));
        counter!("aiofile_errors_total", labels).increment(1);
    }
}
