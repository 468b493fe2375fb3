//! What Python 3.11 writes with `open(file, "w", encoding=, errors=, newline=)`.

use aiofile::text::Newline::{self, Any, Cr, CrLf, Lf, Universal};

/// The bytes, or the index of the character that cannot be written.
pub(crate) type Outcome = Result<&'static [u8], usize>;

/// Encoding, ends of lines, text; what comes of it strictly, and where that is not always the
/// same, with replacement and ignoring.
pub(crate) type Case = (&'static str, Newline, &'static str, &'static [Outcome]);

#[rustfmt::skip]
pub(crate) const CASES: &[Case] = &[
    ("utf-8", Universal, "\u{e9}\n\u{20ac}\u{1f600}\r\n", &[
        Ok(b"\xc3\xa9\n\xe2\x82\xac\xf0\x9f\x98\x80\r\n"),
    ]),
    ("utf-8-sig", Universal, "\u{e9}\n", &[Ok(b"\xef\xbb\xbf\xc3\xa9\n")]),
    ("utf-16", Universal, "\u{e9}\u{1f600}\n", &[Ok(b"\xff\xfe\xe9\0=\xd8\0\xde\n\0")]),
    ("utf-16-le", CrLf, "a\nb", &[Ok(b"a\0\r\0\n\0b\0")]),
    ("utf-16-be", Universal, "\u{e9}\u{1f600}", &[Ok(b"\0\xe9\xd8=\xde\0")]),
    ("utf-32", Cr, "\u{e9}\u{1f600}\n", &[Ok(b"\xff\xfe\0\0\xe9\0\0\0\0\xf6\x01\0\r\0\0\0")]),
    ("utf-32-be", Universal, "\u{1f600}", &[Ok(b"\0\x01\xf6\0")]),
    ("utf-32-le", Universal, "\u{1f600}", &[Ok(b"\0\xf6\x01\0")]),
    ("latin-1", Universal, "\u{e9}\u{20ac}x\u{1f600}\u{80}", &[
        Err(1),
        Ok(b"\xe9?x?\x80"),
        Ok(b"\xe9x\x80"),
    ]),
    ("ascii", Universal, "a\u{e9}\u{7f}\u{80}", &[Err(1), Ok(b"a?\x7f?"), Ok(b"a\x7f")]),
    ("ascii", CrLf, "a\n\nb\u{e9}\n", &[Err(4), Ok(b"a\r\n\r\nb?\r\n"), Ok(b"a\r\n\r\nb\r\n")]),
    ("iso8859-9", Universal, "\u{11f}\u{130}\u{15f}\u{f0}", &[
        Err(3),
        Ok(b"\xf0\xdd\xfe?"),
        Ok(b"\xf0\xdd\xfe"),
    ]),
    ("iso8859-11", Universal, "\u{e01}\u{80}\u{e2f}\u{e9}", &[
        Err(3),
        Ok(b"\xa1\x80\xcf?"),
        Ok(b"\xa1\x80\xcf"),
    ]),
    ("tis-620", Universal, "\u{e01}a\u{a0}", &[Err(2), Ok(b"\xa1a?"), Ok(b"\xa1a")]),
    ("koi8-r", Universal, "\u{41f}\u{440}\u{438}\u{432}\u{435}\u{442} \u{e9}", &[
        Err(7),
        Ok(b"\xf0\xd2\xc9\xd7\xc5\xd4 ?"),
        Ok(b"\xf0\xd2\xc9\xd7\xc5\xd4 "),
    ]),
    ("cp1252", Universal, "\u{201c}\u{20ac}\u{201d} \u{434}", &[
        Err(4),
        Ok(b"\x93\x80\x94 ?"),
        Ok(b"\x93\x80\x94 "),
    ]),
    ("shift_jis", Universal, "\u{65e5}\u{672c}\u{e9}\u{8a9e}", &[
        Err(2),
        Ok(b"\x93\xfa\x96{?\x8c\xea"),
        Ok(b"\x93\xfa\x96{\x8c\xea"),
    ]),
    ("euc-jp", Lf, "\u{65e5}\u{672c}\u{8a9e}\n", &[Ok(b"\xc6\xfc\xcb\xdc\xb8\xec\n")]),
    ("gb18030", Any, "\u{6c49}\u{1f600}\n", &[Ok(b"\xba\xba\x949\xfc6\n")]),
    ("big5", Universal, "\u{6f22}\u{5b57}\u{e9}", &[
        Err(2),
        Ok(b"\xba~\xa6r?"),
        Ok(b"\xba~\xa6r"),
    ]),
    ("euc-kr", Universal, "\u{d55c}\u{ad6d}\u{c5b4} \u{e9}", &[
        Err(4),
        Ok(b"\xc7\xd1\xb1\xb9\xbe\xee ?"),
        Ok(b"\xc7\xd1\xb1\xb9\xbe\xee "),
    ]),
    ("utf-8", CrLf, "a\r\nb\n", &[Ok(b"a\r\r\nb\r\n")]),
    ("utf-8", Cr, "a\r\nb\n", &[Ok(b"a\r\rb\r")]),
    ("iso8859-15", Universal, "\u{20ac}\u{a4}", &[Err(1), Ok(b"\xa4?"), Ok(b"\xa4")]),
];
