//! Tasks that wait for one thing, whichever of them is still polled.

use std::sync::Arc;
use std::task::{Wake, Waker};

use crate::sync::{Mutex, lock, wake_all};

/// Tasks that wait for one thing, all of which look again when something has become of it. For
/// layers, runtimes and all else where to wake one of them would not do, since it may be the one
/// that is no longer polled. Clones are the same set.
///
/// It holds one waker for each future that waits now, however often these are polled, and none of
/// those that were dropped.
///
/// ```
/// use std::sync::{Arc, atomic::{AtomicUsize, Ordering}};
/// use std::task::{Wake, Waker};
///
/// #[derive(Default)]
/// struct Count(AtomicUsize);
/// impl Wake for Count {
///     fn wake(self: Arc<Self>) {
///         self.0.fetch_add(1, Ordering::Relaxed);
///     }
/// }
///
/// let (set, count) = (caio::WakerSet::default(), Arc::new(Count::default()));
/// let waker = Waker::from(Arc::clone(&count));
/// let (mut first, mut second) = (set.slot(), set.slot());
/// for slot in [&mut first, &mut second] {
///     slot.register(&waker);
/// }
/// drop(second);
/// set.wake_all();
/// assert_eq!(count.0.load(Ordering::Relaxed), 1);
/// ```
#[derive(Debug, Clone, Default)]
pub struct WakerSet(Arc<Shared>);

/// The place of one future in a [`WakerSet`], which it gives up when it is dropped.
#[derive(Debug)]
pub struct WakerSlot {
    set: Arc<Shared>,
    /// It is taken when there is first a waker for it.
    index: Option<usize>,
}

impl WakerSet {
    /// A place for one future. Allocates nothing.
    #[must_use]
    pub fn slot(&self) -> WakerSlot {
        WakerSlot { set: Arc::clone(&self.0), index: None }
    }

    /// Wakes each task as [`wake_all`](crate::wake_all()) does, outside of the lock: a waker may
    /// poll at once. Each is woken once for what it has registered.
    pub fn wake_all(&self) {
        self.0.wake_all();
    }

    /// A waker that wakes all of them, for what they wait for together.
    #[must_use]
    pub fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.0))
    }
}

impl WakerSlot {
    /// This task is to be woken next time, and no other in this place. What is looked at after that
    /// is not missed.
    pub fn register(&mut self, waker: &Waker) {
        if self.index.is_some_and(|index| lock(&self.set.slots).holds(index, waker)) {
            return;
        }
        // A waker is the user's code: it is cloned and dropped outside of the lock.
        let waker = waker.clone();
        let mut slots = lock(&self.set.slots);
        let index = *self.index.get_or_insert_with(|| slots.take());
        let former = slots.wakers[index].replace(waker);
        drop(slots);
        drop(former);
    }

    /// Nobody is to be woken in this place until there is another waker for it.
    pub fn clear(&mut self) {
        let former = self.index.and_then(|index| lock(&self.set.slots).wakers[index].take());
        drop(former);
    }
}

impl Drop for WakerSlot {
    fn drop(&mut self) {
        let Some(index) = self.index else { return };
        let mut slots = lock(&self.set.slots);
        slots.free.push(index);
        let former = slots.wakers[index].take();
        drop(slots);
        drop(former);
    }
}

#[derive(Debug, Default)]
struct Shared {
    slots: Mutex<Slots>,
}

#[derive(Debug, Default)]
struct Slots {
    /// As many as there have been at once.
    wakers: Vec<Option<Waker>>,
    /// Those of futures that have gone.
    free: Vec<usize>,
}

impl Slots {
    fn take(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.wakers.push(None);
            self.wakers.len() - 1
        })
    }

    fn holds(&self, index: usize, waker: &Waker) -> bool {
        self.wakers[index].as_ref().is_some_and(|known| known.will_wake(waker))
    }
}

impl Shared {
    fn wake_all(&self) {
        let mut slots = lock(&self.slots);
        let woken: Vec<_> = slots.wakers.iter_mut().filter_map(Option::take).collect();
        drop(slots);
        wake_all(woken);
    }
}

impl Wake for Shared {
    fn wake(self: Arc<Self>) {
        self.wake_all();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Debug, Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Count {
        fn woken(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    fn counted() -> (Arc<Count>, Waker) {
        let count = Arc::new(Count::default());
        (Arc::clone(&count), Waker::from(count))
    }

    #[test]
    fn a_place_has_the_latest_waker_alone_and_each_is_woken_once() {
        let set = WakerSet::default();
        let (mut one, mut other) = (set.slot(), set.slot());
        let ((first, first_waker), (second, second_waker)) = (counted(), counted());
        one.register(&first_waker);
        one.register(&second_waker);
        one.register(&second_waker);
        other.register(&second_waker);
        drop(first_waker);
        assert_eq!(Arc::strong_count(&first), 1, "what was replaced is not kept");
        set.waker().wake();
        assert_eq!((first.woken(), second.woken()), (0, 2));
        set.wake_all();
        assert_eq!((first.woken(), second.woken()), (0, 2));
        one.register(&second_waker);
        other.register(&second_waker);
        one.clear();
        set.waker().wake_by_ref();
        assert_eq!(second.woken(), 3);
    }

    #[test]
    fn futures_that_go_leave_neither_wakers_nor_places() {
        let set = WakerSet::default();
        let (stays, waker) = counted();
        let mut staying = set.slot();
        staying.register(&waker);
        for _ in 0..1000 {
            let (gone, waker) = counted();
            let mut slot = set.slot();
            slot.register(&waker);
            drop((slot, waker));
            assert_eq!(Arc::strong_count(&gone), 1);
        }
        assert_eq!(lock(&set.0.slots).wakers.len(), 2);
        set.wake_all();
        assert_eq!(stays.woken(), 1);
    }

    #[test]
    fn a_waker_that_waits_again_and_drops_others_meets_no_lock() {
        struct Unruly(Mutex<Option<WakerSlot>>, WakerSet);
        impl Wake for Unruly {
            fn wake(self: Arc<Self>) {
                let mut slot = self.1.slot();
                slot.register(&Waker::from(Arc::clone(&self)));
                drop(lock(&self.0).take());
            }
        }
        let set = WakerSet::default();
        let (mut slot, (count, waker)) = (set.slot(), counted());
        let mut held = set.slot();
        held.register(&waker);
        let unruly = Arc::new(Unruly(Mutex::new(Some(held)), set.clone()));
        slot.register(&Waker::from(unruly));
        set.wake_all();
        assert_eq!(count.woken(), 1);
    }
}
