//! Files that are compressed already, and which of them a client takes.

use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

/// How a file beside the one that is asked for is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// `name.br`
    Brotli,
    /// `name.gz`
    Gzip,
    /// `name.zst`
    Zstd,
}

impl Encoding {
    /// As HTTP calls it.
    pub(crate) fn token(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// What the name of its files ends with.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
        }
    }
}

/// Whether the client takes this encoding: it, or else `*`, is listed with another weight than 0.
/// Without the header it takes the file as it is.
pub(crate) fn accepts(headers: &HeaderMap, encoding: Encoding) -> bool {
    let weight_of = |token: &str| {
        let lists = headers.get_all(ACCEPT_ENCODING).into_iter();
        let items = lists.filter_map(|list| list.to_str().ok()).flat_map(|list| list.split(','));
        items.filter_map(listed).find(|(name, _)| name.eq_ignore_ascii_case(token))
    };
    let found = weight_of(encoding.token()).or_else(|| weight_of("*"));
    found.is_some_and(|(_, weight)| weight > 0.0)
}

/// The name and the weight of an item. One that is not understood is passed over.
fn listed(item: &str) -> Option<(&str, f32)> {
    let (name, rest) = item.split_once(';').unwrap_or((item, ""));
    let weight = match rest.trim() {
        "" => 1.0,
        rest => rest.strip_prefix("q=").or_else(|| rest.strip_prefix("Q="))?.trim().parse().ok()?,
    };
    Some((name.trim(), weight))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_is_taken_where_it_has_a_weight() {
        for (header, expected) in [
            ("gzip", true),
            ("deflate, GZIP", true),
            ("gzip;q=0.5, br", true),
            ("gzip; q=0", false),
            ("gzip;q=0.000, *", false),
            ("*", true),
            ("*;q=0", false),
            ("br", false),
            ("gzip;q=much", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, header.parse().unwrap());
            assert_eq!(accepts(&headers, Encoding::Gzip), expected, "{header}");
        }
        assert!(!accepts(&HeaderMap::new(), Encoding::Gzip));
    }
}
