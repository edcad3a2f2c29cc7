//! Carrying: what other people of this device left unsent goes out with the session of whoever is signed in.
//!
//! Signing out, or giving the phone to a colleague, leaves a person's rows where they are. Their signatures vouch for
//! them whoever brings them, so that nobody has to come back for them. Each person's rows stay in that person's own
//! database, verdicts included, and nothing of them is read but to be sent: whoever is signed in learns how many there
//! are, and no more (R9, R10). What was answered is shown to its author, who pulls the documents with a session of
//! their own; until then no row goes (invariant 6).
//!
//! One's own goes first: others' is looked at only when there is nothing of one's own to do.

use std::collections::BTreeSet;

use shared::{
    ids::{CommandId, PersonId, SiteCode},
    sync::{OutboxRow, Step, UploadRow, UploadState},
    time::Ms,
};

use super::Engine;
use crate::{Local, PlatformError, accounts::Accounts, platform::Platform};

/// What came of looking at what others left.
#[derive(Default)]
pub(super) struct Carried {
    /// A step was taken: look again at once.
    pub went: bool,
    /// When to look again, if nothing happens before.
    pub until: Option<Ms>,
    /// How many records of others lay here before that step, if that is new.
    pub left: Option<usize>,
}

/// How many records of other people lie unsent on this device.
///
/// # Errors
/// Of storage.
pub async fn left_by_others<P: Platform>(platform: &P, me: PersonId) -> Result<usize, PlatformError> {
    let mut count = 0;
    for local in others(platform, me).await? {
        count += left(&local.outbox().await?, &local.uploads().await?);
    }
    Ok(count)
}

/// The databases of the other people who have signed in on this device.
async fn others<P: Platform>(platform: &P, me: PersonId) -> Result<Vec<Local<P>>, PlatformError> {
    let known: BTreeSet<PersonId> = Accounts::read(platform).await?.known.into_values().collect();
    let mut others = Vec::new();
    for person in known.into_iter().filter(|person| *person != me) {
        // One that cannot be opened now is looked for again, and stands in nobody's way.
        others.extend(Local::open(platform, &Local::<P>::name_of(person)).await.ok());
    }
    Ok(others)
}

/// How many records these rows are, in the eyes of their author: a photo is none of its own.
fn left(outbox: &[OutboxRow], uploads: &[UploadRow]) -> usize {
    let texts = outbox.iter().filter(|row| row.unsent() && !row.is_quiet()).map(|row| row.id);
    let photos = uploads.iter().filter(|upload| upload.state == UploadState::Waiting);
    texts.chain(photos.map(|upload| upload.command)).collect::<BTreeSet<CommandId>>().len()
}

impl<P: Platform> Engine<P> {
    /// An engine that sends what lies in somebody else's database, carried by a person who serves at these sites.
    fn carrying(local: Local<P>, sites: &[SiteCode]) -> Self {
        Engine { carried_at: Some(sites.to_vec()), others: Some(Vec::new()), ..Engine::new(local) }
    }

    /// Takes a step with what others left, if there is any to be taken now.
    pub(super) async fn carry(&mut self) -> Result<Carried, PlatformError> {
        let mut carried = Carried::default();
        if self.others.as_ref().is_some_and(Vec::is_empty) {
            return Ok(carried);
        }
        let Some(session) = self.local.session().await? else { return Ok(carried) };
        let engines = match self.others.take() {
            Some(engines) => engines,
            None => {
                let sites: Vec<SiteCode> = session.sites.into_iter().map(|site| site.code).collect();
                let locals = others(self.local.platform(), session.person).await?;
                locals.into_iter().map(|local| Engine::carrying(local, &sites)).collect()
            }
        };
        let (mut going, mut count) = (Vec::new(), 0);
        for mut engine in engines {
            let Ok(planned) = engine.plan(false).await else { continue };
            let nothing = !planned.outbox.iter().any(OutboxRow::unsent)
                && planned.uploads.iter().all(|upload| upload.state != UploadState::Waiting);
            if nothing {
                continue;
            }
            count += left(&planned.outbox, &planned.uploads);
            match planned.step {
                Step::Wait(again) => carried.until = carried.until.into_iter().chain(again).min(),
                Step::Push(_) | Step::Pull(_) | Step::Upload(_) if carried.went => {}
                Step::Push(_) | Step::Pull(_) | Step::Upload(_) => {
                    carried.went = true;
                    // What fails is that person's: it is tried again later, and nobody else's goes worse for it.
                    if let Err(error) = engine.act(planned).await {
                        engine.unable(error);
                    }
                }
            }
            going.push(engine);
        }
        if going.iter().any(|engine| engine.session_ended) {
            // Whoever carries has to sign in, for their own rows too; then it is looked anew who has left what.
            self.expired = true;
            return Ok(Carried::default());
        }
        self.others = Some(going);
        carried.left = (self.left != Some(count)).then_some(count);
        self.left = Some(count);
        Ok(carried)
    }
}
