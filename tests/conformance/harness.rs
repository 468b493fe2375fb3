//! What stamps the cases over the variants, runs them, and tells at the end what ran.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::io::{Read as _, Write as _};
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use caio_testkit::{Variant, required, unknown_required, variants};
use libtest_mimic::{Arguments, Failed, Trial};

use crate::soak;
use crate::support::Env;

/// A file of cases.
pub(crate) type Module = (&'static str, &'static [Case]);

/// One test.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) test: Test,
    /// In a process of its own, since it counts or changes what belongs to the whole process.
    pub(crate) alone: bool,
}

/// What a test is stamped over.
#[derive(Clone, Copy)]
pub(crate) enum Test {
    /// Every variant.
    Each(fn(&Env)),
    /// Nothing: it brings its own backend along.
    Once(fn()),
}

/// The cases of a module: `each` runs on every variant, `alone` too but each in its own process,
/// `once` and `once_alone` bring their own backend along.
macro_rules! cases {
    ($($how:ident $test:ident,)+) => {
        &[$($crate::harness::cases!(@ $how $test)),+]
    };
    (@ each $test:ident) => {
        $crate::harness::Case {
            name: stringify!($test), test: $crate::harness::Test::Each($test), alone: false,
        }
    };
    (@ alone $test:ident) => {
        $crate::harness::Case {
            name: stringify!($test), test: $crate::harness::Test::Each($test), alone: true,
        }
    };
    (@ once $test:ident) => {
        $crate::harness::Case {
            name: stringify!($test), test: $crate::harness::Test::Once($test), alone: false,
        }
    };
    (@ once_alone $test:ident) => {
        $crate::harness::Case {
            name: stringify!($test), test: $crate::harness::Test::Once($test), alone: true,
        }
    };
}
pub(crate) use cases;

/// Names the case that a process of its own is to run.
const ALONE: &str = "CAIO_CONFORMANCE_ALONE";

/// Longer than this no case may take: it hangs.
const PATIENCE: Duration = Duration::from_secs(120);

static SKIPPED: Mutex<BTreeMap<String, usize>> = Mutex::new(BTreeMap::new());
static RAN: Mutex<BTreeMap<&'static str, usize>> = Mutex::new(BTreeMap::new());

/// Notes that something was not tested here, for the report.
pub(crate) fn skipped(what: &str) {
    if env::var_os(ALONE).is_some() {
        say(&format!("SKIPPED {what}"));
    }
    *SKIPPED.lock().unwrap().entry(what.to_owned()).or_default() += 1;
}

/// The descriptors that this process was born with.
pub(crate) fn inherited() -> &'static BTreeSet<u32> {
    static INHERITED: OnceLock<BTreeSet<u32>> = OnceLock::new();
    INHERITED.get_or_init(|| {
        let names = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        let mut numbers: BTreeSet<u32> =
            names.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        // The one that read the directory is gone by now.
        numbers.retain(|number| std::fs::read_link(format!("/proc/self/fd/{number}")).is_ok());
        numbers
    })
}

pub(crate) fn main(modules: &[Module]) -> ExitCode {
    inherited();
    if let Ok(name) = env::var(ALONE) {
        return alone(modules, &name);
    }
    let arguments = Arguments::from_args();
    if arguments.list {
        return libtest_mimic::run(&arguments, trials(modules)).exit_code();
    }
    if let Some(name) = unknown_required() {
        say(&format!("CAIO_REQUIRE names {name}, which is neither a backend nor a variant"));
        return ExitCode::from(101);
    }
    let round = || !libtest_mimic::run(&arguments, trials(modules)).has_failed();
    let succeeded = soak::run(round, say);
    report();
    if succeeded { ExitCode::SUCCESS } else { ExitCode::from(101) }
}

fn trials(modules: &[Module]) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (module, cases) in modules {
        for case in *cases {
            match case.test {
                Test::Once(_) => {
                    trials.push(trial(format!("engine::{module}::{}", case.name), case, None))
                }
                Test::Each(_) => trials.extend(variants().iter().map(|variant| {
                    trial(format!("{}::{module}::{}", variant.name, case.name), case, Some(variant))
                })),
            }
        }
    }
    trials
}

fn trial(name: String, case: &Case, variant: Option<&'static Variant>) -> Trial {
    let case = *case;
    let own_name = name.clone();
    Trial::test(name, move || {
        if let Some(variant) = variant {
            match works(variant) {
                Ok(()) => *RAN.lock().unwrap().entry(variant.name).or_default() += 1,
                Err(reason) if required(variant) => {
                    return Err(format!("{} is required: {reason}", variant.name).into());
                }
                Err(reason) => {
                    skipped(&format!("variant {}: {reason}", variant.name));
                    return Ok(());
                }
            }
        }
        if case.alone {
            return in_own_process(&own_name);
        }
        run(case, variant);
        Ok(())
    })
}

fn run(case: Case, variant: Option<&Variant>) {
    match (case.test, variant) {
        (Test::Each(test), Some(variant)) => test(&Env::open(variant).expect("it worked before")),
        (Test::Once(test), _) => test(),
        (Test::Each(_), None) => unreachable!("a case of each variant is stamped with one"),
    }
}

/// Whether the backend of a variant works here; asked once.
fn works(variant: &Variant) -> Result<(), String> {
    static KNOWN: Mutex<BTreeMap<&'static str, Result<(), String>>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap();
    known
        .entry(variant.name)
        .or_insert_with(|| Env::open(variant).map(drop).map_err(|error| error.to_string()))
        .clone()
}

/// Runs this program again for a single case.
fn in_own_process(name: &str) -> Result<(), Failed> {
    let mut child = Command::new(env::current_exe()?)
        .env(ALONE, name)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    // Read as it comes: backtraces do not fit into a pipe, and the child would wait for room.
    let mut said = child.stderr.take().expect("it is piped");
    let reading = std::thread::spawn(move || {
        let mut text = Vec::new();
        let _ = said.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    });
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() > deadline {
            child.kill()?;
            break child.wait()?;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let text = reading.join().expect("reading does not panic");
    text.lines().filter_map(|line| line.strip_prefix("SKIPPED ")).for_each(skipped);
    match status.success() {
        true => Ok(()),
        false => Err(format!("{status}\n{text}").into()),
    }
}

/// The only case of this process, on its first thread.
fn alone(modules: &[Module], name: &str) -> ExitCode {
    let mut parts = name.splitn(3, "::");
    let (variant, module, case) = (parts.next(), parts.next(), parts.next());
    let variant = variants().iter().find(|known| Some(known.name) == variant);
    let cases = modules.iter().find(|(known, _)| Some(*known) == module).map(|(_, cases)| *cases);
    let case = cases.and_then(|cases| cases.iter().find(|known| Some(known.name) == case));
    run(*case.expect("the parent names a case that exists"), variant);
    ExitCode::SUCCESS
}

fn report() {
    let ran = RAN.lock().unwrap();
    let mut lines = String::from("\nbackends and variants:\n");
    for variant in variants() {
        let cases = ran.get(variant.name).copied().unwrap_or(0);
        let ran = if cases == 0 { String::from("DID NOT RUN") } else { format!("{cases} cases") };
        let backend = match (variant.backend, Env::open(variant)) {
            (None, Ok(env)) => format!(" -> {}", env.context.info().backend),
            _ => String::new(),
        };
        lines += &format!("  {:13} {ran:>12}  {}{backend}\n", variant.name, variant.about);
    }
    for (what, count) in &*SKIPPED.lock().unwrap() {
        lines += &format!("SKIPPED {what} ({count} cases)\n");
    }
    say(lines.trim_end());
}

fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
