//! What a person has begun and not yet sent. It is on the device from the first photo on, so that a killed page opens
//! on the same report.

use ::device::{Album, Photo};
use futures::{
    future::{Either, select, try_join},
    pin_mut,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use shared::{
    Code, Rejection,
    case::command::{Customer, Origin, PhotoRef, Urgency},
    ids::{AttachmentId, CaseId, CategoryCode, PersonId, PlaceCode},
    wire::{self, Part},
};

use super::State;
use crate::{
    address,
    platform::{clock, crypto, ids, photo},
};

/// A photo that does not come within this is not waited for.
const COPY_MS: u32 = 2_000;

/// The key of the draft of a report; there is one at a time, and one for each stop of a round. All their keys begin so.
pub const REPORT_DRAFT: &str = "report";

/// The key of the draft of a report that is begun at a stop of a round.
pub fn report_key(from: &Origin) -> String {
    format!("{REPORT_DRAFT}/{}/{}", from.round, from.stop)
}

/// Where a report is written that is begun at this stop, or at none.
pub fn report_address(from: Option<&Origin>) -> String {
    match from {
        Some(from) => {
            address::with("/report", &[("round", &from.round.to_string()), ("stop", from.stop.as_str())])
        }
        None => "/report".to_owned(),
    }
}

/// A report that is being made.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ReportDraft {
    /// The case that it will be.
    pub case: CaseId,
    /// Taken so far.
    pub photos: Vec<PhotoRef>,
    /// What kind of problem.
    pub category: Option<CategoryCode>,
    /// Where.
    pub place: Option<PlaceCode>,
    /// What, in a line.
    pub text: String,
    /// Since when, as told.
    pub since: String,
    /// A customer told; else found.
    pub customer: Option<Customer>,
    /// An urgency that differs from the category's.
    pub urgency: Option<Urgency>,
    /// Taped off or signed.
    pub isolated: bool,
    /// Whom a complaint is about.
    pub accused: Option<PersonId>,
    /// The colleague who was first.
    pub on_behalf_of: Option<PersonId>,
    /// Solved already, and how.
    pub fixed: Option<String>,
    /// The stop of a round at which it was found (F2).
    #[serde(default)]
    pub from: Option<Origin>,
}

impl ReportDraft {
    /// An empty one.
    ///
    /// # Errors
    /// Where the browser gives no randomness.
    pub fn new() -> Result<Self, Rejection> {
        Ok(ReportDraft {
            case: CaseId(ids::new_id()?),
            photos: Vec::new(),
            category: None,
            place: None,
            text: String::new(),
            since: String::new(),
            customer: None,
            urgency: None,
            isolated: false,
            accused: None,
            on_behalf_of: None,
            fixed: None,
            from: None,
        })
    }

    /// Whether there is nothing in it that would be missed.
    pub fn is_empty(&self) -> bool {
        self.photos.is_empty() && self.text.trim().is_empty() && self.customer.is_none()
    }
}

impl State {
    /// A draft that was begun under this key, on this device.
    ///
    /// # Errors
    /// Of storage.
    pub async fn draft<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Rejection> {
        self.local()?.draft(key).await.map_err(Rejection::from)
    }

    /// Every report that was begun, on this device.
    ///
    /// # Errors
    /// Of storage.
    pub async fn reports(&self) -> Result<Vec<ReportDraft>, Rejection> {
        self.local()?.drafts(REPORT_DRAFT).await.map_err(Rejection::from)
    }

    /// Keeps a draft.
    ///
    /// # Errors
    /// Of storage; the screen keeps what it shows.
    pub async fn keep_draft<T: Serialize>(&self, key: &str, draft: &T) -> Result<(), Rejection> {
        self.local()?.keep_draft(key, draft).await.map_err(Rejection::from)
    }

    /// Throws a draft away, with the photos that only it shows.
    ///
    /// # Errors
    /// Of storage.
    pub async fn drop_draft(&self, key: &str, photos: &[PhotoRef]) -> Result<(), Rejection> {
        self.local()?.drop_draft(key, photos).await.map_err(Rejection::from)
    }

    /// Takes a photo out of a draft; `draft` is the draft without it.
    ///
    /// # Errors
    /// Of storage.
    pub async fn drop_photo<T: Serialize>(
        &self,
        key: &str,
        draft: &T,
        photo: &PhotoRef,
    ) -> Result<(), Rejection> {
        self.local()?.drop_photo(key, draft, photo).await.map_err(Rejection::from)
    }

    /// Makes a photo small and upright, and keeps it together with the draft that `add` puts it into.
    ///
    /// # Errors
    /// `device.bad_photo`, `device.photo_too_large`, `device.full`: the draft is as it was.
    pub async fn take_photo<T: Serialize>(
        &self,
        key: &str,
        chosen: &photo::Chosen,
        add: impl FnOnce(PhotoRef) -> T,
    ) -> Result<PhotoRef, Rejection> {
        let local = self.local()?;
        let taken = chosen.shrink().await?;
        let photo = PhotoRef {
            id: AttachmentId(ids::new_id()?),
            sha256: wire::hex(&crypto::sha256(&taken.full).await?),
            // A photo of 1,600 pixels is far below four gigabytes.
            bytes: u32::try_from(taken.full.len()).unwrap_or(u32::MAX),
            width: taken.width,
            height: taken.height,
            thumb_sha256: wire::hex(&crypto::sha256(&taken.thumb).await?),
            thumb_bytes: u32::try_from(taken.thumb.len()).unwrap_or(u32::MAX),
        };
        let draft = add(photo.clone());
        let kept = local.keep_photo(key, &draft, &photo, taken).await;
        self.measure_room();
        kept?;
        Ok(photo)
    }

    /// Keeps a copy of a photo of a case or a round, under an id of its own, together with the draft that `add` puts it
    /// into: whatever becomes of the photo, the copy is the draft's.
    ///
    /// # Errors
    /// `device.offline` where its bytes do not come soon, `device.full`: the draft is as it was.
    pub async fn copy_photo<T: Serialize>(
        &self,
        key: &str,
        of: Album,
        photo: &PhotoRef,
        add: impl FnOnce(PhotoRef) -> T,
    ) -> Result<PhotoRef, Rejection> {
        let bytes = try_join(self.photo(of, photo.id, Part::Full), self.photo(of, photo.id, Part::Thumb));
        let late = clock::sleep(COPY_MS);
        pin_mut!(bytes, late);
        let Either::Left((bytes, _)) = select(bytes, late).await else {
            return Err(Code::DeviceOffline.into());
        };
        let (full, thumb) = bytes?;
        let copy = PhotoRef { id: AttachmentId(ids::new_id()?), ..photo.clone() };
        let taken = Photo { full, width: copy.width, height: copy.height, thumb };
        let kept = self.local()?.keep_photo(key, &add(copy.clone()), &copy, taken).await;
        self.measure_room();
        kept?;
        Ok(copy)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use shared::ids::RoundId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_report_is_kept_by_the_stop_at_which_it_was_begun_and_found_among_all_reports() {
        let at =
            |round: u128, stop: &str| Origin { round: RoundId(Uuid::from_u128(round)), stop: stop.into() };
        let stops = [at(1, "gate"), at(1, "hall"), at(2, "gate")];
        let keys: BTreeSet<String> = stops.iter().map(report_key).collect();
        assert_eq!(keys.len(), 3);
        assert!(keys.iter().all(|key| key.starts_with(REPORT_DRAFT) && key != REPORT_DRAFT));
    }
}
