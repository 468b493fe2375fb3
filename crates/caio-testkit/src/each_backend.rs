//! One test over every backend and variant.

use std::io::Write as _;
use std::sync::Arc;

use caio::{
    BackendKind, BufferedWrites, Choice, Config, Context, ContextBuilder, Error, ErrorKind, Result,
};

use crate::skeleton::Skeleton;

/// A backend with a way to run it.
///
/// The variants other than `auto`, `in_place` and `uring` do nothing in place and route no write
/// away for its slowness, so that their backend really serves what it can.
///
/// ```
/// use caio::{BackendKind, Context};
/// use caio_testkit::{Variant, variant};
///
/// let alone: Variant = variant("rust_one").expect("there is such a variant");
/// assert_eq!(alone.backend, Some(BackendKind::Rust));
/// assert_eq!(alone.build(Context::builder())?.config().threads_max, 1);
/// # Ok::<(), caio::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Variant {
    /// The name, fit for the name of a test.
    pub name: &'static str,
    /// The backend that is meant; `None` where whichever works is right.
    pub backend: Option<BackendKind>,
    /// What is particular about it.
    pub about: &'static str,
    change: fn(&mut Config),
}

const VARIANTS: [Variant; 13] = [
    variant_of("auto", None, "what a user gets who asks for nothing", |_| {}),
    variant_of("in_place", None, "buffered writes on the calling thread", |config| {
        config.buffered_writes = BufferedWrites::InPlace;
    }),
    variant_of("uring", Some(BackendKind::Uring), "as a user gets it", |_| {}),
    variant_of("uring_queued", Some(BackendKind::Uring), "everything through the ring", queued),
    variant_of("uring_sqpoll", Some(BackendKind::Uring), "a kernel thread submits", |config| {
        queued(config);
        config.uring.rings = 1;
        config.uring.sqpoll_idle_ms = Some(20);
    }),
    variant_of("uring_small", Some(BackendKind::Uring), "one ring of depth 2", |config| {
        queued(config);
        config.uring.rings = 1;
        config.uring.entries = 2;
        config.max_requests = 2;
    }),
    variant_of("linux", Some(BackendKind::Linux), "everything through kernel AIO", queued),
    variant_of("linux_small", Some(BackendKind::Linux), "two requests at once", |config| {
        queued(config);
        config.max_requests = 2;
    }),
    variant_of("thread", Some(BackendKind::Thread), "everything on pthreads", queued),
    variant_of("thread_one", Some(BackendKind::Thread), "a single pthread", one_thread),
    variant_of("rust", Some(BackendKind::Rust), "everything on std threads", queued),
    variant_of("rust_one", Some(BackendKind::Rust), "a single std thread", one_thread),
    variant_of("skeleton", Some(SKELETON), "the example for authors of backends", queued),
];

const SKELETON: BackendKind = BackendKind::Other("skeleton");

const fn variant_of(
    name: &'static str,
    backend: Option<BackendKind>,
    about: &'static str,
    change: fn(&mut Config),
) -> Variant {
    Variant { name, backend, about, change }
}

fn queued(config: &mut Config) {
    config.in_place = false;
    config.buffered_writes = BufferedWrites::Backend;
}

fn one_thread(config: &mut Config) {
    queued(config);
    (config.threads_min, config.threads_max) = (1, 1);
}

/// Every backend and variant.
///
/// ```
/// use caio::BackendKind;
/// use caio_testkit::variants;
///
/// for backend in BackendKind::ALL {
///     assert!(variants().iter().any(|variant| variant.backend == Some(backend)));
/// }
/// ```
#[must_use]
pub fn variants() -> &'static [Variant] {
    &VARIANTS
}

/// The variant of that name.
///
/// ```
/// use caio::BackendKind;
/// use caio_testkit::variant;
///
/// assert_eq!(variant("linux_small").and_then(|small| small.backend), Some(BackendKind::Linux));
/// assert!(variant("linux_large").is_none());
/// ```
#[must_use]
pub fn variant(name: &str) -> Option<Variant> {
    VARIANTS.into_iter().find(|variant| variant.name == name)
}

/// Whether `CAIO_REQUIRE`, a list such as `uring,linux`, names this variant or its backend, so
/// that skipping it is a failure. `all` names every one.
///
/// ```
/// use caio::Context;
/// use caio_testkit::{required, variants};
///
/// for variant in variants().iter().filter(|variant| required(variant)) {
///     assert!(variant.build(Context::builder()).is_ok(), "{} does not work", variant.name);
/// }
/// ```
#[must_use]
pub fn required(variant: &Variant) -> bool {
    listed(&required_list(), |name| {
        name == variant.name || variant.backend.is_some_and(|backend| backend.name() == name)
    })
}

/// Whether `CAIO_REQUIRE` names this backend, so that skipping it is a failure: for tests that are
/// not stamped over the variants. `all` names every one.
///
/// ```
/// let context = caio::Context::builder().backend(caio::BackendKind::Rust).build();
/// if let Err(error) = context {
///     assert!(!caio_testkit::required_backend(caio::BackendKind::Rust), "{error}");
/// }
/// ```
#[must_use]
pub fn required_backend(backend: BackendKind) -> bool {
    listed(&required_list(), |name| name == backend.name())
}

/// The first name in `CAIO_REQUIRE` that is neither a variant nor a backend nor `all`: whoever put
/// it there means something that nothing requires.
///
/// ```
/// assert_eq!(caio_testkit::unknown_required(), None, "look at CAIO_REQUIRE");
/// ```
#[must_use]
pub fn unknown_required() -> Option<String> {
    unknown(&required_list())
}

fn unknown(list: &str) -> Option<String> {
    let is_known = |name: &str| {
        name.is_empty()
            || name == "all"
            || BackendKind::from_name(name).is_some()
            || variant(name).is_some()
    };
    list.split(',').map(str::trim).find(|name| !is_known(name)).map(str::to_owned)
}

fn required_list() -> String {
    std::env::var("CAIO_REQUIRE").unwrap_or_default()
}

fn listed(list: &str, is_meant: impl Fn(&str) -> bool) -> bool {
    list.split(',').map(str::trim).any(|name| name == "all" || is_meant(name))
}

impl Variant {
    /// A context of this variant. `builder` may bring a runtime and limits along; the variant's own
    /// choices come on top.
    ///
    /// # Errors
    /// [`ErrorKind::Backend`] where the backend does not work here.
    ///
    /// ```
    /// use caio::Context;
    /// use caio_testkit::variant;
    ///
    /// let queued = variant("rust").expect("there is such a variant");
    /// let context = queued.build(Context::builder().in_place(true))?;
    /// assert!(!context.config().in_place, "the variant's own choice comes on top");
    /// # Ok::<(), caio::Error>(())
    /// ```
    pub fn build(&self, builder: ContextBuilder) -> Result<Context> {
        let builder = builder.configure(self.change);
        let builder = match self.backend {
            None => builder.choice(Choice::Auto),
            Some(SKELETON) => builder.custom(Arc::new(Skeleton::open(64))),
            Some(backend) => builder.backend(backend),
        };
        let context = builder.build()?;
        match self.backend {
            Some(wanted) if wanted != context.info().backend => {
                let found = context.info().backend;
                Err(Error::new(ErrorKind::Backend, format!("{wanted} was asked for, {found} came")))
            }
            _ => Ok(context),
        }
    }
}

/// Runs one test on one variant. Where the backend does not work here it says so on standard error
/// and returns, unless it is [`required`]. For [`each_backend!`](crate::each_backend).
///
/// # Panics
/// Where the test does, where there is no such variant, and where a required one does not work.
///
/// ```
/// use caio::{BackendKind, Context};
///
/// caio_testkit::run("rust", Context::builder(), |context| {
///     assert_eq!(context.info().backend, BackendKind::Rust);
/// });
/// ```
#[track_caller]
pub fn run(name: &str, builder: ContextBuilder, test: fn(&Context)) {
    let variant = variant(name).expect("the macro names variants that exist");
    match variant.build(builder) {
        Ok(context) => test(&context),
        Err(error) => {
            assert!(!required(&variant), "{name} is required, and does not work here: {error}");
            // Written directly, since the test harness would hide what a passing test prints.
            let line = format!("SKIPPED {name}: {error}\n");
            let _ = std::io::stderr().write_all(line.as_bytes());
        }
    }
}

/// Stamps tests over every backend and variant: for `fn name(context: &Context) { … }` a module
/// `name` with a `#[test]` for each of [`variants`].
///
/// What does not work on this machine is skipped with a line on standard error; the environment
/// variable `CAIO_REQUIRE=uring,linux` makes skipping these a failure.
///
/// A first `in builder;` gives the expression that starts a context, such as `aiofile::context()`;
/// `caio::Context::builder()` unless given.
///
/// ```
/// caio_testkit::each_backend! {
///     fn a_file_can_be_read(context: &Context) {
///         let open = context.open("/proc/self/stat".as_ref(), caio::flags::O_RDONLY, 0);
///         assert!(futures_util::FutureExt::now_or_never(open).is_none_or(|file| file.is_ok()));
///     }
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! each_backend {
    (in $builder:expr; $($(#[$meta:meta])* fn $name:ident($context:ident: &Context) $body:block)+)
    => {$(
        $(#[$meta])*
        #[cfg(test)]
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            fn body($context: &$crate::Context) $body

            fn builder() -> $crate::ContextBuilder {
                $builder
            }

            $crate::each_backend!(@variants
                auto in_place uring uring_queued uring_sqpoll uring_small linux linux_small
                thread thread_one rust rust_one skeleton
            );
        }
    )+};
    (@variants $($variant:ident)+) => {$(
        #[test]
        fn $variant() {
            $crate::run(stringify!($variant), builder(), body);
        }
    )+};
    ($($(#[$meta:meta])* fn $name:ident($context:ident: &Context) $body:block)+) => {
        $crate::each_backend! {
            in $crate::Context::builder();
            $($(#[$meta])* fn $name($context: &Context) $body)+
        }
    };
}

#[cfg(test)]
mod tests {
    use caio::Buffer;
    use smol::block_on;

    each_backend! {
        fn what_was_written_is_read(context: &Context) {
            let file = caio::SharedFile::new(tempfile::tempfile().unwrap(), "scratch").unwrap();
            let write = context.write(&file, Buffer::from(&b"written"[..]), 0..7, 1 << 20);
            assert_eq!(block_on(write).0.unwrap(), 7);
            let read = context.read(&file, Buffer::from(Vec::with_capacity(9)), 0..9, 1 << 20);
            assert_eq!(block_on(read).1.as_slice(), b"written");
        }
    }

    #[test]
    fn a_list_names_what_is_required() {
        let listed = |list| super::listed(list, |name| name == "linux");
        assert!(listed("linux") && listed("uring, linux") && listed("all") && listed("rust,all"));
        assert!(!listed("") && !listed("linux_small") && !listed("uring,thread"));
    }

    #[test]
    fn a_name_that_means_nothing_is_found() {
        assert_eq!(super::unknown("uring, linux_small,all,,skeleton"), None);
        assert_eq!(super::unknown("uring,io_uring").as_deref(), Some("io_uring"));
    }

    #[test]
    fn the_macro_names_every_variant() {
        let names: Vec<_> = super::VARIANTS.iter().map(|variant| variant.name).collect();
        let stamped = "auto in_place uring uring_queued uring_sqpoll uring_small linux \
                       linux_small thread thread_one rust rust_one skeleton";
        assert_eq!(names, stamped.split_whitespace().collect::<Vec<_>>());
    }
}
