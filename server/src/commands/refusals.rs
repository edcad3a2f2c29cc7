//! Refused commands as documents: where their author and the desk can see and repair them.

use std::collections::BTreeSet;

use serde_json::Value;
use shared::{
    Code, Rejection,
    ids::{CategoryCode, PersonId, Principal},
    site::{CaseKind, Role, Site},
    wire::{DISCARD, Envelope, SETTLE, TAKE},
};

use super::store::{Kept, Refused};

/// Whether a refused command may be shown to its author only: it is, or could be, about a complaint (R9).
///
/// What cannot be read well enough to tell is kept from the desk rather than shown to the person complained about.
pub(super) fn private(envelope: &Envelope, site: &Site, confidential_case: bool) -> bool {
    let category = envelope.body.get("category");
    let complaint = match category {
        Some(Value::String(code)) => site
            .category(&CategoryCode(code.clone()))
            .is_none_or(|category| category.kind == CaseKind::Complaint),
        Some(_) => true,
        // Of the kinds that have a category, one without it is damaged.
        None => matches!(envelope.kind.as_str(), "case.report" | "case.classify"),
    };
    complaint || confidential_case || envelope.body.get("accused").is_some_and(|accused| !accused.is_null())
}

/// Whether a refused command is worth mending. That a case was opened, a refusal settled or the quarantine ruled on, is
/// not.
pub(super) fn mendable(envelope: &Envelope) -> bool {
    !matches!(envelope.kind.as_str(), SETTLE | TAKE | DISCARD | "case.see")
}

/// To whom the refusal of a command is shown. What only rounds bring with them, or came after them, a device that does not know
/// of these could not read.
pub(super) fn audience(kept: &Kept, rejection: &Rejection) -> BTreeSet<Principal> {
    let mut audience = vec![Principal::Person(kept.author)];
    if !kept.private {
        audience.push(Principal::Role(Role::Desk));
    }
    let of_rounds = |text: &str| ["route.", "round.", "label."].iter().any(|room| text.starts_with(room));
    let newer = of_rounds(rejection.code.as_str())
        || rejection.code == Code::CommandOriginalDone
        || kept.kind.as_deref().is_some_and(of_rounds);
    let read_by = |principal: Principal| if newer { principal.for_rounds() } else { principal };
    audience.into_iter().map(read_by).collect()
}

/// Whether a person may settle a refusal: its author, or the office if it may see it.
pub(super) fn may_settle(refused: &Refused, actor: PersonId, office: bool) -> bool {
    refused.author == actor || (office && !refused.private)
}
