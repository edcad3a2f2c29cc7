//! What the report's page knows without a screen: what is still missing, which field a refusal is about, which
//! categories and places are offered first.

use std::{collections::BTreeMap, sync::Arc};

use shared::{
    Code, Rejection,
    case::{
        CaseCommand, CaseView,
        command::{PhotoRef, Report, Source},
    },
    ids::{CaseId, CategoryCode, PersonId, PlaceCode},
    site::{CaseKind, Category},
};

use crate::{order, state::ReportDraft, ui::Glyph};

/// How many categories are offered before "more".
pub const CATEGORIES: usize = 6;
/// How many places are offered without a search.
pub const PLACES: usize = 4;

/// The parts of the page that a message may be about, from top to bottom.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Spot {
    /// The photos.
    Photos,
    /// What kind of problem.
    Category,
    /// Where.
    Place,
    /// What, in a line.
    Text,
    /// Since when.
    Since,
    /// The customer's name, telephone, flat.
    Customer,
    /// Why the urgency differs.
    Urgency,
    /// The colleague named.
    Person,
    /// What was done on the spot.
    Result,
    /// The report as a whole.
    Whole,
}

impl Spot {
    /// Every part.
    pub const ALL: [Spot; 10] = [
        Spot::Photos,
        Spot::Category,
        Spot::Place,
        Spot::Text,
        Spot::Since,
        Spot::Customer,
        Spot::Urgency,
        Spot::Person,
        Spot::Result,
        Spot::Whole,
    ];
}

/// What keeps a report from being sent.
#[derive(Clone, PartialEq, Debug)]
pub enum Fault {
    /// The rules cannot even be asked without it.
    Missing(Spot),
    /// The rules' own word, or the device's.
    Refused(Rejection),
}

impl Fault {
    /// Where on the page it belongs.
    pub fn spot(&self) -> Spot {
        match self {
            Fault::Missing(spot) => *spot,
            Fault::Refused(rejection) => spot(rejection),
        }
    }
}

/// Which part of the page a refusal is about.
fn spot(rejection: &Rejection) -> Spot {
    match rejection.code {
        Code::CaseUnknownCategory => Spot::Category,
        Code::CaseUnknownPlace => Spot::Place,
        Code::CaseUnknownPerson => Spot::Person,
        Code::CaseTooManyPhotos | Code::CaseBadPhoto | Code::DeviceBadPhoto | Code::DevicePhotoTooLarge => {
            Spot::Photos
        }
        Code::CaseFieldMissing | Code::CaseFieldTooLong => {
            match rejection.fields.get("field").map(String::as_str) {
                Some("text") => Spot::Text,
                Some("since") => Spot::Since,
                Some("customer" | "name" | "phone" | "flat") => Spot::Customer,
                Some("urgency_reason") => Spot::Urgency,
                Some("result") => Spot::Result,
                Some(_) | None => Spot::Whole,
            }
        }
        _ => Spot::Whole,
    }
}

/// The report that a draft makes.
///
/// # Errors
/// What is missing, before the rules can be asked.
pub fn report(draft: &ReportDraft) -> Result<Report, Spot> {
    let category = draft.category.clone().ok_or(Spot::Category)?;
    let place = draft.place.clone().ok_or(Spot::Place)?;
    Ok(Report {
        category,
        place,
        text: draft.text.trim().to_owned(),
        since: draft.since.trim().to_owned(),
        source: match &draft.customer {
            Some(customer) => Source::Customer(Some(customer.clone())),
            None => Source::Found,
        },
        urgency: draft.urgency.clone(),
        isolated: draft.isolated,
        accused: draft.accused,
        on_behalf_of: draft.on_behalf_of,
        photos: draft.photos.clone(),
        from: draft.from.clone().map(Box::new),
    })
}

/// How a problem was solved that a report was refused with.
pub fn fixed_with(refused: &[CaseCommand]) -> Option<String> {
    refused.iter().find_map(|command| match command {
        CaseCommand::Fix { result, .. } => Some(result.clone()),
        _ => None,
    })
}

/// A command without its photos, where they are on another device.
pub fn without_photos(mut command: CaseCommand) -> CaseCommand {
    if let CaseCommand::Fix { photos, .. } | CaseCommand::Comment { photos, .. } = &mut command {
        photos.clear();
    }
    command
}

/// What is said of the case right after its report: that it is solved, and what was refused together with a report
/// that is mended. What else was done to a case that never was is done anew, or not.
pub fn then(fixed: Option<String>, refused: Vec<CaseCommand>) -> Vec<CaseCommand> {
    let solved = fixed.is_some();
    let shown = refused.iter().find_map(|command| match command {
        CaseCommand::Fix { photos, .. } => Some(photos.clone()),
        _ => None,
    });
    let fix = fixed.map(|result| CaseCommand::Fix { result, photos: shown.unwrap_or_default() });
    let rest = refused.into_iter().filter_map(|command| match command {
        // Not solved after all: what was photographed is still worth seeing.
        CaseCommand::Fix { photos, .. } if !solved => {
            Some(CaseCommand::Comment { text: String::new(), photos })
        }
        CaseCommand::Comment { .. } | CaseCommand::Tell { .. } => Some(command),
        _ => None,
    });
    let empty = |command: &CaseCommand| matches!(command, CaseCommand::Comment { text, photos } if text.is_empty() && photos.is_empty());
    fix.into_iter().chain(rest.filter(|command| !empty(command))).collect()
}

/// The draft of a report that was refused, to be mended under a new case.
pub fn draft(case: CaseId, report: Report, photos: Vec<PhotoRef>, fixed: Option<String>) -> ReportDraft {
    ReportDraft {
        case,
        photos,
        category: Some(report.category),
        place: Some(report.place),
        text: report.text,
        since: report.since,
        customer: match report.source {
            Source::Found => None,
            Source::Customer(customer) => Some(customer.unwrap_or_default()),
        },
        urgency: report.urgency,
        isolated: report.isolated,
        accused: report.accused,
        on_behalf_of: report.on_behalf_of,
        fixed,
        from: report.from.map(|from| *from),
    }
}

/// Takes a category, and drops what made sense with the one before only.
pub fn choose(draft: &mut ReportDraft, category: &Category) {
    draft.category = Some(category.code.clone());
    if draft.urgency.as_ref().is_some_and(|urgency| urgency.urgent == category.urgent) {
        draft.urgency = None;
    }
    if category.kind != CaseKind::Complaint {
        draft.accused = None;
    }
}

/// Whether the report will climb by C2.
pub fn urgent(draft: &ReportDraft, category: &Category) -> bool {
    draft.urgency.as_ref().map_or(category.urgent, |urgency| urgency.urgent)
}

/// Whether the first-asked person may settle it here and now: not a complaint (E5), not for a colleague.
pub fn may_fix(draft: &ReportDraft, category: Option<&Category>) -> bool {
    draft.on_behalf_of.is_none() && category.is_none_or(|category| category.kind != CaseKind::Complaint)
}

/// The site's categories, those that this person reports most first; the site's own order decides between equals.
pub fn ranked<'a>(
    categories: &[Category],
    cases: impl Iterator<Item = &'a Arc<CaseView>>,
    me: PersonId,
) -> Vec<CategoryCode> {
    let mut used = BTreeMap::<&CategoryCode, i64>::new();
    for case in cases.filter_map(|view| view.full()).filter(|case| case.first_asked.person == me) {
        *used.entry(&case.category).or_default() += 1;
    }
    let codes: Vec<CategoryCode> = categories.iter().map(|category| category.code.clone()).collect();
    order::by(codes, |code| [-used.get(code).copied().unwrap_or_default(), 0, 0])
}

/// The places of this person's latest reports, the latest first.
pub fn recent<'a>(cases: impl Iterator<Item = &'a Arc<CaseView>>, me: PersonId) -> Vec<PlaceCode> {
    let mine: Vec<_> = cases
        .filter_map(|view| view.full())
        .filter(|case| case.first_asked.person == me || case.relay == Some(me))
        .map(|case| (case.reported.at, &case.place))
        .collect();
    let mut places = Vec::new();
    for (_, place) in order::by(mine, |(at, _)| [-at.0, 0, 0]) {
        if !places.contains(place) {
            places.push(place.clone());
        }
    }
    places
}

/// The picture of a category, by the codes that sites share; dots for one of a site's own.
pub fn glyph(category: &CategoryCode) -> Glyph {
    match category.as_str() {
        "leak" => Glyph::Drop,
        "power" => Glyph::Bolt,
        "lift" => Glyph::Lift,
        "litter" => Glyph::Broom,
        "loose" => Glyph::Wrench,
        "building" => Glyph::Wall,
        "notice" => Glyph::Notice,
        "green" => Glyph::Leaf,
        "security" => Glyph::Shield,
        "noise" => Glyph::Megaphone,
        "complaint" => Glyph::Complaint,
        "suggestion" => Glyph::Bulb,
        _ => Glyph::Dots,
    }
}

#[cfg(test)]
mod tests {
    use shared::case::command::{Customer, Urgency};
    use uuid::Uuid;

    use super::*;

    fn empty() -> ReportDraft {
        ReportDraft {
            case: CaseId(Uuid::from_u128(1)),
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
        }
    }

    fn category(code: &str, urgent: bool, kind: CaseKind) -> Category {
        Category {
            code: code.into(),
            name: String::new(),
            name_en: String::new(),
            urgent,
            kind,
            accept_min: 3,
            arrive_min: 15,
            attend_min: 3,
            dispatch_to: String::new(),
            also_tell: Vec::new(),
        }
    }

    #[test]
    fn a_draft_says_what_it_lacks_from_top_to_bottom() {
        let mut draft = empty();
        assert_eq!(report(&draft), Err(Spot::Category));
        draft.category = Some("leak".into());
        assert_eq!(report(&draft), Err(Spot::Place));
        draft.place = Some("B5".into());
        assert_eq!(report(&draft).map(|report| report.source), Ok(Source::Found));
    }

    #[test]
    fn a_refused_report_comes_back_as_it_was() {
        let mut first = empty();
        first.category = Some("leak".into());
        first.place = Some("B5".into());
        first.text = "滴水".to_owned();
        first.since = "今早".to_owned();
        first.isolated = true;
        first.customer = Some(Customer { name: "陈".to_owned(), ..Customer::default() });
        first.fixed = Some("关阀".to_owned());
        let again = draft(first.case, report(&first).unwrap(), Vec::new(), first.fixed.clone());
        assert_eq!(again, first);
    }

    #[test]
    fn each_refusal_finds_its_field() {
        let missing = |field: &str| Rejection::new(Code::CaseFieldMissing).with("field", field);
        let found = |rejection| Fault::Refused(rejection).spot();
        assert_eq!(found(missing("text")), Spot::Text);
        assert_eq!(found(missing("customer")), Spot::Customer);
        assert_eq!(found(missing("urgency_reason")), Spot::Urgency);
        assert_eq!(found(missing("result")), Spot::Result);
        assert_eq!(found(Code::CaseUnknownPlace.into()), Spot::Place);
        assert_eq!(found(Code::DeviceFull.into()), Spot::Whole);
        assert_eq!(Fault::Missing(Spot::Category).spot(), Spot::Category);
    }

    #[test]
    fn another_category_drops_what_no_longer_differs() {
        let mut draft = empty();
        draft.accused = Some(PersonId(Uuid::from_u128(2)));
        draft.urgency = Some(Urgency { urgent: true, reason: "有老人".to_owned() });
        let (leak, loose) =
            (category("leak", true, CaseKind::Repair), category("loose", false, CaseKind::OnSite));
        choose(&mut draft, &loose);
        assert!(urgent(&draft, &loose));
        assert_eq!(draft.accused, None);
        choose(&mut draft, &leak);
        assert_eq!(draft.urgency, None);
        assert!(urgent(&draft, &leak));
    }

    #[test]
    fn e5_a_complaint_and_a_colleagues_matter_are_not_settled_on_the_spot() {
        let mut draft = empty();
        assert!(may_fix(&draft, Some(&category("leak", true, CaseKind::Repair))));
        assert!(!may_fix(&draft, Some(&category("complaint", false, CaseKind::Complaint))));
        draft.on_behalf_of = Some(PersonId(Uuid::from_u128(2)));
        assert!(!may_fix(&draft, None));
    }

    #[test]
    fn the_sites_order_of_categories_stands_until_somebody_has_habits() {
        let categories =
            [category("leak", true, CaseKind::Repair), category("loose", false, CaseKind::OnSite)];
        let none: Vec<Arc<CaseView>> = Vec::new();
        let codes = ranked(&categories, none.iter(), PersonId(Uuid::from_u128(1)));
        assert_eq!(codes, ["leak".into(), "loose".into()]);
    }

    #[test]
    fn what_was_refused_with_a_report_goes_with_the_mended_one() {
        let photo = PhotoRef {
            id: shared::ids::AttachmentId(Uuid::from_u128(7)),
            sha256: String::new(),
            bytes: 1,
            width: 1,
            height: 1,
            thumb_sha256: String::new(),
            thumb_bytes: 1,
        };
        let fix = CaseCommand::Fix { result: "已扫干净".to_owned(), photos: vec![photo.clone()] };
        let comment = CaseCommand::Comment { text: "水更大了".to_owned(), photos: vec![photo.clone()] };
        let refused = vec![comment.clone(), CaseCommand::Check {}, fix.clone()];
        assert_eq!(fixed_with(&refused).as_deref(), Some("已扫干净"));
        // Solved in other words, with the same photos.
        let solved = CaseCommand::Fix { result: "已拖干".to_owned(), photos: vec![photo.clone()] };
        assert_eq!(then(Some("已拖干".to_owned()), refused.clone()), [solved, comment.clone()]);
        let seen = CaseCommand::Comment { text: String::new(), photos: vec![photo] };
        assert_eq!(then(None, refused), [comment.clone(), seen]);
        // From another device there are only the words.
        assert_eq!(then(None, vec![without_photos(fix)]), []);
        let words = CaseCommand::Comment { text: "水更大了".to_owned(), photos: Vec::new() };
        assert_eq!(without_photos(comment), words);
    }
}
