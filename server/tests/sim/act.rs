//! What a person does with a phone: something that the rules let them do, or nearly.

use std::{collections::BTreeMap, sync::Arc};

use device::{Ask, Local, Photo, PlatformError, Subject, platform::Platform as _};
use serde::Serialize;
use sha2::{Digest, Sha256};
use shared::{
    case::{
        CaseCommand, CaseView,
        command::{About, Customer, Means, PhotoRef, Report, Source, Told, Urgency},
    },
    ids::{AttachmentId, CaseId, CommandId, PersonId, SiteCode},
    quarantine::Ruling,
    site::{CaseKind, Member, People, Places, Role, Site},
    sync::{Delivery, Judge, OutboxRow, UploadState},
    time::{HOUR, MINUTE, Ms, Zone},
    wire::{self, Command, Doc, Envelope},
};

use crate::{
    dice::Dice,
    machine::Machine,
    walk::{self, Hanging, Walker},
};

/// What somebody did.
#[derive(Clone, Debug, Default)]
pub struct Deed {
    /// For the trace.
    pub what: String,
    /// The words that only this deed has; empty for one without words.
    pub words: String,
    /// How many commands it saved.
    pub commands: usize,
    /// The photos that it named, as they were taken.
    pub photos: Vec<(PhotoRef, Photo)>,
}

/// The property as a phone shows it to its person.
pub struct Shown {
    pub code: SiteCode,
    site: Site,
    pub zone: Zone,
    pub places: Places,
    pub people: People,
    pub me: Member,
    pub cases: BTreeMap<CaseId, CaseView>,
}

impl Shown {
    pub fn judge(&self, offset: i64) -> Judge<'_> {
        Judge {
            me: &self.me,
            site: &self.site,
            zone: &self.zone,
            places: &self.places,
            people: &self.people,
            offset,
        }
    }
}

/// A draft, as far as the device looks into it.
#[derive(Serialize)]
pub struct Draft {
    pub photos: Vec<PhotoRef>,
}

/// Everything that a phone shows of one of its person's sites: the first of them that is there whole.
pub fn shown(
    docs: &[(SiteCode, Doc)],
    outbox: &[OutboxRow],
    person: PersonId,
    first: &SiteCode,
    offset: i64,
) -> Option<Shown> {
    let mut sites: Vec<&SiteCode> = docs.iter().map(|(site, _)| site).collect();
    sites.sort_unstable();
    sites.dedup();
    sites.sort_by_key(|site| *site != first);
    sites.into_iter().find_map(|code| {
        let (mut site, mut places, mut people) = (None, None, None);
        let mut cases = BTreeMap::new();
        for (of, doc) in docs {
            match doc {
                _ if of != code => {}
                Doc::Site(doc) => site = Some((**doc).clone()),
                Doc::Places(doc) => places = Some(doc.clone()),
                Doc::People(doc) => people = Some(doc.clone()),
                Doc::Case(view) => drop(cases.insert(view.id(), view.clone())),
                Doc::Route(_) | Doc::Round(_) | Doc::Refusal(_) | Doc::Quarantine(_) => {}
            }
        }
        let (site, places, people) = (site?, places?, people?);
        let me = people.get(person)?.clone();
        let zone = site.calendar();
        let mut shown = Shown { code: code.clone(), site, zone, places, people, me, cases };
        let rows: Vec<&OutboxRow> = outbox.iter().filter(|row| row.site == *code).collect();
        let ids: Vec<CaseId> =
            shown.cases.keys().copied().chain(rows.iter().map(|row| CaseId(row.aggregate))).collect();
        for id in ids {
            let view = shown.judge(offset).overlay(id, shown.cases.get(&id).cloned(), rows.iter().copied());
            if let Some(view) = view {
                shown.cases.insert(id, view);
            }
        }
        Some(shown)
    })
}

/// Does something; `None` if there was nothing to do, or the person may do nothing.
pub async fn act(
    local: &Local<Machine>,
    mut dice: Dice,
    words: String,
    other: SiteCode,
    hanging: &Hanging,
) -> Result<Option<Deed>, PlatformError> {
    let stock = local.stock().await?;
    let Some(session) = stock.session else { return Ok(None) };
    let machine = local.platform();
    let offset = machine.heard().map_or(0, |heard| heard.server.since(heard.device));
    let now = machine.now().plus(offset);
    let refused: Vec<&OutboxRow> =
        stock.outbox.iter().filter(|row| matches!(row.delivery, Delivery::Refused { .. })).collect();
    let lost: Vec<CommandId> = stock
        .uploads
        .iter()
        .filter(|upload| matches!(upload.state, UploadState::Refused { .. }))
        .map(|upload| upload.command)
        .collect();
    if let Some(command) = dice.pick(&lost).copied().filter(|_| dice.percent(30)) {
        local.retry_photos(command).await?;
        return Ok(Some(Deed { what: "sends refused photos again".to_owned(), ..Deed::default() }));
    }
    if let Some(row) = dice.pick(&refused).filter(|_| dice.percent(25)) {
        return settle(local, row, dice.percent(50)).await.map(Some);
    }
    let quarantine = stock.docs.iter().filter_map(|(site, doc)| match doc {
        Doc::Quarantine(waits) => Some((site.clone(), waits.id)),
        Doc::Site(_)
        | Doc::Places(_)
        | Doc::People(_)
        | Doc::Case(_)
        | Doc::Route(_)
        | Doc::Round(_)
        | Doc::Refusal(_) => None,
    });
    let quarantine: Vec<(SiteCode, CommandId)> = quarantine.collect();
    if let Some((site, id)) = dice.pick(&quarantine).cloned().filter(|_| dice.percent(40)) {
        let ruling = Ruling { take: dice.percent(60), reason: words };
        let subject = Subject { author: session.person, site, aggregate: id.0, base: None };
        local.commit(&subject, &[Ask::rule(&ruling)], &[], None).await?;
        return Ok(Some(Deed { what: "rules on a quarantine".to_owned(), commands: 1, ..Deed::default() }));
    }
    let Some(shown) = shown(&stock.docs, &stock.outbox, session.person, &other, offset) else {
        return Ok(None);
    };
    // Somebody who has not got the latest, or a version of the app that knows other rules, asks for more than it may.
    let daring = dice.percent(8);
    let walker = || Walker::of(&shown, &stock.docs, &stock.outbox, hanging, offset, now, daring);
    if dice.percent(40) {
        let manages = shown.me.is(Role::Supervisor) || shown.me.is(Role::Director);
        let done = if dice.percent(if manages { 12 } else { 1 }) {
            walker().redesign(local, &mut dice).await?
        } else {
            walker().act(local, &mut dice, &words).await?
        };
        if done.is_some() {
            return Ok(done);
        }
    }
    let judge = shown.judge(offset);
    let open: Vec<&CaseView> = shown.cases.values().collect();
    let view = if open.is_empty() || dice.percent(22) {
        None
    } else {
        // The youngest are at the end, and what happens happens there.
        let at = open.len() - 1 - dice.below(open.len()).min(dice.below(open.len()));
        open.get(at).copied()
    };
    let (case, command) = match view {
        None => {
            let mut report = report(&shown, &mut dice, &words);
            if dice.percent(50)
                && let Some((origin, place)) = walker().at_a_stop(&mut dice)
            {
                report.from = Some(Box::new(origin));
                report.place = place;
            }
            (CaseId(machine.new_id()?), CaseCommand::Report(report))
        }
        Some(view) => {
            let mut possible = commands(&shown, &mut dice, &words, now);
            possible.retain(|(_, command)| daring || judge.check(Some(view), command, now).is_ok());
            let weighted: Vec<(usize, usize)> =
                possible.iter().enumerate().map(|(at, (weight, _))| (*weight, at)).collect();
            let Some(at) = dice.weighted(&weighted) else { return Ok(None) };
            (view.id(), possible.swap_remove(at).1)
        }
    };
    if !daring && judge.check(view, &command, now).is_err() {
        return Ok(None);
    }
    let mut deed = Deed { what: command.kind().to_owned(), words, ..Deed::default() };
    let mut commands = vec![command];
    let takes_photos = matches!(
        commands.first(),
        Some(
            CaseCommand::Report(_)
                | CaseCommand::Fix { .. }
                | CaseCommand::Complete { .. }
                | CaseCommand::Comment { .. }
        )
    );
    let draft = format!("draft:{case}");
    if takes_photos && dice.percent(40) {
        deed.photos = walk::shoot(local, &mut dice, &draft).await?;
        deed.what = format!("{} with {} photos", deed.what, deed.photos.len());
        let refs: Vec<PhotoRef> = deed.photos.iter().map(|(photo, _)| photo.clone()).collect();
        if let Some(
            CaseCommand::Report(Report { photos, .. })
            | CaseCommand::Fix { photos, .. }
            | CaseCommand::Complete { photos, .. }
            | CaseCommand::Comment { photos, .. },
        ) = commands.first_mut()
        {
            *photos = refs;
        }
    }
    if view.is_none() && dice.percent(20) {
        // What is added before the report is sent goes with it.
        commands.push(CaseCommand::Comment { text: format!("{}+", deed.words), photos: Vec::new() });
    }
    let asks: Vec<Ask> = commands.iter().map(Ask::from).collect();
    let subject = Subject {
        author: session.person,
        site: shown.code.clone(),
        aggregate: case.0,
        base: view.map(CaseView::version),
    };
    local.commit(&subject, &asks, &[], Some(&draft)).await?;
    deed.what = format!("{} of {}", deed.what, case.offline_code());
    deed.commands = asks.len();
    Ok(Some(deed))
}

/// Withdraws a refused command, or makes it once more.
async fn settle(local: &Local<Machine>, row: &OutboxRow, again: bool) -> Result<Deed, PlatformError> {
    let ask = match Envelope::read(&row.text).and_then(|envelope| envelope.command()) {
        Ok(Command::Case(command)) => Some(Ask::from(&*command)),
        Ok(Command::Round(command)) => Some(Ask::from(&*command)),
        Ok(Command::Route(_) | Command::Settle | Command::Rule(_)) | Err(_) => None,
    };
    let asks: Vec<Ask> = ask.filter(|_| again).into_iter().collect();
    let subject =
        Subject { author: row.author, site: row.site.clone(), aggregate: row.aggregate, base: None };
    local.commit(&subject, &asks, &[row.id], None).await?;
    let what = if asks.is_empty() { "withdraws" } else { "makes again" };
    Ok(Deed {
        what: format!("{what} {} of {}", row.kind, row.n),
        commands: asks.len() + 1,
        ..Deed::default()
    })
}

/// What names a photo.
pub fn photo_ref(id: AttachmentId, taken: &Photo) -> PhotoRef {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    PhotoRef {
        id,
        sha256: wire::hex(&Sha256::digest(&taken.full)),
        bytes: length(&taken.full),
        width: taken.width,
        height: taken.height,
        thumb_sha256: wire::hex(&Sha256::digest(&taken.thumb)),
        thumb_bytes: length(&taken.thumb),
    }
}

fn report(shown: &Shown, dice: &mut Dice, words: &str) -> Report {
    let complaint = dice.percent(25);
    let of_kind: Vec<_> = shown
        .site
        .categories
        .iter()
        .filter(|category| (category.kind == CaseKind::Complaint) == complaint)
        .collect();
    let category = dice.pick(&of_kind).map(|category| category.code.clone());
    let customer =
        Customer { name: "王女士".to_owned(), phone: "13800000000".to_owned(), flat: "1-0203".to_owned() };
    Report {
        category: category.unwrap_or_else(|| "leak".into()),
        place: dice.pick(shown.places.all()).map_or_else(|| "B1".into(), |place| place.id.clone()),
        text: words.to_owned(),
        since: String::new(),
        source: if complaint || dice.percent(40) { Source::Customer(Some(customer)) } else { Source::Found },
        urgency: dice.percent(10).then(|| Urgency { urgent: true, reason: "急".to_owned() }),
        isolated: dice.percent(10),
        accused: somebody(shown, dice).filter(|_| complaint && dice.percent(80)),
        on_behalf_of: None,
        photos: Vec::new(),
        from: None,
    }
}

pub fn somebody(shown: &Shown, dice: &mut Dice) -> Option<PersonId> {
    // Mostly one of those who have a phone in this run, so that something follows from it.
    let cast: Vec<PersonId> = shown
        .people
        .people
        .iter()
        .filter(|member| crate::world::CAST.contains(&member.code.as_str()))
        .map(|member| member.id)
        .collect();
    if dice.percent(85) { dice.pick(&cast).copied() } else { Some(dice.pick(&shown.people.people)?.id) }
}

fn commands(shown: &Shown, dice: &mut Dice, words: &str, now: Ms) -> Vec<(usize, CaseCommand)> {
    let text = || words.to_owned();
    let until = now.plus(MINUTE * 30 + HOUR * i64::try_from(dice.below(50)).unwrap_or_default());
    let told = if dice.percent(50) { Told::Customer } else { Told::FirstAsked };
    let about = *dice.pick(&[About::Promise, About::Delay, About::Result]).unwrap_or(&About::Result);
    let consent = (about == About::Delay).then_some(true);
    let category = dice.pick(&shown.site.categories).map(|category| category.code.clone());
    let to = |dice: &mut Dice| somebody(shown, dice).unwrap_or(shown.me.id);
    vec![
        (6, CaseCommand::Comment { text: text(), photos: Vec::new() }),
        (1, CaseCommand::See {}),
        (6, CaseCommand::Accept {}),
        (2, CaseCommand::Decline { reason: text() }),
        (5, CaseCommand::Arrive {}),
        (2, CaseCommand::Pause { reason: text(), until }),
        (3, CaseCommand::Resume {}),
        (5, CaseCommand::Complete { result: text(), photos: Vec::new() }),
        (2, CaseCommand::Fix { result: text(), photos: Vec::new() }),
        (6, CaseCommand::Dispatch { to: to(dice), note: text() }),
        (3, CaseCommand::Promise { until, reason: text() }),
        (2, CaseCommand::Postpone { until, reason: text() }),
        (3, CaseCommand::Tell { whom: told, about, means: Means::Phone, consent, note: text() }),
        (4, CaseCommand::Confirm { satisfied: dice.percent(50).then(|| dice.percent(70)), reason: text() }),
        (2, CaseCommand::Reopen { reason: text() }),
        (1, CaseCommand::Check {}),
        (1, CaseCommand::Succeed { to: to(dice), reason: text() }),
        (1, CaseCommand::Cancel { reason: text() }),
        (
            3,
            CaseCommand::Classify {
                category: category.unwrap_or_else(|| "leak".into()),
                urgency: None,
                accused: dice.percent(50).then(|| to(dice)),
            },
        ),
    ]
}

/// The cases on a screen, for photos to be fetched ahead.
pub fn on_screen(shown: &Shown) -> device::Shown {
    (shown.code.clone(), shown.cases.values().cloned().map(Arc::new).collect())
}
