//! Parquet files read through asynchronous files.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod reader;

pub use reader::ParquetReader;
