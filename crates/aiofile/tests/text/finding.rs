//! Names, detection and fallbacks.

use aiofile::fs::{read_text, write_text};
use aiofile::text::{Encoding, Errors, TextFile, TextOptions, TextReader, detect};

#[test]
fn names_of_python_and_of_whatwg_are_understood() {
    for (name, expected) in [
        ("U8", "utf-8"),
        ("utf_8_sig", "utf-8-sig"),
        ("UTF-16", "utf-16"),
        ("utf_16_be", "utf-16be"),
        ("utf-32-le", "utf-32le"),
        ("us-ascii", "ascii"),
        ("646", "ascii"),
        ("L1", "latin-1"),
        ("ISO_8859-1", "latin-1"),
        ("iso8859_15", "ISO-8859-15"),
        ("latin9", "ISO-8859-15"),
        ("iso8859-9", "iso-8859-9"),
        ("cp1252", "windows-1252"),
        ("windows-1254", "windows-1254"),
        ("cp936", "GBK"),
        ("gb2312", "GBK"),
        ("euc_jp", "EUC-JP"),
        ("ujis", "EUC-JP"),
        ("shiftjis", "Shift_JIS"),
        ("mac_roman", "macintosh"),
        ("KOI8_R", "KOI8-R"),
        ("cp866", "IBM866"),
        ("big5hkscs", "Big5"),
        ("csISO2022JP", "ISO-2022-JP"),
        ("x-sjis", "Shift_JIS"),
        ("hebrew", "ISO-8859-8"),
        ("x-cp1251", "windows-1251"),
        ("visual", "ISO-8859-8"),
    ] {
        assert_eq!(name.parse::<Encoding>().unwrap().name(), expected, "{name}");
    }
}

#[test]
fn marks_are_found_first_and_then_what_the_bytes_are() {
    for (bytes, expected) in [
        (&b"\xef\xbb\xbfabc"[..], Encoding::UTF_8_SIG),
        (b"\xff\xfea\0", Encoding::UTF_16),
        (b"\xfe\xff\0a", Encoding::UTF_16),
        (b"\xff\xfe\0\0a\0\0\0", Encoding::UTF_32),
        (b"\0\0\xfe\xff\0\0\0a", Encoding::UTF_32),
        (b"", Encoding::UTF_8),
        (b"plain", Encoding::UTF_8),
        ("schön".as_bytes(), Encoding::UTF_8),
        (&"schön€".as_bytes()[..8], Encoding::UTF_8),
        (b"\x1b$B$3$l$OF|K\\8l\x1b(B", "iso-2022-jp".parse().unwrap()),
        (
            b"\xa4\xb3\xa4\xec\xa4\xcf\xc6\xfc\xcb\xdc\xb8\xec\xa4\xce\
              \xca\xb8\xbe\xcf\xa4\xc7\xa4\xb9\xa1\xa3",
            "euc-jp".parse().unwrap(),
        ),
        (
            b"\xcf\xf0\xe8\xe2\xe5\xf2, \xea\xe0\xea \xe4\xe5\xeb\xe0? \
              \xc2\xf1\xb8 \xf5\xee\xf0\xee\xf8\xee.",
            "windows-1251".parse().unwrap(),
        ),
    ] {
        assert_eq!(detect(bytes), expected, "{bytes:x?}");
    }
}

#[tokio::test]
async fn a_reader_finds_the_encoding_by_the_first_chunk() {
    let mut reader = TextReader::new(&b"\xfe\xff\0a"[..], &TextOptions::new().detect());
    assert_eq!(reader.encoding(), None);
    assert_eq!(reader.read_to_end().await.unwrap(), "a");
    assert_eq!(reader.encoding(), Some(Encoding::UTF_16));

    let list = [Encoding::ASCII, Encoding::UTF_8, Encoding::LATIN_1];
    let options = TextOptions::new().fallbacks(list).errors(Errors::Replace);
    for (bytes, encoding) in [
        (&b"abc"[..], Encoding::ASCII),
        (b"\xc3\xa9", Encoding::UTF_8),
        (b"\xe9", Encoding::LATIN_1),
    ] {
        let mut reader = TextReader::new(bytes, &options);
        reader.read(1).await.unwrap();
        assert_eq!(reader.encoding(), Some(encoding));
    }
}

#[tokio::test]
async fn where_no_encoding_fits_nothing_is_read() {
    let options = TextOptions::new().fallbacks([Encoding::ASCII, Encoding::UTF_8]);
    let mut reader = TextReader::new(&b"\xff"[..], &options);
    for _ in 0..2 {
        let error = reader.read(1).await.unwrap_err();
        assert!(error.to_string().contains("none of the encodings [ascii, utf-8]"), "{error}");
    }
}

#[tokio::test]
async fn whole_files_and_open_files_find_it_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let options = TextOptions::new().fallbacks([Encoding::UTF_8, "cp1252".parse().unwrap()]);
    std::fs::write(&path, b"f\xfcr 5 \x80\r\n").unwrap();
    assert_eq!(read_text(&path, &options).await.unwrap(), "für 5 €\n");

    let mut file = TextFile::open_with(&path, "r+", &options).await.unwrap();
    assert_eq!(file.encoding(), Some(Encoding::WINDOWS_1252));
    file.seek(std::io::SeekFrom::End(0)).await.unwrap();
    file.write("7 €").await.unwrap();
    file.close().await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"f\xfcr 5 \x80\r\n7 \x80");

    // The error is told when the file is opened, and names it.
    let options = TextOptions::new().fallbacks([Encoding::UTF_8]);
    let error = TextFile::open_with(&path, "r", &options).await.unwrap_err();
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    let error = TextFile::open_with(&path, "a+", &options).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);

    // What is only written has the encoding that is named.
    let options = TextOptions::new().encoding(Encoding::UTF_16LE).detect();
    write_text(&path, "a", &options).await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"a\0");
}
