//! The engine: limit, route, submit, retry, cancel, shut down.
