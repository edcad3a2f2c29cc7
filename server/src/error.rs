//! What can go wrong with a request, and how it is answered: `application/problem+json` with a stable code.
//!
//! A handler returns an [`Error`]; its response carries the code in an extension, and the outermost layer
//! ([`telemetry`](crate::telemetry)) adds the request id, writes the body and logs it, once.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use shared::{Code, Rejection};

use crate::db;

/// Why a request is not answered as asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// By the rules, or because the request is wrong.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The database failed.
    #[error("database: {0}")]
    Db(#[from] sqlx::Error),
    /// Something that should not happen.
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
}

impl From<Code> for Error {
    fn from(code: Code) -> Self {
        Error::Rejected(code.into())
    }
}

impl Error {
    /// The code, with what its sentence mentions.
    pub fn rejection(&self) -> Rejection {
        match self {
            Error::Rejected(rejection) => rejection.clone(),
            Error::Db(error) if db::is_full(error) => Code::ServerFull.into(),
            Error::Db(error) if db::is_unavailable(error) => Code::ServerUnavailable.into(),
            Error::Db(_) | Error::Other(_) => Code::ServerFailed.into(),
        }
    }
}

/// Rides on an error's response until its body is written.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The code.
    pub rejection: Rejection,
    /// What only the log says.
    pub detail: Option<String>,
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let rejection = self.rejection();
        let detail = match &self {
            Error::Rejected(_) => None,
            Error::Db(_) | Error::Other(_) => Some(self.to_string()),
        };
        let mut response = status(rejection.code).into_response();
        let seconds = |code, seconds| (rejection.code == code).then(|| HeaderValue::from_static(seconds));
        let wait = seconds(Code::ServerUnavailable, "5")
            .or_else(|| seconds(Code::ServerFull, "60"))
            .or_else(|| rejection.fields.get("seconds")?.parse().ok());
        if let Some(wait) = wait {
            response.headers_mut().insert(header::RETRY_AFTER, wait);
        }
        response.extensions_mut().insert(Failure { rejection, detail });
        response
    }
}

/// What tus answers to bytes that are not what their request said.
fn checksum_mismatch() -> StatusCode {
    // 460 is a status as HTTP allows one, only not one with a name.
    StatusCode::from_u16(460).unwrap_or(StatusCode::BAD_REQUEST)
}

/// The HTTP status of a code.
fn status(code: Code) -> StatusCode {
    match code {
        Code::AuthRequired | Code::AuthWrong => StatusCode::UNAUTHORIZED,
        Code::AuthRevoked
        | Code::SiteNotMember
        | Code::PushUnknownDevice
        | Code::PushBadSignature
        | Code::RelayForeign
        | Code::CursorForeign
        | Code::RequestForeignOrigin => StatusCode::FORBIDDEN,
        Code::RequestNotFound | Code::FileNotFound | Code::CaseNotVisible | Code::RoundNotVisible | Code::LabelNone => {
            StatusCode::NOT_FOUND
        }
        Code::RequestMethod => StatusCode::METHOD_NOT_ALLOWED,
        Code::PushChainBroken | Code::FileOffset | Code::FileConflict | Code::FileKept => StatusCode::CONFLICT,
        Code::PushTooLarge | Code::FileTooLarge | Code::RequestTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::RequestUpgrade => StatusCode::UPGRADE_REQUIRED,
        Code::AuthTooMany | Code::RequestTooMany | Code::FileTooMany => StatusCode::TOO_MANY_REQUESTS,
        Code::FileWrongChecksum => checksum_mismatch(),
        Code::ServerFailed => StatusCode::INTERNAL_SERVER_ERROR,
        Code::ServerUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::ServerFull => StatusCode::INSUFFICIENT_STORAGE,
        Code::RequestBadBody
        | Code::RelayUnreadable
        | Code::FileBadHeader
        | Code::CursorUnreadable
        | Code::CursorFuture
        | Code::AuthBadKey => StatusCode::BAD_REQUEST,
        // Judged, understood and refused: by the rules, or because the account or the photo is not fit for it.
        Code::CaseNotAllowed
        | Code::CaseWrongStage
        | Code::CaseExists
        | Code::CaseFieldMissing
        | Code::CaseFieldTooLong
        | Code::CaseUnknownCategory
        | Code::CaseUnknownPlace
        | Code::CaseUnknownPerson
        | Code::CaseTimePast
        | Code::CasePromisedAlready
        | Code::CaseNoPromise
        | Code::CasePostponedOnce
        | Code::CaseNotLater
        | Code::CasePromiseNeedsSupervisor
        | Code::CasePromiseNeedsReason
        | Code::CaseComplaintNeedsDesk
        | Code::CaseComplaintHandler
        | Code::CaseDeskConfirms
        | Code::CaseCustomerAnswerMissing
        | Code::CaseTooManyPhotos
        | Code::CaseBadPhoto
        | Code::RoundNotThere
        | Code::RoundNotAllowed
        | Code::RoundWrongStage
        | Code::RoundNotPlanned
        | Code::RoundUnknownStop
        | Code::RoundTooMany
        | Code::RoundOwn
        | Code::RoundBadDays
        | Code::RouteNotAllowed
        | Code::RouteNotThere
        | Code::RouteChangedMeanwhile
        | Code::RouteBadCode
        | Code::RouteEmpty
        | Code::RouteNobody
        | Code::RouteTooMany
        | Code::RouteTwice
        | Code::RouteBadTime
        | Code::RouteWindowsOverlap
        | Code::RouteBadDue
        | Code::RouteBadItem
        | Code::LabelBadCode
        | Code::LabelNoAddress
        | Code::AuthNameAmbiguous
        | Code::AuthPasswordShort
        | Code::FileWrongHash
        | Code::FileNotAPhoto
        | Code::FileTooManyPixels
        // What is the answer to one command, to an import, or said by a device, and never to a whole request.
        | Code::CommandUnreadable
        | Code::CommandUnknownKind
        | Code::CommandBadBody
        | Code::CommandForeign
        | Code::CommandIdReused
        | Code::CommandParentRejected
        | Code::CommandCreateMissing
        | Code::CommandPredecessorMissing
        | Code::CommandRestoring
        | Code::CommandAuthorRevoked
        | Code::CommandDiscarded
        | Code::CommandOriginalDone
        | Code::CommandTakenBack
        | Code::CommandUnknownSite
        | Code::QuarantineNotThere
        | Code::QuarantineOwn
        | Code::QuarantineEarlierFirst
        | Code::RelayNoKey
        | Code::ImportBadFile
        | Code::ImportPlaceParent
        | Code::ImportPersonCompany
        | Code::ImportBadReference
        | Code::ImportDuplicate
        | Code::ImportUnknownZone
        | Code::ImportBadValue
        | Code::DeviceOffline
        | Code::DeviceTimeout
        | Code::DeviceNewer
        | Code::DeviceFull
        | Code::DeviceStorage
        | Code::DeviceBadPhoto
        | Code::DevicePhotoTooLarge
        | Code::DeviceCrypto
        | Code::DeviceUnexpected => StatusCode::UNPROCESSABLE_ENTITY,
    }
}
