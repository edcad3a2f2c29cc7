//! Where the bytes of photos lie: a folder of this machine, or a bucket of an S3-compatible store.
//!
//! What is written is on the disk when a function returns: the folder is opened with fsync, and objects appear under
//! their name only once they are whole. A name is never used for two contents that matter: each staged piece has one of
//! its own, and a finished photo is named after itself and its hash, which was verified before.

use std::{collections::BTreeSet, io, sync::Arc};

use anyhow::Context;
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt, local::LocalFileSystem, path::Path, prefix::PrefixStore};
use shared::{Code, time::Ms};

use super::store::{Segment, UploadKey, part_name};
use crate::{error::Error, random};

/// The byte store.
#[derive(Clone, Debug)]
pub struct Depot {
    objects: Arc<dyn ObjectStore>,
}

impl Depot {
    /// Opens the store of a URL: `file:///…` or `s3://bucket/prefix`.
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
            // Endpoint, region and keys are in the environment, under the names that all clients of S3 know.
            let options = std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .filter(|(name, _)| name.starts_with("AWS_"));
            let (objects, prefix) = object_store::parse_url_opts(&url, options)
                .with_context(|| format!("{url} is no store of photos"))?;
            Arc::new(PrefixStore::new(objects, prefix))
        };
        Ok(Depot { objects })
    }

    /// Keeps some bytes of an upload that is not complete, which go on from `start`.
    ///
    /// # Errors
    /// If the store cannot.
    pub async fn stage(&self, key: &UploadKey, start: u64, bytes: Bytes) -> Result<Segment, Error> {
        let object = shared::wire::hex(&random::bytes::<12>()?);
        let segment = Segment { end: start + bytes.len() as u64, object };
        self.objects.put(&staged(key, &segment), bytes.into()).await.map_err(failed)?;
        Ok(segment)
    }

    /// The bytes of an upload's segments, in their order.
    ///
    /// # Errors
    /// If the store cannot read them, or they are not as many as they should be.
    pub async fn assemble(&self, key: &UploadKey, segments: &[Segment]) -> Result<BytesMut, Error> {
        let mut whole = BytesMut::new();
        for segment in segments {
            let object = self.objects.get(&staged(key, segment)).await.map_err(failed)?;
            whole.extend_from_slice(&object.bytes().await.map_err(failed)?);
            if whole.len() as u64 != segment.end {
                return Err(Error::Other(anyhow::anyhow!("{key:?}: {segment:?} has another length")));
            }
        }
        Ok(whole)
    }

    /// Forgets the segments of an upload. What cannot be forgotten now is swept up later.
    pub async fn discard(&self, key: &UploadKey, segments: &[Segment]) {
        for segment in segments {
            self.forget(Staged(staged(key, segment))).await;
        }
    }

    /// What was staged before an instant, whether or not an upload claims it.
    ///
    /// # Errors
    /// If the store cannot say.
    pub async fn staged_before(&self, before: Ms) -> Result<Vec<Staged>, Error> {
        let all = self.objects.list(Some(&Path::from(STAGING)));
        all.try_filter_map(|object| async move {
            let old = object.last_modified.timestamp_millis() < before.0;
            Ok(old.then_some(Staged(object.location)))
        })
        .try_collect()
        .await
        .map_err(failed)
    }

    /// Forgets a staged object. What cannot be forgotten now is swept up later.
    pub async fn forget(&self, staged: Staged) {
        match self.objects.delete(&staged.0).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => tracing::warn!(path = %staged.0, %error, "staged bytes stay behind"),
        }
    }

    /// Keeps a photo's part for good: what is handed out of the bytes that had this hash when they were sent.
    ///
    /// # Errors
    /// If the store cannot.
    pub async fn keep(&self, key: &UploadKey, sha256: &str, bytes: Bytes) -> Result<(), Error> {
        self.objects.put(&kept(key, sha256), bytes.into()).await.map_err(failed)?;
        Ok(())
    }

    /// Whether a photo's part is there.
    ///
    /// # Errors
    /// If the store cannot say.
    pub async fn has(&self, key: &UploadKey, sha256: &str) -> Result<bool, Error> {
        match self.objects.head(&kept(key, sha256)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    /// Copies to another store what is kept here and not there: what has the same name is the same. Answers with how many
    /// objects that were.
    ///
    /// # Errors
    /// If one of the stores fails; what was copied until then is whole.
    pub async fn copy_kept_to(&self, other: &Depot) -> Result<usize, Error> {
        let folder = Path::from(KEPT);
        let names = |depot: &Depot| {
            let all = depot.objects.list(Some(&folder));
            all.map_ok(|object| object.location).try_collect::<BTreeSet<Path>>()
        };
        let (here, there) = (names(self).await.map_err(failed)?, names(other).await.map_err(failed)?);
        let mut copied = 0;
        for name in here.difference(&there) {
            let bytes = self.objects.get(name).await.map_err(failed)?.bytes().await.map_err(failed)?;
            other.objects.put(name, bytes.into()).await.map_err(failed)?;
            copied += 1;
        }
        Ok(copied)
    }

    /// The bytes of a photo's part that was kept.
    ///
    /// # Errors
    /// If the store cannot read them.
    pub async fn read(&self, key: &UploadKey, sha256: &str) -> Result<Bytes, Error> {
        self.objects.get(&kept(key, sha256)).await.map_err(failed)?.bytes().await.map_err(failed)
    }
}

/// A staged object that was found in the store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Staged(Path);

impl Staged {
    /// Its [`Segment::object`].
    pub fn object(&self) -> &str {
        let name = self.0.filename().unwrap_or_default();
        name.rsplit_once('.').map_or(name, |(_, object)| object)
    }
}

/// The folder of what is kept.
const KEPT: &str = "photos";
/// The folder of what is staged.
const STAGING: &str = "staging";

fn staged(key: &UploadKey, segment: &Segment) -> Path {
    let name = format!("{}.{}", name(key), segment.object);
    Path::from_iter([STAGING, key.site.as_str(), &key.author.to_string(), &name])
}

fn kept(key: &UploadKey, sha256: &str) -> Path {
    let name = format!("{}.{sha256}", name(key));
    Path::from_iter([KEPT, key.site.as_str(), &key.author.to_string(), &name])
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
        let second = depot.stage(&key("a"), 3, Bytes::from_static(b"45")).await.unwrap();
        let first = depot.stage(&key("a"), 0, Bytes::from_static(b"123")).await.unwrap();
        let segments = [first, second];
        assert_eq!(depot.assemble(&key("a"), &segments).await.unwrap(), b"12345"[..]);
        assert!(depot.assemble(&key("b"), &segments).await.is_err(), "another site's");
        depot.discard(&key("a"), &segments).await;
        assert!(depot.assemble(&key("a"), &segments).await.is_err());
    }

    #[tokio::test]
    async fn a_segment_of_another_length_is_not_taken_for_whole() {
        let folder = tempfile::tempdir().unwrap();
        let depot = in_folder(folder.path());
        let segment = depot.stage(&key("a"), 0, Bytes::from_static(b"12")).await.unwrap();
        let longer = Segment { end: 3, ..segment };
        assert!(depot.assemble(&key("a"), &[longer]).await.is_err());
    }

    #[tokio::test]
    async fn two_requests_never_stage_under_one_name() {
        let folder = tempfile::tempdir().unwrap();
        let depot = in_folder(folder.path());
        let one = depot.stage(&key("a"), 0, Bytes::from_static(b"123")).await.unwrap();
        let other = depot.stage(&key("a"), 0, Bytes::from_static(b"456")).await.unwrap();
        depot.discard(&key("a"), std::slice::from_ref(&other)).await;
        assert_eq!(depot.assemble(&key("a"), &[one]).await.unwrap(), b"123"[..]);
    }

    #[tokio::test]
    async fn what_was_staged_long_ago_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let depot = in_folder(folder.path());
        assert_eq!(depot.staged_before(Ms(i64::MAX)).await.unwrap(), []);
        let segment = depot.stage(&key("a"), 0, Bytes::from_static(b"123")).await.unwrap();
        depot.keep(&key("a"), "0", Bytes::from_static(b"kept")).await.unwrap();
        assert_eq!(depot.staged_before(Ms(0)).await.unwrap(), []);
        let found = depot.staged_before(Ms(i64::MAX)).await.unwrap();
        assert_eq!(found.iter().map(Staged::object).collect::<Vec<_>>(), [segment.object]);
        depot.forget(found[0].clone()).await;
        assert_eq!(depot.staged_before(Ms(i64::MAX)).await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_site_cannot_reach_out_of_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let depot = in_folder(&folder.path().join("inner"));
        depot.keep(&key("../.."), "0", Bytes::from_static(b"x")).await.unwrap();
        assert_eq!(depot.read(&key("../.."), "0").await.unwrap(), "x");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn any_store_that_a_url_names_will_do() {
        let depot = Depot::open("memory:///photos").unwrap();
        depot.keep(&key("a"), "0", Bytes::from_static(b"x")).await.unwrap();
        assert_eq!(depot.read(&key("a"), "0").await.unwrap(), "x");
    }

    #[test]
    fn what_is_no_store_is_not_opened() {
        for url in ["data/files", "gopher://photos"] {
            assert!(Depot::open(url).is_err(), "{url}");
        }
    }
}
