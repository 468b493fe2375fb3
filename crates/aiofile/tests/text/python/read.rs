//! What Python 3.11 reads: `list(open(file, encoding=, errors=, newline=))`, and where its
//! `bytes.decode` says that an error is.

use aiofile::text::Newline::{self, Any, Cr, CrLf, Lf, Universal};

/// The lines, or where the malformed bytes begin and end.
pub(crate) type Outcome = Result<&'static [&'static str], (u64, u64)>;

/// Encoding, ends of lines, bytes; what comes of them strictly, and where that is not always the
/// same, with replacement and ignoring.
pub(crate) type Case = (&'static str, Newline, &'static [u8], &'static [Outcome]);

#[rustfmt::skip]
pub(crate) const CASES: &[Case] = &[
    ("utf-8", Universal, b"a\nb\r\nc\rd\n\re\r\r\n\n\r\r", &[
        Ok(&["a\n", "b\n", "c\n", "d\n", "\n", "e\n", "\n", "\n", "\n", "\n"]),
    ]),
    ("utf-16-le", Universal, b"a\0\n\0b\0\r\0\n\0c\0\r\0d\0\n\0\r\0e\0\r\0\r\0\n\0\n\0\r\0\
                                  \r\0", &[
        Ok(&["a\n", "b\n", "c\n", "d\n", "\n", "e\n", "\n", "\n", "\n", "\n"]),
    ]),
    ("latin-1", Universal, b"\xe9\r\n\xff\r\xa0\n\x85x\x0b\x0cy", &[
        Ok(&["\u{e9}\n", "\u{ff}\n", "\u{a0}\n", "\u{85}x\u{b}\u{c}y"]),
    ]),
    ("utf-8", Universal, b"\xc3\xa9\xe2\x80\xa8\xc2\x85x\x0b\x0c\x1cy\n", &[
        Ok(&["\u{e9}\u{2028}\u{85}x\u{b}\u{c}\u{1c}y\n"]),
    ]),
    ("shift_jis", Universal, b"\x93\xfa\x96{\r\n\x8c\xea\rz", &[
        Ok(&["\u{65e5}\u{672c}\n", "\u{8a9e}\n", "z"]),
    ]),
    ("utf-8", Universal, b"", &[Ok(&[])]),
    ("utf-8", Universal, b"\r", &[Ok(&["\n"])]),
    ("utf-8", Universal, b"\n", &[Ok(&["\n"])]),
    ("utf-8", Universal, b"x\r", &[Ok(&["x\n"])]),
    ("utf-8", Universal, b"x\r\n", &[Ok(&["x\n"])]),
    ("utf-32-be", Universal, b"\0\0\0a\0\0\0\r\0\0\0\n\0\0\0b\0\0\0\r\0\0\0c", &[
        Ok(&["a\n", "b\n", "c"]),
    ]),
    ("utf-8", Any, b"a\nb\r\nc\rd\n\re\r\r\n\n\r\r", &[
        Ok(&["a\n", "b\r\n", "c\r", "d\n", "\r", "e\r", "\r\n", "\n", "\r", "\r"]),
    ]),
    ("utf-16-le", Any, b"a\0\n\0b\0\r\0\n\0c\0\r\0d\0\n\0\r\0e\0\r\0\r\0\n\0\n\0\r\0\
                                  \r\0", &[
        Ok(&["a\n", "b\r\n", "c\r", "d\n", "\r", "e\r", "\r\n", "\n", "\r", "\r"]),
    ]),
    ("latin-1", Any, b"\xe9\r\n\xff\r\xa0\n\x85x\x0b\x0cy", &[
        Ok(&["\u{e9}\r\n", "\u{ff}\r", "\u{a0}\n", "\u{85}x\u{b}\u{c}y"]),
    ]),
    ("utf-8", Any, b"\xc3\xa9\xe2\x80\xa8\xc2\x85x\x0b\x0c\x1cy\n", &[
        Ok(&["\u{e9}\u{2028}\u{85}x\u{b}\u{c}\u{1c}y\n"]),
    ]),
    ("shift_jis", Any, b"\x93\xfa\x96{\r\n\x8c\xea\rz", &[
        Ok(&["\u{65e5}\u{672c}\r\n", "\u{8a9e}\r", "z"]),
    ]),
    ("utf-8", Any, b"", &[Ok(&[])]),
    ("utf-8", Any, b"\r", &[Ok(&["\r"])]),
    ("utf-8", Any, b"\n", &[Ok(&["\n"])]),
    ("utf-8", Any, b"x\r", &[Ok(&["x\r"])]),
    ("utf-8", Any, b"x\r\n", &[Ok(&["x\r\n"])]),
    ("utf-32-be", Any, b"\0\0\0a\0\0\0\r\0\0\0\n\0\0\0b\0\0\0\r\0\0\0c", &[
        Ok(&["a\r\n", "b\r", "c"]),
    ]),
    ("utf-8", Lf, b"a\nb\r\nc\rd\n\re\r\r\n\n\r\r", &[
        Ok(&["a\n", "b\r\n", "c\rd\n", "\re\r\r\n", "\n", "\r\r"]),
    ]),
    ("utf-16-le", Lf, b"a\0\n\0b\0\r\0\n\0c\0\r\0d\0\n\0\r\0e\0\r\0\r\0\n\0\n\0\r\0\
                                  \r\0", &[
        Ok(&["a\n", "b\r\n", "c\rd\n", "\re\r\r\n", "\n", "\r\r"]),
    ]),
    ("latin-1", Lf, b"\xe9\r\n\xff\r\xa0\n\x85x\x0b\x0cy", &[
        Ok(&["\u{e9}\r\n", "\u{ff}\r\u{a0}\n", "\u{85}x\u{b}\u{c}y"]),
    ]),
    ("utf-8", Lf, b"\xc3\xa9\xe2\x80\xa8\xc2\x85x\x0b\x0c\x1cy\n", &[
        Ok(&["\u{e9}\u{2028}\u{85}x\u{b}\u{c}\u{1c}y\n"]),
    ]),
    ("shift_jis", Lf, b"\x93\xfa\x96{\r\n\x8c\xea\rz", &[
        Ok(&["\u{65e5}\u{672c}\r\n", "\u{8a9e}\rz"]),
    ]),
    ("utf-8", Lf, b"", &[Ok(&[])]),
    ("utf-8", Lf, b"\r", &[Ok(&["\r"])]),
    ("utf-8", Lf, b"\n", &[Ok(&["\n"])]),
    ("utf-8", Lf, b"x\r", &[Ok(&["x\r"])]),
    ("utf-8", Lf, b"x\r\n", &[Ok(&["x\r\n"])]),
    ("utf-32-be", Lf, b"\0\0\0a\0\0\0\r\0\0\0\n\0\0\0b\0\0\0\r\0\0\0c", &[
        Ok(&["a\r\n", "b\rc"]),
    ]),
    ("utf-8", Cr, b"a\nb\r\nc\rd\n\re\r\r\n\n\r\r", &[
        Ok(&["a\nb\r", "\nc\r", "d\n\r", "e\r", "\r", "\n\n\r", "\r"]),
    ]),
    ("utf-16-le", Cr, b"a\0\n\0b\0\r\0\n\0c\0\r\0d\0\n\0\r\0e\0\r\0\r\0\n\0\n\0\r\0\
                                  \r\0", &[
        Ok(&["a\nb\r", "\nc\r", "d\n\r", "e\r", "\r", "\n\n\r", "\r"]),
    ]),
    ("latin-1", Cr, b"\xe9\r\n\xff\r\xa0\n\x85x\x0b\x0cy", &[
        Ok(&["\u{e9}\r", "\n\u{ff}\r", "\u{a0}\n\u{85}x\u{b}\u{c}y"]),
    ]),
    ("utf-8", Cr, b"\xc3\xa9\xe2\x80\xa8\xc2\x85x\x0b\x0c\x1cy\n", &[
        Ok(&["\u{e9}\u{2028}\u{85}x\u{b}\u{c}\u{1c}y\n"]),
    ]),
    ("shift_jis", Cr, b"\x93\xfa\x96{\r\n\x8c\xea\rz", &[
        Ok(&["\u{65e5}\u{672c}\r", "\n\u{8a9e}\r", "z"]),
    ]),
    ("utf-8", Cr, b"", &[Ok(&[])]),
    ("utf-8", Cr, b"\r", &[Ok(&["\r"])]),
    ("utf-8", Cr, b"\n", &[Ok(&["\n"])]),
    ("utf-8", Cr, b"x\r", &[Ok(&["x\r"])]),
    ("utf-8", Cr, b"x\r\n", &[Ok(&["x\r", "\n"])]),
    ("utf-32-be", Cr, b"\0\0\0a\0\0\0\r\0\0\0\n\0\0\0b\0\0\0\r\0\0\0c", &[
        Ok(&["a\r", "\nb\r", "c"]),
    ]),
    ("utf-8", CrLf, b"a\nb\r\nc\rd\n\re\r\r\n\n\r\r", &[
        Ok(&["a\nb\r\n", "c\rd\n\re\r\r\n", "\n\r\r"]),
    ]),
    ("utf-16-le", CrLf, b"a\0\n\0b\0\r\0\n\0c\0\r\0d\0\n\0\r\0e\0\r\0\r\0\n\0\n\0\r\0\
                                  \r\0", &[
        Ok(&["a\nb\r\n", "c\rd\n\re\r\r\n", "\n\r\r"]),
    ]),
    ("latin-1", CrLf, b"\xe9\r\n\xff\r\xa0\n\x85x\x0b\x0cy", &[
        Ok(&["\u{e9}\r\n", "\u{ff}\r\u{a0}\n\u{85}x\u{b}\u{c}y"]),
    ]),
    ("utf-8", CrLf, b"\xc3\xa9\xe2\x80\xa8\xc2\x85x\x0b\x0c\x1cy\n", &[
        Ok(&["\u{e9}\u{2028}\u{85}x\u{b}\u{c}\u{1c}y\n"]),
    ]),
    ("shift_jis", CrLf, b"\x93\xfa\x96{\r\n\x8c\xea\rz", &[
        Ok(&["\u{65e5}\u{672c}\r\n", "\u{8a9e}\rz"]),
    ]),
    ("utf-8", CrLf, b"", &[Ok(&[])]),
    ("utf-8", CrLf, b"\r", &[Ok(&["\r"])]),
    ("utf-8", CrLf, b"\n", &[Ok(&["\n"])]),
    ("utf-8", CrLf, b"x\r", &[Ok(&["x\r"])]),
    ("utf-8", CrLf, b"x\r\n", &[Ok(&["x\r\n"])]),
    ("utf-32-be", CrLf, b"\0\0\0a\0\0\0\r\0\0\0\n\0\0\0b\0\0\0\r\0\0\0c", &[
        Ok(&["a\r\n", "b\rc"]),
    ]),
    ("utf-8", Universal, b"\xc0\x80", &[Err((0, 1)), Ok(&["\u{fffd}\u{fffd}"]), Ok(&[])]),
    ("utf-8", Universal, b"a\xe0\x80\x80", &[
        Err((1, 2)),
        Ok(&["a\u{fffd}\u{fffd}\u{fffd}"]),
        Ok(&["a"]),
    ]),
    ("utf-8", Universal, b"\xed\xa0\x80", &[
        Err((0, 1)),
        Ok(&["\u{fffd}\u{fffd}\u{fffd}"]),
        Ok(&[]),
    ]),
    ("utf-8", Universal, b"\xf4\x90\x80\x80", &[
        Err((0, 1)),
        Ok(&["\u{fffd}\u{fffd}\u{fffd}\u{fffd}"]),
        Ok(&[]),
    ]),
    ("utf-8", Universal, b"\xf0\x9f\x98", &[Err((0, 3)), Ok(&["\u{fffd}"]), Ok(&[])]),
    ("utf-8", Universal, b"a\xffb", &[Err((1, 2)), Ok(&["a\u{fffd}b"]), Ok(&["ab"])]),
    ("utf-8", Universal, b"\xc3", &[Err((0, 1)), Ok(&["\u{fffd}"]), Ok(&[])]),
    ("utf-8", Universal, b"\xc3(", &[Err((0, 1)), Ok(&["\u{fffd}("]), Ok(&["("])]),
    ("utf-8", Universal, b"\xe2\x82(", &[Err((0, 2)), Ok(&["\u{fffd}("]), Ok(&["("])]),
    ("utf-8", Universal, b"ok\n\xf0\x9f\x98\x80\n\xf0\x9f\n", &[
        Err((8, 10)),
        Ok(&["ok\n", "\u{1f600}\n", "\u{fffd}\n"]),
        Ok(&["ok\n", "\u{1f600}\n", "\n"]),
    ]),
    ("utf-8", Universal, b"a\0b\n\0", &[Ok(&["a\0b\n", "\0"])]),
    ("utf-8", Universal, b"\xef\xbb\xbfx", &[Ok(&["\u{feff}x"])]),
    ("utf-8", Universal, b"x\xef\xbb\xbfy", &[Ok(&["x\u{feff}y"])]),
    ("utf-8", Universal, b"\xef\xbb\xbf", &[Ok(&["\u{feff}"])]),
    ("utf-8", Universal, b"\xef\xbb", &[Err((0, 2)), Ok(&["\u{fffd}"]), Ok(&[])]),
    ("utf-8", Universal, b"\xf8\x88\x80\x80\x80", &[
        Err((0, 1)),
        Ok(&["\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}"]),
        Ok(&[]),
    ]),
    ("utf-8", Universal, b"\xfe\xff", &[Err((0, 1)), Ok(&["\u{fffd}\u{fffd}"]), Ok(&[])]),
    ("utf-8", Universal, b"\x80\xbf", &[Err((0, 1)), Ok(&["\u{fffd}\u{fffd}"]), Ok(&[])]),
    ("utf-8", Universal, b"a\r\xffb", &[
        Err((2, 3)),
        Ok(&["a\n", "\u{fffd}b"]),
        Ok(&["a\n", "b"]),
    ]),
    ("utf-8", Universal, b"a\r\xff\n", &[Err((2, 3)), Ok(&["a\n", "\u{fffd}\n"]), Ok(&["a\n"])]),
    ("utf-8", Universal, b"\xe2(\xa1", &[Err((0, 1)), Ok(&["\u{fffd}(\u{fffd}"]), Ok(&["("])]),
    ("utf-8", Universal, b"\xf0(\x8c(", &[Err((0, 1)), Ok(&["\u{fffd}(\u{fffd}("]), Ok(&["(("])]),
    ("utf-8-sig", Universal, b"", &[Ok(&[])]),
    ("utf-8-sig", Universal, b"\xef\xbb\xbf", &[Ok(&[])]),
    ("utf-8-sig", Universal, b"\xef\xbb\xbf\xef\xbb\xbfa", &[Ok(&["\u{feff}a"])]),
    ("utf-8-sig", Universal, b"\xef\xbba", &[Err((0, 2)), Ok(&["\u{fffd}a"]), Ok(&["a"])]),
    ("utf-8-sig", Universal, b"a\xef\xbb\xbf", &[Ok(&["a\u{feff}"])]),
    ("utf-8-sig", Universal, b"\xef\xbb\xbfa\r\nb", &[Ok(&["a\n", "b"])]),
    ("utf-16-le", Universal, b"a\0\0\xd8", &[Err((2, 4)), Ok(&["a\u{fffd}"]), Ok(&["a"])]),
    ("utf-16-le", Universal, b"a\0\0\xd8b\0", &[Err((2, 4)), Ok(&["a\u{fffd}b"]), Ok(&["ab"])]),
    ("utf-16-le", Universal, b"\0\xdca\0", &[Err((0, 2)), Ok(&["\u{fffd}a"]), Ok(&["a"])]),
    ("utf-16-le", Universal, b"a\0\0\xd8\x01", &[Err((2, 5)), Ok(&["a\u{fffd}"]), Ok(&["a"])]),
    ("utf-16-le", Universal, b"a\0b", &[Err((2, 3)), Ok(&["a\u{fffd}"]), Ok(&["a"])]),
    ("utf-16-le", Universal, b"\0\xd8\0\xd8\0\xdc", &[
        Err((0, 2)),
        Ok(&["\u{fffd}\u{10000}"]),
        Ok(&["\u{10000}"]),
    ]),
    ("utf-16-le", Universal, b"a\0\0\xd8\0\xdc", &[Ok(&["a\u{10000}"])]),
    ("utf-16-le", Universal, b"\xff\xfea\0", &[Ok(&["\u{feff}a"])]),
    ("utf-16-le", Universal, b"=\xd8\0\xde\n\0", &[Ok(&["\u{1f600}\n"])]),
    ("utf-16-le", Universal, b"\0\0\n\0", &[Ok(&["\0\n"])]),
    ("utf-16-le", Universal, b"\r\0\n", &[Err((2, 3)), Ok(&["\n", "\u{fffd}"]), Ok(&["\n"])]),
    ("utf-16-be", Universal, b"\xd8\0\0a", &[Err((0, 2)), Ok(&["\u{fffd}a"]), Ok(&["a"])]),
    ("utf-16-be", Universal, b"\xdc\0\0a", &[Err((0, 2)), Ok(&["\u{fffd}a"]), Ok(&["a"])]),
    ("utf-16-be", Universal, b"\0a\xd8=\xde\0", &[Ok(&["a\u{1f600}"])]),
    ("utf-16-be", Universal, b"\xfe\xff\0a", &[Ok(&["\u{feff}a"])]),
    ("utf-16", Universal, b"", &[Ok(&[])]),
    ("utf-16", Universal, b"\xff\xfe", &[Ok(&[])]),
    ("utf-16", Universal, b"\xfe\xff", &[Ok(&[])]),
    ("utf-16", Universal, b"\xff\xfea\0\xff\xfe", &[Ok(&["a\u{feff}"])]),
    ("utf-16", Universal, b"\xfe\xff\0a", &[Ok(&["a"])]),
    ("utf-16", Universal, b"\xff\xfe\xff\xfea\0", &[Ok(&["\u{feff}a"])]),
    ("utf-16", Universal, b"\xff\xfe\r\0\n\0b\0", &[Ok(&["\n", "b"])]),
    ("utf-16", Universal, b"\xfe\xff\0\r\0\n\xd8\0", &[
        Err((6, 8)),
        Ok(&["\n", "\u{fffd}"]),
        Ok(&["\n"]),
    ]),
    ("utf-32-le", Universal, b"\0\xd8\0\0a\0\0\0", &[
        Err((0, 4)),
        Ok(&["\u{fffd}a"]),
        Ok(&["a"]),
    ]),
    ("utf-32-le", Universal, b"a\0\0\0b\0", &[Err((4, 6)), Ok(&["a\u{fffd}"]), Ok(&["a"])]),
    ("utf-32-le", Universal, b"\0\0\x11\0a\0\0\0", &[
        Err((0, 4)),
        Ok(&["\u{fffd}a"]),
        Ok(&["a"]),
    ]),
    ("utf-32-le", Universal, b"a\0\0\0b", &[Err((4, 5)), Ok(&["a\u{fffd}"]), Ok(&["a"])]),
    ("utf-32-le", Universal, b"\0\0\0\x01", &[Err((0, 4)), Ok(&["\u{fffd}"]), Ok(&[])]),
    ("utf-32", Universal, b"\xff\xfe\0\0", &[Ok(&[])]),
    ("utf-32", Universal, b"\0\0\xfe\xff\0\0\0a", &[Ok(&["a"])]),
    ("utf-32", Universal, b"\0\0\xfe\xff\0\0\xd8\0\0\0\0b", &[
        Err((4, 8)),
        Ok(&["\u{fffd}b"]),
        Ok(&["b"]),
    ]),
    ("ascii", Universal, b"abc\x80d", &[Err((3, 4)), Ok(&["abc\u{fffd}d"]), Ok(&["abcd"])]),
    ("ascii", Universal, b"\xff", &[Err((0, 1)), Ok(&["\u{fffd}"]), Ok(&[])]),
    ("ascii", Universal, b"ok\n", &[Ok(&["ok\n"])]),
    ("latin-1", Universal, b"\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\
                                  \x8f\x90\x91\x92\x93\x94\x95\x96\x97\x98\x99\x9a\x9b\x9c\x9d\
                                  \x9e\x9f\xa0\xa1\xcf\xd0\xd1\xd2\xd3\xd4\xd5\xd6\xd7\xd8\xd9\
                                  \xda\xdb\xdc\xdd\xde\xdf\xef\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\
                                  \xf8\xf9\xfa\xfb\xfc\xfd\xfe\xff", &[
        Ok(&["\u{80}\u{81}\u{82}\u{83}\u{84}\u{85}\u{86}\u{87}\u{88}\u{89}\u{8a}\u{8b}\u{8c}\
              \u{8d}\u{8e}\u{8f}\u{90}\u{91}\u{92}\u{93}\u{94}\u{95}\u{96}\u{97}\u{98}\u{99}\
              \u{9a}\u{9b}\u{9c}\u{9d}\u{9e}\u{9f}\u{a0}\u{a1}\u{cf}\u{d0}\u{d1}\u{d2}\u{d3}\
              \u{d4}\u{d5}\u{d6}\u{d7}\u{d8}\u{d9}\u{da}\u{db}\u{dc}\u{dd}\u{de}\u{df}\u{ef}\
              \u{f0}\u{f1}\u{f2}\u{f3}\u{f4}\u{f5}\u{f6}\u{f7}\u{f8}\u{f9}\u{fa}\u{fb}\u{fc}\
              \u{fd}\u{fe}\u{ff}"]),
    ]),
    ("iso8859-9", Universal, b"\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\
                                  \x8f\x90\x91\x92\x93\x94\x95\x96\x97\x98\x99\x9a\x9b\x9c\x9d\
                                  \x9e\x9f\xa0\xa1\xcf\xd0\xd1\xd2\xd3\xd4\xd5\xd6\xd7\xd8\xd9\
                                  \xda\xdb\xdc\xdd\xde\xdf\xef\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\
                                  \xf8\xf9\xfa\xfb\xfc\xfd\xfe\xff", &[
        Ok(&["\u{80}\u{81}\u{82}\u{83}\u{84}\u{85}\u{86}\u{87}\u{88}\u{89}\u{8a}\u{8b}\u{8c}\
              \u{8d}\u{8e}\u{8f}\u{90}\u{91}\u{92}\u{93}\u{94}\u{95}\u{96}\u{97}\u{98}\u{99}\
              \u{9a}\u{9b}\u{9c}\u{9d}\u{9e}\u{9f}\u{a0}\u{a1}\u{cf}\u{11e}\u{d1}\u{d2}\u{d3}\
              \u{d4}\u{d5}\u{d6}\u{d7}\u{d8}\u{d9}\u{da}\u{db}\u{dc}\u{130}\u{15e}\u{df}\u{ef}\
              \u{11f}\u{f1}\u{f2}\u{f3}\u{f4}\u{f5}\u{f6}\u{f7}\u{f8}\u{f9}\u{fa}\u{fb}\u{fc}\
              \u{131}\u{15f}\u{ff}"]),
    ]),
    ("iso8859_11", Universal, b"a\xa0\xa1\xdb\xdf\xfb\xfc", &[
        Err((3, 4)),
        Ok(&["a\u{a0}\u{e01}\u{fffd}\u{e3f}\u{e5b}\u{fffd}"]),
        Ok(&["a\u{a0}\u{e01}\u{e3f}\u{e5b}"]),
    ]),
    ("tis-620", Universal, b"a\xa0\xa1\xdb\xdf\xfb\xfc", &[
        Err((1, 2)),
        Ok(&["a\u{fffd}\u{e01}\u{fffd}\u{e3f}\u{e5b}\u{fffd}"]),
        Ok(&["a\u{e01}\u{e3f}\u{e5b}"]),
    ]),
    ("iso8859_11", Universal, b"\x80", &[Ok(&["\u{80}"])]),
    ("tis-620", Universal, b"\x80", &[Ok(&["\u{80}"])]),
    ("koi8-r", Universal, b"\xf0\xd2\xc9\xd7\xc5\xd4\n\xcd\xc9\xd2", &[
        Ok(&["\u{41f}\u{440}\u{438}\u{432}\u{435}\u{442}\n", "\u{43c}\u{438}\u{440}"]),
    ]),
    ("cp1251", Universal, b"\xcf\xf0\xe8\xe2\xe5\xf2", &[
        Ok(&["\u{41f}\u{440}\u{438}\u{432}\u{435}\u{442}"]),
    ]),
    ("iso8859-15", Universal, b"\xa4 \xa6\xa8", &[Ok(&["\u{20ac} \u{160}\u{161}"])]),
    ("euc-jp", Universal, b"\xc6\xfc\xcb\xdc\xb8\xec\n\xa5\xab\xa5\xca", &[
        Ok(&["\u{65e5}\u{672c}\u{8a9e}\n", "\u{30ab}\u{30ca}"]),
    ]),
    ("gb18030", Universal, b"\xba\xba\xd7\xd6\x949\xfc6x", &[
        Ok(&["\u{6c49}\u{5b57}\u{1f600}x"]),
    ]),
    ("big5", Universal, b"\xba~\xa6r\n", &[Ok(&["\u{6f22}\u{5b57}\n"])]),
    ("euc-kr", Universal, b"\xc7\xd1\xb1\xb9\xbe\xee", &[Ok(&["\u{d55c}\u{ad6d}\u{c5b4}"])]),
    ("iso2022_jp", Universal, b"a\x1b$BF|K\\\x1b(Bb\n\x1b$B8l\x1b(B", &[
        Ok(&["a\u{65e5}\u{672c}b\n", "\u{8a9e}"]),
    ]),
    ("cp1252", Universal, b"\x93\x80\x94", &[Ok(&["\u{201c}\u{20ac}\u{201d}"])]),
    ("cp866", Universal, b"\x8f\xe0\xa8\xa2\xa5\xe2", &[
        Ok(&["\u{41f}\u{440}\u{438}\u{432}\u{435}\u{442}"]),
    ]),
    ("mac_roman", Universal, b"\x8e\xa0", &[Ok(&["\u{e9}\u{2020}"])]),
    ("gbk", Universal, b"\xba\xba\xd7\xd6", &[Ok(&["\u{6c49}\u{5b57}"])]),
    ("gb18030", Universal, b"a\x810\x81", &[Err((1, 4)), Ok(&["a\u{fffd}"]), Ok(&["a"])]),
    ("euc-jp", Universal, b"a\xb0", &[Err((1, 2)), Ok(&["a\u{fffd}"]), Ok(&["a"])]),
    ("shift_jis", Universal, b"a\x82", &[Err((1, 2)), Ok(&["a\u{fffd}"]), Ok(&["a"])]),
    ("big5", Universal, b"\xa4", &[Err((0, 1)), Ok(&["\u{fffd}"]), Ok(&[])]),
    ("euc-kr", Universal, b"x\xb0", &[Err((1, 2)), Ok(&["x\u{fffd}"]), Ok(&["x"])]),
];
