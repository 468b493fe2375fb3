//! `aiofile doctor`: which backend am I on, and why; and does it work.

mod report;
mod self_test;
mod survey;

use aiofile::{Context, Error};
use caio::Choice;

use crate::args::DoctorArgs;
use crate::blocking::blocking;
use crate::failure::Failure;
use crate::output;

use report::Report;

pub(super) async fn run(backend: Option<Choice>, args: DoctorArgs) -> Result<(), Failure> {
    let by_option = backend.is_some();
    let context = super::context(backend);
    let tests = match &context {
        Ok(context) => self_test::run(context, args.directory).await,
        Err(_) => Vec::new(),
    };
    let survey = blocking(survey::run).await;
    let context: Result<&Context, &Error> = context.as_ref();
    let report = Report { info: context.map(Context::info), by_option, survey, tests };
    if args.json {
        output::print(format_args!("{:#}\n", report.json()))?;
    } else {
        output::print(&report)?;
    }
    match report.trouble() {
        None => Ok(()),
        Some(trouble) => Err(Failure::Failed(trouble)),
    }
}
