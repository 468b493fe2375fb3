//! Sizes in bytes, as people write and read them.

use std::fmt;
use std::str::FromStr;

/// A number of bytes above 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        if number.is_empty() {
            return Err("a size starts with a whole number: 4096, 64K, 1M, 4MiB".to_owned());
        }
        let factor = factor(unit.trim_start()).ok_or_else(|| {
            format!("{unit:?} is not a unit; valid are K, M, G (or KiB, …) and kB, MB, GB")
        })?;
        let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
        match bytes {
            Some(0) => Err("a size of 0 bytes moves nothing".to_owned()),
            Some(bytes) if i64::try_from(bytes).is_ok() => Ok(Self(bytes)),
            _ => Err("the size is beyond 2^63 - 1 bytes".to_owned()),
        }
    }
}

/// K and KiB are 1024, kB is 1000, as in the GNU tools.
fn factor(unit: &str) -> Option<u64> {
    let unit = unit.to_ascii_lowercase();
    let (letter, rest) = match unit.chars().next() {
        None => return Some(1),
        Some('b') => return (unit.len() == 1).then_some(1),
        Some(letter) => (letter, &unit[letter.len_utf8()..]),
    };
    let power = match letter {
        'k' => 1,
        'm' => 2,
        'g' => 3,
        't' => 4,
        _ => return None,
    };
    match rest {
        "" | "ib" => Some(1 << (10 * power)),
        "b" => Some(1000_u64.pow(power)),
        _ => None,
    }
}

impl fmt::Display for Size {
    /// In the largest unit that it is a multiple of, else with two decimals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
        let power = (self.0.max(1).ilog2() / 10).min(4);
        let unit = UNITS[power as usize];
        if self.0.is_multiple_of(1 << (10 * power)) {
            return write!(f, "{} {unit}", self.0 >> (10 * power));
        }
        write!(f, "{:.2} {unit}", self.0 as f64 / (1_u64 << (10 * power)) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_binary_and_decimal_units() {
        let cases = [
            ("512", 512),
            ("1b", 1),
            ("64K", 65_536),
            ("1M", 1 << 20),
            ("4MiB", 4 << 20),
            ("2 GiB", 2 << 30),
            ("1kB", 1000),
            ("3mb", 3_000_000),
        ];
        for (text, bytes) in cases {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "K", "0", "0K", "1X", "1KK", "-1", "1.5M", "9999999999G", "1kibi", "1é"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_written_in_the_largest_unit_that_fits() {
        assert_eq!(Size(0).to_string(), "0 B");
        assert_eq!(Size(1 << 20).to_string(), "1 MiB");
        assert_eq!(Size(1536).to_string(), "1.50 KiB");
    }
}
