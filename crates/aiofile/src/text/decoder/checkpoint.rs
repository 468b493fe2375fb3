//! Decoding the same bytes once more.

use super::super::encoding::{Encoding, Order};
use super::super::errors::Errors;
use super::super::newline::Newline;
use super::Decoder;

/// Where a decoder stood, as far as it is not in the bytes that it held.
#[derive(Debug, Clone, Copy)]
pub(in crate::text) struct Checkpoint {
    encoding: Encoding,
    pub(in crate::text) errors: Errors,
    at_start: bool,
    order: Order,
    pub(in crate::text) translates: bool,
}

impl Checkpoint {
    /// How many bytes a `\r` has.
    pub(in crate::text) fn unit(&self) -> u64 {
        self.encoding.unit() as u64
    }
}

impl Decoder {
    /// For [`resume`](Self::resume), with the bytes held now and all that come.
    pub(in crate::text) fn checkpoint(&self) -> Checkpoint {
        let Self { encoding, errors, at_start, order, .. } = *self;
        let translates = self.newline == Newline::Universal;
        Checkpoint { encoding, errors, at_start, order, translates }
    }

    /// A decoder as at the checkpoint, but strict, which changes no end of a line and counts from
    /// there.
    pub(in crate::text) fn resume(checkpoint: Checkpoint) -> Self {
        let mut decoder = Self::new(checkpoint.encoding).newline(Newline::Any);
        decoder.at_start = checkpoint.at_start;
        decoder.order = checkpoint.order;
        decoder
    }
}
