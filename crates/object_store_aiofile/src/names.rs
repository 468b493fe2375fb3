//! From the location of an object to the path of its file, and back.
//!
//! A location is the path below the root of the store, as it is: nothing is encoded on the way.
//! The names of files that are being written are those of `LocalFileSystem`, so that either store
//! leaves the other's alone.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Parts a name from the number of a file that is being written: `object#1`.
const STAGED: char = '#';

/// The path of an object's file.
///
/// # Errors
/// Where the location is empty or has the name of a file that is being written.
pub(crate) fn file_path(root: &Path, location: &str) -> Result<PathBuf> {
    if is_object(location) {
        return Ok(root.join(location));
    }
    let message = match location {
        "" => "the root of the store is no object".into(),
        _ => format!("{location}: names that end with # and digits are those of unfinished files"),
    };
    Err(Error::Refused(message.into()))
}

/// Whether a file of this name is an object, and not one that is being written.
pub(crate) fn is_object(location: &str) -> bool {
    let name = location.rsplit('/').next().unwrap_or(location);
    let staged = name.split_once(STAGED).is_some_and(|(_, number)| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    !name.is_empty() && !staged
}

/// The name of the `number`-th file that is being written for an object.
///
/// What follows the first `#` of the object's own name is left out, so that [`is_object`] is false
/// for the result whatever the object is called.
pub(crate) fn staged_path(object: &Path, number: u64) -> PathBuf {
    let name = object.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.split_once(STAGED).map_or(&*name, |(stem, _)| stem);
    object.with_file_name(format!("{stem}{STAGED}{number}"))
}

/// Which number the file of this path has among those that are being written for an object.
pub(crate) fn staged_number(object: &Path, file: &Path) -> Option<u64> {
    let name = file.file_name()?.to_str()?;
    let number = name.split_once(STAGED)?.1.parse().ok()?;
    (staged_path(object, number) == file).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_being_written_is_no_object() {
        for (location, expected) in [
            ("a", true),
            ("a#1/b", true),
            ("a#1/b#2.txt", true),
            ("a#", true),
            ("a#1/b#2", false),
            ("a😁/b#34", false),
            ("a/b#😁34", true),
            ("#7", false),
            ("", false),
        ] {
            assert_eq!(is_object(location), expected, "{location}");
            assert_eq!(file_path(Path::new("/root"), location).is_ok(), expected, "{location}");
        }
    }

    #[test]
    fn no_name_of_a_file_that_is_being_written_is_taken_for_an_object() {
        for object in ["/root/a", "/root/a#b", "/root/a#1.txt", "/root/ä#", "/root/#x"] {
            let staged = staged_path(Path::new(object), 12);
            assert_eq!(staged.parent(), Some(Path::new("/root")));
            assert!(!is_object(&staged.to_string_lossy()), "{}", staged.display());
        }
        let (object, staged) = (Path::new("/root/a"), Path::new("/root/a#12"));
        assert_eq!(staged_path(object, 12), staged);
        assert_eq!(staged_number(object, staged), Some(12));
        for other in ["/root/a", "/root/b#12", "/root/a#012", "/other/a#12", "/root/a#x"] {
            assert_eq!(staged_number(object, Path::new(other)), None, "{other}");
        }
    }
}
