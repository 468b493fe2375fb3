//! A program that runs with rights that its caller lacks does not listen to its caller.

use std::os::unix::fs::chown;
use std::process::Command;

use nix::unistd::geteuid;

use super::*;

/// Any user but root.
const OTHER_USER: u32 = 12_345;

#[test]
fn a_set_user_id_program_ignores_its_variables_and_says_so() {
    const NAME: &str =
        "select::tests::raised_rights::a_set_user_id_program_ignores_its_variables_and_says_so";
    // The mark of the process that this test starts.
    const MARK: &str = "CAIO_TEST_ALONE";
    if std::env::var(MARK).is_ok_and(|name| name == NAME) {
        if geteuid().as_raw() != OTHER_USER {
            println!("skipped: the temporary directory lies on a file system without set-user-ID");
            return;
        }
        let (_, _, info) = super::open(None, None, |_| {}).unwrap();
        assert_ne!(info.requested_by, RequestedBy::Environment);
        assert_eq!(info.ignored, ["CAIO_IMPL", "CAIO_CONFIG", "HOME"]);
        return;
    }
    if !geteuid().is_root() {
        println!("skipped: only root can give a program to another user");
        return;
    }
    let directory = Directory::new();
    let program = directory.0.join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    chown(&program, Some(OTHER_USER), None).unwrap();
    set_mode(&program, 0o4755);
    let output = Command::new(&program)
        .args(["--exact", NAME])
        .env_clear()
        .envs([(MARK, NAME), ("CAIO_IMPL", "linux"), ("CAIO_CONFIG", "/nowhere"), ("HOME", "/h")])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
}
