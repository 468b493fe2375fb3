//! The events of inotify(7), as a read gives them.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::inotify::ReadFlags;

/// What happened to what is watched, or to what has this name in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) watch: i32,
    pub(super) flags: ReadFlags,
    /// The same for both halves of a rename.
    pub(super) cookie: u32,
    pub(super) name: Option<OsString>,
}

/// The bytes of an event without its name.
const HEAD_BYTES: usize = 16;

/// All events of a read, which gives none in part.
pub(super) fn parse(mut bytes: &[u8]) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<HEAD_BYTES>() {
        let number = |index: usize| {
            let (numbers, _) = head.as_chunks::<4>();
            u32::from_ne_bytes(numbers[index])
        };
        let Some((name, rest)) = rest.split_at_checked(number(3) as usize) else { break };
        let name = name.split(|byte| *byte == 0).next().filter(|name| !name.is_empty());
        events.push(Event {
            watch: number(0).cast_signed(),
            flags: ReadFlags::from_bits_retain(number(1)),
            cookie: number(2),
            name: name.map(|name| OsStr::from_bytes(name).to_owned()),
        });
        bytes = rest;
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(numbers: [u32; 4], name: &[u8]) -> Vec<u8> {
        let mut bytes = numbers.map(u32::to_ne_bytes).concat();
        bytes.extend(name);
        bytes
    }

    #[test]
    fn events_with_and_without_names_follow_each_other() {
        let created = ReadFlags::CREATE.bits();
        let overflow = ReadFlags::QUEUE_OVERFLOW.bits();
        let read = [
            bytes([1, created, 7, 16], b"na\xffme\0\0\0\0\0\0\0\0\0\0\0"),
            bytes([u32::MAX, overflow, 0, 0], b""),
        ];
        let events = parse(&read.concat());
        let name = Some(OsStr::from_bytes(b"na\xffme").to_owned());
        let first = Event { watch: 1, flags: ReadFlags::CREATE, cookie: 7, name };
        let second = Event { watch: -1, flags: ReadFlags::QUEUE_OVERFLOW, cookie: 0, name: None };
        assert_eq!(events, [first, second]);
    }

    #[test]
    fn what_is_cut_is_no_event() {
        assert_eq!(parse(&[0; 15]), []);
        assert_eq!(parse(&bytes([1, 2, 3, 16], b"short")), []);
    }
}
