//! The layers, each against a model of what it promises, and over a backend that fails.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod breaker;
mod configured;
mod limit;
mod metrics;
mod rate;
mod retry;
mod support;
mod timeout;
#[cfg(feature = "tracing")]
mod trace;
