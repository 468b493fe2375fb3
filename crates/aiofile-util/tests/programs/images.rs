//! Pictures that are drawn and identified, whole and damaged.

use std::path::Path;

use crate::support::{failure, file, place, program, stdout, strange_name, unreadable};

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    bytes.extend_from_slice(&width.to_be_bytes());
    bytes.extend_from_slice(&height.to_be_bytes());
    bytes.extend_from_slice(b"\x08\x02\0\0\0");
    bytes
}

fn gif(width: u16, height: u16) -> Vec<u8> {
    [b"GIF89a", &width.to_le_bytes()[..], &height.to_le_bytes()[..], b"\xf7\0\0"].concat()
}

/// With a long segment and filling in front of the size, as cameras write.
fn jpeg(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = b"\xff\xd8\xff\xe1\xff\xff".to_vec();
    bytes.resize(bytes.len() + 0xfffd, 0x55);
    bytes.extend_from_slice(b"\xff\xc4\0\x04\0\0\xff\xff\xc2\0\x11\x08");
    bytes.extend_from_slice(&height.to_be_bytes());
    bytes.extend_from_slice(&width.to_be_bytes());
    bytes.extend_from_slice(b"\x03\x01\x22");
    bytes
}

fn webp(kind: &[u8; 4], contents: &[u8]) -> Vec<u8> {
    [b"RIFF\x64\0\0\0WEBP", &kind[..], b"\x20\0\0\0", contents].concat()
}

/// Each format, and how it is told.
fn pictures() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let lossless = (300_u32 - 1) | (200 - 1) << 14;
    vec![
        ("a.png", png(70_000, 2), "PNG 70000x2"),
        ("b.gif", gif(1, 65_535), "GIF 1x65535"),
        ("c.jpeg", jpeg(4000, 3000), "JPEG 4000x3000"),
        ("d.webp", webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a\x90\x41\x2c\x01"), "WEBP 400x300"),
        ("e.webp", webp(b"VP8L", &[&[0x2f][..], &lossless.to_le_bytes()].concat()), "WEBP 300x200"),
        ("f.webp", webp(b"VP8X", b"\x10\0\0\0\xff\x03\0\xff\x01\0"), "WEBP 1024x512"),
    ]
}

fn identify(path: &Path) -> String {
    stdout(program("images").arg("identify").arg(path))
}

#[test]
fn formats_are_told_by_their_bytes_in_the_order_of_the_files() {
    let place = place();
    let mut command = program("images");
    command.arg("identify");
    let mut expected = String::new();
    for (name, bytes, told) in pictures() {
        let path = file(place.path(), name, bytes);
        expected += &format!("{}: {told}\n", path.display());
        command.arg(path);
    }
    assert_eq!(stdout(&mut command), expected);
    let strange = place.path().join(strange_name());
    std::fs::write(&strange, png(3, 4)).unwrap();
    assert!(identify(&strange).ends_with(": PNG 3x4\n"), "the name does not matter");
}

#[test]
fn every_cut_of_a_picture_is_an_error() {
    let place = place();
    for (name, bytes, told) in pictures() {
        let end = bytes.len();
        // What stands behind the size is not looked at.
        let needed = end
            - match name {
                "a.png" => 5,
                "b.gif" | "c.jpeg" => 3,
                _ => 0,
            };
        let cuts = (0..needed.min(60)).chain(needed.saturating_sub(20)..needed);
        let mut command = program("images");
        command.arg("identify");
        let mut count = 0;
        for cut in cuts {
            command.arg(file(place.path(), &format!("{cut}-{name}"), &bytes[..cut]));
            count += 1;
        }
        command.arg(file(place.path(), name, &bytes[..needed]));
        let (good, bad) = failure(&mut command, 1);
        assert_eq!(bad.lines().count(), count, "{name}: {bad}");
        assert!(good.lines().count() == 1 && good.ends_with(&format!("{told}\n")), "{good}");
    }
}

#[test]
fn what_is_no_picture_has_a_line_each() {
    let place = place();
    let root = place.path();
    let mut endless = b"\xff\xd8".to_vec();
    endless.resize(1 << 20, 0xff);
    let mut command = program("images");
    command.arg("identify");
    for path in [
        file(root, "empty", ""),
        file(root, "text", "GIF of a cat"),
        file(root, "zero", png(0, 5)),
        file(root, "endless", endless),
        file(root, "short", b"\xff\xd8\xff\xe0\0\x01\xff\xc0"),
        root.join("missing"),
        root.to_owned(),
    ] {
        command.arg(path);
    }
    let mut lines = 7;
    if let Some(path) = unreadable(root) {
        command.arg(path);
        lines += 1;
    }
    let (good, bad) = failure(&mut command, 1);
    assert!(good.is_empty(), "{good}");
    assert_eq!(bad.lines().count(), lines, "{bad}");
    for expected in [
        "empty: an empty file",
        "text: no format",
        "zero: PNG, but of no size",
        "JPEG, but cut off",
        "missing: No such file",
    ] {
        assert!(bad.contains(expected), "{expected}: {bad}");
    }
}

#[test]
fn a_drawn_picture_is_what_it_says() {
    let place = place();
    for (width, height) in [(1, 1), (2, 3), (5, 1), (333, 222), (40_000, 3)] {
        let path = place.path().join(format!("{width}.bmp"));
        let size = format!("{width}x{height}");
        assert_eq!(stdout(program("images").args(["draw", "--size", &size]).arg(&path)), "");
        let bytes = std::fs::read(&path).unwrap();
        let row = usize::div_ceil(width * 3, 4) * 4;
        assert_eq!(bytes.len(), 54 + row * height);
        assert_eq!(bytes[2..6], (bytes.len() as u32).to_le_bytes());
        assert_eq!(bytes[54..57], [0, 0, 128], "the first pixel of the lowest row");
        let last = 54 + row * (height - 1) + (width - 1) * 3;
        let shade = |place: usize, all: usize| ((place - 1) * 255 / all) as u8;
        assert_eq!(bytes[last..last + 2], [shade(width, width), shade(height, height)]);
        assert!(identify(&path).ends_with(&format!(": BMP {size}\n")));
    }
}

#[test]
fn what_cannot_be_drawn_leaves_what_was_there() {
    let place = place();
    let path = file(place.path(), "mine.bmp", "mine");
    for size in ["0x5", "5", "axb", "-1x2", "40000x40000", "4294967295x1"] {
        failure(program("images").args(["draw", &format!("--size={size}")]).arg(&path), 2);
        assert_eq!(std::fs::read(&path).unwrap(), b"mine");
    }
    let nowhere = place.path().join("none/picture.bmp");
    let (_, said) = failure(program("images").arg("draw").arg(nowhere), 1);
    assert!(said.contains("No such file"), "{said}");
}
