//! Gathering what wants to write to one site at the same time into one transaction.
//!
//! A commit that waits for the disk costs far more than what it writes, and a statement far more than one of its rows. So
//! whatever arrives for a site while a transaction is on its way waits for the next one, and they share it: one lock of
//! the site's row, few statements, one commit. Who comes alone begins at once. Nobody is answered before the commit.
//!
//! If the transaction fails, nothing of it has happened, and each is tried again in one of its own, so that what cannot
//! be stored harms nobody else; a push that fails alone, too, is tried command by command. There are no savepoints: on
//! SQLite a full disk inside of one commits the rest unasked, on PostgreSQL they cost up to a third.
//!
//! A lane lives in one process. Several processes on one database have a lane each, and the lock of the site's row
//! decides between them.

use std::{
    collections::{HashMap, VecDeque},
    panic::AssertUnwindSafe,
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures::FutureExt;
use shared::{
    Code,
    ids::SiteCode,
    wire::{Answer, Verdict},
};
use tokio::sync::{oneshot, watch};

use crate::{
    App, Error,
    commands::{self, Court, Run},
    db,
    files::notes::{Note, Noted, Notes},
    ledger::Ledgers,
    sites::Writer,
};

/// What is to be written.
#[derive(Debug)]
pub(crate) enum Work {
    /// Commands are to be judged.
    Commands(Run),
    /// How far an upload is.
    Upload(Note),
}

/// What became of it.
#[derive(Debug)]
enum Done {
    Answers(Vec<Answer>),
    Upload(Noted),
}

/// Somebody who waits.
#[derive(Debug)]
struct Job {
    work: Work,
    done: oneshot::Sender<Result<Done, Error>>,
}

/// Those who wait, by site. A site whose entry is there is being written to.
#[derive(Debug)]
pub struct Lanes {
    waiting: Mutex<HashMap<SiteCode, VecDeque<Job>>>,
    /// How many sites are being written to.
    busy: watch::Sender<usize>,
}

impl Default for Lanes {
    fn default() -> Self {
        Lanes { waiting: Mutex::default(), busy: watch::Sender::new(0) }
    }
}

impl Lanes {
    fn lock(&self) -> MutexGuard<'_, HashMap<SiteCode, VecDeque<Job>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many wait for the transaction after the one that is on its way, `None` without one.
    pub fn waiting(&self, site: &SiteCode) -> Option<usize> {
        self.lock().get(site).map(VecDeque::len)
    }

    /// Returns when everybody has been answered.
    pub async fn drained(&self) {
        // The sender lives as long as this does.
        let _ = self.busy.subscribe().wait_for(|busy| *busy == 0).await.map(drop);
    }

    /// Those who share the next transaction, with so many commands at most; without any, the site is left.
    fn take(&self, site: &SiteCode, max: usize) -> Vec<Job> {
        let mut lanes = self.lock();
        let mut jobs = Vec::new();
        let mut commands = 0;
        if let Some(waiting) = lanes.get_mut(site) {
            while let Some(job) = waiting.front() {
                commands += job.work.size();
                if commands > max && !jobs.is_empty() {
                    break;
                }
                jobs.extend(waiting.pop_front());
            }
        }
        if jobs.is_empty() {
            lanes.remove(site);
            self.busy.send_replace(lanes.len());
        }
        jobs
    }
}

impl Work {
    fn size(&self) -> usize {
        match self {
            Work::Commands(run) => run.len(),
            Work::Upload(_) => 1,
        }
    }
}

/// Judges the commands of a run at a site, and answers when that has been committed. Who no longer waits for the answer
/// does not stop it.
///
/// # Errors
/// `push.chain_broken`; if the database fails with the first command alone. With a later one, those before it have their
/// verdicts, and it is to be sent again.
pub(crate) async fn judge(app: &App, site: &SiteCode, run: Run) -> Result<Vec<Answer>, Error> {
    match submit(app, site, Work::Commands(run)).await? {
        Done::Answers(answers) => Ok(answers),
        Done::Upload(_) => Err(Error::Other(anyhow::anyhow!("commands were answered as an upload"))),
    }
}

/// Notes how far an upload is, as [`judge`] does with commands.
///
/// # Errors
/// As [`Notes::write`].
pub(crate) async fn note(app: &App, site: &SiteCode, note: Note) -> Result<Noted, Error> {
    match submit(app, site, Work::Upload(note)).await? {
        Done::Upload(noted) => Ok(noted),
        Done::Answers(_) => Err(Error::Other(anyhow::anyhow!("an upload was answered as commands"))),
    }
}

async fn submit(app: &App, site: &SiteCode, work: Work) -> Result<Done, Error> {
    let (done, answer) = oneshot::channel();
    let job = Job { work, done };
    {
        let mut lanes = app.lanes.lock();
        match lanes.get_mut(site) {
            Some(waiting) => waiting.push_back(job),
            None => {
                lanes.insert(site.clone(), VecDeque::from([job]));
                app.lanes.busy.send_replace(lanes.len());
                tokio::spawn(drain(app.clone(), site.clone()));
            }
        }
    }
    answer.await.map_err(anyhow::Error::from)?
}

/// Leaves a site, should its writer end otherwise than by having nobody left: whoever comes then begins anew, and those
/// who waited are told that it failed.
struct Leave<'a>(&'a App, &'a SiteCode);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        let mut lanes = self.0.lanes.lock();
        lanes.remove(self.1);
        self.0.lanes.busy.send_replace(lanes.len());
    }
}

/// Writes to a site until nobody waits.
async fn drain(app: App, site: SiteCode) {
    let leave = Leave(&app, &site);
    let max = usize::try_from(app.settings.transaction_commands).unwrap_or(usize::MAX);
    loop {
        let jobs = app.lanes.take(&site, max);
        if jobs.is_empty() {
            // It has been left already, and somebody else may have begun.
            std::mem::forget(leave);
            return;
        }
        metrics::histogram!("writes_gathered").record(jobs.len() as f64);
        let works: Vec<&Work> = jobs.iter().map(|job| &job.work).collect();
        match attempt(&app, &site, &works).await {
            Ok(outcomes) => {
                for (job, outcome) in jobs.into_iter().zip(outcomes) {
                    // Who hung up asks again.
                    let _ = job.done.send(outcome);
                }
            }
            Err(error) => {
                tracing::warn!(%error, jobs = jobs.len(), "written again, each by itself");
                each_alone(&app, &site, jobs, error).await;
            }
        }
    }
}

/// Tries each in a transaction of its own, after the one that they shared has failed.
async fn each_alone(app: &App, site: &SiteCode, jobs: Vec<Job>, error: Error) {
    // Where the database is not to be had there is nothing to try, and each attempt would wait for it in vain.
    let mut nothing_to_try = is_unavailable(&error);
    for Job { work, done } in jobs {
        let outcome = if nothing_to_try {
            Err(sqlx::Error::PoolTimedOut.into())
        } else {
            match alone(app, site, &work).await {
                Ok(done) => Ok(done),
                Err(error) => {
                    nothing_to_try = is_unavailable(&error);
                    match work {
                        Work::Commands(run) if !nothing_to_try && !rejected(&error) && run.len() > 1 => {
                            one_by_one(app, site, run).await.map(Done::Answers)
                        }
                        Work::Commands(_) | Work::Upload(_) => Err(error),
                    }
                }
            }
        };
        let _ = done.send(outcome);
    }
}

fn is_unavailable(error: &Error) -> bool {
    matches!(error, Error::Db(error) if db::is_unavailable(error))
}

fn rejected(error: &Error) -> bool {
    matches!(error, Error::Rejected(_))
}

/// Writes one in a transaction of its own.
async fn alone(app: &App, site: &SiteCode, work: &Work) -> Result<Done, Error> {
    let outcome = attempt(app, site, &[work]).await?.pop();
    outcome.unwrap_or_else(|| Err(Error::Other(anyhow::anyhow!("a writer was not answered"))))
}

/// Judges commands in a transaction each, up to the first that cannot be stored. What comes before it is kept; it, and
/// those after it, because they follow it, are to be sent again.
async fn one_by_one(app: &App, site: &SiteCode, run: Run) -> Result<Vec<Answer>, Error> {
    let mut answers = Vec::with_capacity(run.len());
    let mut failed = false;
    for run in run.singly() {
        let id = run.first_id();
        let code = if failed {
            Code::CommandPredecessorMissing
        } else {
            match alone(app, site, &Work::Commands(run)).await {
                Ok(Done::Answers(answered)) => {
                    answers.extend(answered);
                    continue;
                }
                Ok(Done::Upload(_)) => continue,
                // With nothing to tell of, the failure is the answer.
                Err(error) if answers.is_empty() => return Err(error),
                Err(error) => {
                    tracing::error!(%error, "a command cannot be stored");
                    failed = true;
                    error.rejection().code
                }
            }
        };
        answers.push(Answer { id, verdict: Verdict::Held { code } });
    }
    Ok(answers)
}

/// Writes in one transaction. A panic in it is a failure like others: it must not stop those who come after.
async fn attempt(app: &App, site: &SiteCode, works: &[&Work]) -> Result<Vec<Result<Done, Error>>, Error> {
    let attempt = AssertUnwindSafe(together(app, site, works)).catch_unwind().await;
    attempt.unwrap_or_else(|_| Err(Error::Other(anyhow::anyhow!("writing to {site} panicked"))))
}

async fn together(app: &App, site: &SiteCode, works: &[&Work]) -> Result<Vec<Result<Done, Error>>, Error> {
    let mut outcomes = Vec::with_capacity(works.len());
    let judges = works.iter().any(|work| matches!(work, Work::Commands(_)));
    let mut writer = Writer::begin(app, site).await?;
    if let Some(collected) = writer.take_if(|writer| judges && writer.has_collected()) {
        drop(collected);
        commands::collect::judge_collected(app, site).await?;
        writer = Writer::begin(app, site).await?;
    }
    let Some(mut writer) = writer else {
        for work in works {
            outcomes.push(match work {
                Work::Commands(run) => commands::nowhere(app, run).await.map(Done::Answers),
                Work::Upload(_) => Err(Code::FileNotFound.into()),
            });
        }
        return Ok(outcomes);
    };
    let mut ledgers = Ledgers::default();
    let (mut notes, mut runs) = (Vec::new(), Vec::new());
    for work in works {
        match work {
            Work::Upload(note) => notes.push(note),
            Work::Commands(run) => runs.push(run),
        }
    }
    // Uploads first: the commands that name their photos find them in the database.
    let mut noted = VecDeque::new();
    if !notes.is_empty() {
        let mut book = Notes::open(&mut writer, &mut ledgers, &notes).await?;
        for note in notes {
            noted.push_back(spoiled(book.write(app, &mut writer, &mut ledgers, note).await)?);
        }
        book.close(&mut writer).await?;
    }
    let mut judged = VecDeque::new();
    if !runs.is_empty() {
        let mut court = Court::prepare(&mut writer, &mut ledgers, &runs).await?;
        for run in runs {
            judged.push_back(spoiled(court.judge(run).await)?);
        }
        court.close().await?;
    }
    ledgers.write(&mut writer).await?;
    writer.commit().await?;
    for work in works {
        outcomes.extend(match work {
            Work::Commands(_) => judged.pop_front().map(|outcome| outcome.map(Done::Answers)),
            Work::Upload(_) => noted.pop_front().map(|outcome| outcome.map(Done::Upload)),
        });
    }
    Ok(outcomes)
}

/// A refusal is the answer to one; anything else spoils the transaction for all.
fn spoiled<T>(outcome: Result<T, Error>) -> Result<Result<T, Error>, Error> {
    match outcome {
        Ok(done) => Ok(Ok(done)),
        Err(error @ Error::Rejected(_)) => Ok(Err(error)),
        Err(error @ (Error::Db(_) | Error::Other(_))) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use shared::{
        ids::{AttachmentId, PersonId},
        time::Ms,
        wire::Part,
    };
    use uuid::Uuid;

    use super::*;
    use crate::files::store::{State, Upload, UploadKey};

    fn note() -> Job {
        let id = Uuid::from_u128(1);
        let key =
            UploadKey { site: "a".into(), author: PersonId(id), photo: AttachmentId(id), part: Part::Full };
        let state = State::Receiving { segments: Vec::new() };
        let upload = Upload { key, sha256: String::new(), length: 1, state, changed: Ms(0) };
        Job { work: Work::Upload(Note::Announced(upload)), done: oneshot::channel().0 }
    }

    #[test]
    fn more_than_one_transaction_holds_is_written_in_several() {
        let (lanes, site) = (Lanes::default(), SiteCode::from("a"));
        lanes.lock().insert(site.clone(), (0..450).map(|_| note()).collect());
        let sizes: Vec<usize> = std::iter::repeat_with(|| lanes.take(&site, 200).len()).take(4).collect();
        assert_eq!(sizes, [200, 200, 50, 0]);
        assert_eq!(lanes.waiting(&site), None, "nobody is left, and the site is");
    }
}
