//! `POST /api/push`: commands of one device and author, carried by anybody.

use axum::{Json, extract::State};
use p256::ecdsa::{Signature, VerifyingKey, signature::Verifier};
use shared::{
    Code, Rejection,
    ids::{PersonId, SiteCode},
    relay,
    time::Ms,
    wire::{self, Answer, PUSH_BYTES, PUSH_COMMANDS, Problem, PushRequest, PushResponse, VERSION, Verdict},
};

use super::{
    chain::{self, Link},
    judge::{Batch, judge},
    store::{self, Head},
};
use crate::{App, Error, accounts, accounts::SignedIn, body::Body, db::Conn, sites};

/// Takes commands and answers with a verdict for each.
#[utoipa::path(
    post, path = "/api/push", tag = "sync",
    request_body = PushRequest,
    responses(
        (status = 200, body = PushResponse),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
pub(super) async fn push(
    State(app): State<App>,
    carrier: SignedIn,
    request: Result<Body<PushRequest>, Error>,
) -> Result<Json<PushResponse>, Error> {
    let received = app.clock.now();
    let Body(request) = request.map_err(|error| match error {
        Error::Rejected(Rejection { code: Code::RequestTooLarge, .. }) => Code::PushTooLarge.into(),
        Error::Rejected(_) | Error::Db(_) | Error::Other(_) => error,
    })?;
    if request.v != VERSION {
        return Err(Code::RequestUpgrade.into());
    }
    if request.commands.len() > PUSH_COMMANDS
        || request.commands.iter().map(String::len).sum::<usize>() > PUSH_BYTES
    {
        return Err(Code::PushTooLarge.into());
    }
    // Whoever hangs up does not stop what has begun: the repeat finds it done.
    let sent = Some(request.sent_at);
    let task = tokio::spawn(take(app.clone(), Some(carrier.person), request, sent, received));
    let answers = task.await.map_err(anyhow::Error::from)??;
    Ok(Json(PushResponse { answers, server_time: app.clock.now(), epoch: app.epoch.clone() }))
}

/// Takes commands from a relay file, as if they were pushed; but when their device sent them is not known.
///
/// # Errors
/// As of a push.
pub(crate) async fn carry(app: &App, commands: relay::Commands, received: Ms) -> Result<Vec<Answer>, Error> {
    let relay::Commands { device, author, rows } = commands;
    let signature = rows.last().map(|row| row.signature.clone()).unwrap_or_default();
    let commands = rows.into_iter().map(|row| row.text).collect();
    let (had, gap) = (Vec::new(), None);
    let request =
        PushRequest { v: VERSION, device, author, sent_at: received, commands, signature, had, gap };
    tokio::spawn(take(app.clone(), None, request, None, received)).await.map_err(anyhow::Error::from)?
}

/// Takes commands that somebody carries, or a file.
async fn take(
    app: App,
    carrier: Option<PersonId>,
    request: PushRequest,
    sent: Option<Ms>,
    received: Ms,
) -> Result<Vec<Answer>, Error> {
    let Some(last) = request.commands.last() else {
        return Err(Rejection::new(Code::RequestBadBody).with("detail", "no commands").into());
    };
    let (device, author) = (request.device, request.author);
    let mut tx = app.db.read().await?;
    let keys = accounts::store::keys(&mut tx, device, author).await?;
    if keys.is_empty() {
        return Err(Code::PushUnknownDevice.into());
    }
    if !keys.iter().any(|key| vouches(key, &wire::signing_bytes(&wire::hash(last)), &request.signature)) {
        return Err(Code::PushBadSignature.into());
    }
    let registered = store::registered(&mut tx, device, author).await?;
    let head = store::find_head(&mut tx, device, author).await?;
    let alone = chain::place_alone(last, head.n, &head.hash);
    let mut links = chain::read(request.commands, alone)?;
    // Only of their author it is believed what the server had answered; whoever carries them could make it up.
    let restore = app.restore.filter(|_| carrier == Some(author));
    for link in links.iter_mut().filter(|_| restore.is_some()) {
        link.had = request.had.iter().find(|had| i64::try_from(had.n) == Ok(link.n)).cloned();
    }
    let gap = app.restore.is_some()
        && links.first().zip(request.gap.as_ref()).is_some_and(|(first, gap)| {
            let signed = wire::gap_bytes(&app.epoch, &first.hash);
            keys.iter().any(|key| vouches(key, &signed, gap))
        });
    check_against(&mut tx, &links, &head, device, author).await?;
    let runs = runs(&mut tx, links, author).await?;
    tx.commit().await?;

    let batch = Batch { device, author, sent, received, registered, restore, gap };
    let mut answers = Vec::new();
    for (site, links) in runs {
        match judge(&app, &batch, site.as_ref(), &links).await {
            Ok(run) => answers.extend(run),
            Err(Error::Db(error)) => {
                tracing::warn!(%error, commands = links.len(), "judged again, each by itself");
                one_by_one(&app, &batch, site.as_ref(), &links, &mut answers).await?;
            }
            Err(error @ (Error::Rejected(_) | Error::Other(_))) => return Err(error),
        }
    }
    Ok(answers)
}

/// Judges links in a transaction each, after the database has failed with all of them in one. What comes before the one
/// that cannot be stored is kept; that one is to be sent again, and so, because they follow it, are those after it.
async fn one_by_one(
    app: &App,
    batch: &Batch,
    site: Option<&SiteCode>,
    links: &[Link],
    answers: &mut Vec<Answer>,
) -> Result<(), Error> {
    for link in links {
        match judge(app, batch, site, std::slice::from_ref(link)).await {
            Ok(run) => answers.extend(run),
            // With nothing to tell of, the failure is the answer.
            Err(error) if answers.is_empty() => return Err(error),
            Err(error) => {
                tracing::error!(%error, n = link.n, "a command cannot be stored");
                let id = link.envelope.as_ref().map(|envelope| envelope.id);
                answers.push(Answer { id, verdict: Verdict::Held { code: error.rejection().code } });
            }
        }
    }
    Ok(())
}

/// Whether a key has signed this.
fn vouches(key: &str, signed: &[u8], signature: &str) -> bool {
    let key = wire::read_base64url(key).and_then(|point| VerifyingKey::from_sec1_bytes(&point).ok());
    let signature = wire::read_base64url(signature).and_then(|bytes| Signature::from_slice(&bytes).ok());
    match (key, signature) {
        (Some(key), Some(signature)) => key.verify(signed, &signature).is_ok(),
        (None, _) | (_, None) => false,
    }
}

/// Whether the links go on from what is known of their chain: what is new follows the head, what is known is the same.
///
/// # Errors
/// `push.chain_broken`. A text that uses the id of the one at its place is no break: it is refused by itself.
async fn check_against(
    conn: &mut Conn,
    links: &[Link],
    head: &Head,
    device: shared::ids::DeviceId,
    author: PersonId,
) -> Result<(), Error> {
    for link in links {
        if link.n == head.n + 1 && link.prev.as_ref().is_some_and(|prev| *prev != head.hash) {
            return Err(Code::PushChainBroken.into());
        }
        if link.n <= head.n
            && let Some((hash, id, _)) = store::at(conn, device, author, link.n).await?
            && hash != link.hash
            && link.envelope.as_ref().is_none_or(|envelope| envelope.id != id)
        {
            return Err(Code::PushChainBroken.into());
        }
    }
    Ok(())
}

/// The links in runs of one site each. What names no site that its author knows goes with its neighbours.
async fn runs(
    conn: &mut Conn,
    links: Vec<Link>,
    author: PersonId,
) -> Result<Vec<(Option<SiteCode>, Vec<Link>)>, Error> {
    let known = sites::store::sites_of(conn, author).await?;
    let mut runs: Vec<(Option<SiteCode>, Vec<Link>)> = Vec::new();
    for link in links {
        let site = link
            .envelope
            .as_ref()
            .map(|envelope| &envelope.site)
            .filter(|site| known.contains(site))
            .cloned();
        match runs.last_mut() {
            Some((of, run)) if of.is_none() || site.is_none() || *of == site => {
                *of = of.take().or(site);
                run.push(link);
            }
            Some(_) | None => runs.push((site, vec![link])),
        }
    }
    Ok(runs)
}
