//! What programs rely on that use `LocalFileSystem`.
