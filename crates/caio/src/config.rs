//! The limits and choices of a context.
