//! What files may hold after what a task did to them, where some of its operations were given up
//! and may have happened or not.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::scenario::REGION;

/// A task's own region of a shared file.
#[derive(Debug)]
pub(crate) struct Region {
    known: Vec<u8>,
    /// Writes that were given up: each may have reached any of its bytes, or may still do so.
    given_up: Vec<Write>,
    /// Counts the descriptors that the task had on the file. A sync waits for its own writes.
    descriptor: usize,
}

#[derive(Debug)]
struct Write {
    step: usize,
    range: Range<usize>,
    descriptor: usize,
}

/// The byte that a step writes at this place of its region.
fn byte(step: usize, at: usize) -> u8 {
    (step * 131 + at * 7 + (at >> 8) * 13) as u8
}

/// What a step writes to this range of its region. What was there before any is step 0's.
pub(crate) fn bytes(step: usize, range: Range<usize>) -> Vec<u8> {
    range.map(|at| byte(step, at)).collect()
}

impl Region {
    pub(crate) fn new() -> Self {
        Self { known: bytes(0, 0..REGION), given_up: Vec::new(), descriptor: 0 }
    }

    pub(crate) fn written(&mut self, step: usize, range: Range<usize>) {
        self.known[range.clone()].copy_from_slice(&bytes(step, range));
    }

    pub(crate) fn given_up(&mut self, step: usize, range: Range<usize>) {
        self.given_up.push(Write { step, range, descriptor: self.descriptor });
    }

    pub(crate) fn reopened(&mut self) {
        self.descriptor += 1;
    }

    /// Whether the file may hold this at `at`.
    pub(crate) fn check(&self, at: usize, found: &[u8]) -> Result<(), String> {
        let may_be = |at: usize, found: u8| {
            let written =
                |write: &Write| write.range.contains(&at) && byte(write.step, at) == found;
            self.known[at] == found || self.given_up.iter().any(written)
        };
        let wrong = found.iter().enumerate().find(|(index, found)| !may_be(at + index, **found));
        wrong.map_or(Ok(()), |(index, found)| {
            let (at, known) = (at + index, self.known[at + index]);
            Err(format!("byte {at} of the region is {found}, not {known}"))
        })
    }

    /// After a sync through the same descriptor this is what the file holds: the writes that were
    /// given up before it have reached it, or will never.
    pub(crate) fn settle(&mut self, found: &[u8]) -> Result<(), String> {
        self.check(0, found)?;
        self.known.copy_from_slice(found);
        self.given_up.retain(|write| write.descriptor != self.descriptor);
        Ok(())
    }
}

/// The records that a task appended.
#[derive(Debug, Default)]
pub(crate) struct Records {
    /// Of each step whether it was acknowledged.
    appended: BTreeMap<usize, bool>,
}

const HEAD: usize = 8;

/// The record of a step: its length, the step, and as many bytes more.
pub(crate) fn record(step: usize, length: usize) -> Vec<u8> {
    let head = [(length as u32).to_le_bytes(), (step as u32).to_le_bytes()].concat();
    [head, bytes(step, 0..length)].concat()
}

impl Records {
    pub(crate) fn appended(&mut self, step: usize, acknowledged: bool) {
        self.appended.insert(step, acknowledged);
    }

    /// Whether the file holds what these tasks appended: whole records; each that was acknowledged
    /// once, and in its task's order; each other one at most once.
    pub(crate) fn check(tasks: &[Self], mut file: &[u8]) -> Result<(), String> {
        let mut found = Vec::new();
        while !file.is_empty() {
            let number = |at: usize| {
                let number = file.get(at..at + 4).ok_or("the last record is cut short")?;
                Ok::<_, String>(u32::from_le_bytes(number.try_into().expect("four")) as usize)
            };
            let (length, step) = (number(0)?, number(4)?);
            if file.get(..HEAD + length) != Some(&record(step, length)) {
                return Err(format!("after the records of {found:?} comes no record"));
            }
            found.push(step);
            file = &file[HEAD + length..];
        }
        for Self { appended } in tasks {
            let of_task = found.iter().filter(|step| appended.contains_key(step));
            let mut counts = BTreeMap::new();
            of_task.clone().for_each(|step| *counts.entry(*step).or_insert(0) += 1);
            for (step, acknowledged) in appended {
                match counts.get(step) {
                    None if *acknowledged => return Err(format!("the record of {step} is lost")),
                    None | Some(1) => {}
                    Some(times) => {
                        return Err(format!("the record of {step} is there {times} times"));
                    }
                }
            }
            if !of_task.filter(|step| appended[step]).is_sorted() {
                return Err(format!("acknowledged appends are out of order: {found:?}"));
            }
        }
        Ok(())
    }
}

#[test]
fn a_region_is_what_was_written_or_given_up() {
    let mut region = Region::new();
    region.written(1, 10..20);
    region.given_up(2, 15..30);
    assert!(region.check(10, &bytes(1, 10..20)).is_ok());
    assert!(region.check(15, &bytes(2, 15..30)).is_ok());
    assert!(region.check(10, &bytes(2, 10..20)).is_err());
    assert!(region.check(10, &bytes(0, 10..11)).is_err());
    let mut found = bytes(0, 0..REGION);
    found[10..15].copy_from_slice(&bytes(1, 10..15));
    found[15..30].copy_from_slice(&bytes(2, 15..30));
    region.settle(&found).unwrap();
    assert!(region.check(15, &bytes(1, 15..20)).is_err());
}

#[test]
fn records_are_whole_and_in_order() {
    let mut task = Records::default();
    for (step, done) in [(1, true), (2, false), (4, true)] {
        task.appended(step, done);
    }
    let check = |steps: &[usize]| {
        let file: Vec<u8> = steps.iter().flat_map(|step| record(*step, 10)).collect();
        Records::check(std::slice::from_ref(&task), &file)
    };
    assert!(check(&[1, 2, 4]).is_ok() && check(&[1, 4]).is_ok() && check(&[1, 4, 2]).is_ok());
    assert!(check(&[1]).is_err() && check(&[4, 1]).is_err() && check(&[1, 1, 4]).is_err());
    assert!(Records::check(&[task], &record(1, 10)[..17]).is_err());
}
