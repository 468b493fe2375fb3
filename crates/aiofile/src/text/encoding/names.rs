//! The names of encodings: Python's, then WHATWG's.

use caio::{Error, ErrorKind};

use super::table::{LATIN_5, THAI, TIS_620};
use super::{Encoding, Scheme};

/// How many near names an error lists.
const NEAR_MAX: usize = 4;

/// How alike a name has to be to be near, between 0 and 1.
const NEAR_SCORE: f64 = 0.75;

/// Python's names that WHATWG has not, or has for something else, in small letters and digits.
const PYTHON: [(&[&str], Encoding); 14] = [
    (&["utf8", "u8", "utf", "cp65001"], Encoding::UTF_8),
    (&["utf8sig", "utf8bom"], Encoding::UTF_8_SIG),
    (&["utf16", "u16"], Encoding::UTF_16),
    (&["utf16le", "unicodelittleunmarked"], Encoding::UTF_16LE),
    (&["utf16be", "unicodebigunmarked"], Encoding::UTF_16BE),
    (&["utf32", "u32"], Encoding::UTF_32),
    (&["utf32le"], Encoding::UTF_32LE),
    (&["utf32be"], Encoding::UTF_32BE),
    (
        &[
            "ascii",
            "usascii",
            "us",
            "646",
            "cp367",
            "ibm367",
            "csascii",
            "iso646us",
            "isoir6",
            "ansix341968",
            "ansix341986",
            "iso646irv1991",
        ],
        Encoding::ASCII,
    ),
    (
        &[
            "latin1",
            "latin",
            "l1",
            "iso88591",
            "iso8859",
            "8859",
            "cp819",
            "ibm819",
            "csisolatin1",
            "isoir100",
            "iso885911987",
        ],
        Encoding::LATIN_1,
    ),
    (
        &["latin5", "l5", "iso88599", "csisolatin5", "isoir148", "iso885991989"],
        Encoding(Scheme::Table(&LATIN_5)),
    ),
    (&["iso885911", "thai", "iso8859112001"], Encoding(Scheme::Table(&THAI))),
    (
        &["tis620", "tis6200", "tis62025290", "tis62025291", "isoir166"],
        Encoding(Scheme::Table(&TIS_620)),
    ),
    (&["windows1252", "cp1252", "1252"], Encoding::WINDOWS_1252),
];

/// Python's names of encodings that WHATWG has under another one.
const RENAMED: [(&str, &str); 49] = [
    ("936", "gbk"),
    ("cp936", "gbk"),
    ("ms936", "gbk"),
    ("gb23121980", "gbk"),
    ("euccn", "gbk"),
    ("eucgb2312cn", "gbk"),
    ("xmacsimpchinese", "gbk"),
    ("gb180302000", "gb18030"),
    ("big5tw", "big5"),
    ("xmactradchinese", "big5"),
    ("cp950", "big5"),
    ("ms950", "big5"),
    ("hkscs", "big5"),
    ("big5hkscs", "big5"),
    ("cp932", "shift_jis"),
    ("mskanji", "shift_jis"),
    ("xmacjapanese", "shift_jis"),
    ("ujis", "euc-jp"),
    ("iso2022jp", "iso-2022-jp"),
    ("cp949", "euc-kr"),
    ("ms949", "euc-kr"),
    ("uhc", "euc-kr"),
    ("xmackorean", "euc-kr"),
    ("ksx1001", "euc-kr"),
    ("1250", "windows-1250"),
    ("1251", "windows-1251"),
    ("1253", "windows-1253"),
    ("1254", "windows-1254"),
    ("1255", "windows-1255"),
    ("1256", "windows-1256"),
    ("1257", "windows-1257"),
    ("1258", "windows-1258"),
    ("cp874", "windows-874"),
    ("874", "windows-874"),
    ("macroman", "macintosh"),
    ("maccyrillic", "x-mac-cyrillic"),
    ("l7", "iso-8859-13"),
    ("latin7", "iso-8859-13"),
    ("l8", "iso-8859-14"),
    ("latin8", "iso-8859-14"),
    ("isoceltic", "iso-8859-14"),
    ("isoir199", "iso-8859-14"),
    ("latin9", "iso-8859-15"),
    ("l10", "iso-8859-16"),
    ("latin10", "iso-8859-16"),
    ("isoir226", "iso-8859-16"),
    ("greek8", "iso-8859-7"),
    ("koi8", "koi8-r"),
    ("cskoi8r", "koi8-r"),
];

/// WHATWG's encodings, beside those above.
const WHATWG: [&str; 35] = [
    "big5",
    "euc-jp",
    "euc-kr",
    "gb18030",
    "gbk",
    "ibm866",
    "iso-2022-jp",
    "iso-8859-2",
    "iso-8859-3",
    "iso-8859-4",
    "iso-8859-5",
    "iso-8859-6",
    "iso-8859-7",
    "iso-8859-8",
    "iso-8859-8-i",
    "iso-8859-10",
    "iso-8859-13",
    "iso-8859-14",
    "iso-8859-15",
    "iso-8859-16",
    "koi8-r",
    "koi8-u",
    "macintosh",
    "shift_jis",
    "windows-874",
    "windows-1250",
    "windows-1251",
    "windows-1253",
    "windows-1254",
    "windows-1255",
    "windows-1256",
    "windows-1257",
    "windows-1258",
    "x-mac-cyrillic",
    "x-user-defined",
];

/// The encoding of a name.
pub(super) fn find(name: &str) -> Option<Encoding> {
    let key = key(name);
    if let Some((_, encoding)) = PYTHON.iter().find(|(names, _)| names.contains(&&*key)) {
        return Some(*encoding);
    }
    let renamed = RENAMED.iter().find(|(python, _)| *python == key).map(|(_, whatwg)| *whatwg);
    let known = renamed.or_else(|| WHATWG.into_iter().find(|whatwg| self::key(whatwg) == key));
    let label = |label: &str| encoding_rs::Encoding::for_label_no_replacement(label.as_bytes());
    let found = known.and_then(label).or_else(|| label(name));
    found.or_else(|| label(&name.replace(['_', ' '], "-"))).map(of)
}

/// The encoding that the crate `encoding_rs` means, where it is one that we have by ourselves.
pub(in crate::text) fn of(encoding: &'static encoding_rs::Encoding) -> Encoding {
    match encoding.name() {
        "UTF-8" => Encoding::UTF_8,
        "UTF-16LE" => Encoding::UTF_16LE,
        "UTF-16BE" => Encoding::UTF_16BE,
        _ => Encoding(Scheme::Legacy(encoding)),
    }
}

/// Says that there is no such encoding, and which names are near.
pub(super) fn unknown(name: &str) -> Error {
    let wanted = key(name);
    let ours = PYTHON.iter().map(|(_, encoding)| encoding.name());
    let mut near: Vec<_> = ours
        .chain(WHATWG)
        .map(|candidate| (strsim::jaro_winkler(&wanted, &key(candidate)), candidate))
        .filter(|(score, _)| *score >= NEAR_SCORE)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let near: Vec<_> = near.into_iter().take(NEAR_MAX).map(|(_, candidate)| candidate).collect();
    let hint = match near.is_empty() {
        true => "names are those of Python and of WHATWG, such as utf-8, latin-1, shift_jis".into(),
        false => format!("near names: {}", near.join(", ")),
    };
    Error::new(ErrorKind::InvalidInput, format!("unknown encoding {name:?}")).hint(hint)
}

/// A name without what does not matter in it.
fn key(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_is_listed_is_found_and_names_itself() {
        let ours = PYTHON.iter().flat_map(|(names, _)| names.iter().copied());
        let renamed = RENAMED.iter().flat_map(|(python, whatwg)| [*python, *whatwg]);
        for name in ours.chain(renamed).chain(WHATWG) {
            let encoding = find(name).unwrap_or_else(|| panic!("{name} is not found"));
            assert_eq!(find(encoding.name()), Some(encoding), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        for name in ["", "-", "iso-2022-kr", "hz-gb-2312", "replacement", "utf-7", "rot13", "ü"] {
            assert_eq!(find(name), None, "{name}");
            assert!(unknown(name).to_string().contains(&format!("{name:?}")));
        }
    }

    #[test]
    fn near_names_come_in_order() {
        let cure = |name: &str| unknown(name).cure().map(str::to_owned).unwrap_or_default();
        assert!(cure("utf-9").starts_with("near names: utf-8"), "{}", cure("utf-9"));
        assert!(cure("latin-77").contains("latin-1"), "{}", cure("latin-77"));
        assert!(cure("shiftjs").starts_with("near names: shift_jis"), "{}", cure("shiftjs"));
        assert!(cure("qqqq").contains("Python"), "{}", cure("qqqq"));
    }
}
