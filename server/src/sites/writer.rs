//! Writing to a site: the lock that comes first, the sequence, what is published, and who is woken.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use shared::{
    ids::{CaseNumber, Principal, SiteCode},
    time::Ms,
    wire::DocKey,
};

use super::{Known, store};
use crate::{
    App, Error, Mutant,
    backup::store::Restore,
    db::{Conn, WriteTx},
    feed::{
        self,
        store::{Address, NewDoc},
    },
    live::Touched,
};

/// A write transaction that holds a site's row, so that commits happen in the order of sequence numbers, and a cursor
/// can never pass a document that commits later.
#[derive(Debug)]
pub struct Writer {
    tx: WriteTx,
    app: App,
    code: SiteCode,
    /// What the rules need to know of the site; `None` until its first import is through.
    known: Option<Arc<Known>>,
    row: store::SiteRow,
    /// The last sequence number before this transaction.
    before: i64,
    /// What is published and not written yet.
    published: BTreeMap<DocKey, Published>,
    touched: BTreeSet<String>,
}

/// A document as it is to be in the end, whatever it was in between.
#[derive(Debug)]
struct Published {
    /// `None` for one that is withdrawn.
    doc: Option<NewDoc>,
    seq: i64,
    audience: BTreeSet<String>,
    /// It came to be in this transaction, so that nobody can have it yet.
    new: bool,
}

/// A document to be published.
#[derive(Debug)]
pub struct Publication<'a> {
    /// Which.
    pub key: DocKey,
    /// How often it has changed.
    pub version: i64,
    /// The sequence number of the change.
    pub seq: i64,
    /// The sequence number at which it comes to be, for one that the database does not have yet.
    pub born: Option<i64>,
    /// Its JSON.
    pub body: String,
    /// To whom it is addressed from now on.
    pub audience: &'a BTreeSet<Principal>,
}

impl Writer {
    /// Begins to write to a site, `None` if there is no such site.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn begin(app: &App, code: &SiteCode) -> Result<Option<Writer>, Error> {
        let drawn = if app.mutated(Mutant::SerialCursor) { Writer::draw(app, code).await? } else { None };
        let mut tx = app.db.write().await?;
        let Some(row) = store::lock(&mut tx, code).await? else { return Ok(None) };
        let mut writer = Writer::with(app, code, tx, row).await?;
        if let Some(drawn) = drawn {
            writer.row.head = drawn;
        }
        Ok(Some(writer))
    }

    /// For [`Mutant::SerialCursor`]: takes sequence numbers, and lets others write before they are used.
    async fn draw(app: &App, code: &SiteCode) -> Result<Option<i64>, Error> {
        const ENOUGH: i64 = 1_000;
        let Some(mutation) = &app.mutation else { return Ok(None) };
        let mut tx = app.db.write().await?;
        let Some(mut row) = store::lock(&mut tx, code).await? else { return Ok(None) };
        let drawn = row.head;
        row.head += ENOUGH;
        store::advance(&mut tx, code, &row).await?;
        tx.commit().await?;
        mutation.wait().await;
        Ok(Some(drawn))
    }

    /// Whether a simulator wants this mistake made.
    pub(crate) fn mutated(&self, mutant: Mutant) -> bool {
        self.app.mutated(mutant)
    }

    /// Begins to write to a site that may be new.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn create(app: &App, code: &SiteCode, name: &str) -> Result<Writer, Error> {
        let mut tx = app.db.write().await?;
        store::create(&mut tx, code, name).await?;
        let row = store::lock(&mut tx, code).await?.ok_or(sqlx::Error::RowNotFound)?;
        Writer::with(app, code, tx, row).await
    }

    async fn with(app: &App, code: &SiteCode, mut tx: WriteTx, row: store::SiteRow) -> Result<Writer, Error> {
        let known = app.directory.get(&mut tx, code).await?;
        Ok(Writer {
            tx,
            app: app.clone(),
            code: code.clone(),
            known,
            before: row.head,
            row,
            published: BTreeMap::new(),
            touched: BTreeSet::new(),
        })
    }

    /// Which site.
    pub fn code(&self) -> &SiteCode {
        &self.code
    }

    /// The present instant.
    pub fn now(&self) -> Ms {
        self.app.clock.now()
    }

    /// The connection of the transaction.
    pub fn conn(&mut self) -> &mut Conn {
        &mut self.tx
    }

    /// What the rules need to know of the site.
    ///
    /// # Errors
    /// If its first import is not through, which only the import itself sees.
    pub fn known(&self) -> Result<Arc<Known>, Error> {
        let known = self.known.clone();
        known.ok_or_else(|| Error::Other(anyhow::anyhow!("site {} was never imported", self.code)))
    }

    /// What the rules need to know of the site from now on, as this transaction publishes it.
    pub fn learn(&mut self, known: Known) {
        self.known = Some(Arc::new(known));
    }

    /// The last restore of the database.
    pub fn restore(&self) -> Option<Restore> {
        self.app.restore
    }

    /// Whether commands are collected before they are judged.
    pub fn collects(&self) -> bool {
        match self.row.collecting {
            store::Collecting::No => false,
            store::Collecting::FromStart => true,
            store::Collecting::Until(until) => until > self.now(),
        }
    }

    /// Whether commands were collected, and have to be judged now.
    pub fn has_collected(&self) -> bool {
        matches!(self.row.collecting, store::Collecting::Until(until) if until <= self.now())
    }

    /// The last sequence number.
    pub fn head(&self) -> i64 {
        self.row.head
    }

    /// The next sequence number.
    pub fn next_seq(&mut self) -> i64 {
        self.row.head += 1;
        self.row.head
    }

    /// The number that the next case gets, if it is accepted: see [`number_given`](Self::number_given).
    ///
    /// Its date is the day of its arrival, but never before the date of the number given last: what arrived before
    /// midnight may be judged after what arrived later, and a clock may be set back. So no number is given twice.
    pub fn next_number(&self, known: &Known, received: Ms) -> CaseNumber {
        let day = known.zone.day(received);
        let day = self.row.day.parse().map_or(day, |last| day.max(last));
        let count = if self.row.day == day.to_string() { self.row.day_count + 1 } else { 1 };
        CaseNumber::new(day, u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// A case has got back the number that it had; what is numbered next comes after it.
    pub fn number_given_back(&mut self, number: &CaseNumber) {
        let Some((day, count)) = number.date_and_count() else { return };
        let day = day.to_string();
        if day > self.row.day {
            self.row.day = day;
            self.row.day_count = count.into();
        } else if day == self.row.day {
            self.row.day_count = self.row.day_count.max(count.into());
        }
    }

    /// The next number has been given to a case.
    pub fn number_given(&mut self, known: &Known, received: Ms) {
        let day = known.zone.day(received).to_string();
        // ISO dates are ordered as their texts are.
        if day > self.row.day {
            self.row.day_count = 1;
            self.row.day = day;
        } else {
            self.row.day_count += 1;
        }
    }

    /// Publishes a document: it is written and addressed with the commit, and those who are no longer among its audience
    /// lose it.
    pub fn publish(&mut self, publication: Publication<'_>) {
        let Publication { key, version, seq, born, body, audience } = publication;
        let new = self.published.get(&key).map_or(born.is_some(), |before| before.new);
        let doc = NewDoc { key, version, born: born.unwrap_or(seq), seq, body };
        let audience = audience.iter().map(Principal::to_string).collect();
        self.published.insert(key, Published { doc: Some(doc), seq, audience, new });
    }

    /// Addresses a document anew without changing it: who already has it does not get it again, except who is to see
    /// it `otherwise` than before.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn readdress(
        &mut self,
        key: DocKey,
        audience: &BTreeSet<Principal>,
        otherwise: &BTreeSet<Principal>,
    ) -> Result<(), Error> {
        if let Some(published) = self.published.get(&key) {
            // It is not written yet: then it is addressed as it is to be in the end.
            let audience = audience.iter().map(Principal::to_string).collect();
            if published.audience != audience || !otherwise.is_empty() {
                let seq = self.next_seq();
                if let Some(published) = self.published.get_mut(&key) {
                    (published.audience, published.seq) = (audience, seq);
                }
            }
            return Ok(());
        }
        let before = feed::store::audience(&mut self.tx, &self.code, key).await?;
        let again: BTreeSet<String> = audience.intersection(otherwise).map(Principal::to_string).collect();
        let audience: BTreeSet<String> = audience.iter().map(Principal::to_string).collect();
        if before == audience && again.is_empty() {
            return Ok(());
        }
        let seq = self.next_seq();
        let gained: BTreeSet<String> = audience.difference(&before).chain(&again).cloned().collect();
        let lost: BTreeSet<String> = before.difference(&audience).cloned().collect();
        let rows: Vec<Address> =
            addresses(key, seq, &gained, false).chain(addresses(key, seq, &lost, true)).collect();
        feed::store::address(&mut self.tx, &self.code, &rows).await?;
        self.touched.extend(gained);
        self.touched.extend(lost);
        Ok(())
    }

    /// Whether there is a document, as far as this transaction has come.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn has(&mut self, key: DocKey) -> Result<bool, Error> {
        match self.published.get(&key) {
            Some(published) => Ok(published.doc.is_some()),
            None => Ok(!feed::store::seqs(&mut self.tx, &self.code, &[key]).await?.is_empty()),
        }
    }

    /// Removes a document from everybody.
    pub fn withdraw(&mut self, key: DocKey, seq: i64) {
        let new = self.published.get(&key).is_some_and(|before| before.new);
        self.published.insert(key, Published { doc: None, seq, audience: BTreeSet::new(), new });
    }

    /// Writes what was published: each document once, and to whom it is addressed.
    async fn write(&mut self) -> Result<(), Error> {
        let published = std::mem::take(&mut self.published);
        let known: Vec<DocKey> =
            published.iter().filter(|(_, published)| !published.new).map(|(key, _)| *key).collect();
        let mut audiences = feed::store::audiences(&mut self.tx, &self.code, &known).await?;
        let mut docs = Vec::with_capacity(published.len());
        let mut rows = Vec::new();
        for (key, Published { doc, seq, audience, new }) in published {
            let before = audiences.remove(&key).unwrap_or_default();
            let lost: BTreeSet<String> = before.difference(&audience).cloned().collect();
            rows.extend(addresses(key, seq, &audience, false).chain(addresses(key, seq, &lost, true)));
            match doc {
                Some(doc) => docs.push(doc),
                None if new => {}
                None => feed::store::remove_doc(&mut self.tx, &self.code, key).await?,
            }
            self.touched.extend(audience);
            self.touched.extend(lost);
        }
        feed::store::put_docs(&mut self.tx, &self.code, &docs).await?;
        feed::store::address(&mut self.tx, &self.code, &rows).await?;
        Ok(())
    }

    /// Makes it last, then wakes those concerned.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn commit(mut self) -> Result<(), Error> {
        self.write().await?;
        if self.mutated(Mutant::SerialCursor)
            && let Some(head) = store::head(&mut self.tx, &self.code).await?
        {
            self.row.head = self.row.head.max(head);
        }
        store::advance(&mut self.tx, &self.code, &self.row).await?;
        self.tx.commit().await?;
        if !self.touched.is_empty() {
            self.app.wake.touched(Touched {
                site: self.code,
                before: self.before,
                seq: self.row.head,
                principals: Some(self.touched),
            });
        }
        Ok(())
    }
}

fn addresses(
    key: DocKey,
    seq: i64,
    principals: &BTreeSet<String>,
    gone: bool,
) -> impl Iterator<Item = Address> + use<'_> {
    principals.iter().map(move |principal| Address { key, seq, principal: principal.clone(), gone })
}
