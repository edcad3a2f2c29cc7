//! What the database knows of the chains and commands that a transaction has to do with, and what is to be written of
//! them: looked up and written in few statements, however many commands there are.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::Hash,
};

use shared::{
    Code, Rejection,
    ids::{CommandId, PersonId, SiteCode},
    time::{Claim, EventTime},
    wire::{self, Answer, Verdict},
};
use uuid::Uuid;

use super::{
    chain::Link,
    collect,
    judge::Batch,
    store::{self, Absent, At, CREATES, ChainKey, Head, Kept, Place, Refused, Status},
};
use crate::{Error, db::Conn};

/// The namespace of the ids of texts that have none of their own.
const NAMESPACE: Uuid = Uuid::from_u128(0x0b9a_6a52_5c1d_5f0e_8e0d_7f64_31c2_d8aa);

/// The id of a text that has none of its own. The same text may lie at several places, of its chain and of others.
fn id_of_place(batch: &Batch, link: &Link) -> CommandId {
    let place = format!("{}/{}/{}/{}", batch.device, batch.author, link.n, link.hash);
    CommandId(Uuid::new_v5(&NAMESPACE, place.as_bytes()))
}

/// Those of some keys that were not looked up yet, each once and in their order.
fn unknown<K: Copy + Ord + Hash, V>(known: &HashMap<K, V>, keys: impl IntoIterator<Item = K>) -> Vec<K> {
    let unknown: BTreeSet<K> = keys.into_iter().filter(|key| !known.contains_key(key)).collect();
    unknown.into_iter().collect()
}

/// Chains and commands in a transaction.
///
/// Whatever is asked for is looked up if it was not before. Whoever knows beforehand what will be asked for says so, and
/// has it looked up together.
#[derive(Debug, Default)]
pub(super) struct Journal {
    heads: BTreeMap<ChainKey, Head>,
    /// The chains that have got longer.
    longer: BTreeSet<ChainKey>,
    /// Of chains with a gap, the first place behind it.
    gaps: BTreeMap<ChainKey, i64>,
    places: HashMap<Place, At>,
    /// Whether an id is taken.
    taken: HashMap<CommandId, bool>,
    /// What there is of cases and rounds besides themselves, at the one site.
    absent: HashMap<Uuid, Absent>,
    refused: HashMap<CommandId, Option<Refused>>,
    /// Who has mended or withdrawn commands.
    taken_back: HashMap<CommandId, BTreeSet<PersonId>>,
    /// What is to be written of that.
    takes_back: Vec<(SiteCode, CommandId, PersonId)>,
    /// What is in quarantine at the site: of which case, by whom, which.
    secluded: BTreeSet<(Uuid, PersonId, CommandId)>,
    /// The commands to be written, with their verdicts.
    new: Vec<Kept>,
    /// The commands that had waited, with what became of them now.
    decided: Vec<Kept>,
}

impl Journal {
    /// Takes the chains of some pushes, and looks up what is known of their links.
    pub(super) async fn lock(&mut self, conn: &mut Conn, runs: &[(&Batch, &[Link])]) -> Result<(), Error> {
        let chains = runs.iter().map(|(batch, _)| batch.chain()).collect();
        self.heads = store::lock_heads(conn, &chains).await?;
        self.load_places(conn, runs).await
    }

    /// The same without taking the chains: what is read may be outdated the next moment.
    pub(super) async fn look(&mut self, conn: &mut Conn, batch: &Batch, links: &[Link]) -> Result<(), Error> {
        self.heads.insert(batch.chain(), store::find_head(conn, batch.chain()).await?);
        self.load_places(conn, &[(batch, links)]).await
    }

    /// Goes on behind what nobody has any more, if the author says that of what is missing before the first link.
    pub(super) async fn leap(&mut self, conn: &mut Conn, batch: &Batch, links: &[Link]) -> Result<(), Error> {
        let Some(Link { n, prev: Some(prev), .. }) = links.first() else { return Ok(()) };
        let end = self.end(batch.chain());
        if batch.gap == Some(*n) && *n > end + 1 {
            store::note_lost(conn, batch.chain(), end + 1..=n - 1, batch.received).await?;
            let last_at = self.head(batch.chain()).and_then(|head| head.last_at);
            self.heads.insert(batch.chain(), Head { n: n - 1, hash: prev.clone(), last_at });
            self.longer.insert(batch.chain());
            self.gaps.insert(batch.chain(), *n);
        }
        Ok(())
    }

    /// Looks up the links that are behind the heads of their chains, by the ids that they were kept under if they are what
    /// lies there. Only repeats have such.
    async fn load_places(&mut self, conn: &mut Conn, runs: &[(&Batch, &[Link])]) -> Result<(), Error> {
        let mut ids = Vec::new();
        for (batch, links) in runs {
            for link in links.iter().filter(|link| !self.is_new(batch, link)) {
                ids.extend(link.said);
                ids.push(id_of_place(batch, link));
            }
        }
        self.places.extend(store::with_ids(conn, &ids).await?);
        Ok(())
    }

    /// Where a chain stands: they are all known from the start.
    fn head(&self, chain: ChainKey) -> Option<&Head> {
        self.heads.get(&chain)
    }

    /// The place of the last command of a chain.
    fn end(&self, chain: ChainKey) -> i64 {
        self.head(chain).map_or(0, |head| head.n)
    }

    /// Whether the links go on from what is known of their chain: what is new follows the head, what is known is the
    /// same.
    ///
    /// # Errors
    /// `push.chain_broken`. A text that uses the id of the one at its place is no break: it is refused by itself.
    pub(super) fn check(&self, batch: &Batch, links: &[Link]) -> Result<(), Code> {
        let end = self.end(batch.chain());
        let hash = self.head(batch.chain()).map_or(wire::GENESIS, |head| &head.hash);
        for link in links {
            let broken = if link.n > end {
                link.n == end + 1 && link.prev.as_ref().is_some_and(|prev| prev != hash)
            } else {
                // Nothing is found where something else lies, or where what lay there was given up for lost (`leap`).
                let at = self.places.get(&(batch.chain(), link.n));
                at.is_none_or(|at| at.hash != link.hash && link.id() != Some(at.id))
            };
            if broken {
                return Err(Code::PushChainBroken);
            }
        }
        Ok(())
    }

    /// The answer to a link that is known, or that cannot be judged yet; `None` for the one that comes next.
    ///
    /// # Errors
    /// If the journal has a gap.
    pub(super) fn place(&self, batch: &Batch, link: &Link) -> Result<Option<Answer>, Error> {
        let head = self.end(batch.chain());
        if link.n > head {
            let early = Verdict::Held { code: Code::CommandPredecessorMissing };
            return Ok((link.n > head + 1).then(|| link.answer(early)));
        }
        let Some(at) = self.places.get(&(batch.chain(), link.n)) else {
            return Err(Error::Other(anyhow::anyhow!("the chain has no command {}", link.n)));
        };
        let verdict = if at.hash == link.hash {
            at.verdict.clone()
        } else {
            Verdict::Rejected(Code::CommandIdReused.into())
        };
        Ok(Some(link.answer(verdict)))
    }

    /// Whether a link lies behind the end of its chain.
    pub(super) fn is_new(&self, batch: &Batch, link: &Link) -> bool {
        link.n > self.end(batch.chain())
    }

    /// Looks up which of some ids are taken.
    pub(super) async fn load_ids(
        &mut self,
        conn: &mut Conn,
        ids: impl IntoIterator<Item = CommandId>,
    ) -> Result<(), Error> {
        let unknown = unknown(&self.taken, ids);
        let taken = store::taken(conn, &unknown).await?;
        self.taken.extend(unknown.into_iter().map(|id| (id, taken.contains(&id))));
        Ok(())
    }

    /// A link as it is to be kept, and the reason to refuse it that needs no site to be known.
    pub(super) async fn draft(
        &mut self,
        conn: &mut Conn,
        batch: &Batch,
        link: &Link,
    ) -> Result<(Kept, Option<Rejection>), Error> {
        let Batch { device, author, sent, received, registered, restore, .. } = *batch;
        let mut kept = Kept {
            device,
            author,
            n: link.n,
            hash: link.hash.clone(),
            id: CommandId(Uuid::nil()),
            site: None,
            aggregate: None,
            kind: None,
            text: link.text.clone(),
            time: EventTime::exact(received),
            verdict: Verdict::Held { code: Code::CommandCreateMissing },
            status: Status::Held,
            private: true,
            had: None,
            lacks: None,
            clock_moved: false,
            chain_gap: self.gaps.get(&batch.chain()).is_some_and(|first| link.n >= *first),
        };
        let refusal = match &link.envelope {
            None => Some(Code::CommandUnreadable),
            // Its id may be somebody else's, who has yet to use it.
            Some(envelope) if envelope.device != device || envelope.author != author => {
                Some(Code::CommandForeign)
            }
            Some(envelope) => {
                self.load_ids(conn, [envelope.id]).await?;
                let taken = self.taken.get(&envelope.id).is_some_and(|taken| *taken);
                taken.then_some(Code::CommandIdReused)
            }
        };
        if let Some(envelope) = &link.envelope {
            kept.aggregate = Some(envelope.aggregate);
            kept.kind = Some(envelope.kind.clone());
            if refusal.is_none() {
                kept.id = envelope.id;
                let previous = self.head(batch.chain()).and_then(|head| head.last_at);
                let (made, heard) = (envelope.at, envelope.heard);
                let claim = Claim { made, sent, received, heard, previous, registered };
                kept.time = claim.event_time();
                kept.clock_moved = claim.moved();
                // What was made later cannot have been answered before.
                if let (Some(had), Some(restore)) =
                    (&link.had, restore.filter(|restore| kept.time.at <= restore.at))
                {
                    kept.time = collect::arrived_before(kept.time, had, restore);
                    kept.had = Some(had.clone());
                }
            }
        }
        if refusal.is_some() {
            kept.id = id_of_place(batch, link);
        }
        Ok((kept, refusal.map(Rejection::from)))
    }

    /// Keeps a link that no site is concerned with: it is refused, and has its place.
    pub(super) async fn keep_without_site(
        &mut self,
        conn: &mut Conn,
        batch: &Batch,
        link: &Link,
    ) -> Result<Answer, Error> {
        let (mut kept, refusal) = self.draft(conn, batch, link).await?;
        let refusal = refusal.unwrap_or_else(|| {
            let site = link.envelope.as_ref().map(|envelope| envelope.site.0.clone()).unwrap_or_default();
            Rejection::new(Code::CommandUnknownSite).with("site", site)
        });
        kept.verdict = Verdict::Rejected(refusal);
        kept.status = Status::Rejected;
        Ok(self.keep(link, kept))
    }

    /// Keeps a command at the end of its chain.
    pub(super) fn keep(&mut self, link: &Link, kept: Kept) -> Answer {
        let before = self.head(kept.chain()).and_then(|head| head.last_at);
        // What was refused under an id that is not its own, or as somebody else's, was not dated by its claim.
        let own = link.id() == Some(kept.id);
        let last_at = before.max(own.then_some(kept.time.at));
        self.heads.insert(kept.chain(), Head { n: kept.n, hash: kept.hash.clone(), last_at });
        self.longer.insert(kept.chain());
        let at = At { hash: kept.hash.clone(), id: kept.id, verdict: kept.verdict.clone() };
        self.places.insert((kept.chain(), kept.n), at);
        self.taken.insert(kept.id, true);
        let answer = link.answer(kept.verdict.clone());
        if let (true, Some(site), Some(envelope)) = (own, &kept.site, &link.envelope) {
            for id in envelope.takes_back() {
                if let Some(by) = self.taken_back.get_mut(&id) {
                    by.insert(kept.author);
                }
                self.takes_back.push((site.clone(), id, kept.author));
            }
        }
        self.note(&kept);
        self.new.push(kept);
        answer
    }

    /// Notes what a command with its verdict means for those that come after it.
    fn note(&mut self, kept: &Kept) {
        if kept.site.is_none() {
            return;
        }
        if let Some(aggregate) = kept.aggregate {
            let secluded = (aggregate, kept.author, kept.id);
            match kept.status {
                Status::Quarantined => self.secluded.insert(secluded),
                Status::Done | Status::Rejected | Status::Held | Status::Collected => {
                    self.secluded.remove(&secluded)
                }
            };
        }
        if let Some(absent) = kept.waits_for().and_then(|what| self.absent.get_mut(&what))
            && !absent.held.iter().any(|held| held.id == kept.id)
        {
            absent.held.push(kept.clone());
            absent.held.sort_by_key(|kept| (kept.time.received, kept.chain(), kept.n));
        }
        if !matches!(kept.status, Status::Rejected | Status::Quarantined) {
            return;
        }
        let refused =
            Refused { id: kept.id, author: kept.author, received: kept.time.received, private: kept.private };
        let creates = kept.kind.as_deref().is_some_and(|kind| CREATES.contains(&kind));
        let absent = kept.aggregate.and_then(|aggregate| self.absent.get_mut(&aggregate));
        if let Some(absent) = absent.filter(|_| creates) {
            absent.private |= kept.private;
            if kept.status == Status::Rejected {
                absent.refused.push(refused.clone());
            }
        }
        if kept.status == Status::Rejected {
            self.refused.insert(kept.id, Some(refused));
        }
    }

    /// Looks up what is in quarantine at a site: mostly nothing.
    pub(super) async fn load_secluded(&mut self, conn: &mut Conn, site: &SiteCode) -> Result<(), Error> {
        for (aggregate, author, id) in store::secluded(conn, site).await? {
            self.secluded.insert((aggregate, author, id));
        }
        Ok(())
    }

    /// What is in quarantine of a case: by whom, and which.
    pub(super) fn secluded(&self, aggregate: Uuid) -> impl Iterator<Item = (PersonId, CommandId)> + '_ {
        let of = |person, command| (aggregate, PersonId(person), CommandId(command));
        let all = of(Uuid::nil(), Uuid::nil())..=of(Uuid::max(), Uuid::max());
        self.secluded.range(all).map(|(_, author, id)| (*author, *id))
    }

    /// Looks up what there is of some cases and rounds besides themselves.
    pub(super) async fn load_absent(
        &mut self,
        conn: &mut Conn,
        site: &SiteCode,
        aggregates: impl IntoIterator<Item = Uuid>,
    ) -> Result<(), Error> {
        let unknown = unknown(&self.absent, aggregates);
        let mut found = store::absent(conn, site, &unknown).await?;
        for id in &unknown {
            let mut absent = found.remove(id).unwrap_or_default();
            absent.held.retain(|kept| !self.decided.iter().any(|decided| decided.id == kept.id));
            self.absent.insert(*id, absent);
        }
        // What this transaction has kept or decided is not in the database yet.
        let (new, decided) = (std::mem::take(&mut self.new), std::mem::take(&mut self.decided));
        let concerned = |kept: &&Kept| {
            [kept.aggregate, kept.waits_for()].into_iter().flatten().any(|id| unknown.contains(&id))
        };
        for kept in new.iter().chain(&decided).filter(concerned) {
            self.note(kept);
        }
        (self.new, self.decided) = (new, decided);
        Ok(())
    }

    /// Whether a report that was refused, or is in quarantine, is or may be a complaint.
    pub(super) async fn private_report(
        &mut self,
        conn: &mut Conn,
        site: &SiteCode,
        aggregate: Uuid,
    ) -> Result<bool, Error> {
        self.load_absent(conn, site, [aggregate]).await?;
        Ok(self.absent.get(&aggregate).is_some_and(|absent| absent.private))
    }

    /// The first refused command that should have made a case or round; of an author, where others may make it too.
    pub(super) async fn refused_create(
        &mut self,
        conn: &mut Conn,
        site: &SiteCode,
        aggregate: Uuid,
        author: Option<PersonId>,
    ) -> Result<Option<Refused>, Error> {
        self.load_absent(conn, site, [aggregate]).await?;
        let refused = self.absent.get(&aggregate).into_iter().flat_map(|absent| &absent.refused);
        let refused = refused.filter(|refused| author.is_none_or(|author| refused.author == author));
        // Of two that came at the same instant always the same one, whether it is read or was just judged.
        Ok(refused.min_by_key(|refused| (refused.received, refused.id)).cloned())
    }

    /// Whether something of anybody else waits for a case or round.
    pub(super) async fn others_wait(
        &mut self,
        conn: &mut Conn,
        site: &SiteCode,
        aggregate: Uuid,
        author: PersonId,
    ) -> Result<bool, Error> {
        self.load_absent(conn, site, [aggregate]).await?;
        let absent = self.absent.get(&aggregate);
        Ok(absent.is_some_and(|absent| absent.held.iter().any(|held| held.author != author)))
    }

    /// The commands that wait for a case or round, in the order in which they came: they wait no longer.
    pub(super) async fn release(
        &mut self,
        conn: &mut Conn,
        site: &SiteCode,
        aggregate: Uuid,
    ) -> Result<Vec<Kept>, Error> {
        self.load_absent(conn, site, [aggregate]).await?;
        Ok(self.absent.get_mut(&aggregate).map(|absent| std::mem::take(&mut absent.held)).unwrap_or_default())
    }

    /// The verdict of a command that has waited: for its case, for a ruling, or for what was made before a restore.
    pub(super) fn decide(&mut self, kept: Kept) {
        if let Some(at) = self.places.get_mut(&(kept.chain(), kept.n)) {
            at.verdict = kept.verdict.clone();
        }
        for absent in self.absent.values_mut() {
            absent.held.retain(|held| held.id != kept.id);
        }
        self.note(&kept);
        match self.new.iter_mut().chain(&mut self.decided).find(|known| known.id == kept.id) {
            Some(known) => *known = kept,
            None => self.decided.push(kept),
        }
    }

    /// Looks up which of some commands are refused ones of a site.
    pub(super) async fn load_refused(
        &mut self,
        conn: &mut Conn,
        site: &SiteCode,
        ids: impl IntoIterator<Item = CommandId>,
    ) -> Result<(), Error> {
        let unknown = unknown(&self.refused, ids);
        let found = store::find_refused(conn, site, &unknown).await?;
        self.refused.extend(unknown.into_iter().map(|id| (id, None)));
        self.refused.extend(found.into_iter().map(|refused| (refused.id, Some(refused))));
        Ok(())
    }

    /// A refused command of the site.
    pub(super) async fn refused(
        &mut self,
        conn: &mut Conn,
        site: &SiteCode,
        id: CommandId,
    ) -> Result<Option<Refused>, Error> {
        self.load_refused(conn, site, [id]).await?;
        Ok(self.refused.get(&id).cloned().flatten())
    }

    /// Looks up which of some commands were mended or withdrawn.
    pub(super) async fn load_taken_back(
        &mut self,
        conn: &mut Conn,
        site: &SiteCode,
        ids: impl IntoIterator<Item = CommandId>,
    ) -> Result<(), Error> {
        let unknown = unknown(&self.taken_back, ids);
        let found = store::taken_back(conn, site, &unknown).await?;
        self.taken_back.extend(unknown.iter().map(|id| (*id, BTreeSet::new())));
        // What this transaction has kept is not in the database yet.
        let new = self.takes_back.iter().map(|(_, id, author)| (*id, *author));
        for (id, author) in found.into_iter().chain(new.filter(|(id, _)| unknown.contains(id))) {
            self.taken_back.entry(id).or_default().insert(author);
        }
        Ok(())
    }

    /// Whether its author has mended or withdrawn a command.
    pub(super) async fn is_taken_back(
        &mut self,
        conn: &mut Conn,
        site: &SiteCode,
        id: CommandId,
        author: PersonId,
    ) -> Result<bool, Error> {
        self.load_taken_back(conn, site, [id]).await?;
        Ok(self.taken_back.get(&id).is_some_and(|by| by.contains(&author)))
    }

    /// Whether one of some commands of an author took effect.
    pub(super) async fn any_done(
        &self,
        conn: &mut Conn,
        author: PersonId,
        ids: &[CommandId],
    ) -> Result<bool, Error> {
        if ids.is_empty() {
            return Ok(false);
        }
        let done =
            |kept: &Kept| kept.status == Status::Done && kept.author == author && ids.contains(&kept.id);
        let here = self.new.iter().chain(&self.decided).any(done);
        Ok(here || store::any_done(conn, author, ids).await?)
    }

    /// Writes what was kept and decided so far, for whoever looks it up in the database. It is rare: the quarantine does.
    pub(super) async fn flush(&mut self, conn: &mut Conn) -> Result<(), Error> {
        store::keep(conn, &std::mem::take(&mut self.new)).await?;
        store::take_back(conn, &std::mem::take(&mut self.takes_back)).await?;
        for kept in std::mem::take(&mut self.decided) {
            store::decide(conn, &kept).await?;
        }
        self.absent.clear();
        self.refused.clear();
        Ok(())
    }

    /// Writes what was kept and decided, and where the chains stand.
    pub(super) async fn write(mut self, conn: &mut Conn) -> Result<(), Error> {
        self.flush(conn).await?;
        let longer: Vec<(ChainKey, Head)> =
            self.heads.into_iter().filter(|(chain, _)| self.longer.contains(chain)).collect();
        store::advance(conn, &longer).await?;
        Ok(())
    }
}
