//! Runs a program: its runtimes, each on a thread of its own, and a watch over them.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use caio::{Context, Error};
use futures_util::future::{BoxFuture, FutureExt, join_all};
use tokio::runtime::{Builder, Runtime};

use crate::scenario::{Driver, Scenario};
use crate::task::{self, Done};
use crate::world::World;

type Ended = (usize, Result<Done, String>);

/// Runs it once, in contexts that are built so. An error says what was wrong; one of them is that
/// it takes longer than `patience`.
pub(crate) fn run(
    scenario: &Scenario,
    build: &dyn Fn() -> Result<Context, Error>,
    patience: Duration,
) -> Result<(), String> {
    let world = World::new(scenario, build).map_err(|error| error.to_string())?;
    let world = Arc::new(world);
    let (sender, receiver) = channel::<Ended>();
    for (runtime, driver) in scenario.runtimes.iter().enumerate() {
        let of_it = scenario.tasks.iter().enumerate().filter(|(_, task)| task.runtime == runtime);
        let tasks = of_it.map(|(number, task)| {
            let (world, task, sender) = (Arc::clone(&world), task.clone(), sender.clone());
            async move {
                let done = task::run(world, number, task).await;
                let _ = sender.send((number, done));
            }
            .boxed()
        });
        let (tasks, driver) = (tasks.collect::<Vec<_>>(), *driver);
        std::thread::spawn(move || drive(driver, tasks));
    }
    drop(sender);
    let done = collect(&receiver, &world, patience)?;
    let world = Arc::into_inner(world).ok_or("a task is through, and has not ended")?;
    world.check(done, patience)
}

/// What the tasks have done, in their order.
fn collect(
    receiver: &Receiver<Ended>,
    world: &World,
    patience: Duration,
) -> Result<Vec<Done>, String> {
    let deadline = Instant::now() + patience;
    let mut done: Vec<_> = world.at.iter().map(|_| None).collect();
    loop {
        match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok((number, ended)) => done[number] = Some(ended?),
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
                return Err(format!("it hangs: {}", world.describe()));
            }
        }
    }
    done.into_iter().collect::<Option<Vec<_>>>().ok_or_else(|| String::from("a task has panicked"))
}

fn drive(driver: Driver, tasks: Vec<BoxFuture<'static, ()>>) {
    match driver {
        Driver::CurrentThread => on_tokio(&current_thread(), tasks),
        Driver::MultiThread(workers) => {
            let runtime = Builder::new_multi_thread().worker_threads(workers).enable_all().build();
            on_tokio(&runtime.expect("a runtime can be made"), tasks);
        }
        Driver::Undriven => {
            let runtime = current_thread();
            let tasks: Vec<_> = tasks.into_iter().map(|task| runtime.spawn(task)).collect();
            let mut all = join_all(tasks);
            let slice = Duration::from_millis(1);
            while runtime.block_on(async { tokio::time::timeout(slice, &mut all).await }).is_err() {
                std::thread::sleep(Duration::from_millis(3));
            }
        }
        Driver::Paused => {
            let runtime = Builder::new_current_thread().enable_all().start_paused(true).build();
            on_tokio(&runtime.expect("a runtime can be made"), tasks);
        }
        Driver::Smol => {
            let executor = smol::LocalExecutor::new();
            let tasks: Vec<_> = tasks.into_iter().map(|task| executor.spawn(task)).collect();
            smol::block_on(executor.run(join_all(tasks)));
        }
    }
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime can be made")
}

fn on_tokio(runtime: &Runtime, tasks: Vec<BoxFuture<'static, ()>>) {
    let tasks: Vec<_> = tasks.into_iter().map(|task| runtime.spawn(task)).collect();
    runtime.block_on(join_all(tasks));
}
