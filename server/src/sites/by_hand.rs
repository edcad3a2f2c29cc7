//! What is done to somebody's account by hand: a new password, locking, unlocking.
//!
//! Who is locked is signed out everywhere and counts as gone at every site, like somebody who has left: nothing reaches
//! them any more, and what they had made before goes to the quarantine. Importing a file again unlocks nobody.

use anyhow::bail;
use shared::{ids::SiteCode, site::Role};

use super::{Writer, import, store};
use crate::{App, accounts, random};

/// Gives somebody a new password, ends their sessions, and answers with it.
///
/// # Errors
/// If there is no such site or person, or the password is too short.
pub async fn set_password(
    app: &App,
    site: &SiteCode,
    code: &str,
    password: Option<String>,
) -> anyhow::Result<String> {
    let password = match password {
        Some(password) => password,
        None => random::word(12)?,
    };
    accounts::check_password(&password)?;
    let hash = app.passwords.hash(password.clone()).await?;
    let mut tx = app.db.write().await?;
    let id = person(&store::members(&mut tx, site).await?, site, code)?;
    accounts::store::set_password(&mut tx, id, &hash).await?;
    accounts::store::end_sessions(&mut tx, id).await?;
    tx.commit().await?;
    Ok(password)
}

fn person(
    members: &[shared::site::Member],
    site: &SiteCode,
    code: &str,
) -> anyhow::Result<shared::ids::PersonId> {
    match members.iter().find(|member| member.code == code) {
        Some(member) => Ok(member.id),
        None => bail!("nobody at {site} has the code {code}"),
    }
}

/// Locks somebody out, at every site.
///
/// # Errors
/// If there is no such site or person.
pub async fn lock(app: &App, site: &SiteCode, code: &str) -> anyhow::Result<()> {
    change(app, site, code, false).await
}

/// Lets somebody in again, at every site whose file still names them.
///
/// # Errors
/// If there is no such site or person.
pub async fn unlock(app: &App, site: &SiteCode, code: &str) -> anyhow::Result<()> {
    change(app, site, code, true).await
}

async fn change(app: &App, site: &SiteCode, code: &str, active: bool) -> anyhow::Result<()> {
    let mut tx = app.db.write().await?;
    let id = person(&store::members(&mut tx, site).await?, site, code)?;
    accounts::store::set_active(&mut tx, id, active).await?;
    accounts::store::end_sessions(&mut tx, id).await?;
    let sites = store::sites_of(&mut tx, id).await?;
    tx.commit().await?;
    // One site after the other, each with its own lock. Should this stop half way, it is done again.
    for site in sites {
        let Some(mut writer) = Writer::begin(app, &site).await? else { continue };
        let known = writer.known()?;
        let source = store::source(writer.conn(), &site).await?;
        let mut members = store::members(writer.conn(), &site).await?;
        for member in members.iter_mut().filter(|member| member.id == id) {
            // An account made by hand is in no file.
            let named = member.roles.contains(&Role::Admin) || import::names(&source, &member.code);
            member.gone = !(active && named);
        }
        import::save_people(&mut writer, &known.site, members).await?;
        writer.commit().await?;
    }
    Ok(())
}
