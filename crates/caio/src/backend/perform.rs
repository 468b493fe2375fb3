//! One operation, done by the calling thread.
