//! Photos: uploading them by tus, what is refused, and who gets to see them.

use std::{io, path::Path};

use axum::{
    body::{Body, Bytes},
    http::{Request, StatusCode, header},
};
use futures::{FutureExt, StreamExt, stream};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use server::{
    clock::Clock,
    files::{expiry, store::UploadKey},
};
use sha2::{Digest, Sha256};
use shared::{
    case::{CaseView, Photo},
    ids::{AttachmentId, CaseId},
    time::{MINUTE, Ms},
    wire::{self, Part, Verdict},
};
use tower::ServiceExt;

use crate::import::without;
use crate::kit::{Device, On, PASSWORD, Reply, TestApp, cast, complaint, leak, long_photo, tests};

tests![
    the_server_says_what_it_can_do,
    a_small_photo_is_one_request_and_a_repeat_finds_it,
    a_photo_that_comes_along_is_written_down_once_it_is_here,
    a_photo_that_comes_along_and_is_cut_off_is_gone_on_from_there,
    a_photo_that_comes_along_is_moved_if_it_was_announced_meanwhile,
    two_requests_that_bring_the_same_photo_along_bring_it_once,
    a_photo_that_comes_along_gives_way_to_one_that_was_begun_meanwhile,
    what_comes_along_and_is_refused_leaves_the_announcement,
    nothing_comes_along_with_one_upload_too_many,
    a_photo_arrives_in_pieces,
    a_cut_connection_loses_nothing_that_arrived,
    a_restarted_server_goes_on_where_the_upload_stood,
    a_piece_at_the_wrong_place_is_refused,
    a_connection_cut_anywhere_is_gone_on_from_there,
    a_connection_that_is_cut_again_and_again_still_brings_one_whole_photo,
    two_requests_with_the_same_bytes_do_no_harm,
    two_tabs_that_send_the_same_photo_bring_it_once,
    a_request_may_say_what_its_bytes_sum_up_to,
    a_request_with_a_wrong_sum_counts_for_nothing,
    a_request_with_a_sum_that_is_cut_off_counts_for_nothing,
    an_upload_says_until_when_it_is_kept,
    an_abandoned_upload_is_forgotten_after_a_week,
    what_a_killed_server_had_staged_is_swept_up,
    a_person_begins_only_so_many_uploads,
    an_upload_is_given_up_by_its_author_only,
    a_complete_photo_is_not_given_up,
    bytes_with_another_hash_are_refused_and_may_be_sent_again,
    a_bad_file_is_refused_for_ever,
    a_large_file_is_refused_before_it_is_sent,
    more_bytes_than_announced_are_refused,
    another_announcement_of_the_same_photo_is_refused,
    what_is_no_announcement_is_refused,
    another_version_of_tus_is_refused,
    nobody_and_strangers_cannot_upload,
    another_session_may_carry_a_photo,
    who_has_left_still_sends_the_photos_of_what_they_made,
    another_session_cannot_keep_a_photo_from_arriving,
    the_case_says_that_its_photo_is_kept_when_the_bytes_come_last,
    the_case_says_that_its_photo_is_kept_when_the_bytes_come_first,
    a_photo_with_another_hash_than_the_command_names_is_not_the_cases,
    an_upload_under_anothers_photo_id_does_not_keep_that_photo,
    a_photo_is_shown_without_metadata_to_who_sees_its_case,
    a_turned_photo_is_shown_upright,
    r9_the_photos_of_a_complaint_are_for_the_office,
    a_photo_is_read_through_its_own_case_only,
];

const OCTETS: &str = "application/offset+octet-stream";

fn demo_photo(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo/photos").join(name)).unwrap()
}

pub fn litter() -> Vec<u8> {
    demo_photo("litter-small.jpg")
}

pub fn thumb() -> Vec<u8> {
    let mut bytes = io::Cursor::new(Vec::new());
    image::RgbImage::new(64, 48).write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

fn sha256(bytes: &[u8]) -> String {
    wire::hex(&Sha256::digest(bytes))
}

fn address(name: &str) -> String {
    format!("/api/files/{name}")
}

/// What a device announces.
pub struct Announced {
    pub name: String,
    site: String,
    sha256: String,
    pub author: Option<String>,
    length: u64,
}

impl Announced {
    pub fn of(device: &Device, photo: AttachmentId, part: Part, bytes: &[u8]) -> Announced {
        Announced {
            name: wire::file_name(photo, part),
            site: device.site.clone(),
            sha256: sha256(bytes),
            author: None,
            length: bytes.len() as u64,
        }
    }

    fn metadata(&self) -> String {
        use base64::{Engine, engine::general_purpose::STANDARD};
        [
            ("name", Some(&self.name)),
            ("site", Some(&self.site)),
            ("sha256", Some(&self.sha256)),
            ("author", self.author.as_ref()),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some(format!("{key} {}", STANDARD.encode(value?))))
        .collect::<Vec<_>>()
        .join(",")
    }

    pub async fn post(&self, device: &Device) -> Reply {
        let length = self.length.to_string();
        let headers = [("upload-length", length.as_str()), ("upload-metadata", &self.metadata())];
        tus(device, "POST", "/api/files", &headers, Body::empty()).await
    }

    pub async fn post_with(&self, device: &Device, bytes: &[u8]) -> Reply {
        self.post_body(device, &[], Body::from(bytes.to_vec())).await
    }

    async fn post_body(&self, device: &Device, more: &[(&str, &str)], body: Body) -> Reply {
        let length = self.length.to_string();
        let metadata = self.metadata();
        let headers =
            [("upload-length", length.as_str()), ("upload-metadata", &metadata), ("content-type", OCTETS)];
        tus(device, "POST", "/api/files", &[headers.as_slice(), more].concat(), body).await
    }
}

async fn tus(device: &Device, method: &str, path: &str, headers: &[(&str, &str)], body: Body) -> Reply {
    let mut request = Request::builder().method(method).uri(path).header("tus-resumable", "1.0.0");
    if !device.cookie.is_empty() {
        request = request.header(header::COOKIE, &device.cookie);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let reply = Reply::of(&device.router, request.body(body).unwrap()).await;
    assert_eq!(reply.header("tus-resumable"), "1.0.0");
    reply
}

async fn head(device: &Device, name: &str) -> Reply {
    tus(device, "HEAD", &address(name), &[], Body::empty()).await
}

pub async fn offset(device: &Device, name: &str) -> String {
    let reply = head(device, name).await;
    assert_eq!(reply.status, 200);
    reply.header("upload-offset").to_owned()
}

pub async fn patch(device: &Device, name: &str, offset: usize, body: impl Into<Body>) -> Reply {
    let offset = offset.to_string();
    let headers = [("upload-offset", offset.as_str()), ("content-type", OCTETS)];
    tus(device, "PATCH", &address(name), &headers, body.into()).await
}

pub fn new_photo(device: &Device) -> AttachmentId {
    AttachmentId(device.new_id())
}

/// Uploads a part whole.
async fn upload(device: &Device, photo: AttachmentId, part: Part, bytes: &[u8]) {
    let reply = Announced::of(device, photo, part, bytes).post_with(device, bytes).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    assert_eq!(reply.header("upload-offset"), bytes.len().to_string());
}

/// A photo as a command names it.
pub fn named(photo: AttachmentId, bytes: &[u8]) -> Value {
    let thumb = thumb();
    json!({
        "id": photo, "sha256": sha256(bytes), "bytes": bytes.len(), "width": 1280, "height": 960,
        "thumb_sha256": sha256(&thumb), "thumb_bytes": thumb.len(),
    })
}

pub async fn report(device: &mut Device, mut report: Value, photo: AttachmentId, bytes: &[u8]) -> CaseId {
    report["photos"] = json!([named(photo, bytes)]);
    let case = device.new_case();
    device.accepted("case.report", case, report).await;
    case
}

async fn photos(device: &mut Device, case: CaseId) -> Vec<Photo> {
    match device.pull().await.case(case).unwrap() {
        CaseView::Full(case) => case.photos.clone(),
        CaseView::Outline(_) => panic!("only an outline"),
    }
}

/// Reads a photo: status, headers, bytes.
pub async fn read(device: &Device, path: &str, etag: Option<&str>) -> (StatusCode, header::HeaderMap, Bytes) {
    let mut request = Request::builder().uri(path).header(header::COOKIE, &device.cookie);
    if let Some(etag) = etag {
        request = request.header(header::IF_NONE_MATCH, etag);
    }
    let response = device.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    (parts.status, parts.headers, body.collect().await.unwrap().to_bytes())
}

pub fn photo_path(case: CaseId, photo: AttachmentId, part: &str) -> String {
    format!("/api/cases/{case}/photos/{photo}?site=jinzhou{part}")
}

async fn the_server_says_what_it_can_do(on: On) {
    let app = TestApp::start(on).await;
    let nobody = Device::new(&app);
    let reply = tus(&nobody, "OPTIONS", "/api/files", &[], Body::empty()).await;
    assert_eq!(reply.status, 204);
    assert_eq!(reply.header("tus-version"), "1.0.0");
    let extensions = "creation,creation-with-upload,checksum,termination,expiration";
    assert_eq!(reply.header("tus-extension"), extensions);
    assert_eq!(reply.header("tus-checksum-algorithm"), "sha1,sha256");
    assert_eq!(reply.header("tus-max-size"), "12000000");
}

async fn a_small_photo_is_one_request_and_a_repeat_finds_it(on: On) {
    let app = TestApp::start(on).await;
    let guard = app.sign_in(cast::GUARD).await;
    let (photo, bytes) = (new_photo(&guard), thumb());
    let announced = Announced::of(&guard, photo, Part::Thumb, &bytes);
    let first = announced.post_with(&guard, &bytes).await;
    assert_eq!(first.status, 201, "{}", first.text);
    assert_eq!(first.header("location"), format!("/api/files/{photo}.thumb"));
    for again in [announced.post_with(&guard, &bytes).await, announced.post(&guard).await] {
        assert_eq!(again.status, 200, "{}", again.text);
        assert_eq!(again.header("location"), first.header("location"));
        assert_eq!(again.header("upload-offset"), bytes.len().to_string());
    }
}

/// A body whose last bytes come after something else has happened.
fn with_a_pause(bytes: &[u8], meanwhile: impl Future<Output = ()> + Send + 'static) -> Body {
    let (first, last) = (Bytes::copy_from_slice(&bytes[..1_000]), Bytes::copy_from_slice(&bytes[1_000..]));
    let last = meanwhile.map(|()| io::Result::Ok(last));
    Body::from_stream(stream::once(async move { Ok(first) }).chain(stream::once(last)))
}

async fn a_photo_that_comes_along_is_written_down_once_it_is_here(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let (photo, bytes) = (new_photo(&guard), litter());
    let case = report(&mut guard, leak(), photo, &bytes).await;
    let announced = Announced::of(&guard, photo, Part::Full, &bytes);
    let (looking, name) = (app.sign_in(cast::GUARD).await, announced.name.clone());
    let body = with_a_pause(&bytes, async move { assert_eq!(head(&looking, &name).await.status, 404) });
    let reply = announced.post_body(&guard, &[], body).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    assert_eq!(reply.header("upload-offset"), bytes.len().to_string());
    assert!(!reply.header("upload-seq").is_empty());
    shows(&mut guard, case, photo, &bytes).await;
    assert_eq!(staged(&app).await, 0);
}

async fn a_photo_that_comes_along_and_is_cut_off_is_gone_on_from_there(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let bytes = long_photo();
    for at in [0, 1, SEGMENT, SEGMENT + 1, bytes.len() - 1] {
        let photo = new_photo(&guard);
        let case = report(&mut guard, leak(), photo, &bytes).await;
        let announced = Announced::of(&guard, photo, Part::Full, &bytes);
        let reply = announced.post_body(&guard, &[], cut(&bytes[..at])).await;
        assert_eq!((reply.status, reply.header("upload-offset")), (201, at.to_string().as_str()));
        assert_eq!(offset(&guard, &announced.name).await, at.to_string());
        let reply = patch(&guard, &announced.name, at, bytes[at..].to_vec()).await;
        assert_eq!(reply.status, 204, "{}", reply.text);
        shows(&mut guard, case, photo, &bytes).await;
        assert_eq!(staged(&app).await, 0);
    }
}

async fn a_photo_that_comes_along_is_moved_if_it_was_announced_meanwhile(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let (photo, bytes) = (new_photo(&guard), litter());
    let case = report(&mut guard, leak(), photo, &bytes).await;
    let announced = Announced::of(&guard, photo, Part::Full, &bytes);
    let (other, again) = (app.sign_in(cast::GUARD).await, Announced::of(&guard, photo, Part::Full, &bytes));
    app.advance(1);
    let body = with_a_pause(&bytes, async move { assert_eq!(again.post(&other).await.status, 201) });
    let reply = announced.post_body(&guard, &[], body).await;
    assert_eq!(reply.header("upload-offset"), bytes.len().to_string(), "{}", reply.text);
    shows(&mut guard, case, photo, &bytes).await;
}

async fn two_requests_that_bring_the_same_photo_along_bring_it_once(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let (photo, bytes) = (new_photo(&guard), litter());
    let case = report(&mut guard, leak(), photo, &bytes).await;
    let announced = Announced::of(&guard, photo, Part::Full, &bytes);
    let (other, again, whole) =
        (app.sign_in(cast::GUARD).await, Announced::of(&guard, photo, Part::Full, &bytes), bytes.clone());
    let body =
        with_a_pause(&bytes, async move { assert_eq!(again.post_with(&other, &whole).await.status, 201) });
    let reply = announced.post_body(&guard, &[], body).await;
    assert_eq!(reply.header("upload-offset"), bytes.len().to_string(), "{}", reply.text);
    shows(&mut guard, case, photo, &bytes).await;
    assert_eq!(staged(&app).await, 0);
}

async fn a_photo_that_comes_along_gives_way_to_one_that_was_begun_meanwhile(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let bytes = long_photo();
    // Whole after the pause, and not even then.
    for end in [bytes.len(), 2_000, SEGMENT + 2_000] {
        let photo = new_photo(&guard);
        let case = report(&mut guard, leak(), photo, &bytes).await;
        let announced = Announced::of(&guard, photo, Part::Full, &bytes);
        let (other, again, begun) = (
            app.sign_in(cast::GUARD).await,
            Announced::of(&guard, photo, Part::Full, &bytes),
            bytes[..10].to_vec(),
        );
        let body = with_a_pause(&bytes[..end], async move {
            assert_eq!(again.post_with(&other, &begun).await.header("upload-offset"), "10");
        });
        let reply = announced.post_body(&guard, &[], body).await;
        assert_eq!(reply.problem(), (409, "file.offset".to_owned()));
        assert_eq!(reply.json()["fields"]["offset"], "10");
        assert_eq!(staged(&app).await, 1, "what the row claims");
        patch(&guard, &announced.name, 10, bytes[10..].to_vec()).await;
        shows(&mut guard, case, photo, &bytes).await;
        assert_eq!(staged(&app).await, 0);
    }
}

async fn what_comes_along_and_is_refused_leaves_the_announcement(on: On) {
    let app = TestApp::start(on).await;
    let guard = app.sign_in(cast::GUARD).await;
    let bytes = long_photo();
    let mut wrong = bytes.clone();
    wrong[5_000] ^= 1;
    let more = [bytes.as_slice(), b"more"].concat();
    let sum = sum("sha256", b"something else");
    let with_sum = [("upload-checksum", sum.as_str())];
    for (sent, headers, status, code) in [
        (bytes.as_slice(), with_sum.as_slice(), 460, "file.wrong_checksum"),
        (&bytes[..10], &with_sum, 460, "file.wrong_checksum"),
        (&wrong, &[], 422, "file.wrong_hash"),
        (&more, &[], 413, "file.too_large"),
    ] {
        let announced = Announced::of(&guard, new_photo(&guard), Part::Full, &bytes);
        let reply = announced.post_body(&guard, headers, Body::from(sent.to_vec())).await;
        assert_eq!(reply.problem(), (status, code.to_owned()));
        assert_eq!(offset(&guard, &announced.name).await, "0");
        assert_eq!(staged(&app).await, 0);
        assert_eq!(announced.post_with(&guard, &bytes).await.status, 200);
    }
}

async fn nothing_comes_along_with_one_upload_too_many(on: On) {
    let app = TestApp::start(on).await;
    let guard = app.sign_in(cast::GUARD).await;
    let bytes = litter();
    for _ in 0..50 {
        Announced::of(&guard, new_photo(&guard), Part::Full, &bytes).post(&guard).await;
    }
    let announced = Announced::of(&guard, new_photo(&guard), Part::Full, &bytes);
    let unread = Body::from_stream(
        stream::once(async { unreachable!("it is refused before that") })
            .map(|piece: Bytes| io::Result::Ok(piece)),
    );
    let reply = announced.post_body(&guard, &[], unread).await;
    assert_eq!(reply.problem(), (429, "file.too_many".to_owned()));
    assert_eq!(head(&guard, &announced.name).await.status, 404);
}

async fn a_photo_arrives_in_pieces(on: On) {
    let app = TestApp::start(on).await;
    let guard = app.sign_in(cast::GUARD).await;
    // Long enough that a piece is staged while the next one arrives.
    let (photo, bytes) = (new_photo(&guard), demo_photo("leak-12mp.jpg"));
    let announced = Announced::of(&guard, photo, Part::Full, &bytes);
    let reply = announced.post(&guard).await;
    assert_eq!((reply.status, reply.header("upload-offset")), (201, "0"));
    let name = &announced.name;
    let mut at = 0;
    for end in [1, 300_000, 1_500_000, bytes.len()] {
        let piece = bytes[at..end].to_vec();
        let pieces = stream::iter(piece.chunks(70_000).map(Bytes::copy_from_slice).collect::<Vec<_>>());
        let reply = patch(&guard, name, at, Body::from_stream(pieces.map(Ok::<_, io::Error>))).await;
        assert_eq!((reply.status, reply.header("upload-offset")), (204, end.to_string().as_str()));
        let reply = head(&guard, name).await;
        assert_eq!(reply.header("upload-offset"), end.to_string());
        assert_eq!(reply.header("upload-length"), bytes.len().to_string());
        assert_eq!(reply.header("cache-control"), "no-store");
        at = end;
    }
}

async fn a_cut_connection_loses_nothing_that_arrived(on: On) {
    let app = TestApp::start(on).await;
    let guard = app.sign_in(cast::GUARD).await;
    let (photo, bytes) = (new_photo(&guard), litter());
    let announced = Announced::of(&guard, photo, Part::Full, &bytes);
    announced.post(&guard).await;
    let arrived = Bytes::copy_from_slice(&bytes[..100_000]);
    let cut = stream::iter([Ok(arrived), Err(io::Error::from(io::ErrorKind::ConnectionReset))]);
    patch(&guard, &announced.name, 0, Body::from_stream(cut)).await;
    assert_eq!(offset(&guard, &announced.name).await, "100000");
    let reply = patch(&guard, &announced.name, 100_000, bytes[100_000..].to_vec()).await;
    assert_eq!(reply.header("upload-offset"), bytes.len().to_string());
}

/// Where the server stages what has arrived, whether or not more comes.
const SEGMENT: usize = 1 << 20;

/// A body whose connection is cut after it.
fn cut(bytes: &[u8]) -> Body {
    let pieces: Vec<io::Result<Bytes>> =
        bytes.chunks(64 * 1_024).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    let reset = Err(io::Error::from(io::ErrorKind::ConnectionReset));
    Body::from_stream(stream::iter(pieces.into_iter().chain([reset])))
}

/// How many objects lie staged.
async fn staged(app: &TestApp) -> usize {
    app.app.files.depot.staged_before(Ms(i64::MAX)).await.unwrap().len()
}

/// Whether a case has exactly this photo, verified, and shows it.
pub async fn shows(device: &mut Device, case: CaseId, photo: AttachmentId, bytes: &[u8]) {
    let photos = photos(device, case).await;
    assert_eq!(photos.len(), 1);
    assert!(photos[0].kept && photos[0].photo.id == photo && photos[0].photo.sha256 == sha256(bytes));
    let (status, headers, shown) = read(device, &photo_path(case, photo, ""), None).await;
    assert_eq!(status, 200);
    assert_eq!(headers[header::ETAG], format!("\"{}\"", sha256(bytes)));
    let pixels = |bytes: &[u8]| image::load_from_memory(bytes).unwrap().to_rgb8();
    assert!(pixels(&shown) == pixels(bytes), "another picture");
}

async fn a_connection_cut_anywhere_is_gone_on_from_there(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let bytes = long_photo();
    assert!(bytes.len() > SEGMENT + SEGMENT / 2);
    let middle = SEGMENT + SEGMENT / 2;
    for at in [0, 1, 64 * 1_024, SEGMENT - 1, SEGMENT, SEGMENT + 1, middle, bytes.len() - 1] {
        let photo = new_photo(&guard);
        let case = report(&mut guard, leak(), photo, &bytes).await;
        let announced = Announced::of(&guard, photo, Part::Full, &bytes);
        announced.post(&guard).await;
        patch(&guard, &announced.name, 0, cut(&bytes[..at])).await;
        assert_eq!(offset(&guard, &announced.name).await, at.to_string());
        let reply = patch(&guard, &announced.name, at, bytes[at..].to_vec()).await;
        assert_eq!(reply.status, 204, "{}", reply.text);
        shows(&mut guard, case, photo, &bytes).await;
        assert_eq!(staged(&app).await, 0);
    }
}

async fn a_connection_that_is_cut_again_and_again_still_brings_one_whole_photo(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let (photo, bytes) = (new_photo(&guard), long_photo());
    let case = report(&mut guard, leak(), photo, &bytes).await;
    let announced = Announced::of(&guard, photo, Part::Full, &bytes);
    announced.post(&guard).await;
    let mut at = 0;
    for length in [1, 99_999, SEGMENT, 7, 200_000, 2 * SEGMENT] {
        let end = bytes.len().min(at + length);
        patch(&guard, &announced.name, at, cut(&bytes[at..end])).await;
        at = offset(&guard, &announced.name).await.parse().unwrap();
        assert_eq!(at, end);
    }
    assert_eq!(at, bytes.len(), "complete although the last connection was cut too");
    shows(&mut guard, case, photo, &bytes).await;
    assert_eq!(staged(&app).await, 0);
}

async fn two_tabs_that_send_the_same_photo_bring_it_once(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let (photo, bytes) = (new_photo(&guard), long_photo());
    let case = report(&mut guard, leak(), photo, &bytes).await;
    let announced = Announced::of(&guard, photo, Part::Full, &bytes);
    // Each goes on from where the server says, with pieces of its own length, until all is there.
    let tab = async |piece: usize| {
        let mut refused = 0;
        announced.post(&guard).await;
        loop {
            let at: usize = offset(&guard, &announced.name).await.parse().unwrap();
            if at == bytes.len() {
                return refused;
            }
            let end = bytes.len().min(at + piece);
            let reply = patch(&guard, &announced.name, at, bytes[at..end].to_vec()).await;
            assert!(matches!(reply.status, 204 | 409), "{}", reply.text);
            refused += usize::from(reply.status == 409);
        }
    };
    let (one, other) = tokio::join!(tab(150_000), tab(170_000));
    assert!(one + other > 0, "they never met");
    shows(&mut guard, case, photo, &bytes).await;
    assert_eq!(staged(&app).await, 0);
}

/// A `PATCH` that says what its bytes sum up to.
async fn patch_with_sum(device: &Device, name: &str, offset: usize, sum: &str, body: Body) -> Reply {
    let offset = offset.to_string();
    let headers = [("upload-offset", offset.as_str()), ("content-type", OCTETS), ("upload-checksum", sum)];
    tus(device, "PATCH", &address(name), &headers, body).await
}

fn sum(algorithm: &str, bytes: &[u8]) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let sum = match algorithm {
        "sha1" => STANDARD.encode(sha1::Sha1::digest(bytes)),
        _ => STANDARD.encode(Sha256::digest(bytes)),
    };
    format!("{algorithm} {sum}")
}

async fn a_request_may_say_what_its_bytes_sum_up_to(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let (photo, bytes) = (new_photo(&guard), long_photo());
    let case = report(&mut guard, leak(), photo, &bytes).await;
    let announced = Announced::of(&guard, photo, Part::Full, &bytes);
    announced.post(&guard).await;
    // Longer than what is staged at once.
    let first = SEGMENT + 1_000;
    for (algorithm, from, to) in [("sha1", 0, first), ("sha256", first, bytes.len())] {
        let piece = &bytes[from..to];
        let body = Body::from(piece.to_vec());
        let reply = patch_with_sum(&guard, &announced.name, from, &sum(algorithm, piece), body).await;
        assert_eq!((reply.status, reply.header("upload-offset")), (204, to.to_string().as_str()));
    }
    shows(&mut guard, case, photo, &bytes).await;

    let announced = Announced::of(&guard, new_photo(&guard), Part::Full, &bytes);
    announced.post(&guard).await;
    for unknown in ["md5 XrY7u+Ae7tCTyyK7j1rNww==", "sha1", "sha256 Kq5sNclPz7QV2+lfQIuc6R7oRu0="] {
        let reply = patch_with_sum(&guard, &announced.name, 0, unknown, Body::from("hello world")).await;
        assert_eq!(reply.problem(), (400, "file.bad_header".to_owned()));
        assert_eq!(reply.json()["fields"]["header"], "upload-checksum");
    }
}

async fn a_request_with_a_wrong_sum_counts_for_nothing(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let (photo, bytes) = (new_photo(&guard), long_photo());
    let case = report(&mut guard, leak(), photo, &bytes).await;
    let announced = Announced::of(&guard, photo, Part::Full, &bytes);
    announced.post_with(&guard, &bytes[..10]).await;
    let wrong = sum("sha256", b"something else");
    for end in [11, SEGMENT + 20, bytes.len()] {
        let body = Body::from(bytes[10..end].to_vec());
        let reply = patch_with_sum(&guard, &announced.name, 10, &wrong, body).await;
        assert_eq!(reply.problem(), (460, "file.wrong_checksum".to_owned()));
        assert_eq!(offset(&guard, &announced.name).await, "10");
        assert_eq!(staged(&app).await, 1, "only what counts");
    }
    patch(&guard, &announced.name, 10, bytes[10..].to_vec()).await;
    shows(&mut guard, case, photo, &bytes).await;
}

async fn a_request_with_a_sum_that_is_cut_off_counts_for_nothing(on: On) {
    let app = TestApp::start(on).await;
    let guard = app.sign_in(cast::GUARD).await;
    let bytes = long_photo();
    let announced = Announced::of(&guard, new_photo(&guard), Part::Full, &bytes);
    announced.post(&guard).await;
    let sum = sum("sha1", &bytes);
    patch_with_sum(&guard, &announced.name, 0, &sum, cut(&bytes[..SEGMENT + 5])).await;
    assert_eq!(offset(&guard, &announced.name).await, "0");
    assert_eq!(staged(&app).await, 0);
}

async fn an_upload_says_until_when_it_is_kept(on: On) {
    let app = TestApp::start(on).await;
    let guard = app.sign_in(cast::GUARD).await;
    let bytes = litter();
    let announced = Announced::of(&guard, new_photo(&guard), Part::Full, &bytes);
    let expires = announced.post(&guard).await.header("upload-expires").to_owned();
    assert_eq!(expires, "Mon, 30 Nov 2026 02:00:00 GMT");
    app.advance(60);
    assert_eq!(head(&guard, &announced.name).await.header("upload-expires"), expires);
    let reply = patch(&guard, &announced.name, 0, bytes[..10].to_vec()).await;
    assert_eq!(reply.header("upload-expires"), "Mon, 30 Nov 2026 03:00:00 GMT");
    let reply = patch(&guard, &announced.name, 10, bytes[10..].to_vec()).await;
    assert_eq!((reply.status, reply.header("upload-expires")), (204, ""), "what is complete stays");
}

async fn an_abandoned_upload_is_forgotten_after_a_week(on: On) {
    const DAY: u64 = 24 * 60;
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let bytes = litter();
    let [abandoned, slow, kept] =
        [0; 3].map(|_| Announced::of(&guard, new_photo(&guard), Part::Full, &bytes));
    for upload in [&abandoned, &slow] {
        upload.post_with(&guard, &bytes[..10]).await;
    }
    kept.post_with(&guard, &bytes).await;
    let due = app.now().plus(7 * DAY.cast_signed() * MINUTE);
    assert_eq!(expiry::sweep(&app.app).await.unwrap(), Some(due));
    app.advance(3 * DAY);
    patch(&guard, &slow.name, 10, bytes[10..20].to_vec()).await;
    app.advance(4 * DAY);
    let next = app.now().plus(3 * DAY.cast_signed() * MINUTE);
    assert_eq!(expiry::sweep(&app.app).await.unwrap(), Some(next), "it sleeps until the next");
    guard.sign_in(cast::GUARD, PASSWORD).await;
    assert_eq!(head(&guard, &abandoned.name).await.status, 404);
    assert_eq!(offset(&guard, &slow.name).await, "20");
    assert_eq!(offset(&guard, &kept.name).await, bytes.len().to_string());
    assert_eq!(staged(&app).await, 2);
    // Whoever abandoned it comes back and begins anew.
    let reply = patch(&guard, &abandoned.name, 10, bytes[10..].to_vec()).await;
    assert_eq!(reply.problem(), (404, "file.not_found".to_owned()));
    assert_eq!(abandoned.post_with(&guard, &bytes).await.status, 201);
}

async fn what_a_killed_server_had_staged_is_swept_up(on: On) {
    let app = TestApp::start(on).await;
    let guard = app.sign_in(cast::GUARD).await;
    let announced = Announced::of(&guard, new_photo(&guard), Part::Full, &litter());
    announced.post_with(&guard, &litter()[..10]).await;
    // As if it had been killed before the row was written.
    let key = UploadKey {
        site: "jinzhou".into(),
        author: guard.person,
        photo: new_photo(&guard),
        part: Part::Full,
    };
    app.app.files.depot.stage(&key, 0, Bytes::from_static(b"left behind")).await.unwrap();
    app.clock.set(Clock::System.now());
    expiry::sweep(&app.app).await.unwrap();
    assert_eq!(staged(&app).await, 2, "what is young may yet be claimed");
    app.advance(25 * 60);
    expiry::sweep(&app.app).await.unwrap();
    assert_eq!(staged(&app).await, 1);
    assert_eq!(offset(&guard, &announced.name).await, "10");
}

async fn a_person_begins_only_so_many_uploads(on: On) {
    let app = TestApp::start(on).await;
    let guard = app.sign_in(cast::GUARD).await;
    let other = app.sign_in(cast::OTHER_GUARD).await;
    let bytes = litter();
    let announced: Vec<Announced> =
        (0..51).map(|_| Announced::of(&guard, new_photo(&guard), Part::Full, &bytes)).collect();
    for upload in &announced[..50] {
        assert_eq!(upload.post(&guard).await.status, 201);
    }
    let reply = announced[50].post(&guard).await;
    assert_eq!(reply.problem(), (429, "file.too_many".to_owned()));
    assert_eq!(reply.json()["fields"]["max"], "50");
    assert_eq!(announced[49].post(&guard).await.status, 200, "what was begun goes on");
    let theirs = Announced::of(&other, new_photo(&other), Part::Full, &bytes);
    assert_eq!(theirs.post(&other).await.status, 201, "others are not concerned");
    announced[0].post_with(&guard, &bytes).await;
    assert_eq!(announced[50].post(&guard).await.status, 201, "one is finished");
}

async fn give_up(device: &Device, name: &str) -> Reply {
    tus(device, "DELETE", &address(name), &[], Body::empty()).await
}

async fn an_upload_is_given_up_by_its_author_only(on: On) {
    let app = TestApp::start(on).await;
    let guard = app.sign_in(cast::GUARD).await;
    let other = app.sign_in(cast::OTHER_GUARD).await;
    let bytes = litter();
    let announced = Announced::of(&guard, new_photo(&guard), Part::Full, &bytes);
    announced.post_with(&guard, &bytes[..10]).await;
    let theirs = format!("{}?author={}", announced.name, guard.person);
    for name in [&announced.name, &theirs] {
        assert_eq!(give_up(&other, name).await.problem(), (404, "file.not_found".to_owned()));
    }
    assert_eq!(offset(&guard, &announced.name).await, "10");
    assert_eq!(give_up(&guard, &announced.name).await.status, 204);
    assert_eq!(staged(&app).await, 0);
    assert_eq!(head(&guard, &announced.name).await.status, 404);
    assert_eq!(give_up(&guard, &announced.name).await.problem(), (404, "file.not_found".to_owned()));
    assert_eq!(announced.post_with(&guard, &bytes).await.status, 201, "it may be begun anew");
}

async fn a_complete_photo_is_not_given_up(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let (photo, bytes) = (new_photo(&guard), long_photo());
    let case = report(&mut guard, leak(), photo, &bytes).await;
    upload(&guard, photo, Part::Full, &bytes).await;
    let name = wire::file_name(photo, Part::Full);
    assert_eq!(give_up(&guard, &name).await.problem(), (409, "file.kept".to_owned()));
    shows(&mut guard, case, photo, &bytes).await;
}

async fn a_restarted_server_goes_on_where_the_upload_stood(on: On) {
    let mut app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let (photo, bytes) = (new_photo(&guard), litter());
    let announced = Announced::of(&guard, photo, Part::Full, &bytes);
    announced.post_with(&guard, &bytes[..5]).await;
    app.restart().await;
    guard.router = app.router.clone();
    assert_eq!(offset(&guard, &announced.name).await, "5");
    let reply = patch(&guard, &announced.name, 5, bytes[5..].to_vec()).await;
    assert_eq!(reply.status, 204, "{}", reply.text);
}

async fn a_piece_at_the_wrong_place_is_refused(on: On) {
    let app = TestApp::start(on).await;
    let guard = app.sign_in(cast::GUARD).await;
    let (photo, bytes) = (new_photo(&guard), litter());
    let announced = Announced::of(&guard, photo, Part::Full, &bytes);
    announced.post_with(&guard, &bytes[..10]).await;
    for wrong in [0, 9, 11] {
        let reply = patch(&guard, &announced.name, wrong, bytes[wrong..].to_vec()).await;
        assert_eq!(reply.problem(), (409, "file.offset".to_owned()));
        assert_eq!(reply.json()["fields"]["offset"], "10");
    }
    assert_eq!(offset(&guard, &announced.name).await, "10");
}

async fn two_requests_with_the_same_bytes_do_no_harm(on: On) {
    let app = TestApp::start(on).await;
    let guard = app.sign_in(cast::GUARD).await;
    let (photo, bytes) = (new_photo(&guard), litter());
    let announced = Announced::of(&guard, photo, Part::Full, &bytes);
    announced.post(&guard).await;
    let half = bytes.len() / 2;
    let (one, other) = tokio::join!(
        patch(&guard, &announced.name, 0, bytes[..half].to_vec()),
        patch(&guard, &announced.name, 0, bytes[..half + 1].to_vec())
    );
    let taken = [&one, &other].into_iter().filter(|reply| reply.status == 204).count();
    assert_eq!(taken, 1, "{} {}", one.text, other.text);
    let at: usize = offset(&guard, &announced.name).await.parse().unwrap();
    let (one, other) = tokio::join!(
        patch(&guard, &announced.name, at, bytes[at..].to_vec()),
        patch(&guard, &announced.name, at, bytes[at..].to_vec())
    );
    for reply in [one, other] {
        assert!(matches!(reply.status, 204 | 409), "{}", reply.text);
    }
    assert_eq!(offset(&guard, &announced.name).await, bytes.len().to_string());
}

async fn bytes_with_another_hash_are_refused_and_may_be_sent_again(on: On) {
    let app = TestApp::start(on).await;
    let guard = app.sign_in(cast::GUARD).await;
    let (photo, bytes) = (new_photo(&guard), litter());
    let announced = Announced::of(&guard, photo, Part::Full, &bytes);
    let mut damaged = bytes.clone();
    damaged[1_000] ^= 1;
    announced.post_with(&guard, &damaged[..2_000]).await;
    let reply = patch(&guard, &announced.name, 2_000, damaged[2_000..].to_vec()).await;
    assert_eq!(reply.problem(), (422, "file.wrong_hash".to_owned()));
    assert_eq!(offset(&guard, &announced.name).await, "0");
    let reply = announced.post_with(&guard, &bytes).await;
    assert_eq!((reply.status, reply.header("upload-offset")), (200, bytes.len().to_string().as_str()));
}

async fn a_bad_file_is_refused_for_ever(on: On) {
    let app = TestApp::start(on).await;
    let guard = app.sign_in(cast::GUARD).await;
    for (file, code) in [
        ("bad-html.jpg", "file.not_a_photo"),
        ("bad-pixel-bomb.png", "file.too_many_pixels"),
        ("bad-text.jpg", "file.not_a_photo"),
        ("bad-truncated.jpg", "file.not_a_photo"),
    ] {
        let bytes = demo_photo(file);
        let announced = Announced::of(&guard, new_photo(&guard), Part::Full, &bytes);
        let reply = announced.post_with(&guard, &bytes).await;
        assert_eq!(reply.problem(), (422, code.to_owned()), "{file}");
        // A device whose answer was lost looks, finds nothing, announces anew, and is told.
        assert_eq!(head(&guard, &announced.name).await.status, 404);
        assert_eq!(announced.post(&guard).await.problem(), (422, code.to_owned()));
        let reply = patch(&guard, &announced.name, 0, bytes).await;
        assert_eq!(reply.problem(), (422, code.to_owned()));
    }
}

async fn a_large_file_is_refused_before_it_is_sent(on: On) {
    let app = TestApp::start(on).await;
    let guard = app.sign_in(cast::GUARD).await;
    for (part, max) in [(Part::Full, 12_000_000), (Part::Thumb, 16 * 1_024)] {
        let mut announced = Announced::of(&guard, new_photo(&guard), part, b"");
        announced.length = max + 1;
        let reply = announced.post(&guard).await;
        assert_eq!(reply.problem(), (413, "file.too_large".to_owned()));
        assert_eq!(reply.json()["fields"]["max"], max.to_string());
        announced.length = max;
        assert_eq!(announced.post(&guard).await.status, 201);
    }
}

async fn more_bytes_than_announced_are_refused(on: On) {
    let app = TestApp::start(on).await;
    let guard = app.sign_in(cast::GUARD).await;
    let bytes = litter();
    let announced = Announced::of(&guard, new_photo(&guard), Part::Full, &bytes);
    let reply = announced.post_with(&guard, &[bytes.as_slice(), b"!"].concat()).await;
    assert_eq!(reply.problem(), (413, "file.too_large".to_owned()));
    assert_eq!(offset(&guard, &announced.name).await, "0");
}

async fn another_announcement_of_the_same_photo_is_refused(on: On) {
    let app = TestApp::start(on).await;
    let guard = app.sign_in(cast::GUARD).await;
    let mut announced = Announced::of(&guard, new_photo(&guard), Part::Full, &litter());
    announced.post(&guard).await;
    let same = announced.sha256.clone();
    announced.sha256 = sha256(b"another");
    assert_eq!(announced.post(&guard).await.problem(), (409, "file.conflict".to_owned()));
    announced.sha256 = same;
    announced.length -= 1;
    assert_eq!(announced.post(&guard).await.problem(), (409, "file.conflict".to_owned()));
}

async fn what_is_no_announcement_is_refused(on: On) {
    let app = TestApp::start(on).await;
    let guard = app.sign_in(cast::GUARD).await;
    let right = Announced::of(&guard, new_photo(&guard), Part::Full, &litter());
    let metadata = right.metadata();
    for (headers, header) in [
        (vec![("upload-metadata", metadata.as_str())], "upload-length"),
        (vec![("upload-metadata", &metadata), ("upload-length", "-1")], "upload-length"),
        (vec![("upload-metadata", &metadata), ("upload-length", "0")], "upload-length"),
        (vec![("upload-length", "10")], "upload-metadata"),
        (vec![("upload-length", "10"), ("upload-metadata", "name x,site y")], "upload-metadata"),
    ] {
        let reply = tus(&guard, "POST", "/api/files", &headers, Body::empty()).await;
        assert_eq!(reply.problem(), (400, "file.bad_header".to_owned()));
        assert_eq!(reply.json()["fields"]["header"], header);
    }
    right.post(&guard).await;
    for (headers, header) in [
        (vec![("content-type", OCTETS)], "upload-offset"),
        (vec![("upload-offset", "0"), ("content-type", "image/jpeg")], "content-type"),
    ] {
        let reply = tus(&guard, "PATCH", &address(&right.name), &headers, Body::from("x")).await;
        assert_eq!(reply.problem(), (400, "file.bad_header".to_owned()));
        assert_eq!(reply.json()["fields"]["header"], header);
    }
    for name in ["leak.jpg", &wire::file_name(new_photo(&guard), Part::Full)] {
        assert_eq!(patch(&guard, name, 0, "x").await.problem(), (404, "file.not_found".to_owned()));
    }
}

async fn another_version_of_tus_is_refused(on: On) {
    let app = TestApp::start(on).await;
    let guard = app.sign_in(cast::GUARD).await;
    for version in [None, Some("0.2.2")] {
        let mut request =
            Request::builder().method("POST").uri("/api/files").header(header::COOKIE, &guard.cookie);
        if let Some(version) = version {
            request = request.header("tus-resumable", version);
        }
        let reply = app.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(reply.problem(), (412, "file.bad_header".to_owned()));
        assert_eq!(reply.header("tus-version"), "1.0.0");
    }
}

async fn nobody_and_strangers_cannot_upload(on: On) {
    let app = TestApp::start(on).await;
    let guard = app.sign_in(cast::GUARD).await;
    let foreign = app.sign_in(cast::FOREIGN_GUARD).await;
    let nobody = Device::new(&app);
    let bytes = litter();
    let mut announced = Announced::of(&guard, new_photo(&guard), Part::Full, &bytes);
    announced.post_with(&guard, &bytes[..10]).await;

    assert_eq!(announced.post(&nobody).await.problem(), (401, "auth.required".to_owned()));
    assert_eq!(head(&nobody, &announced.name).await.status, 401);
    announced.author = Some(guard.person.to_string());
    assert_eq!(announced.post(&foreign).await.problem(), (403, "site.not_member".to_owned()));
    assert_eq!(head(&foreign, &announced.name).await.status, 404);
    let reply = patch(&foreign, &announced.name, 10, bytes[10..].to_vec()).await;
    assert_eq!(reply.problem(), (404, "file.not_found".to_owned()));
    announced.author = Some(foreign.person.to_string());
    assert_eq!(announced.post(&guard).await.problem(), (403, "site.not_member".to_owned()));
}

async fn another_session_may_carry_a_photo(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let other = app.sign_in(cast::OTHER_GUARD).await;
    let (photo, bytes) = (new_photo(&guard), litter());
    let case = report(&mut guard, leak(), photo, &bytes).await;
    let mut announced = Announced::of(&guard, photo, Part::Full, &bytes);
    announced.author = Some(guard.person.to_string());
    announced.post_with(&guard, &bytes[..1_000]).await;
    let known = announced.post(&other).await;
    assert_eq!(known.header("upload-offset"), "1000");
    let location = format!("/api/files/{photo}?author={}", guard.person);
    assert_eq!(known.header("location"), location);
    assert_eq!(head(&other, &announced.name).await.status, 404, "another's of the same name");
    let theirs = location.trim_start_matches("/api/files/");
    assert_eq!(offset(&other, theirs).await, "1000");
    let reply = patch(&other, theirs, 1_000, bytes[1_000..].to_vec()).await;
    assert_eq!(reply.status, 204, "{}", reply.text);
    assert!(photos(&mut guard, case).await[0].kept);
    // Carrying a photo does not show it.
    assert_eq!(read(&other, &photo_path(case, photo, ""), None).await.0, 404);
}

async fn who_has_left_still_sends_the_photos_of_what_they_made(on: On) {
    let app = TestApp::start(on).await;
    let (mut cleaner, mut desk) = (app.sign_in(cast::CLEANER).await, app.sign_in(cast::DESK).await);
    let (photo, bytes) = (new_photo(&cleaner), litter());
    let case = report(&mut cleaner, leak(), photo, &bytes).await;
    app.reimport("jinzhou", without(cast::CLEANER)).await;
    let announced = Announced::of(&cleaner, photo, Part::Full, &bytes);
    let reply = announced.post_with(&cleaner, &bytes[..1_000]).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    assert_eq!(offset(&cleaner, &announced.name).await, "1000");
    let reply = patch(&cleaner, &announced.name, 1_000, bytes[1_000..].to_vec()).await;
    assert_eq!(reply.status, 204, "{}", reply.text);
    assert!(photos(&mut desk, case).await[0].kept);
    assert_eq!(
        read(&cleaner, &photo_path(case, photo, ""), None).await.0,
        404,
        "sending it does not show it"
    );
    let unnamed = Announced::of(&cleaner, new_photo(&cleaner), Part::Full, &bytes);
    assert_eq!(unnamed.post(&cleaner).await.problem(), (403, "site.not_member".to_owned()));
}

async fn another_session_cannot_keep_a_photo_from_arriving(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let other = app.sign_in(cast::OTHER_GUARD).await;
    let (photo, bytes) = (new_photo(&guard), litter());
    let case = report(&mut guard, leak(), photo, &bytes).await;
    let not_found = (404, "file.not_found".to_owned());
    for (part, bad) in
        [(Part::Full, thumb()), (Part::Full, b"no photo".to_vec()), (Part::Thumb, bytes.clone())]
    {
        let mut announced = Announced::of(&guard, photo, part, &bad[..bad.len().min(16_000)]);
        announced.author = Some(guard.person.to_string());
        assert_eq!(announced.post_with(&other, b"").await.problem(), not_found);
    }
    let mut shorter = Announced::of(&guard, photo, Part::Full, &bytes);
    (shorter.author, shorter.length) = (Some(guard.person.to_string()), 7);
    assert_eq!(shorter.post(&other).await.problem(), not_found);
    // In the other's own name, under the same id: not what the guard's device finds.
    upload(&other, photo, Part::Full, &thumb()).await;
    let mine = Announced::of(&guard, photo, Part::Full, &bytes);
    assert_eq!(head(&guard, &mine.name).await.status, 404);
    mine.post_with(&guard, &bytes[..1_000]).await;
    // Rubbish in the middle costs a second time of sending, and no more.
    let theirs = format!("{}?author={}", mine.name, guard.person);
    assert_eq!(patch(&other, &theirs, 1_000, vec![0; 500]).await.status, 204);
    let spoiled = patch(&guard, &mine.name, 1_500, bytes[1_500..].to_vec()).await;
    assert_eq!(spoiled.problem().1, "file.wrong_hash");
    assert_eq!(offset(&guard, &mine.name).await, "0");
    assert_eq!(patch(&guard, &mine.name, 0, bytes).await.status, 204);
    assert!(photos(&mut guard, case).await[0].kept);
}

async fn the_case_says_that_its_photo_is_kept_when_the_bytes_come_last(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let mut desk = app.sign_in(cast::DESK).await;
    let (photo, bytes) = (new_photo(&guard), litter());
    let case = report(&mut guard, leak(), photo, &bytes).await;
    upload(&guard, photo, Part::Thumb, &thumb()).await;
    assert!(!photos(&mut desk, case).await[0].kept);
    upload(&guard, photo, Part::Full, &bytes).await;
    for device in [&mut guard, &mut desk] {
        assert!(photos(device, case).await[0].kept);
    }
}

async fn the_case_says_that_its_photo_is_kept_when_the_bytes_come_first(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let mut desk = app.sign_in(cast::DESK).await;
    let (photo, bytes) = (new_photo(&guard), litter());
    upload(&guard, photo, Part::Full, &bytes).await;
    let case = report(&mut guard, leak(), photo, &bytes).await;
    assert!(photos(&mut desk, case).await[0].kept);
}

async fn a_photo_with_another_hash_than_the_command_names_is_not_the_cases(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let (before, after) = (new_photo(&guard), new_photo(&guard));
    upload(&guard, before, Part::Full, &litter()).await;
    let first = report(&mut guard, leak(), before, b"another photo").await;
    let second = report(&mut guard, leak(), after, b"another photo").await;
    upload(&guard, after, Part::Full, &litter()).await;
    for (case, photo) in [(first, before), (second, after)] {
        assert!(!photos(&mut guard, case).await[0].kept);
        assert_eq!(read(&guard, &photo_path(case, photo, ""), None).await.0, 404);
    }
}

async fn an_upload_under_anothers_photo_id_does_not_keep_that_photo(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let mut desk = app.sign_in(cast::DESK).await;
    let (photo, bytes) = (new_photo(&guard), litter());
    let case = report(&mut guard, leak(), photo, &bytes).await;
    // The desk shows bytes of its own under the guard's id, and brings them.
    upload(&desk, photo, Part::Full, &thumb()).await;
    let shown = json!({ "photos": [named(photo, &thumb())] });
    assert!(matches!(desk.send("case.comment", case, shown).await, Verdict::Rejected(_)));
    // Even the same photo, shown and brought by the desk, is not the guard's.
    let elsewhere = report(&mut desk, leak(), photo, &thumb()).await;
    assert!(photos(&mut desk, elsewhere).await[0].kept);
    assert!(!photos(&mut guard, case).await[0].kept);
    upload(&guard, photo, Part::Full, &bytes).await;
    assert!(photos(&mut guard, case).await[0].kept);
}

async fn a_photo_is_shown_without_metadata_to_who_sees_its_case(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let desk = app.sign_in(cast::DESK).await;
    let (photo, bytes) = (new_photo(&guard), litter());
    let case = report(&mut guard, leak(), photo, &bytes).await;
    let path = photo_path(case, photo, "");
    assert_eq!(read(&guard, &path, None).await.0, 404, "not here yet");
    upload(&guard, photo, Part::Full, &bytes).await;
    upload(&guard, photo, Part::Thumb, &thumb()).await;

    for device in [&guard, &desk] {
        let (status, headers, shown) = read(device, &path, None).await;
        assert_eq!(status, 200);
        assert_eq!(headers[header::CONTENT_TYPE], "image/jpeg");
        assert_eq!(headers[header::CONTENT_DISPOSITION], "inline");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(headers[header::CACHE_CONTROL], "private, max-age=31536000, immutable");
        assert!(image::load_from_memory(&shown).is_ok());
        let holds_exif = |bytes: &[u8]| bytes.windows(6).any(|window| window == b"Exif\0\0");
        assert!(holds_exif(&bytes) && !holds_exif(&shown));

        let etag = headers[header::ETAG].to_str().unwrap();
        let (status, _, nothing) = read(device, &path, Some(etag)).await;
        assert_eq!((status, nothing.len()), (StatusCode::NOT_MODIFIED, 0));
        let (_, _, small) = read(device, &photo_path(case, photo, "&part=thumb"), None).await;
        assert_eq!(image::load_from_memory(&small).unwrap().width(), 64);
    }
    let nobody = Device::new(&app);
    assert_eq!(nobody.get(&path).await.problem(), (401, "auth.required".to_owned()));
    for stranger in [cast::OTHER_GUARD, cast::FOREIGN_GUARD, cast::FOREIGN_DESK] {
        let stranger = app.sign_in(stranger).await;
        assert_eq!(stranger.get(&path).await.problem(), (404, "file.not_found".to_owned()));
    }
}

async fn a_turned_photo_is_shown_upright(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let (photo, bytes) = (new_photo(&guard), demo_photo("tile-exif8.jpg"));
    let case = report(&mut guard, leak(), photo, &bytes).await;
    upload(&guard, photo, Part::Full, &bytes).await;
    let (_, _, shown) = read(&guard, &photo_path(case, photo, ""), None).await;
    let shown = image::load_from_memory(&shown).unwrap().to_rgb8();
    assert_eq!(shown.dimensions(), (2_400, 3_200));
    let image::Rgb([red, green, blue]) = *shown.get_pixel(20, 20);
    assert!(red > 200 && green < 60 && blue < 60, "the red bar is at the top left");
}

async fn r9_the_photos_of_a_complaint_are_for_the_office(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let accused = app.person(cast::CLEANER).await;
    let (photo, bytes) = (new_photo(&guard), litter());
    let case = report(&mut guard, complaint(accused), photo, &bytes).await;
    upload(&guard, photo, Part::Full, &bytes).await;
    let path = photo_path(case, photo, "");
    for (name, status) in [
        (cast::DESK, 200),
        (cast::DIRECTOR, 200),
        (cast::GUARD, 404),
        (cast::CLEANER, 404),
        (cast::CONTROL_ROOM, 404),
    ] {
        let device = app.sign_in(name).await;
        assert_eq!(read(&device, &path, None).await.0, status, "{name}");
    }
}

async fn a_photo_is_read_through_its_own_case_only(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let (photo, bytes) = (new_photo(&guard), litter());
    let case = report(&mut guard, leak(), photo, &bytes).await;
    upload(&guard, photo, Part::Full, &bytes).await;
    let other_case = guard.report().await;
    for path in [
        photo_path(other_case, photo, ""),
        photo_path(guard.new_case(), photo, ""),
        photo_path(case, new_photo(&guard), ""),
        photo_path(case, photo, "&part=huge"),
        format!("/api/cases/{case}/photos/{photo}?site=wanjing"),
        format!("/api/cases/{case}/photos/{photo}"),
        format!("/api/cases/{case}/photos/leak.jpg?site=jinzhou"),
    ] {
        assert_eq!(guard.get(&path).await.problem(), (404, "file.not_found".to_owned()), "{path}");
    }
}
