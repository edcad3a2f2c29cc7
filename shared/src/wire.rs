//! The whole protocol between a device and the server, version 1.
//!
//! **Commands.** A device writes every change as a command: an [`Envelope`] as one JSON text, made once and never
//! written again, so that a retry sends the same bytes. Its hash is SHA-256 over that text. Each envelope names the
//! hash of the previous command of the same device and author (`prev`) and its place in that chain (`n`, from 1): a
//! missing or altered command shows.
//!
//! **Push.** `POST /api/push` with a [`PushRequest`]: up to 100 commands or 256 KiB in the order of `n`, and one
//! signature (ECDSA P-256 with SHA-256, `r ‖ s`) over [`signing_bytes`] of the last command's hash; the chain makes it
//! vouch for all. Anybody's session may carry a push: authorship is proved by the author's key, which the device
//! registered at sign-in. Commands travel as strings, so that one that does not parse spoils none of its neighbours; one
//! that does not even name the command before it (`n` and `prev`) has to be the first of its push.
//!
//! **Verdicts.** One [`Answer`] per command, in order. `accepted`, `recorded` and `rejected` are final, for ever: the
//! same text gets the same verdict again. `held` is not: the device sends it again later.
//!
//! **Quarantine.** What somebody who has left had made takes no effect until the office has looked at it: it is `held`,
//! and shown to the office as a [`Quarantined`] document. [`TAKE`] has it judged as its author's, [`DISCARD`] refuses it.
//!
//! **Pull.** `GET /api/pull?site=…&person=…&cursor=…` answers with the documents that this person may see and that have
//! changed since the cursor, which is opaque and holds a position per principal. `gone` names what the person has lost
//! sight of. If somebody else is signed in than the person named, as may be on a shared phone, the answer is 401.
//! Kinds of documents that came later are sent only to a device that asks for them (`reads=quarantine,rounds`), because
//! an older one could not read the page that holds them; once it asks, it gets them all.
//!
//! **Live.** `GET /api/live` is a stream of server-sent events, each a [`Poke`]; a poke only says that a pull is worthwhile.
//!
//! **Restores.** Every answer names the server's `epoch`, which is renewed when a backup is put back; a pull says how far the
//! last backup reaches (`stable_seq`). A device keeps what it has sent until then, if there are backups at all. When the
//! epoch has changed, it pushes everything that it has kept again, with the answers that it [`Had`]; for a while the server
//! answers `held`, then judges all of it in its old order. If the first of it does not follow what the server knows of the
//! chain, because an older backup was put back, the device says in [`PushRequest::gap`] that nobody has what is missing.
//! A refused command may come once more in an old file, and would be new to the server. What mends it names it
//! ([`Envelope::mends`]), behind the word that it is settled ([`SETTLE`]): of the two only one takes effect.
//! Photos that the server has lost are found missing by `HEAD`, and sent again.
//!
//! **Routes and rounds.** The aggregate of a `route.…` is [`RouteId::of`](crate::ids::RouteId::of) site and code, that of a
//! `round.…` [`RoundId::of`](crate::ids::RoundId::of) site, route and occurrence, so that a phone without a network names
//! the same round as the server. A problem found at a stop is a `case.report` that says so in `from`.
//!
//! **Files.** tus 1.0 at `/api/files`; the upload of a photo's part lies at [`file_name`], so that a lost answer is
//! healed by `HEAD`; whoever carries another's adds `?author=`. A photo is read through the case or round that shows it:
//! `GET /api/cases/{case}/photos/{photo}`, `GET /api/rounds/{round}/photos/{photo}`.
//!
//! **Errors.** `application/problem+json` with a stable code, see [`Problem`].

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    Code, Rejection,
    case::{CaseCommand, CaseView},
    code,
    ids::{AttachmentId, CaseId, CaseNumber, CommandId, DeviceId, PersonId, RoundId, RouteId, SiteCode},
    json,
    quarantine::Ruling,
    rejection::Fields,
    round::{Round, RoundCommand},
    route::{Route, RouteCommand},
    site::{People, Places, Site},
    time::{EventTime, Heard, Ms},
    unread::Unread,
};

/// The version of the wire that this code speaks.
pub const VERSION: u16 = 1;
/// The most commands of one push.
pub const PUSH_COMMANDS: usize = 100;
/// The most bytes of one push's commands; one legal command always fits.
pub const PUSH_BYTES: usize = 256 * 1024;
/// The `prev` of the first command of a chain.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One command as it was made on a device.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Envelope {
    /// UUIDv7, made on the device; the key of idempotency.
    pub id: CommandId,
    /// On which device it was made.
    pub device: DeviceId,
    /// By whom.
    pub author: PersonId,
    /// Its place in the chain of this device and author, from 1.
    pub n: u64,
    /// The hash of the command before it, [`GENESIS`] for the first.
    pub prev: String,
    /// What is asked, such as `case.report`.
    pub kind: String,
    /// The version of the kind's body.
    pub v: u16,
    /// At which site.
    pub site: SiteCode,
    /// Of which case (or other aggregate).
    pub aggregate: Uuid,
    /// The version that the author saw; informative.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<u32>,
    /// The device's wall time when it was made (R3).
    pub at: Ms,
    /// What the device knew of the server's clock then (R3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard: Option<Heard>,
    /// The refused commands that it takes the place of, and those that they took the place of: it takes effect only if none
    /// of them did after all. What belongs to a report goes its way, and names none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mends: Vec<CommandId>,
    /// What the kind asks for.
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub body: serde_json::Value,
}

/// What a command asks, by aggregate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Of a case.
    Case(Box<CaseCommand>),
    /// Of a route.
    Route(Box<RouteCommand>),
    /// Of a round.
    Round(Box<RoundCommand>),
    /// Of a refused command: it has been mended or withdrawn.
    Settle,
    /// Of a command in quarantine: what becomes of it.
    Rule(Ruling),
}

/// A stop of a round was reached.
const TICK: &str = "round.tick";
/// The kind of [`Command::Settle`].
pub const SETTLE: &str = "refusal.settle";
/// The kind of [`Command::Rule`] that takes; its aggregate is the command in quarantine.
pub const TAKE: &str = "quarantine.take";
/// The kind of [`Command::Rule`] that discards.
pub const DISCARD: &str = "quarantine.discard";

impl Envelope {
    /// The commands that its author mends or withdraws with it.
    pub fn takes_back(&self) -> impl Iterator<Item = CommandId> + '_ {
        let settled = (self.kind == SETTLE).then_some(CommandId(self.aggregate));
        self.mends.iter().copied().chain(settled)
    }

    /// The envelope of a text.
    ///
    /// # Errors
    /// `command.unreadable`.
    pub fn read(text: &str) -> Result<Envelope, Rejection> {
        json::read(text).map_err(|_| Code::CommandUnreadable.into())
    }

    /// The text of the envelope, to be made once and kept.
    pub fn write(&self) -> String {
        // A struct of strings, numbers and JSON always serialises.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The text of a command as it may stand in documents: without the token or code of a label, with which whoever reads
    /// them could tick from anywhere.
    pub fn published(text: &str) -> String {
        let Ok(mut envelope) = Envelope::read(text) else { return text.to_owned() };
        if let Some(secret) = envelope.label() {
            *secret = String::new().into();
            return envelope.write();
        }
        text.to_owned()
    }

    /// Where a tick says what its label is recognised by.
    fn label(&mut self) -> Option<&mut serde_json::Value> {
        let proof = self.body.get_mut("proof").filter(|_| self.kind == TICK)?;
        let secret = if proof.get("code").is_some() { "/code" } else { "/token/token" };
        proof.pointer_mut(secret)
    }

    /// What it asks.
    ///
    /// # Errors
    /// `command.unknown_kind`, `command.bad_body`.
    pub fn command(&self) -> Result<Command, Rejection> {
        let kind = self.kind.as_str();
        match kind {
            SETTLE => Ok(Command::Settle),
            TAKE | DISCARD if self.v == 1 => self.ruling().map(Command::Rule),
            _ if self.v == 1 && CaseCommand::KINDS.contains(&kind) => self.asked().map(Command::Case),
            _ if self.v == 1 && RouteCommand::KINDS.contains(&kind) => self.asked().map(Command::Route),
            _ if self.v == 1 && RoundCommand::KINDS.contains(&kind) => self.asked().map(Command::Round),
            _ => Err(Rejection::new(Code::CommandUnknownKind).with("kind", kind)),
        }
    }

    /// What it asks of a case; `None` if it is of anything else, or cannot be read.
    pub fn case_command(&self) -> Option<CaseCommand> {
        let of_case = self.v == 1 && CaseCommand::KINDS.contains(&self.kind.as_str());
        of_case.then(|| self.asked().ok()).flatten()
    }

    /// What the kind makes of the body.
    fn asked<T: DeserializeOwned>(&self) -> Result<T, Rejection> {
        read_body(&self.body, &serde_json::json!({ &self.kind: self.body }))
    }

    fn ruling(&self) -> Result<Ruling, Rejection> {
        #[derive(Deserialize)]
        struct Body {
            reason: String,
        }
        let Body { reason } = read_body(&self.body, &self.body)?;
        Ok(Ruling { take: self.kind == TAKE, reason })
    }
}

/// What a body says, read from it or from what it stands in.
fn read_body<T: DeserializeOwned>(
    body: &serde_json::Value,
    whole: &serde_json::Value,
) -> Result<T, Rejection> {
    // A list would be taken for the fields in their order.
    if !body.is_object() {
        return Err(Rejection::new(Code::CommandBadBody).with("detail", "no object"));
    }
    json::read(&whole.to_string()).map_err(|error| Rejection::new(Code::CommandBadBody).with("detail", error))
}

/// The body of a command, as it travels in the envelope.
pub(crate) fn body(command: &impl Serialize, kind: &str) -> serde_json::Value {
    let tagged = serde_json::to_string(command).unwrap_or_default();
    // A command serialises to an object with its kind as the one field.
    json::read(&tagged)
        .ok()
        .and_then(|mut tagged: serde_json::Value| tagged.get_mut(kind).map(serde_json::Value::take))
        .unwrap_or_default()
}

/// The hash of a command: SHA-256 over its text, in lowercase hex.
pub fn hash(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// Bytes in lowercase hex.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What the author's key signs: the last command's hash, with a prefix that keeps the signature from being used for
/// anything else.
pub fn signing_bytes(last_hash: &str) -> Vec<u8> {
    format!("firsthand-push-v1:{last_hash}").into_bytes()
}

/// What the author's key signs to say that the commands before one are lost: in this epoch the chain goes on with the
/// command of this hash.
pub fn gap_bytes(epoch: &str, first_hash: &str) -> Vec<u8> {
    format!("firsthand-gap-v1:{epoch}:{first_hash}").into_bytes()
}

/// Commands of one device and author, on their way.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PushRequest {
    /// [`VERSION`].
    pub v: u16,
    /// On which device they were made.
    pub device: DeviceId,
    /// By whom; not always by whom they are sent.
    pub author: PersonId,
    /// The device's wall time now (R3).
    pub sent_at: Ms,
    /// The envelopes' texts, as they were made, in the order of `n`.
    pub commands: Vec<String>,
    /// Over [`signing_bytes`] of the last one's hash: `r ‖ s`, base64url without padding.
    pub signature: String,
    /// What the server had answered to some of them before it was restored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub had: Vec<Had>,
    /// That the device has none of the commands before the first of these: a signature over [`gap_bytes`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<String>,
}

/// What the server had answered to a command before it was restored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Had {
    /// The command's place in its chain.
    pub n: u64,
    /// The final verdict.
    pub verdict: Verdict,
    /// When it came, by the server's clock.
    pub at: Ms,
    /// The number that its case had got, if it is a report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<CaseNumber>,
}

/// What became of a push.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PushResponse {
    /// One per command, in order.
    pub answers: Vec<Answer>,
    /// The server's time (R3).
    pub server_time: Ms,
    /// Renewed when a backup is restored.
    pub epoch: String,
}

/// What became of one command.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Answer {
    /// Which; `None` where the text holds no id.
    pub id: Option<CommandId>,
    /// What became of it.
    pub verdict: Verdict,
}

/// The answer to a command.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It took effect. Final.
    Accepted {
        /// The site's sequence number.
        seq: i64,
        /// The aggregate's version.
        version: u32,
    },
    /// A fact that came too late to change the state: kept in the history. Final.
    Recorded {
        /// The site's sequence number.
        seq: i64,
        /// The aggregate's version.
        version: u32,
    },
    /// Refused, with the reason. Final.
    Rejected(Rejection),
    /// Kept, or to be sent again; the final verdict comes later.
    Held {
        /// What it waits for.
        #[serde(deserialize_with = "code::read_reason")]
        code: Code,
    },
}

impl Verdict {
    /// Whether it is for ever.
    pub fn is_final(&self) -> bool {
        !matches!(self, Verdict::Held { .. })
    }
}

/// What a document is and which.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DocKey {
    /// The site's settings.
    Site,
    /// The site's places.
    Places,
    /// The site's people.
    People,
    /// A case.
    Case(CaseId),
    /// A route.
    Route(RouteId),
    /// A round.
    Round(RoundId),
    /// A refused command.
    Refusal(CommandId),
    /// A command in quarantine.
    Quarantine(CommandId),
}

impl DocKey {
    /// The document that shows what a command of a kind has done to its aggregate.
    pub fn changed_by(kind: &str, aggregate: Uuid) -> DocKey {
        match kind.split_once('.') {
            Some(("route", _)) => DocKey::Route(RouteId(aggregate)),
            Some(("round", _)) => DocKey::Round(RoundId(aggregate)),
            Some(_) | None => DocKey::Case(CaseId(aggregate)),
        }
    }
}

impl fmt::Display for DocKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DocKey::Site => f.write_str("site"),
            DocKey::Places => f.write_str("places"),
            DocKey::People => f.write_str("people"),
            DocKey::Case(id) => write!(f, "case:{id}"),
            DocKey::Route(id) => write!(f, "route:{id}"),
            DocKey::Round(id) => write!(f, "round:{id}"),
            DocKey::Refusal(id) => write!(f, "refusal:{id}"),
            DocKey::Quarantine(id) => write!(f, "quarantine:{id}"),
        }
    }
}

impl std::str::FromStr for DocKey {
    type Err = Code;
    fn from_str(text: &str) -> Result<Self, Code> {
        let unreadable = Code::RequestBadBody;
        match text.split_once(':') {
            None if text == "site" => Ok(DocKey::Site),
            None if text == "places" => Ok(DocKey::Places),
            None if text == "people" => Ok(DocKey::People),
            Some(("case", id)) => id.parse().map(DocKey::Case).map_err(|_| unreadable),
            Some(("route", id)) => id.parse().map(DocKey::Route).map_err(|_| unreadable),
            Some(("round", id)) => id.parse().map(DocKey::Round).map_err(|_| unreadable),
            Some(("refusal", id)) => id.parse().map(DocKey::Refusal).map_err(|_| unreadable),
            Some(("quarantine", id)) => id.parse().map(DocKey::Quarantine).map_err(|_| unreadable),
            None | Some(_) => Err(unreadable),
        }
    }
}

impl Serialize for DocKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DocKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| serde::de::Error::custom(format_args!("no document key: {text}")))
    }
}

/// A document, as its reader may see it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Doc {
    /// The site's settings.
    Site(Box<Site>),
    /// The site's places.
    Places(Places),
    /// The site's people.
    People(People),
    /// A case.
    Case(CaseView),
    /// A route, its labels without their codes; only to a device that says that it reads rounds.
    Route(UnreadRoute),
    /// A round; likewise.
    Round(UnreadRound),
    /// A refused command.
    Refusal(Refusal),
    /// A command in quarantine; only to a device that says that it reads them.
    Quarantine(Quarantined),
}

/// A route as it came. Schemas name what a document is when it is read, for which its type must have a name of its own.
type UnreadRoute = Unread<Route>;
/// A round as it came.
type UnreadRound = Unread<Round>;

impl Doc {
    /// What it is and which.
    pub fn key(&self) -> DocKey {
        match self {
            Doc::Site(_) => DocKey::Site,
            Doc::Places(_) => DocKey::Places,
            Doc::People(_) => DocKey::People,
            Doc::Case(view) => DocKey::Case(view.id()),
            Doc::Route(route) => DocKey::Route(RouteId(route.id)),
            Doc::Round(round) => DocKey::Round(RoundId(round.id)),
            Doc::Refusal(refusal) => DocKey::Refusal(refusal.id),
            Doc::Quarantine(quarantined) => DocKey::Quarantine(quarantined.id),
        }
    }

    /// The version that a verdict names, of what commands change.
    pub fn version(&self) -> Option<u32> {
        match self {
            Doc::Case(view) => Some(view.version()),
            Doc::Route(route) => Some(route.version),
            Doc::Round(round) => Some(round.version),
            Doc::Site(_) | Doc::Places(_) | Doc::People(_) | Doc::Refusal(_) | Doc::Quarantine(_) => None,
        }
    }
}

/// A refused command, where its author and the desk can see and repair it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Refusal {
    /// The command.
    pub id: CommandId,
    /// Whose.
    pub author: PersonId,
    /// When it reached the server.
    pub received: Ms,
    /// Why it was refused.
    pub rejection: Rejection,
    /// What was asked, as it was sent.
    pub text: String,
}

/// A command of somebody who has left, where the office can take or discard it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Quarantined {
    /// The command.
    pub id: CommandId,
    /// Whose.
    pub author: PersonId,
    /// When it happened (R3), and when it reached the server.
    pub time: EventTime,
    /// What was asked, as it was sent.
    pub text: String,
}

/// What a device adds to a pull, `reads=…` with commas between, to be sent documents that version 1 did not have from its
/// beginning: what is in quarantine.
pub const READS_QUARANTINE: &str = "quarantine";
/// The same for routes and rounds.
pub const READS_ROUNDS: &str = "rounds";

/// What has changed for a person.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PullResponse {
    /// Of which site.
    pub site: SiteCode,
    /// Renewed when a backup is restored.
    pub epoch: String,
    /// What changed.
    pub docs: Vec<Doc>,
    /// What the person has lost sight of.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<String>))]
    pub gone: Vec<DocKey>,
    /// Where to go on. Opaque.
    pub cursor: String,
    /// Pull again at once.
    pub more: bool,
    /// How far the site's last backup reaches: what was accepted up to this sequence number will not be lost. `None` as
    /// long as there is no backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable_seq: Option<i64>,
    /// The server's time (R3).
    pub server_time: Ms,
}

/// Cases that somebody looked for, as that person may see them.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CasesFound {
    /// Those that fit, the latest reported first.
    pub cases: Vec<CaseView>,
    /// Where to go on; `None` if everything has been looked through. Opaque.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// How far back has been looked; `None` if everything has been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_to: Option<Ms>,
    /// The server's time (R3).
    pub server_time: Ms,
}

/// "This site has moved on for you": one event of the live stream.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Poke {
    /// Which site.
    pub site: SiteCode,
    /// How far it is.
    pub seq: i64,
}

/// An error answer, `application/problem+json` (RFC 9457).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Problem {
    /// `about:blank`: the code says more than a page would.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status' own words, in English.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable code.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub code: Code,
    /// What the code's sentence mentions.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = std::collections::BTreeMap<String, String>))]
    pub fields: Fields,
    /// Finds the request in the server's log.
    pub request_id: String,
}

/// Which bytes of a photo.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// At most 16 KiB, sent first.
    Thumb,
    /// As it was taken, at most 1,600 pixels.
    Full,
}

/// The header that comes with the answer to a complete upload: how far the site is, with the upload. What a device keeps of
/// it may go once `stable_seq` has passed that.
pub const UPLOAD_SEQ: &str = "upload-seq";

/// The last segment of an upload's address, `/api/files/{name}`: the photo's id, with `.thumb` for the thumbnail.
pub fn file_name(photo: AttachmentId, part: Part) -> String {
    match part {
        Part::Thumb => format!("{photo}.thumb"),
        Part::Full => photo.to_string(),
    }
}

/// The photo and part of an upload's address.
pub fn read_file_name(name: &str) -> Option<(AttachmentId, Part)> {
    match name.strip_suffix(".thumb") {
        Some(id) => id.parse().ok().map(|id| (id, Part::Thumb)),
        None => name.parse().ok().map(|id| (id, Part::Full)),
    }
}

/// Bytes in base64url without padding, as keys and signatures travel.
pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of base64url without padding.
pub fn read_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}
