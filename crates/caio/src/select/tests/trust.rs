//! Files that another user may have written: an error where they are named, else skipped.

use super::*;

/// What every configuration in these tests says.
const TEXT: &str = "backend = 'rust'\n";

/// How the files came off that were looked for in the system's directory.
fn states(info: &Info) -> Vec<FileState> {
    let files = info.files.iter().filter(|file| file.path.parent().unwrap().ends_with("etc"));
    files.map(|file| file.state).collect()
}

#[test]
fn a_world_writable_file_is_skipped_or_refused() {
    let directory = Directory::new();
    for (name, text) in [("caio.toml", TEXT), ("default_implementation", "rust\n")] {
        let path = directory.file(&format!("etc/{name}"), text);
        set_mode(&path, 0o646);
        let info = directory.open(&[], None).unwrap();
        assert_eq!(info.requested_by, RequestedBy::Auto);
        assert!(states(&info).contains(&FileState::WorldWritable), "{info}");
        assert!(
            info.to_string().contains("skipped, since it or its directory is world-writable"),
            "{info}"
        );
        for named in [path.clone(), directory.at("etc")] {
            let error = directory.open(&[("CAIO_CONFIG", &named)], None).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert_eq!(
                error.to_string(),
                format!(
                    "{path}: CAIO_CONFIG points to it: it is world-writable \
                     (chmod o-w {path})"
                )
            );
        }
        set_mode(&path, 0o644);
        assert_eq!(directory.open(&[], None).unwrap().backend, BackendKind::Rust);
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn a_file_in_a_world_writable_directory_is_skipped_or_refused() {
    let directory = Directory::new();
    let path = directory.file("etc/caio.toml", TEXT);
    let etc = directory.at("etc");
    // A link from elsewhere is no way round.
    let link = directory.at("link.toml");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    set_mode(&etc, 0o777);
    let info = directory.open(&[], None).unwrap();
    assert_eq!(info.requested_by, RequestedBy::Auto);
    assert_eq!(states(&info), [FileState::WorldWritable, FileState::Absent]);
    for named in [&path, &link] {
        let error = directory.open(&[("CAIO_CONFIG", named)], None).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{named}: CAIO_CONFIG points to it: ")), "{error}");
        assert!(error.contains(" is world-writable without the sticky bit"), "{error}");
        assert!(error.ends_with(&format!("(chmod o-w {etc})")), "{error}");
    }
    // As /tmp is.
    set_mode(&etc, 0o1777);
    for variables in [&[][..], &[("CAIO_CONFIG", path.as_str())]] {
        assert_eq!(directory.open(variables, None).unwrap().backend, BackendKind::Rust);
    }
}

#[test]
fn a_file_of_another_user_is_skipped_or_refused() {
    let directory = Directory::new();
    let path = directory.file("etc/caio.toml", TEXT);
    let find = |variables: &[(&str, &str)]| {
        with(variables, directory.0.join("etc"), |environment| {
            // As if the file's owner were neither of the two.
            environment.users = [u32::MAX - 1; 2];
            Found::find(environment)
        })
    };
    let found = find(&[]).unwrap();
    assert!(found.file.is_none(), "{found:?}");
    assert_eq!(found.considered[0].state, FileState::OtherOwner);
    let error = find(&[("CAIO_CONFIG", &path)]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let shown = error.to_string();
    let expected = format!("{path}: CAIO_CONFIG points to it: it belongs to the user ");
    assert!(shown.starts_with(&expected) && shown.contains("chown"), "{shown}");
}

#[test]
fn on_a_read_only_mount_a_mode_does_no_harm() {
    const NAME: &str = "select::tests::trust::on_a_read_only_mount_a_mode_does_no_harm";
    // The mark of the process that this test starts.
    const MARK: &str = "CAIO_TEST_ALONE";
    if std::env::var(MARK).is_ok_and(|name| name == NAME) {
        let path = std::env::var("CAIO_CONFIG").unwrap();
        let found =
            with(&[("CAIO_CONFIG", &path)], "/none", |environment| Found::find(environment));
        assert_eq!(found.unwrap().considered[0].state, FileState::Read);
        return;
    }
    let directory = Directory::new();
    let path = directory.file("etc/caio.toml", TEXT);
    set_mode(&path, 0o666);
    set_mode(directory.at("etc"), 0o777);
    let command = "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\" || exit 99; \
                   exec \"$@\"";
    let program = std::env::current_exe().unwrap();
    let output = std::process::Command::new("unshare")
        .args(["--mount", "sh", "-c", command, &directory.at("etc")])
        .arg(program)
        .args(["--exact", NAME])
        .envs([(MARK, NAME), ("CAIO_CONFIG", &path)])
        .output();
    match output {
        Ok(output) if output.status.code() == Some(0) => {
            let told = String::from_utf8_lossy(&output.stdout);
            assert!(told.contains("1 passed"), "{told}");
        }
        Ok(output) if output.status.code() == Some(101) => {
            panic!("{}", String::from_utf8_lossy(&output.stdout));
        }
        refused => println!("skipped: nothing can be mounted here: {refused:?}"),
    }
}
