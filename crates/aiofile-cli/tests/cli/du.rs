//! `aiofile du`, against du(1).

use std::fs;
use std::process::Command;

use crate::support::{BACKENDS, Ran, aiofile, file, noise, place, run, works};

fn objects(ran: &Ran) -> Vec<serde_json::Value> {
    ran.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_bytes_are_those_of_du_on_every_backend() {
    let place = place();
    fs::create_dir_all(place.path().join("root/inner")).unwrap();
    file(&place.path().join("root"), "top", &noise(5000, 1));
    file(&place.path().join("root/inner"), "large", &noise(300_000, 2));
    let mut du = Command::new("du");
    let theirs = match du.current_dir(place.path()).args(["-B1", "root"]).output() {
        Ok(output) => String::from_utf8(output.stdout).unwrap(),
        Err(error) => return println!("skipped: the comparison with du: {error}"),
    };
    for backend in BACKENDS.into_iter().filter(|backend| works(backend)) {
        let du = |flags: &[&str]| {
            let mut command = aiofile();
            command.current_dir(place.path()).args(["--backend", backend, "du", "--json", "root"]);
            objects(&run(command.args(flags)).succeeded())
        };
        let ours = du(&[]);
        let lines = ours
            .iter()
            .map(|usage| format!("{}\t{}\n", usage["bytes"], usage["path"].as_str().unwrap()));
        assert_eq!(lines.collect::<String>(), theirs, "{backend}");
        assert_eq!(du(&["-s"]), ours[1..], "{backend}");
        assert_eq!(du(&["-s", "-x"]), ours[1..], "{backend}");
        assert_eq!(ours[1]["files"], 2);
    }
}

#[test]
fn people_get_sizes_with_units() {
    let place = place();
    let hole = place.path().join("hole");
    fs::File::create(&hole).unwrap().set_len(3 << 20).unwrap();
    let ran = run(aiofile().arg("du").arg(&hole)).succeeded();
    assert_eq!(ran.text(), format!("0 B         {}\n", hole.display()));
    let ran = run(aiofile().args(["du", "--apparent", "-s"]).arg(&hole)).succeeded();
    assert_eq!(ran.text(), format!("3 MiB       {}\n", hole.display()));
}

#[test]
fn what_is_not_there_does_not_stop_the_others() {
    let place = place();
    let there = file(place.path(), "there", b"x");
    for flags in [&["du"][..], &["du", "-s"], &["du", "-s", "-x"]] {
        let missing = place.path().join("missing");
        let ran = run(aiofile().args(flags).args([&missing, &there]));
        let ran = ran.failed(1, &["missing", "No such file"]);
        assert!(ran.text().ends_with("/there\n") && ran.text().lines().count() == 1);
    }
}
