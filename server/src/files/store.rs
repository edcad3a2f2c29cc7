//! How far each upload is: the table `uploads`.
//!
//! A row is written after the bytes that it claims lie in the [`depot`](super::depot), never before.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use shared::{
    Rejection,
    ids::{AttachmentId, PersonId, SiteCode},
    time::Ms,
    wire::Part,
};
use sqlx::Row;

use crate::db::{self, Conn, damaged, look_up};

/// Whose part of which photo, and at which site.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
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

/// Bytes that arrived together.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Segment {
    /// The place behind the last of them.
    pub end: u64,
    /// The object that holds them, which no other request ever writes.
    pub object: String,
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
    /// When it last got further.
    pub changed: Ms,
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

    /// Whether not all of it is here.
    pub fn is_unfinished(&self) -> bool {
        matches!(self.state, State::Receiving { .. })
    }

    /// What is staged of it.
    pub fn segments(&self) -> &[Segment] {
        match &self.state {
            State::Receiving { segments } => segments,
            State::Kept { .. } | State::Refused(_) => &[],
        }
    }
}

/// An upload.
pub async fn find(conn: &mut Conn, key: &UploadKey) -> sqlx::Result<Option<Upload>> {
    let row = sqlx::query(
        "select sha256, length, segments, mime, refused, changed from uploads \
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
            let segments: String = row.try_get("segments")?;
            let segments =
                serde_json::from_str(&segments).map_err(|error| damaged("uploads", photo, error))?;
            State::Receiving { segments }
        }
    };
    Ok(Upload {
        sha256: row.try_get("sha256")?,
        length: length.try_into().map_err(|error| damaged("uploads", photo, error))?,
        key,
        state,
        changed: Ms(row.try_get("changed")?),
    })
}

/// All uploads of some photos, whoever their authors are.
pub async fn of_photos(
    conn: &mut Conn,
    site: &SiteCode,
    photos: &[AttachmentId],
) -> sqlx::Result<Vec<Upload>> {
    let sql = "select site, photo, part, author, sha256, length, segments, mime, refused, changed from uploads \
               where site = $1 and photo in ({keys})";
    let rows = look_up(conn, sql, &[site.as_str()], photos).await?;
    rows.iter().map(|row| read(key(row)?, row)).collect()
}

/// Writes down how far uploads are, each once, which the caller has looked for in the same transaction.
pub async fn put(conn: &mut Conn, uploads: &[&Upload]) -> sqlx::Result<()> {
    let sql = [
        "insert into uploads \
         (site, photo, part, author, sha256, length, segments, mime, refused, announced, changed)",
        "on conflict (site, photo, part, author) do update set segments = excluded.segments, \
         mime = excluded.mime, refused = excluded.refused, changed = excluded.changed",
    ];
    db::put(conn, sql, uploads, |row, upload| {
        let (segments, mime, refused) = columns(upload)?;
        Ok(row
            .bind(upload.key.site.as_str())
            .bind(upload.key.photo.to_string())
            .bind(part_name(upload.key.part))
            .bind(upload.key.author.to_string())
            .bind(&upload.sha256)
            .bind(i64::try_from(upload.length).unwrap_or(i64::MAX))
            .bind(segments)
            .bind(mime)
            .bind(refused)
            .bind(upload.changed.0)
            .bind(upload.changed.0))
    })
    .await
}

/// How a state is written: its segments, type and refusal.
fn columns(upload: &Upload) -> sqlx::Result<(String, Option<&str>, Option<String>)> {
    let unwritable = |error| damaged("uploads", upload.key.photo, error);
    let segments = serde_json::to_string(upload.segments()).map_err(unwritable)?;
    Ok(match &upload.state {
        State::Receiving { .. } => (segments, None, None),
        State::Kept { mime } => (segments, Some(mime.as_str()), None),
        State::Refused(rejection) => {
            (segments, None, Some(serde_json::to_string(rejection).map_err(unwritable)?))
        }
    })
}

/// The announced and verified hashes of those of some photos whose bytes are all here, by author and photo.
pub async fn kept_full(
    conn: &mut Conn,
    site: &SiteCode,
    photos: &[AttachmentId],
) -> sqlx::Result<HashMap<(PersonId, AttachmentId), String>> {
    let mut kept = HashMap::new();
    let sql = "select author, photo, sha256 from uploads where site = $1 and part = $2 and mime is not null \
               and photo in ({keys})";
    for row in look_up(conn, sql, &[site.as_str(), part_name(Part::Full)], photos).await? {
        let (author, photo): (&str, &str) = (row.try_get("author")?, row.try_get("photo")?);
        let key = (
            author.parse().map_err(|error| damaged("uploads", photo, error))?,
            photo.parse().map_err(|error| damaged("uploads", photo, error))?,
        );
        kept.insert(key, row.try_get("sha256")?);
    }
    Ok(kept)
}

/// Forgets an upload, whose row the caller has looked at in the same transaction.
pub async fn remove(conn: &mut Conn, key: &UploadKey) -> sqlx::Result<()> {
    sqlx::query("delete from uploads where site = $1 and photo = $2 and part = $3 and author = $4")
        .bind(key.site.as_str())
        .bind(key.photo.to_string())
        .bind(part_name(key.part))
        .bind(key.author.to_string())
        .execute(conn)
        .await?;
    Ok(())
}

/// How many uploads of an author at a site are not finished.
pub async fn count_unfinished(conn: &mut Conn, site: &SiteCode, author: PersonId) -> sqlx::Result<i64> {
    sqlx::query_scalar(
        "select count(*) from uploads where site = $1 and author = $2 and mime is null and refused is null",
    )
    .bind(site.as_str())
    .bind(author.to_string())
    .fetch_one(conn)
    .await
}

/// When that unfinished upload last got further which has been left alone for longest.
pub async fn earliest_unfinished(conn: &mut Conn) -> sqlx::Result<Option<Ms>> {
    let changed: Option<i64> =
        sqlx::query_scalar("select min(changed) from uploads where mime is null and refused is null")
            .fetch_one(conn)
            .await?;
    Ok(changed.map(Ms))
}

/// Unfinished uploads of a site that have not got further since an instant.
pub async fn unfinished_since(
    conn: &mut Conn,
    site: &SiteCode,
    since: Ms,
    limit: i64,
) -> sqlx::Result<Vec<Upload>> {
    let rows = sqlx::query(
        "select site, photo, part, author, sha256, length, segments, mime, refused, changed from uploads \
         where site = $1 and changed <= $2 and mime is null and refused is null order by changed limit $3",
    )
    .bind(site.as_str())
    .bind(since.0)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| read(key(row)?, row)).collect()
}

/// All unfinished uploads.
pub async fn unfinished(conn: &mut Conn) -> sqlx::Result<Vec<Upload>> {
    let rows = sqlx::query(
        "select site, photo, part, author, sha256, length, segments, mime, refused, changed from uploads \
         where mime is null and refused is null",
    )
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| read(key(row)?, row)).collect()
}

fn key(row: &sqlx::any::AnyRow) -> sqlx::Result<UploadKey> {
    let (photo, author): (&str, &str) = (row.try_get("photo")?, row.try_get("author")?);
    let part: &str = row.try_get("part")?;
    let part = [Part::Thumb, Part::Full].into_iter().find(|known| part_name(*known) == part);
    Ok(UploadKey {
        site: SiteCode(row.try_get("site")?),
        author: author.parse().map_err(|error| damaged("uploads", photo, error))?,
        photo: photo.parse().map_err(|error| damaged("uploads", photo, error))?,
        part: part.ok_or_else(|| damaged("uploads", photo, "no part of a photo"))?,
    })
}

/// All uploads that are complete.
pub async fn kept(conn: &mut Conn) -> sqlx::Result<Vec<Upload>> {
    let rows = sqlx::query(
        "select site, photo, part, author, sha256, length, segments, mime, refused, changed from uploads \
         where mime is not null",
    )
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| read(key(row)?, row)).collect()
}

/// Nothing is staged any more of what was not finished.
pub async fn begin_anew(conn: &mut Conn) -> sqlx::Result<()> {
    sqlx::query("update uploads set segments = '[]' where mime is null").execute(conn).await?;
    Ok(())
}
