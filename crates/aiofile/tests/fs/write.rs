//! Writing and appending whole, small and large, to files and to what is none.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use aiofile::fs;

use super::support::{errno, everywhere, on_each_backend, temporary};

fn noise(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 31 + (index >> 8) * 17) as u8).collect()
}

#[test]
fn any_length_is_written_and_appended() {
    for length in [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20] {
        let contents = noise(length);
        on_each_backend(async || {
            let directory = temporary();
            let path = directory.path().join("file");
            std::fs::write(&path, noise(5 << 20)).unwrap();
            fs::write(&path, &contents).await.unwrap();
            assert!(std::fs::read(&path).unwrap() == contents, "{length}");
            fs::append(&path, &contents).await.unwrap();
            assert!(fs::read(&path).await.unwrap() == contents.repeat(2), "{length}");
        });
    }
}

#[test]
fn a_page_takes_the_place_of_more_and_of_less() {
    everywhere(async || {
        let directory = temporary();
        let path = directory.path().join("file");
        let lengths = [1, 4095, 4096, 4097, 10_000];
        for (before, after) in
            lengths.iter().flat_map(|before| lengths.map(|after| (before, after)))
        {
            std::fs::write(&path, vec![b'x'; *before]).unwrap();
            fs::write(&path, noise(after)).await.unwrap();
            assert!(std::fs::read(&path).unwrap() == noise(after), "{before} {after}");
        }
    });
}

#[test]
fn a_page_that_is_written_over_is_never_found_cut_off() {
    everywhere(async || {
        let directory = temporary();
        let path = directory.path().join("file");
        std::fs::write(&path, [b'a'; 4096]).unwrap();
        let is_done = Arc::new(AtomicBool::new(false));
        let (looked_at, ends) = (path.clone(), Arc::clone(&is_done));
        let looks = thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                assert_eq!(std::fs::metadata(&looked_at).unwrap().len(), 4096);
            }
        });
        for byte in b'a'..=b'z' {
            for _ in 0..10 {
                fs::write(&path, [byte; 4096]).await.unwrap();
            }
        }
        is_done.store(true, Ordering::Relaxed);
        looks.join().unwrap();
    });
}

#[test]
fn contents_are_what_refers_to_bytes() {
    everywhere(async || {
        let directory = temporary();
        let path = directory.path().join("file");
        fs::write(&path, "str").await.unwrap();
        fs::append(&path, String::from(" String")).await.unwrap();
        fs::append(&path, b" array").await.unwrap();
        fs::append(&path, vec![b' '; 1]).await.unwrap();
        fs::append(&path, bytes::Bytes::from_static(b"Bytes")).await.unwrap();
        assert_eq!(fs::read_to_string(&path).await.unwrap(), "str String array Bytes");
    });
}

#[test]
fn a_small_file_costs_one_hop() {
    on_each_backend(async || {
        let directory = temporary();
        let context = aiofile::default_context().unwrap();
        let before = context.metrics().submitted;
        fs::write(directory.path().join("file"), "text").await.unwrap();
        assert_eq!(context.metrics().submitted - before, 1);
        // Opened, examined, read and closed.
        let before = (context.metrics().submitted, context.metrics().in_place);
        assert_eq!(fs::read(directory.path().join("file")).await.unwrap(), b"text");
        let after = context.metrics();
        assert!(after.submitted - before.0 == 1 || after.in_place > before.1, "{after:?}");
        assert!(after.submitted - before.0 <= 1, "{after:?}");
    });
}

#[test]
fn a_fifo_gets_the_bytes_when_it_has_a_reader() {
    everywhere(async || {
        let directory = temporary();
        let path = directory.path().join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        if !made.is_ok_and(|status| status.success()) {
            println!("skipped: there is no mkfifo");
            return;
        }
        let reader = thread::spawn({
            let path = path.clone();
            move || {
                let mut text = String::new();
                std::fs::File::open(path).unwrap().read_to_string(&mut text).unwrap();
                text
            }
        });
        fs::write(&path, "through the pipe").await.unwrap();
        assert_eq!(reader.join().unwrap(), "through the pipe");
    });
}

#[test]
fn a_full_device_is_an_error() {
    if !Path::new("/dev/full").exists() {
        println!("skipped: there is no /dev/full");
        return;
    }
    on_each_backend(async || {
        for length in [4, 2 << 20] {
            let error = fs::write("/dev/full", noise(length)).await.unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
            assert!(error.to_string().contains("/dev/full"), "{error}");
        }
        fs::write("/dev/null", "text").await.unwrap();
    });
}

#[test]
fn appended_pieces_stay_whole_beside_others() {
    everywhere(async || {
        let directory = temporary();
        let path = directory.path().join("log");
        let other = thread::spawn({
            let path = path.clone();
            move || {
                for _ in 0..100 {
                    let mut options = std::fs::OpenOptions::new();
                    let mut file = options.append(true).create(true).open(&path).unwrap();
                    file.write_all(&[b'o'; 64]).unwrap();
                }
            }
        });
        for _ in 0..20 {
            fs::append(&path, [b'w'; 64]).await.unwrap();
        }
        other.join().unwrap();
        let contents = std::fs::read(&path).unwrap();
        assert_eq!(contents.len(), 120 * 64);
        assert!(contents.chunks(64).all(|line| line.iter().all(|byte| *byte == line[0])));
    });
}

#[test]
fn a_read_only_file_is_refused_to_all_but_root() {
    on_each_backend(async || {
        let directory = temporary();
        let path = directory.path().join("file");
        std::fs::write(&path, "old").unwrap();
        let mut permissions = std::fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions).await.unwrap();
        let expected = std::fs::OpenOptions::new().write(true).open(&path).map(drop);
        let result = fs::write(&path, "new").await;
        assert_eq!(
            result.map_err(|error| errno(&error)),
            expected.map_err(|error| error.raw_os_error())
        );
    });
}
