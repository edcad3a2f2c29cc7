//! Photos as phones, screenshots and mischief make them; most lie in `demo/photos`.

use std::path::Path;

use image::{ImageEncoder, Rgb, RgbImage, RgbaImage, codecs::webp::WebPEncoder};
use proptest::prelude::*;
use rstest::rstest;

use super::*;

const MAX_PIXELS: u64 = 50_000_000;

fn demo(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo/photos");
    std::fs::read(folder.join(name)).unwrap()
}

fn check(bytes: &[u8]) -> Result<Checked, Code> {
    measure(bytes, MAX_PIXELS).and_then(|measured| measured.check(bytes)).map_err(|rejection| rejection.code)
}

fn has_metadata(bytes: &[u8]) -> bool {
    let mut reader =
        ImageReader::new(Cursor::new(bytes)).with_guessed_format().unwrap().into_decoder().unwrap();
    reader.exif_metadata().unwrap().is_some()
        || reader.xmp_metadata().unwrap().is_some()
        || reader.iptc_metadata().unwrap().is_some()
        || reader.icc_profile().unwrap().is_some()
}

/// A picture that is red in its top left quarter only.
fn quarter(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        if x < width / 2 && y < height / 2 { Rgb([250, 0, 0]) } else { Rgb([20, 90, 60]) }
    })
}

fn red_at_top_left(checked: &Checked) -> bool {
    let image = image::load_from_memory(&checked.bytes).unwrap().to_rgb8();
    assert_eq!(image.dimensions(), (checked.width, checked.height));
    let red = |x: u32, y: u32| {
        let Rgb([r, g, b]) = *image.get_pixel(x, y);
        r > 200 && g < 60 && b < 60
    };
    let (right, bottom) = (checked.width - 3, checked.height - 3);
    red(3, 3) && !red(right, 3) && !red(3, bottom) && !red(right, bottom)
}

fn jpeg(image: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    image.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 90)).unwrap();
    bytes
}

/// Big-endian TIFF with one entry: the orientation.
fn tiff(orientation: u8) -> Vec<u8> {
    [b"MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".as_slice(), &[orientation], b"\0\0\0\0\0\0"]
        .concat()
}

fn segment(marker: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 2).unwrap().to_be_bytes();
    [&[0xFF, marker], length.as_slice(), payload].concat()
}

#[rstest]
#[case("lamp-portrait-exif6.jpg", (3000, 4000))]
#[case("leak-12mp.jpg", (4000, 3000))]
#[case("lift-exif3.jpg", (3200, 2400))]
#[case("litter-small.jpg", (1280, 960))]
#[case("tile-exif8.jpg", (2400, 3200))]
#[case("screenshot.png", (800, 600))]
fn a_photo_is_taken_and_loses_its_metadata(#[case] name: &str, #[case] upright: (u32, u32)) {
    let sent = demo(name);
    let checked = check(&sent).unwrap();
    assert_eq!((checked.width, checked.height), upright);
    assert_eq!(checked.mime, if name.ends_with("png") { "image/png" } else { "image/jpeg" });
    assert!(!has_metadata(&checked.bytes));
}

#[rstest]
#[case("lamp-portrait-exif6.jpg")]
#[case("lift-exif3.jpg")]
#[case("tile-exif8.jpg")]
fn a_turned_photo_is_stored_upright(#[case] name: &str) {
    assert!(red_at_top_left(&check(&demo(name)).unwrap()));
}

#[test]
fn the_demo_photos_would_give_phone_and_position_away() {
    assert!(has_metadata(&demo("leak-12mp.jpg")));
}

#[test]
fn an_upright_jpeg_keeps_its_pixels_bit_by_bit() {
    let sent = demo("leak-12mp.jpg");
    let kept = check(&sent).unwrap().bytes;
    let pixels = |bytes: &[u8]| image::load_from_memory(bytes).unwrap().into_bytes();
    assert!(pixels(&sent) == pixels(&kept));
}

#[rstest]
#[case("bad-html.jpg", Code::FileNotAPhoto)]
#[case("bad-pixel-bomb.png", Code::FileTooManyPixels)]
#[case("bad-text.jpg", Code::FileNotAPhoto)]
#[case("bad-truncated.jpg", Code::FileNotAPhoto)]
fn a_bad_file_is_refused(#[case] name: &str, #[case] code: Code) {
    assert_eq!(check(&demo(name)).unwrap_err(), code);
}

#[test]
fn the_limit_on_pixels_is_named_in_megapixels() {
    let rejection = measure(&demo("bad-pixel-bomb.png"), MAX_PIXELS).unwrap_err();
    assert_eq!(rejection.fields["max"], "50");
}

#[rstest]
#[case(0)]
#[case(1)]
#[case(12)]
fn nothing_at_all_is_no_photo(#[case] length: usize) {
    assert_eq!(check(&demo("litter-small.jpg")[..length]).unwrap_err(), Code::FileNotAPhoto);
}

#[rstest]
#[case("litter-small.jpg", 10)]
#[case("litter-small.jpg", 2)]
#[case("litter-small.jpg", 1)]
#[case("screenshot.png", 2_000)]
fn a_photo_cut_off_shortly_before_its_end_is_refused(#[case] name: &str, #[case] missing: usize) {
    let sent = demo(name);
    assert_eq!(check(&sent[..sent.len() - missing]).unwrap_err(), Code::FileNotAPhoto);
}

#[test]
fn a_jpeg_that_ends_too_soon_is_refused_even_if_it_says_that_it_ends() {
    let sent = demo("litter-small.jpg");
    for missing in [3, 20, 2_000, 100_000] {
        let cut = [&sent[..sent.len() - missing], [0xFF, 0xD9].as_slice()].concat();
        assert_eq!(check(&cut).unwrap_err(), Code::FileNotAPhoto, "without {missing} bytes");
    }
}

#[test]
fn comments_positions_and_what_follows_the_end_of_a_jpeg_are_dropped() {
    let plain = jpeg(&quarter(64, 48));
    let (start, rest) = plain.split_at(2);
    let secret = b"call 139 0000 0000";
    let sent = [
        start,
        &segment(0xE1, &[b"http://ns.adobe.com/xap/1.0/\0".as_slice(), secret].concat()),
        &segment(0xE2, &[b"ICC_PROFILE\0\x01\x01".as_slice(), secret].concat()),
        &segment(0xED, secret),
        &segment(0xFE, secret),
        rest,
        secret,
    ]
    .concat();
    let checked = check(&sent).unwrap();
    assert!(!checked.bytes.windows(secret.len()).any(|window| window == secret));
    assert_eq!(checked.bytes, check(&plain).unwrap().bytes);
    assert!(red_at_top_left(&checked));
}

#[rstest]
#[case(2, RgbImage::from_fn(64, 48, |x, y| *quarter(64, 48).get_pixel(63 - x, y)))]
#[case(3, image::imageops::rotate180(&quarter(64, 48)))]
#[case(6, image::imageops::rotate270(&quarter(64, 48)))]
#[case(8, image::imageops::rotate90(&quarter(64, 48)))]
fn every_format_is_turned_upright(#[case] orientation: u8, #[case] stored: RgbImage) {
    let plain = jpeg(&stored);
    let (start, rest) = plain.split_at(2);
    let exif = [b"Exif\0\0".as_slice(), &tiff(orientation)].concat();
    let as_jpeg = [start, &segment(0xE1, &exif), rest].concat();

    let mut as_png = Vec::new();
    let mut encoder = PngEncoder::new(&mut as_png);
    encoder.set_exif_metadata(tiff(orientation)).unwrap();
    stored.write_with_encoder(encoder).unwrap();

    let mut as_webp = Vec::new();
    let mut encoder = WebPEncoder::new_lossless(&mut as_webp);
    encoder.set_exif_metadata(tiff(orientation)).unwrap();
    stored.write_with_encoder(encoder).unwrap();

    for (sent, mime) in [(as_jpeg, "image/jpeg"), (as_png, "image/png"), (as_webp, "image/jpeg")] {
        let checked = check(&sent).unwrap();
        assert_eq!(checked.mime, mime);
        assert_eq!((checked.width, checked.height), (64, 48));
        assert!(red_at_top_left(&checked));
        assert!(!has_metadata(&checked.bytes));
    }
}

#[test]
fn a_transparent_webp_stays_transparent() {
    let mut sent = Vec::new();
    RgbaImage::from_pixel(8, 8, image::Rgba([1, 2, 3, 40]))
        .write_with_encoder(WebPEncoder::new_lossless(&mut sent))
        .unwrap();
    let checked = check(&sent).unwrap();
    assert_eq!(checked.mime, "image/png");
    assert_eq!(image::load_from_memory(&checked.bytes).unwrap().to_rgba8().get_pixel(4, 4).0, [1, 2, 3, 40]);
}

#[tokio::test]
async fn several_photos_are_checked_at_once_and_in_turn() {
    let checker = Checker::new(2);
    let photo = Bytes::from(demo("litter-small.jpg"));
    let sha256 = wire::hex(&Sha256::digest(&photo));
    let checks = (0..6).map(|_| checker.check(photo.clone(), &sha256));
    for checked in futures::future::join_all(checks).await {
        assert_eq!(checked.unwrap().width, 1280);
    }
}

#[rstest]
#[case::a_photo("litter-small.jpg")]
#[case::no_photo("bad-text.jpg")]
#[case::too_large_a_photo("bad-pixel-bomb.png")]
#[tokio::test]
async fn bytes_that_changed_on_their_way_are_not_judged(#[case] name: &str) {
    let sent = wire::hex(&Sha256::digest(b"other bytes"));
    let checked = Checker::new(50).check(demo(name).into(), &sent).await;
    assert_eq!(checked.unwrap_err().code, Code::FileWrongHash);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn damaged_bytes_are_refused_or_shown_but_never_a_panic(
        kind in 0..3_u8,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        end in any::<prop::sample::Index>(),
    ) {
        let mut bytes = Vec::new();
        let image = quarter(24, 16);
        match kind {
            0 => bytes = jpeg(&image),
            1 => image.write_with_encoder(PngEncoder::new(&mut bytes)).unwrap(),
            _ => image.write_with_encoder(WebPEncoder::new_lossless(&mut bytes)).unwrap(),
        }
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(end.index(bytes.len()) + 1);
        if let Ok(checked) = check(&bytes) {
            prop_assert!(u64::from(checked.width) * u64::from(checked.height) <= MAX_PIXELS);
        }
    }
}
