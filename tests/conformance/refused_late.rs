//! An operation that was done and is then refused: it is not made again, since a file that must be
//! new would be there by then.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aiofile::{Error, OpenOptions};
use caio::backend::pool::ThreadPool;
use caio::{Config, OpKind};
use nix::libc::{EINVAL, ENOSYS, EOPNOTSUPP, EPERM};

use crate::harness::{Case, cases};
use crate::observed::Observed;
use crate::support::{Env, disk, within_reason};

pub(crate) const CASES: &[Case] = cases![
    once an_open_that_was_refused_late_is_not_made_again,
    each a_file_that_must_be_new_is_made_once,
];

/// As open(2) does that creates a file, and then finds that its file system has no O_DIRECT.
fn an_open_that_was_refused_late_is_not_made_again() {
    let place = disk();
    for errno in [EINVAL, EOPNOTSUPP, ENOSYS, EPERM] {
        let opens = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&opens);
        let pool = Arc::new(ThreadPool::open(&Config::default()).unwrap());
        let late = Observed::new(pool, move |request| {
            if request.op().kind() == OpKind::Open {
                count.fetch_add(1, Ordering::SeqCst);
                request.on_complete(move |request, result| {
                    request.complete(result.and(Err(io::Error::from_raw_os_error(errno))));
                });
            }
        });
        let context = aiofile::context().custom(Arc::new(late)).build().unwrap();
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).context(&context);
        let path = place.path(&errno.to_string());
        let error = Error::from(within_reason(options.open_aio(&path)).unwrap_err());
        assert_eq!(error.raw_os_error(), Some(errno), "{error}");
        assert_eq!(opens.load(Ordering::SeqCst), 1);
        assert!(path.exists(), "it was done");
    }
}

/// Also where a second descriptor is opened for the same file.
fn a_file_that_must_be_new_is_made_once(env: &Env) {
    let place = disk();
    env.run(async {
        let has_direct = env.direct(&place.path("direct")).await.is_some();
        for (direct, bounce) in [(false, false), (true, false), (true, true)] {
            let mut options = OpenOptions::new();
            options.write(true).create_new(true).direct(direct && has_direct).bounce(bounce);
            let path = place.path(&format!("{direct}-{bounce}"));
            let file = options.context(&env.context).open_aio(&path).await.unwrap();
            if bounce {
                file.write_all_at("odd", 0).await.unwrap();
                assert_eq!(std::fs::read(&path).unwrap(), b"odd");
            }
            let error = options.open_aio(&path).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists, "{error}");
        }
    });
}
