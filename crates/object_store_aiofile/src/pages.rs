//! Listings page by page, in the order of the locations.

use crate::error::Result;
use crate::list::Listed;
use crate::store::Store;
use futures_util::stream::TryStreamExt;

/// A part of a listing.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) listed: Vec<Listed>,
    /// The last location, if there are more.
    pub(crate) last: Option<String>,
}

impl Store {
    /// At most so many locations that begin with a prefix, those that come first behind `after`;
    /// with `directories`, those below a further `/` as one. What comes behind the page is listed
    /// with it, and left out: a hop for up to 1,024.
    pub(crate) async fn page(
        &self,
        prefix: &str,
        after: &str,
        most: usize,
        directories: bool,
    ) -> Result<Page> {
        let directory = prefix.rsplit_once('/').map_or("", |(directory, _)| directory);
        let listed = match directories {
            true => self.list_directory(directory).await?,
            false => self.list(directory, Some(after)).try_collect().await?,
        };
        let keyed = listed.into_iter().map(|listed| (key(&listed), listed));
        let wanted = |key: &str| key.starts_with(prefix) && key > after;
        let mut keyed: Vec<_> = keyed.filter(|(key, _)| wanted(key)).collect();
        keyed.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let has_more = keyed.len() > most;
        keyed.truncate(most);
        let last = keyed.last().filter(|_| has_more).map(|(key, _)| key.clone());
        Ok(Page { listed: keyed.into_iter().map(|(_, listed)| listed).collect(), last })
    }
}

/// The location, and of a directory what all locations in it begin with.
fn key(listed: &Listed) -> String {
    let path = listed.path.to_string_lossy();
    if listed.metadata.is_dir() { format!("{path}/") } else { path.into_owned() }
}
