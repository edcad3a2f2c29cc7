//! Where the bytes of photos lie: a folder of this machine, or whatever else `object_store` reaches by a URL.
//!
//! What is written is on the disk when a function returns: the folder is opened with fsync, and objects appear under
//! their name only once they are whole. A name is never used for two contents that matter: staged bytes are named after
//! the place that they take in their upload, finished ones after the photo.

use std::{io, sync::Arc};

use anyhow::Context;
use bytes::{Bytes, BytesMut};
use object_store::{ObjectStore, ObjectStoreExt, local::LocalFileSystem, path::Path, prefix::PrefixStore};
use shared::Code;

use super::store::{Segment, UploadKey, part_name};
use crate::error::Error;

/// The byte store.
#[derive(Clone, Debug)]
pub struct Depot {
    objects: Arc<dyn ObjectStore>,
}

impl Depot {
    /// Opens the store of a URL, `file:///…` or any other kind that the binary was built with.
    ///
    /// # Errors
    /// If the URL is none, the folder cannot be made, or the kind is unknown.
    pub fn open(url: &str) -> anyhow::Result<Depot> {
        let url = url::Url::parse(url).with_context(|| format!("{url} is not a URL"))?;
        let objects: Arc<dyn ObjectStore> = if url.scheme() == "file" {
            let folder = url.to_file_path().map_err(|()| anyhow::anyhow!("{url} names no folder"))?;
            std::fs::create_dir_all(&folder)
                .with_context(|| format!("{} cannot be made", folder.display()))?;
            Arc::new(LocalFileSystem::new_with_prefix(folder)?.with_fsync(true))
        } else {
            // Keys to a bucket are in the environment, under the names that its maker gave them.
            let options = std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
            let (objects, prefix) = object_store::parse_url_opts(&url, options)?;
            Arc::new(PrefixStore::new(objects, prefix))
        };
        Ok(Depot { objects })
    }

    /// Keeps some bytes of an upload that is not complete.
    ///
    /// # Errors
    /// If the store cannot.
    pub async fn stage(&self, key: &UploadKey, segment: Segment, bytes: Bytes) -> Result<(), Error> {
        self.objects.put(&staged(key, segment), bytes.into()).await.map_err(failed)?;
        Ok(())
    }

    /// The bytes of an upload's segments, in their order.
    ///
    /// # Errors
    /// If the store cannot read them, or they are not as many as they should be.
    pub async fn assemble(&self, key: &UploadKey, segments: &[Segment]) -> Result<BytesMut, Error> {
        let mut whole = BytesMut::new();
        for segment in segments {
            let object = self.objects.get(&staged(key, *segment)).await.map_err(failed)?;
            whole.extend_from_slice(&object.bytes().await.map_err(failed)?);
            if whole.len() as u64 != segment.end {
                return Err(Error::Other(anyhow::anyhow!("{key:?}: {segment:?} has another length")));
            }
        }
        Ok(whole)
    }

    /// Forgets the segments of an upload. What cannot be forgotten now only takes up room.
    pub async fn discard(&self, key: &UploadKey, segments: &[Segment]) {
        for segment in segments {
            if let Err(error) = self.objects.delete(&staged(key, *segment)).await {
                tracing::warn!(?key, ?segment, %error, "staged bytes stay behind");
            }
        }
    }

    /// Keeps a photo's part for good.
    ///
    /// # Errors
    /// If the store cannot.
    pub async fn keep(&self, key: &UploadKey, bytes: Bytes) -> Result<(), Error> {
        self.objects.put(&kept(key), bytes.into()).await.map_err(failed)?;
        Ok(())
    }

    /// The bytes of a photo's part that was kept.
    ///
    /// # Errors
    /// If the store cannot read them.
    pub async fn read(&self, key: &UploadKey) -> Result<Bytes, Error> {
        self.objects.get(&kept(key)).await.map_err(failed)?.bytes().await.map_err(failed)
    }
}

fn staged(key: &UploadKey, segment: Segment) -> Path {
    let name = format!("{}.{}-{}", name(key), segment.start, segment.end);
    Path::from_iter(["staging", key.site.as_str(), &key.author.to_string(), &name])
}

fn kept(key: &UploadKey) -> Path {
    Path::from_iter(["photos", key.site.as_str(), &key.author.to_string(), &name(key)])
}

fn name(key: &UploadKey) -> String {
    format!("{}.{}", key.photo, part_name(key.part))
}

/// A failure of the store; a full disk is told apart, because it passes and a person can do something about it.
fn failed(error: object_store::Error) -> Error {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(this) = cause {
        let kind = this.downcast_ref::<io::Error>().map(io::Error::kind);
        if matches!(kind, Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)) {
            return Code::ServerFull.into();
        }
        cause = this.source();
    }
    Error::Other(anyhow::Error::new(error).context("the store of the photos"))
}

#[cfg(test)]
mod tests {
    use shared::{
        ids::{AttachmentId, PersonId},
        wire::Part,
    };
    use uuid::Uuid;

    use super::*;

    fn key(site: &str) -> UploadKey {
        let id = Uuid::from_u128(7);
        UploadKey { site: site.into(), author: PersonId(id), photo: AttachmentId(id), part: Part::Full }
    }

    fn in_folder(folder: &std::path::Path) -> Depot {
        Depot::open(url::Url::from_directory_path(folder).unwrap().as_str()).unwrap()
    }

    #[tokio::test]
    async fn staged_bytes_come_back_in_order_until_they_are_discarded() {
        let folder = tempfile::tempdir().unwrap();
        let depot = in_folder(&folder.path().join("new, 新"));
        let segments = [Segment { start: 0, end: 3 }, Segment { start: 3, end: 5 }];
        depot.stage(&key("a"), segments[1], Bytes::from_static(b"45")).await.unwrap();
        depot.stage(&key("a"), segments[0], Bytes::from_static(b"123")).await.unwrap();
        assert_eq!(depot.assemble(&key("a"), &segments).await.unwrap(), b"12345"[..]);
        assert!(depot.assemble(&key("b"), &segments).await.is_err(), "another site's");
        depot.discard(&key("a"), &segments).await;
        assert!(depot.assemble(&key("a"), &segments).await.is_err());
    }

    #[tokio::test]
    async fn a_segment_of_another_length_is_not_taken_for_whole() {
        let folder = tempfile::tempdir().unwrap();
        let depot = in_folder(folder.path());
        let segment = Segment { start: 0, end: 3 };
        depot.stage(&key("a"), segment, Bytes::from_static(b"12")).await.unwrap();
        assert!(depot.assemble(&key("a"), &[segment]).await.is_err());
    }

    #[tokio::test]
    async fn a_site_cannot_reach_out_of_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let depot = in_folder(&folder.path().join("inner"));
        depot.keep(&key("../.."), Bytes::from_static(b"x")).await.unwrap();
        assert_eq!(depot.read(&key("../..")).await.unwrap(), "x");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn any_store_that_a_url_names_will_do() {
        let depot = Depot::open("memory:///photos").unwrap();
        depot.keep(&key("a"), Bytes::from_static(b"x")).await.unwrap();
        assert_eq!(depot.read(&key("a")).await.unwrap(), "x");
    }

    #[test]
    fn what_is_no_store_is_not_opened() {
        for url in ["data/files", "gopher://photos"] {
            assert!(Depot::open(url).is_err(), "{url}");
        }
    }
}
