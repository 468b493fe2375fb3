//! Which context it is.

use std::sync::Arc;

use super::Context;

impl Context {
    /// Whether both are the same context, and so clones of each other.
    ///
    /// ```
    /// let context = caio::Context::builder().build()?;
    /// assert!(context.is_same(&context.clone()));
    /// assert!(!context.is_same(&caio::Context::builder().build()?));
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}
