//! `POST /api/push`: commands of one device and author, carried by anybody.

use std::collections::BTreeSet;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use axum::{Json, extract::State};
use shared::{
    Code, Rejection,
    ids::{PersonId, SiteCode},
    relay,
    time::Ms,
    wire::{self, Answer, PUSH_BYTES, PUSH_COMMANDS, Problem, PushRequest, PushResponse, VERSION, Verdict},
};

use super::{
    chain::{Link, Texts, place_alone},
    journal::Journal,
    judge::{self, Batch, Run},
    store,
};
use crate::{App, Error, accounts::SignedIn, body::InTurn, gather};

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
    request: Result<InTurn<PushRequest>, Error>,
) -> Result<Json<PushResponse>, Error> {
    let InTurn { body: request, received, turn } = request.map_err(|error| match error {
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
    let task = take(app.clone(), Some(carrier.person), request, sent, received);
    let task = tokio::spawn(async move {
        let answers = task.await;
        drop(turn);
        answers
    });
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
    let chain = (request.device, request.author);
    let author = app.looks.authors.ask(&app.db, chain).await?.ok_or(Code::PushUnknownDevice)?;
    let vouched =
        |signed: &[u8], signature: &str| author.keys.iter().any(|key| vouches(key, signed, signature));
    if !vouched(&wire::signing_bytes(&wire::hash(last)), &request.signature) {
        return Err(Code::PushBadSignature.into());
    }
    let last = last.clone();
    let texts = Texts::read(request.commands);
    let alone = if texts.placed() {
        0
    } else {
        let head = store::find_head(&mut *app.db.connection().await?, chain).await?;
        place_alone(&last, head.n, &head.hash)
    };
    let mut links = texts.links(alone)?;
    // Only of their author it is believed what the server had answered; whoever carries them could make it up.
    let restore = app.restore.filter(|_| carrier == Some(chain.1));
    for link in links.iter_mut().filter(|_| restore.is_some()) {
        link.had = request.had.iter().find(|had| i64::try_from(had.n) == Ok(link.n)).cloned();
    }
    let gap = links.first().zip(request.gap.as_ref()).filter(|(first, gap)| {
        app.restore.is_some() && vouched(&wire::gap_bytes(&app.epoch, &first.hash), gap)
    });
    let gap = gap.map(|(first, _)| first.n);
    let (device, author_id) = chain;
    let batch =
        Batch { device, author: author_id, sent, received, registered: author.registered, restore, gap };
    let runs = runs(links, &author.sites);
    if runs.len() > 1 {
        // Nothing is kept of a push that breaks the chain; with one run, whoever judges it sees that.
        let mut tx = app.db.read().await?;
        for (_, links) in &runs {
            let mut journal = Journal::default();
            journal.look(&mut tx, &batch, links).await?;
            journal.check(&batch, links)?;
        }
        tx.commit().await?;
    }
    let mut answers: Vec<Answer> = Vec::new();
    for (site, links) in runs {
        let ids: Vec<_> = links.iter().map(Link::id).collect();
        let run = Run { batch, links };
        let outcome = match &site {
            Some(site) => gather::judge(&app, site, run).await,
            None => judge::nowhere(&app, &run).await,
        };
        match outcome {
            Ok(run) => answers.extend(run),
            // With nothing to tell of, the failure is the answer.
            Err(error) if answers.is_empty() => return Err(error),
            Err(error) => {
                // What came before is kept; this, and what follows it, is to be sent again.
                let code = error.rejection().code;
                answers.extend(ids.into_iter().map(|id| Answer { id, verdict: Verdict::Held { code } }));
            }
        }
    }
    Ok(answers)
}

/// Whether a key has signed this: ECDSA on P-256 with SHA-256, the two numbers of the signature one after the other.
///
/// Not by `p256`, which takes several times as long: with pushes of one command this is most of what they cost.
pub fn vouches(key: &str, signed: &[u8], signature: &str) -> bool {
    let (Some(key), Some(signature)) = (wire::read_base64url(key), wire::read_base64url(signature)) else {
        return false;
    };
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key).verify(signed, &signature).is_ok()
}

/// The links in runs of one site each. What names no site that its author knows goes with its neighbours.
fn runs(links: Vec<Link>, known: &BTreeSet<SiteCode>) -> Vec<(Option<SiteCode>, Vec<Link>)> {
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
    runs
}
