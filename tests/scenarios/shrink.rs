//! Makes a program that fails shorter, as long as it fails.

use std::time::{Duration, Instant};

use crate::scenario::{Kept, Scenario};

/// How long to try, and how often each shorter program: what fails may do so only now and then.
const PATIENCE: Duration = Duration::from_secs(240);
const TRIES: usize = 12;

/// The fewest steps found with which `run` still fails, and its last error.
pub(crate) fn shrink(
    scenario: &Scenario,
    first: String,
    run: impl Fn(&Scenario) -> Result<(), String>,
) -> (Vec<Kept>, String) {
    let deadline = Instant::now() + PATIENCE;
    let (mut kept, mut error) = (scenario.kept(), first);
    let mut fails = |shorter: &[Kept]| {
        let shorter = scenario.with(shorter);
        let mut errors =
            (0..TRIES).map_while(|_| (Instant::now() < deadline).then(|| run(&shorter)));
        errors.find_map(Result::err).is_some_and(|found| {
            error = found;
            true
        })
    };
    let mut size = kept.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        while at < kept.len() {
            let end = kept.len().min(at + size);
            let shorter = [&kept[..at], &kept[end..]].concat();
            if !shorter.is_empty() && fails(&shorter) {
                kept = shorter;
            } else {
                at = end;
            }
        }
        size /= 2;
    }
    for at in 0..kept.len() {
        let mut calmer = kept.clone();
        calmer[at].calm = true;
        if fails(&calmer) {
            kept = calmer;
        }
    }
    (kept, error)
}

#[test]
fn what_remains_is_what_it_takes_to_fail() {
    let scenario = (0..).map(Scenario::of).find(|scenario| scenario.kept().len() > 12);
    let scenario = scenario.expect("there are long ones");
    let run = |shorter: &Scenario| {
        let numbers: Vec<_> = shorter.kept().iter().map(|kept| kept.number).collect();
        match numbers.contains(&3) && numbers.contains(&11) {
            true => Err(format!("{} steps", numbers.len())),
            false => Ok(()),
        }
    };
    let (kept, error) = shrink(&scenario, String::from("all of them"), run);
    let expected = [3, 11].map(|number| Kept { number, calm: true });
    assert_eq!((&kept[..], error.as_str()), (&expected[..], "2 steps"));
}
