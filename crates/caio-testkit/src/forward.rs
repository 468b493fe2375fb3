//! What a backend around another one does as that one does it.

/// Methods of [`Backend`](caio::Backend) that call those of the backend in a field: for a backend
/// around another one, which does only some things differently.
///
/// ```
/// use std::sync::Arc;
/// use caio::{Backend, BackendKind, QueueId, Request};
/// use caio_testkit::Null;
///
/// #[derive(Debug)]
/// struct Loud(Arc<dyn Backend>);
///
/// impl Backend for Loud {
///     fn queue(&self, request: Request) -> QueueId {
///         println!("{:?}", request.op());
///         self.0.queue(request)
///     }
///
///     caio_testkit::forward!(0: kind, capability, commit, reap, cancel, descriptor, shutdown);
/// }
///
/// assert_eq!(Loud(Arc::new(Null::new())).kind(), BackendKind::Other("null"));
/// ```
#[macro_export]
macro_rules! forward {
    ($inner:tt: $($method:ident),+) => {
        $($crate::forward!(@ $method self (self.$inner));)+
    };
    (@ kind $own:ident ($inner:expr)) => {
        fn kind(&$own) -> ::caio::BackendKind {
            $inner.kind()
        }
    };
    (@ capability $own:ident ($inner:expr)) => {
        fn capability(&$own) -> &::caio::Capability {
            $inner.capability()
        }
    };
    (@ commit $own:ident ($inner:expr)) => {
        fn commit(&$own, queue: ::caio::QueueId) {
            $inner.commit(queue);
        }
    };
    (@ reap $own:ident ($inner:expr)) => {
        fn reap(&$own, queue: ::caio::QueueId) -> usize {
            $inner.reap(queue)
        }
    };
    (@ cancel $own:ident ($inner:expr)) => {
        fn cancel(&$own, token: ::caio::Token) {
            $inner.cancel(token);
        }
    };
    (@ descriptor $own:ident ($inner:expr)) => {
        fn descriptor(
            &$own,
            queue: ::caio::QueueId,
        ) -> ::core::option::Option<::std::os::fd::BorrowedFd<'_>> {
            $inner.descriptor(queue)
        }
    };
    (@ shutdown $own:ident ($inner:expr)) => {
        fn shutdown(&$own, deadline: ::std::time::Instant) -> usize {
            $inner.shutdown(deadline)
        }
    };
}
