//! Measuring asynchronous file I/O: cells, participants, runs, statistics, tables and plots.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod beside;
mod cell;
mod client;
mod compute;
mod figure;
mod filter;
pub mod html;
mod interrupt;
mod job;
mod latencies;
mod line_kind;
mod machine;
mod measure;
mod memory_group;
mod participant;
pub mod participants;
mod path_call;
mod pattern;
mod plan;
mod results;
mod scratch;
mod sizes;
pub mod suite;
pub mod table;
pub mod threads;
mod tracer;
pub mod transfers;
mod usage;

use std::error::Error;

pub use beside::{Beside, Probe};
pub use cell::{Access, Cell, RANGES, Tier, Work};
pub use client::Client;
pub use figure::Figure;
pub use filter::Filter;
pub use interrupt::Interrupt;
pub use job::{Job, Report, Routes, check_lines};
pub use latencies::Latencies;
pub use line_kind::LineKind;
pub use machine::{Machine, date, version_of};
pub use measure::{Measure, short};
pub use memory_group::MemoryGroup;
pub use participant::{COMMAND, Class, Participant, find, participate};
pub use path_call::PathCall;
pub use plan::Plan;
pub use results::{Described, Measured, Results, Row, Verdict};
pub use scratch::{Scratch, drop_cache};
pub use sizes::Sizes;
pub use tracer::Tracer;
pub use usage::{Usage, open_rings, peak_kib};

/// What went wrong in a run, for the row that shows it.
pub type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;
