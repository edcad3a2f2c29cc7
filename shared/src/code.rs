//! Every error code of the product in one list.
//!
//! A code is a stable string and the key of its translations: `app/locales/*.json` holds a sentence for each that says
//! what to do. Codes are never renamed or reused.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A stable error code.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code, for the test that asserts a sentence in every locale.
            pub const ALL: &[Code] = &[$(Code::$name,)*];

            /// The code as it travels and as it is translated.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }

            /// The code of a text, `None` for a text that this version does not know.
            pub fn find(text: &str) -> Option<Code> {
                match text { $($text => Some(Code::$name),)* _ => None }
            }
        }
    };
}

codes! {
    // --- rules of a case ---
    /// The case is not this person's, or does not exist: the two are not told apart (R9).
    CaseNotVisible = "case.not_visible",
    /// This person sees the case but may not do this. Fields: `command`.
    CaseNotAllowed = "case.not_allowed",
    /// The case is in a state in which this cannot be done. Fields: `stage`.
    CaseWrongStage = "case.wrong_stage",
    /// A report for a case that exists already.
    CaseExists = "case.exists",
    /// A field that must be filled is empty. Fields: `field`.
    CaseFieldMissing = "case.field_missing",
    /// A text is too long. Fields: `field`, `max`.
    CaseFieldTooLong = "case.field_too_long",
    /// The category is not (or no longer) one of the site's. Fields: `category`.
    CaseUnknownCategory = "case.unknown_category",
    /// The place is not (or no longer) one of the site's. Fields: `place`.
    CaseUnknownPlace = "case.unknown_place",
    /// The person is not (or no longer) at the site. Fields: `person`.
    CaseUnknownPerson = "case.unknown_person",
    /// A time that must lie ahead lies in the past. Fields: `until`.
    CaseTimePast = "case.time_past",
    /// There is a promise already; it can be postponed once (C6).
    CasePromisedAlready = "case.promised_already",
    /// There is no promise that could be postponed or told.
    CaseNoPromise = "case.no_promise",
    /// The one postponement is used up (C6, R7).
    CasePostponedOnce = "case.postponed_once",
    /// A postponement must lead to a later time than the promise. Fields: `until`.
    CaseNotLater = "case.not_later",
    /// An urgent case promised beyond day 1 needs a supervisor (R2).
    CasePromiseNeedsSupervisor = "case.promise_needs_supervisor",
    /// A promise of more than a week needs a reason (C4). Fields: `days`.
    CasePromiseNeedsReason = "case.promise_needs_reason",
    /// A complaint is not settled on the spot by the person who hears it (E5).
    CaseComplaintNeedsDesk = "case.complaint_needs_desk",
    /// A complaint is handled by desk, supervisor or director only (R9).
    CaseComplaintHandler = "case.complaint_handler",
    /// A complaint is confirmed by the desk in the first-asked person's place (R9).
    CaseDeskConfirms = "case.desk_confirms",
    /// For a customer's matter the customer's answer is needed (R6, B3).
    CaseCustomerAnswerMissing = "case.customer_answer_missing",
    /// Too many photos in one command or on one case. Fields: `max`.
    CaseTooManyPhotos = "case.too_many_photos",
    /// A photo's reference is damaged: hash, size, or an id that names another photo. Fields: `photo`.
    CaseBadPhoto = "case.bad_photo",
    // --- rules of a round ---
    /// There is no such round here yet: what begins it has not arrived.
    RoundNotThere = "round.not_there",
    /// The round is not this person's, or does not exist.
    RoundNotVisible = "round.not_visible",
    /// This person sees the round but may not do this. Fields: `command`.
    RoundNotAllowed = "round.not_allowed",
    /// The round is not so far yet, or its window is over. Fields: `command`.
    RoundWrongStage = "round.wrong_stage",
    /// The route has no round at this time. Fields: `until`, when it would begin.
    RoundNotPlanned = "round.not_planned",
    /// No version of the route has this stop. Fields: `stop`.
    RoundUnknownStop = "round.unknown_stop",
    /// There are too many entries about one stop, or about the round as a whole. Fields: `max`.
    RoundTooMany = "round.too_many",
    /// Nobody reviews what they walked themselves.
    RoundOwn = "round.own",
    /// What is asked for begins after it ends, or is of too many days. Fields: `max`.
    RoundBadDays = "round.bad_days",
    // --- rules of a route ---
    /// Routes are the supervisors' and the director's to change. Fields: `command`.
    RouteNotAllowed = "route.not_allowed",
    /// There is no such route.
    RouteNotThere = "route.not_there",
    /// Somebody else has changed the route since it was opened.
    RouteChangedMeanwhile = "route.changed_meanwhile",
    /// A code holds something else than letters, digits and a few signs, or is too long. Fields: `what`, `code`.
    RouteBadCode = "route.bad_code",
    /// A route without a stop.
    RouteEmpty = "route.empty",
    /// A route that nobody walks.
    RouteNobody = "route.nobody",
    /// Too many stops, items or options. Fields: `what`, `max`.
    RouteTooMany = "route.too_many",
    /// A code or an option stands twice. Fields: `what`, `code`.
    RouteTwice = "route.twice",
    /// A time of the plan is out of its range. Fields: `field`.
    RouteBadTime = "route.bad_time",
    /// The windows of two rounds overlap. Fields: `max`, the longest possible in minutes.
    RouteWindowsOverlap = "route.windows_overlap",
    /// A stop is due after the window, or before a stop that comes before it. Fields: `stop`.
    RouteBadDue = "route.bad_due",
    /// An item's limits are crossed, it has fewer than two options, or its share of rounds is out of range. Fields: `item`.
    RouteBadItem = "route.bad_item",
    // --- a label at a checkpoint ---
    /// No label carries this code: it was mistyped.
    LabelBadCode = "label.bad_code",
    /// There is no label to print: none hangs there yet. Fields: `place`, if one was named.
    LabelNone = "label.none",
    /// Labels cannot be printed before the server knows its own address.
    LabelNoAddress = "label.no_address",
    // --- one command of a push ---
    /// The command's text is not a command at all.
    CommandUnreadable = "command.unreadable",
    /// The kind is unknown to the server: the app is newer or wrong. Fields: `kind`.
    CommandUnknownKind = "command.unknown_kind",
    /// The body is not what its kind asks for. Fields: `detail`.
    CommandBadBody = "command.bad_body",
    /// The command names another device or author than its push.
    CommandForeign = "command.foreign",
    /// The id was used before, for another command.
    CommandIdReused = "command.id_reused",
    /// What this command follows was refused. Fields: `parent`.
    CommandParentRejected = "command.parent_rejected",
    /// Held: the command that creates the case has not arrived.
    CommandCreateMissing = "command.create_missing",
    /// Held: an earlier command of this device has not arrived.
    CommandPredecessorMissing = "command.predecessor_missing",
    /// Held: the server was restored, and collects what devices still have before it judges.
    CommandRestoring = "command.restoring",
    /// Held: the author has left the site; the desk looks at it.
    CommandAuthorRevoked = "command.author_revoked",
    /// It was in quarantine, and somebody of the office discarded it. Fields: `person`, `reason`.
    CommandDiscarded = "command.discarded",
    /// What it takes the place of has taken effect after all, on a server that was put back.
    CommandOriginalDone = "command.original_done",
    /// Its author has mended or withdrawn it, and it came once more to a server that was put back.
    CommandTakenBack = "command.taken_back",
    /// The site is unknown to the server, or never was the author's. Fields: `site`.
    CommandUnknownSite = "command.unknown_site",
    // --- ruling on a command in quarantine ---
    /// It is not in quarantine (any more), or not for this person to see: the two are not told apart (R9).
    QuarantineNotThere = "quarantine.not_there",
    /// It is the person's own: somebody else rules on it.
    QuarantineOwn = "quarantine.own",
    /// What it follows is in quarantine too, or has not arrived.
    QuarantineEarlierFirst = "quarantine.earlier_first",
    // --- a push as a whole ---
    /// The signature does not vouch for the commands.
    PushBadSignature = "push.bad_signature",
    /// The chain of hashes is broken: something was altered on the way or on the device.
    PushChainBroken = "push.chain_broken",
    /// The device's key is not registered for this person.
    PushUnknownDevice = "push.unknown_device",
    /// More than 100 commands or 256 KiB.
    PushTooLarge = "push.too_large",
    // --- a relay file ---
    /// It is no relay file, damaged, or sealed to another server.
    RelayUnreadable = "relay.unreadable",
    /// What is in it is not its author's: the signature does not vouch for it, or the server does not know the phone.
    RelayForeign = "relay.foreign",
    /// The device has not been online since it can hand over, and does not know what to seal to.
    RelayNoKey = "relay.no_key",
    // --- pull ---
    /// The cursor cannot be read.
    CursorUnreadable = "cursor.unreadable",
    /// The cursor is ahead of the server.
    CursorFuture = "cursor.future",
    /// The cursor is another site's or another person's.
    CursorForeign = "cursor.foreign",
    // --- signing in ---
    /// Name or password is wrong.
    AuthWrong = "auth.wrong",
    /// Too many attempts. Fields: `seconds`.
    AuthTooMany = "auth.too_many",
    /// The staff code exists at several sites.
    AuthNameAmbiguous = "auth.name_ambiguous",
    /// Nobody is signed in, or the session has ended.
    AuthRequired = "auth.required",
    /// The person has left: no membership is active.
    AuthRevoked = "auth.revoked",
    /// The device's public key cannot be read.
    AuthBadKey = "auth.bad_key",
    /// The new password is too short. Fields: `min`.
    AuthPasswordShort = "auth.password_short",
    /// The person is not a member of the site.
    SiteNotMember = "site.not_member",
    // --- files ---
    /// The tus headers are missing or contradict each other. Fields: `header`.
    FileBadHeader = "file.bad_header",
    /// The offset is not where the upload stands. Fields: `offset`.
    FileOffset = "file.offset",
    /// There is no such upload or photo for this person.
    FileNotFound = "file.not_found",
    /// The file is larger than allowed. Fields: `max`.
    FileTooLarge = "file.too_large",
    /// The bytes do not have the hash that was announced.
    FileWrongHash = "file.wrong_hash",
    /// It is not a photo that can be shown: another type, damaged or cut off.
    FileNotAPhoto = "file.not_a_photo",
    /// The photo has more pixels than allowed. Fields: `max`.
    FileTooManyPixels = "file.too_many_pixels",
    /// The upload was announced before with another length or hash.
    FileConflict = "file.conflict",
    /// The bytes of one request are not what the request itself said of them.
    FileWrongChecksum = "file.wrong_checksum",
    /// The person has too many uploads that were begun and not finished. Fields: `max`.
    FileTooMany = "file.too_many",
    /// The photo is complete, and a case may show it: it cannot be given up any more.
    FileKept = "file.kept",
    // --- the request ---
    /// The body is not valid JSON of the expected shape. Fields: `detail`.
    RequestBadBody = "request.bad_body",
    /// The body is larger than the server takes.
    RequestTooLarge = "request.too_large",
    /// There is no such address.
    RequestNotFound = "request.not_found",
    /// The address does not take this method.
    RequestMethod = "request.method",
    /// The app is too old for this server.
    RequestUpgrade = "request.upgrade",
    /// Too many requests. Fields: `seconds`.
    RequestTooMany = "request.too_many",
    /// The request came from another web site.
    RequestForeignOrigin = "request.foreign_origin",
    /// The server failed; the request id finds it in the log.
    ServerFailed = "server.failed",
    /// The server is starting, stopping or cannot reach its database.
    ServerUnavailable = "server.unavailable",
    /// The server's disk is full.
    ServerFull = "server.full",
    // --- an import file ---
    /// The file is not a site file. Fields: `detail`.
    ImportBadFile = "import.bad_file",
    /// A place's parent is missing. Fields: `place`, `parent`.
    ImportPlaceParent = "import.place_parent",
    /// A person's company is missing. Fields: `person`, `company`.
    ImportPersonCompany = "import.person_company",
    /// A reference leads nowhere. Fields: `what`, `ref`.
    ImportBadReference = "import.bad_reference",
    /// A code stands twice. Fields: `what`, `code`.
    ImportDuplicate = "import.duplicate",
    /// The time zone is unknown. Fields: `zone`.
    ImportUnknownZone = "import.unknown_zone",
    /// A figure or a setting is out of its range. Fields: `what`, `value`.
    ImportBadValue = "import.bad_value",
    // --- on the device ---
    /// No network.
    DeviceOffline = "device.offline",
    /// The server did not answer in time.
    DeviceTimeout = "device.timeout",
    /// The phone has no room left.
    DeviceFull = "device.full",
    /// The phone's storage did not answer.
    DeviceStorage = "device.storage",
    /// The picture cannot be read on this phone.
    DeviceBadPhoto = "device.bad_photo",
    /// The picture is too large to open on this phone.
    DevicePhotoTooLarge = "device.photo_too_large",
    /// The browser cannot sign (no secure context).
    DeviceCrypto = "device.crypto",
    /// A newer server's reason, which this version of the app does not know.
    DeviceNewer = "device.newer",
    /// Something that should not happen; the detail helps whoever looks. Fields: `detail`.
    DeviceUnexpected = "device.unexpected",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Code::find(&text).ok_or_else(|| serde::de::Error::custom(format_args!("unknown code {text}")))
    }
}

/// Reads the reason of a refusal, which may be a newer server's: everything else that came with it can be read all the same.
pub(crate) fn read_reason<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Code, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(Code::find(&text).unwrap_or(Code::DeviceNewer))
}

#[cfg(feature = "schema")]
impl utoipa::PartialSchema for Code {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .enum_values(Some(Code::ALL.iter().map(|code| code.as_str())))
            .into()
    }
}

#[cfg(feature = "schema")]
impl utoipa::ToSchema for Code {}
