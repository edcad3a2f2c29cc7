//! Reports with a photo each: the command, the thumbnail, the photo, as a phone sends them.

use std::sync::PoisonError;

use anyhow::{Context, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use serde_json::json;
use server::{App, clock::Clock, config::Settings};
use sha2::{Digest, Sha256};
use shared::{
    ids::AttachmentId,
    wire::{self, Part},
};
use tokio::task::JoinSet;

use crate::{
    Options,
    client::{Client, Sent, gather},
    crew::{self, Push, SITE},
    figures::{Figures, now, since},
    scenarios::nothing_is_lost,
    store,
    subject::{Place, Server},
};

const CONNECTIONS: usize = 16;
const PHOTO: &[u8] = include_bytes!("../../../demo/photos/litter-small.jpg");

/// A JPEG and its hash.
#[derive(Clone)]
struct Jpeg {
    bytes: Bytes,
    sha256: String,
    width: u32,
    height: u32,
}

/// A photo as phones send it, of at most so many pixels across and so many bytes.
fn jpeg(across: u32, max: usize) -> anyhow::Result<Jpeg> {
    let image = image::load_from_memory(PHOTO)?.thumbnail(across, across).to_rgb8();
    for quality in (20..=95).rev() {
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(&image)?;
        if bytes.len() <= max {
            let sha256 = wire::hex(&Sha256::digest(&bytes));
            return Ok(Jpeg { sha256, width: image.width(), height: image.height(), bytes: bytes.into() });
        }
    }
    anyhow::bail!("no photo of {max} bytes")
}

/// A report and its photo.
struct Report {
    push: Push,
    photo: AttachmentId,
}

/// Reports with a photo each, over 16 connections.
pub async fn photos(options: &Options) -> anyhow::Result<Vec<Figures>> {
    let each = if options.smoke { 2 } else { 40 };
    let (full, thumb) = (jpeg(1_280, 150_000)?, jpeg(160, 8_000)?);
    let place = Place::new(options).await?;
    let phones = crew::hire(&place, CONNECTIONS, crew::field).await?;
    let mut lists = Vec::new();
    for mut phone in phones {
        let mut reports = Vec::new();
        for _ in 0..each {
            let photo = phone.photo();
            let named = json!({
                "id": photo, "sha256": full.sha256, "bytes": full.bytes.len(),
                "width": full.width, "height": full.height,
                "thumb_sha256": thumb.sha256, "thumb_bytes": thumb.bytes.len(),
            });
            let (_, text) = phone.report(&[named]);
            reports.push(Report { push: phone.pack(vec![text])?, photo });
        }
        lists.push(reports);
    }
    let count = each * CONNECTIONS;
    let subject = Server::start(options, &place).await?;
    let client = Client::of(&subject.url);
    let before = subject.used()?;
    let start = now();
    let mut tasks = JoinSet::new();
    for list in lists {
        let (client, full, thumb) = (client.clone(), full.clone(), thumb.clone());
        tasks.spawn(async move {
            let mut sent = Sent::default();
            for report in list {
                let start = now();
                client.push(&report.push).await?;
                upload(&client, &report, Part::Thumb, &thumb).await?;
                upload(&client, &report, Part::Full, &full).await?;
                sent.took.push(since(start));
                sent.up += report.push.body.len() + thumb.bytes.len() + full.bytes.len();
            }
            anyhow::Ok(sent)
        });
    }
    let sent = gather(tasks, start).await?;
    let used = subject.used()?;
    drop(subject);
    nothing_is_lost(&place, count).await?;
    let app = App::open(&place.storage, Settings::default(), Clock::System).await?;
    let kept = store::photos_kept(&mut *app.db.connection().await?).await?;
    app.db.close().await;
    ensure!(kept == count, "of {count} photos {kept} are confirmed");
    options.used.lock().unwrap_or_else(PoisonError::into_inner).push(place);

    let mut figures =
        Figures::of(format!("reports with a photo of {} KB, 16 connections", full.bytes.len() / 1_000));
    figures.note("photos", count as f64);
    figures.note("megapixels", f64::from(full.width * full.height) / 1e6);
    figures.note("reports/s", count as f64 / sent.all.as_secs_f64());
    figures.percentiles("report", sent.took);
    figures.note("server CPU ms per report", 1_000.0 * (used.cpu - before.cpu) / count as f64);
    figures.note("server peak memory MB", used.peak);
    figures.note("sent MB", sent.up as f64 / 1e6);
    Ok(vec![figures])
}

async fn upload(client: &Client, report: &Report, part: Part, jpeg: &Jpeg) -> anyhow::Result<()> {
    let name = wire::file_name(report.photo, part);
    let pairs = [("name", name.as_str()), ("sha256", jpeg.sha256.as_str()), ("site", SITE)];
    let metadata: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{name} {}", STANDARD.encode(value))).collect();
    let headers = [
        ("tus-resumable", "1.0.0".to_owned()),
        ("upload-length", jpeg.bytes.len().to_string()),
        ("upload-metadata", metadata.join(",")),
        ("content-type", "application/offset+octet-stream".to_owned()),
    ];
    let reply = client.send("POST", "/api/files", &report.push.cookie, &headers, jpeg.bytes.clone()).await;
    let reply = reply.context("an upload")?;
    ensure!(reply.status == 201, "{}: {}", reply.status, String::from_utf8_lossy(&reply.body));
    Ok(())
}
