//! Uploads and listings that need no state in the program, in the types of this version.

use async_trait::async_trait;

use super::super::{list_result, object_store, put_result};
use super::AioFileSystem;
use super::convert::{STORE, location, object_meta, tag};
use object_store::list::{PaginatedListOptions, PaginatedListResult, PaginatedListStore};
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{Error, MultipartId, PutPayload, PutResult, Result};

#[async_trait]
impl MultipartStore for AioFileSystem {
    async fn create_multipart(&self, path: &Path) -> Result<MultipartId> {
        let file = self.path_to_filesystem(path)?;
        Ok(self.store.begin_parts(&file).await?.to_string())
    }

    async fn put_part(
        &self,
        path: &Path,
        id: &MultipartId,
        part_idx: usize,
        data: PutPayload,
    ) -> Result<PartId> {
        let file = self.path_to_filesystem(path)?;
        let contents = data.into_iter().collect();
        self.store.put_part(&file, number(id)?, part_idx as u64, contents).await?;
        Ok(PartId { content_id: part_idx.to_string() })
    }

    async fn complete_multipart(
        &self,
        path: &Path,
        id: &MultipartId,
        parts: Vec<PartId>,
    ) -> Result<PutResult> {
        let file = self.path_to_filesystem(path)?;
        let parts =
            parts.iter().map(|part| number(&part.content_id)).collect::<Result<Vec<_>>>()?;
        Ok(put_result(tag(&self.store.complete_parts(&file, number(id)?, &parts).await?)))
    }

    async fn abort_multipart(&self, path: &Path, id: &MultipartId) -> Result<()> {
        let file = self.path_to_filesystem(path)?;
        Ok(self.store.abort_parts(&file, number(id)?).await?)
    }
}

fn number(id: &str) -> Result<u64> {
    id.parse().map_err(|_| {
        let message = format!("{id:?} is the id of no upload and of no part");
        Error::Generic { store: STORE, source: message.into() }
    })
}

#[async_trait]
impl PaginatedListStore for AioFileSystem {
    async fn list_paginated(
        &self,
        prefix: Option<&str>,
        options: PaginatedListOptions,
    ) -> Result<PaginatedListResult> {
        let prefix = prefix.unwrap_or_default();
        if let Some((directory, _)) = prefix.rsplit_once('/') {
            Path::parse(directory)?;
        }
        let directories = match options.delimiter.as_deref() {
            None => false,
            Some("/") => true,
            Some(other) => {
                let message = format!("{other:?} as a delimiter: it can only be \"/\"");
                return Err(Error::NotSupported { source: message.into() });
            }
        };
        let (offset, token) = (options.offset.as_deref(), options.page_token.as_deref());
        let after = offset.max(token).unwrap_or_default();
        let most = options.max_keys.unwrap_or(usize::MAX);
        let page = self.store.page(prefix, after, most, directories).await?;
        let (mut prefixes, mut objects) = (Vec::new(), Vec::new());
        for listed in &page.listed {
            match listed.metadata.is_dir() {
                true => prefixes.push(location(listed)?),
                false => objects.push(object_meta(location(listed)?, &listed.metadata)),
            }
        }
        let result = list_result(prefixes, objects);
        Ok(PaginatedListResult { result, page_token: page.last })
    }
}
