//! Accounts, devices and sessions in the database.

use std::collections::BTreeMap;

use shared::{
    ids::{DeviceId, PersonId, SiteCode},
    session::{ChainHead, SessionSite},
    time::Ms,
};
use sqlx::Row;

use crate::db::{Conn, damaged, look_up};

/// An account as signing in needs it.
#[derive(Clone, Debug)]
pub struct Account {
    /// The person.
    pub id: PersonId,
    /// Shown.
    pub name: String,
    /// `None` for somebody who has no password yet.
    pub password_hash: Option<String>,
    /// Not locked out.
    pub active: bool,
}

fn account(row: &sqlx::any::AnyRow) -> sqlx::Result<Account> {
    Ok(Account {
        id: person(row.try_get("id")?)?,
        name: row.try_get("name")?,
        password_hash: row.try_get("password_hash")?,
        active: row.try_get::<i64, _>("active")? != 0,
    })
}

fn person(text: &str) -> sqlx::Result<PersonId> {
    text.parse().map_err(|error| damaged("accounts", text, error))
}

/// The random id of this database's life, renewed when a backup is restored; made on first use.
pub async fn epoch(conn: &mut Conn) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar("select value from meta where name = 'epoch'").fetch_optional(conn).await
}

/// Sets the epoch if there is none.
pub async fn begin_epoch(conn: &mut Conn, epoch: &str) -> sqlx::Result<()> {
    sqlx::query("insert into meta (name, value) values ('epoch', $1) on conflict (name) do nothing")
        .bind(epoch)
        .execute(conn)
        .await?;
    Ok(())
}

/// The accounts that a name at sign-in may mean: a telephone number, `site/code`, or a code. Several for a code that
/// exists at several sites. A code written in small letters is found where it stands in capitals.
pub async fn by_name(conn: &mut Conn, name: &str) -> sqlx::Result<Vec<Account>> {
    let rows = match name.split_once('/') {
        Some((site, code)) => {
            sqlx::query(
                "select a.id, a.name, a.password_hash, a.active from accounts a \
                 join memberships m on m.account = a.id where m.site = $1 and m.code in ($2, $3)",
            )
            .bind(site)
            .bind(code)
            .bind(code.to_uppercase())
            .fetch_all(conn)
            .await?
        }
        None => {
            sqlx::query(
                "select id, name, password_hash, active from accounts where phone = $1 \
                 or id in (select account from memberships where code in ($2, $3) and active = 1)",
            )
            .bind(name)
            .bind(name)
            .bind(name.to_uppercase())
            .fetch_all(conn)
            .await?
        }
    };
    rows.iter().map(account).collect()
}

/// An account.
pub async fn find(conn: &mut Conn, id: PersonId) -> sqlx::Result<Option<Account>> {
    let row = sqlx::query("select id, name, password_hash, active from accounts where id = $1")
        .bind(id.to_string())
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(account).transpose()
}

/// Creates an account or changes its name and telephone number; the password stays.
pub async fn save(conn: &mut Conn, id: PersonId, name: &str, phone: Option<&str>) -> sqlx::Result<()> {
    sqlx::query(
        "insert into accounts (id, phone, name, active) values ($1, $2, $3, 1) \
         on conflict (id) do update set phone = excluded.phone, name = excluded.name",
    )
    .bind(id.to_string())
    .bind(phone)
    .bind(name)
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes a telephone number from whoever has it, so that it can be given to another account.
pub async fn free_phone(conn: &mut Conn, id: PersonId) -> sqlx::Result<()> {
    sqlx::query("update accounts set phone = null where id = $1").bind(id.to_string()).execute(conn).await?;
    Ok(())
}

/// The account that has a telephone number, with its name.
pub async fn by_phone(conn: &mut Conn, phone: &str) -> sqlx::Result<Option<Account>> {
    let row = sqlx::query("select id, name, password_hash, active from accounts where phone = $1")
        .bind(phone)
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(account).transpose()
}

/// Sets a password.
pub async fn set_password(conn: &mut Conn, id: PersonId, hash: &str) -> sqlx::Result<()> {
    sqlx::query("update accounts set password_hash = $1 where id = $2")
        .bind(hash)
        .bind(id.to_string())
        .execute(conn)
        .await?;
    Ok(())
}

/// The sites at which a person serves.
pub async fn sites_of(conn: &mut Conn, id: PersonId) -> sqlx::Result<Vec<SessionSite>> {
    let rows = sqlx::query(
        "select s.code, s.name from memberships m join sites s on s.code = m.site \
         where m.account = $1 and m.active = 1 order by s.code",
    )
    .bind(id.to_string())
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| Ok(SessionSite { code: SiteCode(row.try_get("code")?), name: row.try_get("name")? }))
        .collect()
}

/// The sites at which a person serves or has served.
pub async fn sites_ever_of(conn: &mut Conn, id: PersonId) -> sqlx::Result<Vec<SiteCode>> {
    let codes: Vec<String> =
        sqlx::query_scalar("select site from memberships where account = $1 order by site")
            .bind(id.to_string())
            .fetch_all(conn)
            .await?;
    Ok(codes.into_iter().map(SiteCode).collect())
}

/// Keeps a device's key for a person, besides those it registered before.
pub async fn register_key(
    conn: &mut Conn,
    device: DeviceId,
    person: PersonId,
    public_key: &str,
    now: Ms,
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into devices (device, account, public_key, registered, last_seen) values ($1, $2, $3, $4, $5) \
         on conflict (device, account, public_key) do update set last_seen = excluded.last_seen",
    )
    .bind(device.to_string())
    .bind(person.to_string())
    .bind(public_key)
    .bind(now.0)
    .bind(now.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// Where the chain of a device and person stands.
pub async fn chain(conn: &mut Conn, device: DeviceId, person: PersonId) -> sqlx::Result<Option<ChainHead>> {
    let row = sqlx::query("select n, hash from chains where device = $1 and author = $2 and n > 0")
        .bind(device.to_string())
        .bind(person.to_string())
        .fetch_optional(conn)
        .await?;
    row.map(|row| {
        let n: i64 = row.try_get("n")?;
        Ok(ChainHead { n: n.unsigned_abs(), hash: row.try_get("hash")? })
    })
    .transpose()
}

/// A session of the table.
#[derive(Clone, Debug)]
pub struct Session {
    /// Names it; not the token.
    pub id: String,
    /// Whose.
    pub account: PersonId,
    /// On which device.
    pub device: DeviceId,
    /// What the device calls itself.
    pub label: String,
    /// Since when.
    pub created: Ms,
    /// Last used.
    pub seen: Ms,
    /// Until when, if it is not used.
    pub expires: Ms,
}

fn session(row: &sqlx::any::AnyRow) -> sqlx::Result<Session> {
    let id: String = row.try_get("id")?;
    let device: &str = row.try_get("device")?;
    Ok(Session {
        account: person(row.try_get("account")?)?,
        device: device.parse().map_err(|error| damaged("sessions", &id, error))?,
        label: row.try_get("label")?,
        created: Ms(row.try_get("created")?),
        seen: Ms(row.try_get("seen")?),
        expires: Ms(row.try_get("expires")?),
        id,
    })
}

/// Begins a session.
pub async fn add_session(conn: &mut Conn, token_hash: &str, session: &Session) -> sqlx::Result<()> {
    sqlx::query(
        "insert into sessions (token_hash, id, account, device, label, created, seen, expires) \
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(token_hash)
    .bind(&session.id)
    .bind(session.account.to_string())
    .bind(session.device.to_string())
    .bind(&session.label)
    .bind(session.created.0)
    .bind(session.seen.0)
    .bind(session.expires.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// The sessions of some tokens, by their hashes, whose accounts are active; they may be over.
pub async fn find_sessions(
    conn: &mut Conn,
    token_hashes: &[String],
) -> sqlx::Result<BTreeMap<String, Session>> {
    let mut sessions = BTreeMap::new();
    let sql = "select s.token_hash, s.id, s.account, s.device, s.label, s.created, s.seen, s.expires \
               from sessions s join accounts a on a.id = s.account where a.active = 1 and s.token_hash in ({keys})";
    for row in look_up(conn, sql, &[], token_hashes).await? {
        sessions.insert(row.try_get("token_hash")?, session(&row)?);
    }
    Ok(sessions)
}

/// Whether a session is still on and its account too.
pub async fn session_lasts(conn: &mut Conn, id: &str, now: Ms) -> sqlx::Result<bool> {
    let row = sqlx::query(
        "select s.id from sessions s join accounts a on a.id = s.account \
         where s.id = $1 and s.expires > $2 and a.active = 1",
    )
    .bind(id)
    .bind(now.0)
    .fetch_optional(conn)
    .await?;
    Ok(row.is_some())
}

/// Notes that a session is in use.
pub async fn touch_session(conn: &mut Conn, id: &str, seen: Ms, expires: Ms) -> sqlx::Result<()> {
    sqlx::query("update sessions set seen = $1, expires = $2 where id = $3")
        .bind(seen.0)
        .bind(expires.0)
        .bind(id)
        .execute(conn)
        .await?;
    Ok(())
}

/// A person's sessions that are on, latest first.
pub async fn sessions_of(conn: &mut Conn, person: PersonId, now: Ms) -> sqlx::Result<Vec<Session>> {
    let rows = sqlx::query(
        "select id, account, device, label, created, seen, expires from sessions \
         where account = $1 and expires > $2 order by seen desc, id",
    )
    .bind(person.to_string())
    .bind(now.0)
    .fetch_all(conn)
    .await?;
    rows.iter().map(session).collect()
}

/// Ends a session of a person. Whether there was one.
pub async fn end_session(conn: &mut Conn, person: PersonId, id: &str) -> sqlx::Result<bool> {
    let done = sqlx::query("delete from sessions where account = $1 and id = $2")
        .bind(person.to_string())
        .bind(id)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Ends all sessions of a person but one.
pub async fn end_other_sessions(conn: &mut Conn, person: PersonId, kept: &str) -> sqlx::Result<()> {
    sqlx::query("delete from sessions where account = $1 and id <> $2")
        .bind(person.to_string())
        .bind(kept)
        .execute(conn)
        .await?;
    Ok(())
}

/// Ends all sessions of a person.
pub async fn end_sessions(conn: &mut Conn, person: PersonId) -> sqlx::Result<()> {
    sqlx::query("delete from sessions where account = $1").bind(person.to_string()).execute(conn).await?;
    Ok(())
}

/// Locks an account, or unlocks it.
pub async fn set_active(conn: &mut Conn, id: PersonId, active: bool) -> sqlx::Result<()> {
    sqlx::query("update accounts set active = $1 where id = $2")
        .bind(i64::from(active))
        .bind(id.to_string())
        .execute(conn)
        .await?;
    Ok(())
}

/// Removes the sessions that have ended.
pub async fn sweep_sessions(conn: &mut Conn, now: Ms) -> sqlx::Result<()> {
    sqlx::query("delete from sessions where expires <= $1").bind(now.0).execute(conn).await?;
    Ok(())
}
