//! Pictures of every layout, written block by block from dice, whole and spoiled; and the demo photos, spoiled at
//! random, beside what the decoder of turned photos says of them.

use std::path::Path;

use proptest::prelude::*;
use rstest::rstest;
use zune_jpeg::zune_core::colorspace::ColorSpace;

use super::*;
use crate::files::photo::{
    self,
    jpeg::{Stripped, strip},
};

/// Dice that fall the same way for the same seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % u64::from(sides)) as u32
    }
}

/// A Huffman table to write with.
#[derive(Clone)]
struct Coder {
    counts: [u8; 16],
    symbols: Vec<u8>,
}

impl Coder {
    /// The lengths of table K.3: from 2 to 9 bits.
    fn dc() -> Coder {
        Coder { counts: [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], symbols: (0..=11).collect() }
    }

    /// The lengths of table K.5: from 2 to 16 bits.
    fn ac() -> Coder {
        let mut symbols = vec![0x01, 0x02, 0x11, 0x00, 0xF0];
        let others = (1..=10).flat_map(|bits| (0..16).map(move |run| run << 4 | bits));
        symbols.extend(others.filter(|symbol| ![0x01, 0x02, 0x11].contains(symbol)));
        Coder { counts: [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125], symbols }
    }

    fn code(&self, symbol: u8) -> (u32, u32) {
        let place = self.symbols.iter().position(|known| *known == symbol).unwrap();
        let (mut code, mut before) = (0, 0);
        for (length, count) in (1..).zip(self.counts) {
            if place < before + usize::from(count) {
                return (code + (place - before) as u32, length);
            }
            before += usize::from(count);
            code = (code + u32::from(count)) << 1;
        }
        panic!("no code for {symbol:#x}")
    }
}

/// Bits on their way into a scan.
#[derive(Default)]
struct Ink {
    bytes: Vec<u8>,
    byte: u32,
    count: u32,
}

impl Ink {
    fn bits(&mut self, bits: u32, count: u32) {
        for place in (0..count).rev() {
            self.byte = self.byte << 1 | (bits >> place & 1);
            self.count += 1;
            if self.count == 8 {
                self.bytes.push(self.byte as u8);
                if self.byte == 0xFF {
                    self.bytes.push(0x00);
                }
                (self.byte, self.count) = (0, 0);
            }
        }
    }

    fn pad(&mut self) {
        while self.count > 0 {
            self.bits(1, 1);
        }
    }

    fn block(&mut self, dc: &Coder, ac: &Coder, dice: &mut Dice) {
        let bits = dice.below(6);
        let put = |ink: &mut Ink, coder: &Coder, symbol: u32, bits: u32, dice: &mut Dice| {
            let (code, length) = coder.code(symbol as u8);
            ink.bits(code, length);
            ink.bits(dice.below(1 << bits), bits);
        };
        put(self, dc, bits, bits, dice);
        let mut at = 1;
        while at < 64 {
            match dice.below(8) {
                0 => return put(self, ac, 0x00, 0, dice),
                1 if at + 16 < 64 => {
                    put(self, ac, 0xF0, 0, dice);
                    at += 16;
                }
                _ => {
                    let (run, bits) = (dice.below(16.min(64 - at)), 1 + dice.below(10));
                    put(self, ac, run << 4 | bits, bits, dice);
                    at += run + 1;
                }
            }
        }
    }
}

/// How a picture is laid out.
#[derive(Clone)]
struct Layout {
    size: (u32, u32),
    samplings: Vec<(u32, u32)>,
    /// The components of each scan.
    scans: Vec<Vec<usize>>,
    restart: u32,
    dc: Coder,
    ac: Coder,
}

/// A picture, and where the bytes of its scans lie.
struct Picture {
    bytes: Vec<u8>,
    scans: Vec<std::ops::Range<usize>>,
}

fn segment(marker: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 2).unwrap().to_be_bytes();
    [&[0xFF, marker], length.as_slice(), payload].concat()
}

impl Layout {
    /// Of one scan, without restarts.
    fn of(size: (u32, u32), samplings: &[(u32, u32)]) -> Layout {
        Layout {
            size,
            samplings: samplings.to_vec(),
            scans: vec![(0..samplings.len()).collect()],
            restart: 0,
            dc: Coder::dc(),
            ac: Coder::ac(),
        }
    }

    fn frame(&self) -> Vec<u8> {
        let (width, height) = self.size;
        let size = [(height >> 8) as u8, height as u8, (width >> 8) as u8, width as u8];
        let mut frame = [&[8], size.as_slice(), &[self.samplings.len() as u8]].concat();
        for (id, (across, down)) in (1..).zip(&self.samplings) {
            frame.extend([id, (across << 4 | down) as u8, 0]);
        }
        frame
    }

    fn huffman(&self) -> Vec<u8> {
        let Layout { dc, ac, .. } = self;
        [&[0x00], dc.counts.as_slice(), &dc.symbols, &[0x10], &ac.counts, &ac.symbols].concat()
    }

    /// Writes the picture; of the last scan, so many blocks fewer than there should be.
    fn draw(&self, seed: u64, missing: usize) -> Picture {
        let mut dice = Dice(seed);
        let quantisation = [[0].as_slice(), &[1; 64]].concat();
        let mut bytes = SOI.to_vec();
        bytes.extend(segment(0xDB, &quantisation));
        bytes.extend(segment(0xC0, &self.frame()));
        bytes.extend(segment(0xC4, &self.huffman()));
        if self.restart > 0 {
            bytes.extend(segment(0xDD, &(self.restart as u16).to_be_bytes()));
        }
        let across_max = self.samplings.iter().map(|(across, _)| *across).max().unwrap();
        let down_max = self.samplings.iter().map(|(_, down)| *down).max().unwrap();
        let mut scans = Vec::new();
        for (number, components) in (1..).zip(&self.scans) {
            let mut header = vec![components.len() as u8];
            header.extend(components.iter().flat_map(|component| [*component as u8 + 1, 0x00]));
            header.extend([0, 63, 0]);
            bytes.extend(segment(0xDA, &header));
            let start = bytes.len();
            let (mcus, each) = match components.as_slice() {
                [one] => {
                    let (across, down) = self.samplings[*one];
                    let across = (self.size.0 * across).div_ceil(across_max).div_ceil(8);
                    let down = (self.size.1 * down).div_ceil(down_max).div_ceil(8);
                    (across * down, 1)
                }
                several => {
                    let across = self.size.0.div_ceil(8 * across_max);
                    let down = self.size.1.div_ceil(8 * down_max);
                    let each =
                        several.iter().map(|one| self.samplings[*one].0 * self.samplings[*one].1).sum();
                    (across * down, each)
                }
            };
            let mut ink = Ink::default();
            let mut blocks = (mcus * each) as usize;
            if number == self.scans.len() {
                blocks -= missing;
            }
            for mcu in 0..mcus {
                if self.restart > 0 && mcu > 0 && mcu % self.restart == 0 {
                    ink.pad();
                    ink.bytes.extend([0xFF, 0xD0 + (mcu / self.restart - 1) as u8 % 8]);
                }
                for _ in 0..each {
                    if blocks > 0 {
                        ink.block(&self.dc, &self.ac, &mut dice);
                        blocks -= 1;
                    }
                }
            }
            ink.pad();
            bytes.extend(ink.bytes);
            scans.push(start..bytes.len());
        }
        bytes.extend(EOI);
        Picture { bytes, scans }
    }
}

fn restarting(restart: u32, layout: Layout) -> Layout {
    Layout { restart, ..layout }
}

fn in_scans(scans: &[&[usize]], layout: Layout) -> Layout {
    Layout { scans: scans.iter().map(|scan| scan.to_vec()).collect(), ..layout }
}

fn small() -> Layout {
    restarting(3, Layout::of((50, 34), &[(2, 2), (1, 1), (1, 1)]))
}

/// What turns photos has met all of it, too.
fn is_decoded(stripped: &Stripped) -> bool {
    photo::decoder(stripped, ColorSpace::Luma).decode().is_ok()
}

fn demo(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo/photos");
    std::fs::read(folder.join(name)).unwrap()
}

#[rstest]
#[case::grey(Layout::of((33, 17), &[(1, 1)]))]
#[case::grey_that_claims_to_be_sampled(Layout::of((33, 17), &[(2, 2)]))]
#[case::all_colours(Layout::of((33, 17), &[(1, 1), (1, 1), (1, 1)]))]
#[case::half_the_colours_across(Layout::of((33, 17), &[(2, 1), (1, 1), (1, 1)]))]
#[case::half_the_colours_down(Layout::of((33, 17), &[(1, 2), (1, 1), (1, 1)]))]
#[case::a_quarter_of_the_colours(Layout::of((33, 17), &[(2, 2), (1, 1), (1, 1)]))]
#[case::a_quarter_of_the_colours_across(Layout::of((33, 17), &[(4, 1), (1, 1), (1, 1)]))]
#[case::restarts(small())]
#[case::a_restart_after_each_mcu(restarting(1, small()))]
#[case::a_restart_that_is_never_reached(restarting(60_000, small()))]
#[case::one_pixel(Layout::of((1, 1), &[(2, 2), (1, 1), (1, 1)]))]
#[case::a_scan_for_each(in_scans(&[&[0], &[1], &[2]], Layout::of((33, 17), &[(1, 1), (1, 1), (1, 1)])))]
fn a_picture_is_whole_and_without_its_last_block_it_is_not(
    #[case] layout: Layout,
    #[values(1, 2, 3, 4, 5)] seed: u64,
) {
    let picture = layout.draw(seed, 0);
    assert!(is_whole(&picture.bytes));
    assert!(is_decoded(&strip(&picture.bytes).unwrap()), "it is a picture to others, too");
    assert!(!is_whole(&layout.draw(seed, 1).bytes));
}

// What turned photos are decoded with reads none of these.
#[rstest]
#[case::a_sampled_scan_for_each(in_scans(&[&[0], &[1], &[2]], Layout::of((50, 34), &[(2, 2), (1, 1), (1, 1)])))]
#[case::brightness_and_colours(in_scans(&[&[0], &[1, 2]], small()))]
#[case::backwards(in_scans(&[&[2, 1], &[0]], small()))]
fn scans_may_share_the_components_in_any_way(#[case] layout: Layout, #[values(1, 2, 3)] seed: u64) {
    assert!(is_whole(&layout.draw(seed, 0).bytes));
    assert!(!is_whole(&layout.draw(seed, 1).bytes));
}

#[test]
fn a_picture_cut_off_anywhere_is_not_whole_even_if_it_ends() {
    for layout in [small(), in_scans(&[&[0], &[1, 2]], small())] {
        let picture = layout.draw(7, 0);
        for scan in picture.scans {
            for cut in scan.clone() {
                let bytes = [&picture.bytes[..cut], &picture.bytes[scan.end..]].concat();
                assert!(!is_whole(&bytes), "at {cut}");
            }
        }
    }
}

#[test]
fn all_components_have_to_be_in_a_scan_and_none_twice() {
    const SCANS: [&[&[usize]]; 5] =
        [&[&[0], &[1]], &[&[0], &[1], &[2], &[2]], &[&[0, 1, 2], &[1]], &[&[0, 0]], &[&[3]]];
    for scans in SCANS {
        let three = in_scans(scans, small());
        let mut four = three.clone();
        four.samplings.push((1, 1));
        let picture = four.draw(1, 0).bytes;
        let frame = segment(0xC0, &four.frame());
        let at = picture.windows(frame.len()).position(|window| window == frame).unwrap();
        let bytes = [&picture[..at], &segment(0xC0, &three.frame()), &picture[at + frame.len()..]].concat();
        assert!(!is_whole(&bytes), "{scans:?}");
    }
}

#[test]
fn more_tables_than_any_picture_has_use_for_are_not_made() {
    let picture = small().draw(3, 0);
    let with = |more: usize| {
        let tables = segment(0xC4, &small().huffman()).repeat(more);
        [&picture.bytes[..SOI.len()], &tables, &picture.bytes[SOI.len()..]].concat()
    };
    // Each segment has two of them, and the picture its own.
    assert!(is_whole(&with(TABLES_MAX / 2 - 1)));
    assert!(!is_whole(&with(TABLES_MAX / 2)));
}

#[test]
fn restart_markers_come_in_order_and_nothing_stands_before_them() {
    let picture = small().draw(3, 0);
    let first = picture.scans[0].start;
    let marker = |number: u8| {
        let marker = [0xFF, 0xD0 + number];
        first + picture.bytes[first..].windows(2).position(|pair| pair == marker).unwrap()
    };
    let (zeroth, second) = (marker(0), marker(1));
    let with = |at: usize, instead: &[u8], of: usize| {
        [&picture.bytes[..at], instead, &picture.bytes[at + of..]].concat()
    };
    assert!(is_whole(&with(zeroth, &[0xFF, 0xFF, 0xFF], 1)), "bytes may fill up before a marker");
    assert!(!is_whole(&with(zeroth, &[0xFF, 0xD1], 2)), "another number");
    assert!(!is_whole(&with(zeroth, &[], 2)), "none");
    assert!(!is_whole(&with(zeroth, &[0x00, 0xFF, 0xD0], 2)), "a byte too many");
    assert!(!is_whole(&[&picture.bytes[..zeroth], &picture.bytes[second..]].concat()), "an interval is gone");
    let twice = [&picture.bytes[..second], &picture.bytes[zeroth..]].concat();
    assert!(!is_whole(&twice), "an interval is there twice");
}

#[test]
fn what_stands_behind_the_last_block_is_passed_over() {
    let picture = small().draw(3, 0);
    let end = picture.bytes.len() - 2;
    for stray in [[0x00].as_slice(), &[0xFF], &[1, 2, 3, 0xFF, 0x00, 4, 5, 6, 7, 8, 9, 10], &[0xFF, 0xD3]] {
        assert!(is_whole(&[&picture.bytes[..end], stray, &picture.bytes[end..]].concat()), "{stray:?}");
    }
}

#[rstest]
#[case::more_codes_than_fit([3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])]
#[case::more_codes_than_fit_behind_others([1, 1, 1, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])]
#[case::a_code_of_ones([1, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])]
fn a_table_without_room_for_its_codes_is_none(#[case] counts: [u8; 16]) {
    let symbols: Vec<u8> = (0..=255).cycle().take(counts.iter().copied().map(usize::from).sum()).collect();
    assert!(Table::new(&counts, &symbols, Step::dc).is_none());
    assert!(Table::new(&counts, &symbols, Step::ac).is_none());
}

#[test]
fn every_code_is_found_and_no_other() {
    let coder = Coder::ac();
    let table = Table::new(&coder.counts, &coder.symbols, Step::ac).unwrap();
    let mut unknown = 0;
    for next in 0..=u16::MAX {
        let quick = table.quick[usize::from(next >> (16 - QUICK))];
        let found = if quick.bits > 0 { Some(quick) } else { table.find(next) };
        let known = coder.symbols.iter().find(|symbol| {
            let (code, length) = coder.code(**symbol);
            u32::from(next) >> (16 - length) == code
        });
        let expected = known.map(|symbol| {
            let Step { ahead, bits, .. } = Step::ac(*symbol).unwrap();
            (ahead, u32::from(bits) + coder.code(*symbol).1)
        });
        assert_eq!(found.map(|step| (step.ahead, step.bits.into())), expected, "{next:#b}");
        unknown += usize::from(expected.is_none());
    }
    assert!(unknown > 0);
}

#[test]
fn coefficients_stay_inside_their_block() {
    let (dc, ac) = (Coder::dc(), Coder::ac());
    let dc_table = Table::new(&dc.counts, &dc.symbols, Step::dc).unwrap();
    let ac_table = Table::new(&ac.counts, &ac.symbols, Step::ac).unwrap();
    let codes = Codes::of(&dc_table, &ac_table);
    let walked = |symbols: &[u8]| {
        let mut ink = Ink::default();
        let (code, length) = dc.code(0);
        ink.bits(code, length);
        for symbol in symbols {
            let (code, length) = ac.code(*symbol);
            ink.bits(code, length);
            ink.bits(0, u32::from(symbol & 0x0F));
        }
        ink.pad();
        Bits::of(&ink.bytes).block(&codes).is_some()
    };
    assert!(walked(&[0x00]));
    assert!(walked(&[0xF0, 0xF0, 0xF0, 0xE1]), "the last coefficient of all");
    assert!(walked(&[0xF0, 0xF0, 0xF0, 0xD1, 0x00]));
    assert!(!walked(&[0xF0, 0xF0, 0xF0, 0xF1]), "one behind it");
    assert!(!walked(&[0xF0, 0xF0, 0xF0, 0xD1, 0xF0]));
    assert!(!walked(&[0xF0, 0xF0, 0xF0, 0xD1]), "the end is missing");
}

#[test]
fn codes_are_passed_over_together_as_they_are_one_by_one() {
    let (dc, ac) = (Coder::dc(), Coder::ac());
    let dc = Table::new(&dc.counts, &dc.symbols, Step::dc).unwrap();
    let ac = Table::new(&ac.counts, &ac.symbols, Step::ac).unwrap();
    let together = Codes::of(&dc, &ac);
    let singly = Codes { first: dc.quick, rest: ac.quick, dc: &dc, ac: &ac };
    for steps in [together.first, together.rest] {
        assert!(steps.iter().any(|step| step.before > 0));
    }
    let mut dice = Dice(1);
    let mut whole = 0;
    for _ in 0..20_000 {
        let bytes: Vec<u8> = (0..60).map(|_| dice.below(0xFF) as u8).collect();
        let walked = |codes: &Codes<'_>| {
            let mut bits = Bits::of(&bytes);
            bits.block(codes).map(|()| bits.rest.len() as u32 * 8 + bits.count)
        };
        assert_eq!(walked(&together), walked(&singly), "{bytes:?}");
        whole += usize::from(walked(&together).is_some());
    }
    assert!((1_000..19_000).contains(&whole), "of 20,000 blocks {whole} are whole");
}

#[rstest]
#[case::two_bits_of_nothing(0x20)]
#[case::more_bits_than_a_coefficient_has(0x0B)]
fn a_symbol_that_means_nothing_is_refused_where_it_is_met(#[case] symbol: u8) {
    let mut layout = small();
    assert!(is_whole(&layout.draw(5, 0).bytes));
    // The code of one coefficient of one bit, which is everywhere.
    let place = layout.ac.symbols.iter().position(|known| *known == 0x01).unwrap();
    let picture = layout.draw(5, 0).bytes;
    let huffman = segment(0xC4, &layout.huffman());
    let at = picture.windows(huffman.len()).position(|window| window == huffman).unwrap();
    layout.ac.symbols[place] = symbol;
    let bytes = [&picture[..at], &segment(0xC4, &layout.huffman()), &picture[at + huffman.len()..]].concat();
    assert!(!is_whole(&bytes));
}

#[test]
fn a_picture_without_one_of_its_segments_is_not_whole() {
    let picture = small().draw(2, 0).bytes;
    let mut at = 2;
    while picture[at + 1] != 0xDA {
        let length = usize::from(u16::from_be_bytes([picture[at + 2], picture[at + 3]])) + 2;
        assert!(!is_whole(&[&picture[..at], &picture[at + length..]].concat()), "{:#x}", picture[at + 1]);
        at += length;
    }
}

#[test]
fn the_demo_photos_are_whole() {
    for name in
        ["lamp-portrait-exif6.jpg", "leak-12mp.jpg", "lift-exif3.jpg", "litter-small.jpg", "tile-exif8.jpg"]
    {
        let stripped = strip(&demo(name)).unwrap();
        assert!(stripped.sequential && is_whole(&stripped.bytes), "{name}");
    }
}

#[test]
fn whatever_has_ff_is_seen_to() {
    for bytes in [
        [0xFF; 8],
        [0, 0, 0, 0, 0, 0, 0, 0xFF],
        [0xFE, 0xFF, 0x80, 0, 1, 0x7F, 0, 0],
        [0xFF, 0, 0, 0, 0, 0, 0, 0],
    ] {
        assert!(has_ff(u64::from_be_bytes(bytes)), "{bytes:?}");
    }
    for bytes in [[0xFE; 8], [0; 8], [0x7F; 8], [0x80; 8], [1, 0x80, 0xFE, 0xEF, 0xF7, 0x7F, 0, 0xFD]] {
        assert!(!has_ff(u64::from_be_bytes(bytes)), "{bytes:?}");
    }
}

/// Bytes changed, taken out or put in.
#[derive(Clone, Debug)]
enum Harm {
    Change(prop::sample::Index, u8),
    Remove(prop::sample::Index, u8),
    Insert(prop::sample::Index, u8),
}

fn harms() -> impl Strategy<Value = Vec<Harm>> {
    let place = any::<prop::sample::Index>;
    let harm = prop_oneof![
        4 => (place(), any::<u8>()).prop_map(|(at, byte)| Harm::Change(at, byte)),
        1 => (place(), Just(0xFF)).prop_map(|(at, byte)| Harm::Change(at, byte)),
        2 => (place(), any::<u8>()).prop_map(|(at, count)| Harm::Remove(at, count)),
        1 => (place(), any::<u8>()).prop_map(|(at, byte)| Harm::Insert(at, byte)),
    ];
    prop::collection::vec(harm, 1..4)
}

fn harmed(mut bytes: Vec<u8>, harms: &[Harm]) -> Vec<u8> {
    for harm in harms {
        match harm {
            Harm::Change(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Harm::Remove(at, count) => {
                let at = at.index(bytes.len());
                bytes.drain(at..bytes.len().min(at + usize::from(*count)));
            }
            Harm::Insert(at, byte) => bytes.insert(at.index(bytes.len()), *byte),
        }
    }
    bytes
}

/// Whatever the decoder refuses, the walk refuses: it is no less strict.
fn no_less_strict(sent: &[u8]) -> Result<(), TestCaseError> {
    if let Some(stripped) = strip(sent).filter(|stripped| stripped.sequential)
        && photo::is_whole(&stripped)
    {
        prop_assert!(is_decoded(&stripped));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_spoiled_demo_photo_is_whole_only_if_it_can_be_decoded(harms in harms()) {
        no_less_strict(&harmed(demo("litter-small.jpg"), &harms))?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_048))]

    #[test]
    fn a_spoiled_picture_is_whole_only_if_it_can_be_decoded(seed: u64, harms in harms()) {
        no_less_strict(&harmed(small().draw(seed, 0).bytes, &harms))?;
    }

    #[test]
    fn nothing_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), harms in harms()) {
        is_whole(&bytes);
        is_whole(&[&SOI, bytes.as_slice(), &EOI].concat());
        // Without stripping, segments out of order are met as well.
        is_whole(&harmed(small().draw(1, 0).bytes, &harms));
    }
}
