//! Tools for testing programs that do their file I/O through caio or aiofile, and for testing
//! backends.
//!
//! - [`Faulty`] makes any backend fail by a seeded [`Plan`];
//! - [`FaultLayer`] makes operations fail by such a plan, whatever their route;
//! - [`Simulated`] keeps files in memory and finishes nothing until it is told to;
//! - [`Null`] finishes everything at once and does nothing;
//! - [`Skeleton`] is the smallest correct backend, to start a new one from;
//! - [`forward!`] is the rest of a backend around another one;
//! - [`each_backend!`] stamps one test over every backend and variant;
//! - [`check_runtime`] tries an implementation of [`caio::Runtime`];
//! - [`Guards`] are buffers that tell who touches them after they were given back;
//! - [`Usage`] counts descriptors, threads and memory.
//!
//! A context does in place, without its backend, what need not wait. To have everything go through
//! a backend of this crate, build the context with `in_place(false)`.
#![forbid(unsafe_code)]

mod each_backend;
mod faulty;
mod forward;
mod guards;
mod held;
mod leaks;
mod model;
mod null;
mod random;
mod runtime_check;
mod simulated;
mod skeleton;

pub use caio::{Context, ContextBuilder};
pub use each_backend::{
    Variant, required, required_backend, run, unknown_required, variant, variants,
};
pub use faulty::{FaultLayer, Faulty, Injected, Plan};
pub use guards::Guards;
pub use leaks::Usage;
pub use model::Model;
pub use null::Null;
pub use random::Random;
pub use runtime_check::{RuntimeUnderTest, check_runtime};
pub use simulated::Simulated;
pub use skeleton::Skeleton;
