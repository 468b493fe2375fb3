//! The programs in the documents for users, which are compiled and run as tests of documentation.

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}

#[cfg(doctest)]
#[doc = include_str!("../../crates/aiofile/README.md")]
mod readme_of_aiofile {}

#[cfg(doctest)]
#[doc = include_str!("../../docs/cookbook.md")]
mod cookbook {}

#[cfg(doctest)]
#[doc = include_str!("../../docs/guide.md")]
mod guide {}

#[cfg(doctest)]
#[doc = include_str!("../../docs/migration.md")]
mod migration {}
