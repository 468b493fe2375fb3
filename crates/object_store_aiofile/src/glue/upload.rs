//! An object that comes in parts, in the types of this version.

use async_trait::async_trait;
use futures_util::FutureExt;

use super::super::{object_store, put_result};
use super::convert::tag;
use crate::write::Upload;
use object_store::{MultipartUpload, PutPayload, PutResult, Result, UploadPart};

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.part(data.into_iter().collect()).map(|written| Ok(written?)).boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        Ok(put_result(tag(&Upload::complete(self).await?)))
    }

    async fn abort(&mut self) -> Result<()> {
        Ok(Upload::abort(self).await?)
    }
}
