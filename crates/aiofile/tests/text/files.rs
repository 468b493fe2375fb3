//! Text files: one cursor for reading and writing, in every mode.

use std::io::{ErrorKind, SeekFrom};
use std::path::PathBuf;

use aiofile::Error;
use aiofile::fs::{read_text, write_text};
use aiofile::text::{Encoding, Newline, TextFile, TextOptions};

fn scratch(contents: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("text");
    std::fs::write(&path, contents).unwrap();
    (directory, path)
}

#[tokio::test]
async fn a_write_goes_to_the_cursor_and_a_read_sees_it() {
    let (_directory, path) = scratch("äöü\nzwei\ndrei\n".as_bytes());
    let mut file = TextFile::open(&path, "r+").await.unwrap();
    assert_eq!(file.readline().await.unwrap(), "äöü\n");
    assert_eq!(file.write("ZW").await.unwrap(), 2);
    assert_eq!(file.tell().await.unwrap(), 9);
    assert_eq!(file.readline().await.unwrap(), "ei\n");
    file.seek(SeekFrom::Start(0)).await.unwrap();
    assert_eq!(file.read(1).await.unwrap(), "ä");
    file.write("Ö").await.unwrap();
    assert_eq!(file.read_all().await.unwrap(), "ü\nZWei\ndrei\n");
    file.write("vier").await.unwrap();
    file.seek(SeekFrom::Start(0)).await.unwrap();
    assert_eq!(file.read_all().await.unwrap(), "äÖü\nZWei\ndrei\nvier");
}

#[tokio::test]
async fn collected_text_is_written_before_anything_else_is_done() {
    let (_directory, path) = scratch(b"12345");
    let options = TextOptions::new().write_buffer(1000);
    let mut file = TextFile::open_with(&path, "r+", &options).await.unwrap();
    file.write("ab").await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"12345");
    assert_eq!(file.read(1).await.unwrap(), "3");
    assert_eq!(std::fs::read(&path).unwrap(), b"ab345");
    file.write("c").await.unwrap();
    assert_eq!(file.tell().await.unwrap(), 4);
    file.write("d").await.unwrap();
    assert_eq!(file.seek(SeekFrom::Start(0)).await.unwrap(), 0);
    assert_eq!(file.read_all().await.unwrap(), "ab3cd");
    file.write("e").await.unwrap();
    file.close().await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"ab3cde");
}

#[tokio::test]
async fn the_file_below_goes_on_where_the_text_is() {
    let (_directory, path) = scratch("zwölf\r\nBoxkämpfer\n".as_bytes());
    let options = TextOptions::new().write_buffer(1000);
    let open = async || TextFile::open_with(&path, "r+", &options).await.unwrap();
    let file = open().await.into_inner().await.unwrap();
    assert_eq!(file.tell(), 0);
    let mut text = open().await;
    assert_eq!(text.read(3).await.unwrap(), "zwö");
    let mut file = text.into_inner().await.unwrap();
    assert_eq!((file.tell(), file.readline().await.unwrap()), (4, "lf\r\n".into()));
    let mut text = open().await;
    assert_eq!(text.next_line().await.unwrap(), Some("zwölf"));
    text.write("BOX").await.unwrap();
    let mut file = text.into_inner().await.unwrap();
    assert_eq!((file.tell(), file.readline().await.unwrap()), (11, "kämpfer\n".into()));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "zwölf\r\nBOXkämpfer\n");
    let mut text = open().await;
    text.read_all().await.unwrap();
    text.seek(SeekFrom::Start(2)).await.unwrap();
    assert_eq!(text.into_inner().await.unwrap().tell(), 2);
    let (reading, mut writing) = std::io::pipe().unwrap();
    std::io::Write::write_all(&mut writing, b"one\ntwo\n").unwrap();
    let pipe = aiofile::async_open(std::os::fd::OwnedFd::from(reading), "r").await.unwrap();
    let mut text = TextFile::new(pipe, &options);
    assert_eq!(text.readline().await.unwrap(), "one\n");
    assert!(text.into_inner().await.is_ok(), "what cannot seek comes back all the same");
}

#[tokio::test]
async fn text_is_appended_wherever_the_cursor_is() {
    let (_directory, path) = scratch(b"one\n");
    let mut file = TextFile::open(&path, "a+").await.unwrap();
    assert_eq!(file.read_all().await.unwrap(), "");
    file.seek(SeekFrom::Start(0)).await.unwrap();
    assert_eq!(file.read(1).await.unwrap(), "o");
    file.write("two\n").await.unwrap();
    assert_eq!(file.read_all().await.unwrap(), "");
    file.seek(SeekFrom::Start(0)).await.unwrap();
    assert_eq!(file.read_all().await.unwrap(), "one\ntwo\n");
}

#[tokio::test]
async fn the_mark_is_written_at_the_start_alone() {
    let (_directory, path) = scratch(b"");
    let options = TextOptions::new().encoding(Encoding::UTF_8_SIG);
    for text in ["a", "b"] {
        let mut file = TextFile::open_with(&path, "a", &options).await.unwrap();
        file.write(text).await.unwrap();
        file.write(text).await.unwrap();
    }
    assert_eq!(std::fs::read(&path).unwrap(), b"\xef\xbb\xbfaabb");

    let mut file = TextFile::open_with(&path, "r+", &options).await.unwrap();
    assert_eq!(file.read_all().await.unwrap(), "aabb");
    file.seek(SeekFrom::Start(0)).await.unwrap();
    file.write("A").await.unwrap();
    assert_eq!(file.read_all().await.unwrap(), "abb");
    assert_eq!(std::fs::read(&path).unwrap(), b"\xef\xbb\xbfAabb");

    // In a file that is appended to, the start of the file is not where the text goes.
    let mut file = TextFile::open_with(&path, "a+", &options).await.unwrap();
    file.seek(SeekFrom::Start(0)).await.unwrap();
    file.write("c").await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"\xef\xbb\xbfAabbc");
}

#[tokio::test]
async fn a_file_goes_on_in_the_order_of_bytes_of_its_mark() {
    let (_directory, path) = scratch(b"\xfe\xff\0a\0b");
    let options = TextOptions::new().encoding(Encoding::UTF_16);
    let mut file = TextFile::open_with(&path, "r+", &options).await.unwrap();
    file.seek(SeekFrom::End(0)).await.unwrap();
    file.write("c").await.unwrap();
    file.seek(SeekFrom::Start(4)).await.unwrap();
    assert_eq!(file.read_all().await.unwrap(), "bc");
    assert_eq!(std::fs::read(&path).unwrap(), b"\xfe\xff\0a\0b\0c");
}

#[tokio::test]
async fn errors_name_the_file_and_what_was_wrong_with_it() {
    let (_directory, path) = scratch(b"ab\xff");
    let name = path.to_str().unwrap();
    let mut file = TextFile::open(&path, "r").await.unwrap();
    let error = file.read_all().await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("decode {name} at offset 2: 0xff")), "{error}");
    assert_eq!(file.read(9).await.unwrap(), "ab");
    let error = file.write("x").await.unwrap_err();
    assert!(error.to_string().contains(name), "{error}");
    assert_eq!(Error::of(&error).unwrap().raw_os_error(), Some(9), "{error}");

    let error = read_text(&path, &TextOptions::new()).await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("decode {name} at offset 2")), "{error}");
    let error = TextFile::open(&path, "rw").await.unwrap_err();
    assert!(error.to_string().contains(name) && error.to_string().contains("\"rw\""), "{error}");
    let error = TextFile::open(path.join("none"), "r").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotADirectory);
}

#[tokio::test]
async fn what_cannot_be_encoded_leaves_the_file_as_it_was() {
    let (_directory, path) = scratch(b"old");
    let options = TextOptions::new().encoding(Encoding::ASCII);
    let error = write_text(&path, "née", &options).await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("encode {}", path.display())), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), b"old");

    let mut file = TextFile::open_with(&path, "r+", &options).await.unwrap();
    assert_eq!(file.read(1).await.unwrap(), "o");
    file.write("é").await.unwrap_err();
    assert_eq!(file.tell().await.unwrap(), 1);
    assert_eq!(file.read_all().await.unwrap(), "ld");
}

#[tokio::test]
async fn whole_files_come_back_in_every_encoding() {
    let (_directory, path) = scratch(b"");
    for name in ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-32be", "gb18030"] {
        for text in ["", "\u{feff}", "é😀\n\0 語\n"] {
            let options = TextOptions::new().encoding(name.parse().unwrap());
            write_text(&path, text, &options).await.unwrap();
            assert_eq!(read_text(&path, &options).await.unwrap(), text, "{name}");
        }
    }
}

#[tokio::test]
async fn pipes_have_text_too() {
    let mut echo = TextFile::open("/proc/self/status", "r").await.unwrap();
    assert!(echo.next_line().await.unwrap().unwrap().starts_with("Name:"));

    let (reader, mut writer) = std::io::pipe().unwrap();
    std::io::Write::write_all(&mut writer, b"eins\r\nzwei").unwrap();
    drop(writer);
    let pipe = std::fs::File::from(std::os::fd::OwnedFd::from(reader));
    let pipe = aiofile::async_open(pipe, "r").await.unwrap();
    let mut file = TextFile::new(pipe, &TextOptions::new());
    assert_eq!(file.next_line().await.unwrap(), Some("eins"));
    assert_eq!(file.seek(SeekFrom::Start(0)).await.unwrap_err().kind(), ErrorKind::NotSeekable);
    assert_eq!(file.read_all().await.unwrap(), "zwei");
}

#[tokio::test]
async fn any_file_with_tokios_traits_will_do() {
    let (_directory, path) = scratch(b"");
    let file = std::fs::File::options().read(true).write(true).open(&path).unwrap();
    let file = tokio::io::BufStream::new(tokio::fs::File::from_std(file));
    let options = TextOptions::new().newline(Newline::CrLf).write_buffer(8);
    let mut file = TextFile::new(file, &options);
    file.write("eins\nzwei\n").await.unwrap();
    file.seek(SeekFrom::Start(0)).await.unwrap();
    assert_eq!(file.next_line().await.unwrap(), Some("eins"));
    file.write("ZW").await.unwrap();
    file.flush().await.unwrap();
    file.seek(SeekFrom::Start(0)).await.unwrap();
    let mut lines = file.lines();
    assert_eq!(lines.next().await.unwrap().unwrap(), "eins");
    assert_eq!(lines.next().await.unwrap().unwrap(), "ZWei");
    assert!(lines.next().await.is_none());
}

#[test]
fn it_works_without_tokio() {
    let (_directory, path) = scratch(b"a\r\nb\n");
    futures_executor::block_on(async {
        let mut file = TextFile::open(&path, "r+").await.unwrap();
        assert_eq!(file.next_line().await.unwrap(), Some("a"));
        file.write("B").await.unwrap();
        file.close().await.unwrap();
        assert_eq!(read_text(&path, &TextOptions::new()).await.unwrap(), "a\nB\n");
    });
}

#[test]
fn futures_are_send() {
    fn send<T: Send>(_: T) {}
    let options = TextOptions::new();
    let open = || async {
        let mut file = TextFile::open("/none", "r").await?;
        file.next_line().await?;
        file.read(1).await?;
        file.write("").await?;
        file.seek(SeekFrom::Start(0)).await?;
        file.lines().next().await;
        file.close().await
    };
    send(open());
    send(read_text("/none", &options));
    send(write_text("/none", "", &options));
}

#[tokio::test]
async fn a_truncation_is_at_the_cursor_of_the_text() {
    for (name, bytes) in [("utf-8", 1), ("utf-16-le", 2)] {
        let (_directory, path) = scratch(b"");
        let options = TextOptions::new().encoding(name.parse().unwrap()).write_buffer(1000);
        write_text(&path, "one\ntwo\nthree\n", &options).await.unwrap();
        let mut file = TextFile::open_with(&path, "r+", &options).await.unwrap();
        assert_eq!(file.readline().await.unwrap(), "one\n");
        file.write("TWO").await.unwrap();
        assert_eq!(file.truncate(None).await.unwrap(), 7 * bytes, "{name}: after what was written");
        assert_eq!(file.read_all().await.unwrap(), "", "{name}: nothing that was read ahead");
        file.write("!\n").await.unwrap();
        assert_eq!(file.truncate(4 * bytes).await.unwrap(), 4 * bytes);
        assert_eq!(file.tell().await.unwrap(), 9 * bytes, "{name}: the cursor stays");
        file.close().await.unwrap();
        assert_eq!(read_text(&path, &options).await.unwrap(), "one\n");
    }
    let mut file = TextFile::open("/proc/version", "r").await.unwrap();
    assert_eq!(file.read(3).await.unwrap(), "Lin");
    assert!(file.truncate(0).await.is_err());
    assert_eq!(file.read(2).await.unwrap(), "ux", "it goes on after the refusal");
    assert_eq!(file.path(), Some("/proc/version".as_ref()));
}
