//! A choice, and where it was made.

use super::choice::Choice;
use super::environment::Environment;
use super::info::RequestedBy;
use crate::error::Result;

/// The variable that chooses a backend.
const VARIABLE: &str = "CAIO_IMPL";

/// Every name once, with some space, has fewer bytes.
const TEXT_MAX: usize = 64;

/// What was asked for, in what words, and where.
#[derive(Debug, Clone)]
pub(super) struct Requested {
    pub(super) choice: Choice,
    pub(super) text: String,
    pub(super) by: RequestedBy,
}

impl Requested {
    /// The default: nothing asks for a particular backend.
    pub(super) fn none() -> Self {
        Self::of(Choice::Auto, RequestedBy::Auto)
    }

    /// The program asks.
    pub(super) fn code(choice: Choice) -> Self {
        Self::of(choice, RequestedBy::Code)
    }

    /// `CAIO_IMPL` asks, if it is set to something.
    pub(super) fn variable(environment: &Environment<'_>) -> Option<Result<Self>> {
        let value = environment.variable(VARIABLE)?;
        let text = value.to_string_lossy().trim().to_owned();
        if text.is_empty() {
            return None;
        }
        Some(match text.parse() {
            Ok(choice) => Ok(Self::said(&text, choice, RequestedBy::Environment)),
            Err(error) => Err(error.within(VARIABLE)),
        })
    }

    /// The words in which the choice was made are kept, unless they only repeat names.
    pub(super) fn said(text: &str, choice: Choice, by: RequestedBy) -> Self {
        let text = if text.len() > TEXT_MAX { choice.to_string() } else { text.to_owned() };
        Self { text, choice, by }
    }

    fn of(choice: Choice, by: RequestedBy) -> Self {
        Self { text: choice.to_string(), choice, by }
    }
}
