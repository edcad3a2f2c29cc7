//! How far each upload is: the table `uploads`.
//!
//! A row is written after the bytes that it claims lie in the [`depot`](super::depot), never before.

use shared::{
    Rejection,
    ids::{AttachmentId, PersonId, SiteCode},
    time::Ms,
    wire::Part,
};
use sqlx::Row;

use crate::db::{Conn, damaged};

/// Whose part of which photo, and at which site.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UploadKey {
    /// The site.
    pub site: SiteCode,
    /// The author of the command that names the photo, whoever carries the bytes.
    pub author: PersonId,
    /// The photo.
    pub photo: AttachmentId,
    /// Which bytes of it.
    pub part: Part,
}

/// A part as the database and the depot name it.
pub(super) const fn part_name(part: Part) -> &'static str {
    match part {
        Part::Thumb => "thumb",
        Part::Full => "full",
    }
}

/// Bytes that arrived together, by the place that they take in their upload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment {
    /// The first.
    pub start: u64,
    /// Behind the last.
    pub end: u64,
}

/// An upload that was announced.
#[derive(Clone, PartialEq, Debug)]
pub struct Upload {
    /// Of what.
    pub key: UploadKey,
    /// SHA-256 of the bytes as sent, in lowercase hex, as announced.
    pub sha256: String,
    /// The number of bytes, as announced.
    pub length: u64,
    /// How far it is.
    pub state: State,
}

/// How far an upload is.
#[derive(Clone, PartialEq, Debug)]
pub enum State {
    /// Not all of it is here.
    Receiving {
        /// What is, without a gap from the first byte on.
        segments: Vec<Segment>,
    },
    /// All of it is here, the hash is right, and what may be handed out lies in the depot.
    Kept {
        /// The type of what is handed out.
        mime: String,
    },
    /// All of it was here, the hash was right, and it is not a photo that can be shown.
    Refused(Rejection),
}

impl Upload {
    /// How many bytes are here.
    pub fn received(&self) -> u64 {
        match &self.state {
            State::Receiving { segments } => segments.last().map_or(0, |segment| segment.end),
            State::Kept { .. } | State::Refused(_) => self.length,
        }
    }
}

/// An upload.
pub async fn find(conn: &mut Conn, key: &UploadKey) -> sqlx::Result<Option<Upload>> {
    let row = sqlx::query(
        "select sha256, length, segments, mime, refused from uploads \
         where site = $1 and photo = $2 and part = $3 and author = $4",
    )
    .bind(key.site.as_str())
    .bind(key.photo.to_string())
    .bind(part_name(key.part))
    .bind(key.author.to_string())
    .fetch_optional(conn)
    .await?;
    row.map(|row| read(key.clone(), &row)).transpose()
}

fn read(key: UploadKey, row: &sqlx::any::AnyRow) -> sqlx::Result<Upload> {
    let photo = key.photo;
    let length: i64 = row.try_get("length")?;
    let mime: Option<String> = row.try_get("mime")?;
    let refused: Option<String> = row.try_get("refused")?;
    let state = match (mime, refused) {
        (Some(mime), _) => State::Kept { mime },
        (None, Some(refused)) => {
            State::Refused(serde_json::from_str(&refused).map_err(|error| damaged("uploads", photo, error))?)
        }
        (None, None) => {
            let ends: String = row.try_get("segments")?;
            let ends: Vec<u64> =
                serde_json::from_str(&ends).map_err(|error| damaged("uploads", photo, error))?;
            let starts = std::iter::once(0).chain(ends.iter().copied());
            let segments = starts.zip(&ends).map(|(start, end)| Segment { start, end: *end }).collect();
            State::Receiving { segments }
        }
    };
    Ok(Upload {
        sha256: row.try_get("sha256")?,
        length: length.try_into().map_err(|error| damaged("uploads", photo, error))?,
        key,
        state,
    })
}

/// Writes down what was announced. The caller has looked for it in the same transaction.
pub async fn insert(conn: &mut Conn, upload: &Upload, now: Ms) -> sqlx::Result<()> {
    sqlx::query(
        "insert into uploads (site, photo, part, author, sha256, length, segments, announced, changed) \
         values ($1, $2, $3, $4, $5, $6, '[]', $7, $7)",
    )
    .bind(upload.key.site.as_str())
    .bind(upload.key.photo.to_string())
    .bind(part_name(upload.key.part))
    .bind(upload.key.author.to_string())
    .bind(&upload.sha256)
    .bind(i64::try_from(upload.length).unwrap_or(i64::MAX))
    .bind(now.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes down how far an upload is, whose row the caller has looked at in the same transaction.
pub async fn update(conn: &mut Conn, upload: &Upload, now: Ms) -> sqlx::Result<()> {
    let (segments, mime, refused) = match &upload.state {
        State::Receiving { segments } => (segments.as_slice(), None, None),
        State::Kept { mime } => (&[][..], Some(mime.as_str()), None),
        // A code and some words always serialise.
        State::Refused(rejection) => (&[][..], None, serde_json::to_string(rejection).ok()),
    };
    let ends: Vec<String> = segments.iter().map(|segment| segment.end.to_string()).collect();
    sqlx::query(
        "update uploads set segments = $1, mime = $2, refused = $3, changed = $4 \
         where site = $5 and photo = $6 and part = $7 and author = $8",
    )
    .bind(format!("[{}]", ends.join(",")))
    .bind(mime)
    .bind(refused)
    .bind(now.0)
    .bind(upload.key.site.as_str())
    .bind(upload.key.photo.to_string())
    .bind(part_name(upload.key.part))
    .bind(upload.key.author.to_string())
    .execute(conn)
    .await?;
    Ok(())
}

/// The announced and verified hash of a photo whose bytes are all here, `None` until then.
pub async fn staged_full(
    conn: &mut Conn,
    site: &SiteCode,
    author: PersonId,
    photo: AttachmentId,
) -> sqlx::Result<Option<String>> {
    let key = UploadKey { site: site.clone(), author, photo, part: Part::Full };
    let upload = find(conn, &key).await?;
    Ok(upload.filter(|upload| matches!(upload.state, State::Kept { .. })).map(|upload| upload.sha256))
}
