//! Counts as text for Prometheus.

use std::fmt::Write;

use super::{Key, Series, route_name};

const QUANTILES: [f64; 3] = [0.5, 0.9, 0.99];

/// The exposition format, version 0.0.4.
pub(super) fn text(series: &[(Key, Series)]) -> String {
    let mut text = String::new();
    head(&mut text, "aiofile_operations_total", "counter", "Operations that have ended.");
    for (key, one) in series {
        line(&mut text, "aiofile_operations_total", *key, "", one.latencies.len());
    }
    head(&mut text, "aiofile_bytes_total", "counter", "Bytes read or written.");
    for (key, one) in series {
        line(&mut text, "aiofile_bytes_total", *key, "", one.bytes);
    }
    head(&mut text, "aiofile_errors_total", "counter", "Operations that failed.");
    for (key, one) in series {
        for (kind, count) in &one.errors {
            let label = format!(",kind=\"{kind}\"");
            line(&mut text, "aiofile_errors_total", *key, &label, count);
        }
    }
    let name = "aiofile_latency_seconds";
    head(&mut text, name, "summary", "From the admission of an operation to its end.");
    for (key, one) in series {
        for quantile in QUANTILES {
            let seconds = one.latencies.value_at_quantile(quantile) as f64 / 1e9;
            line(&mut text, name, *key, &format!(",quantile=\"{quantile}\""), seconds);
        }
        line(&mut text, &format!("{name}_sum"), *key, "", one.total.as_secs_f64());
        line(&mut text, &format!("{name}_count"), *key, "", one.latencies.len());
    }
    text
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a string does not fail.
    _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(
    text: &mut String,
    name: &str,
    (_, operation, route): Key,
    label: &str,
    value: impl std::fmt::Display,
) {
    let route = route_name(route);
    _ = writeln!(text, "{name}{{operation=\"{operation}\",route=\"{route}\"{label}}} {value}");
}
