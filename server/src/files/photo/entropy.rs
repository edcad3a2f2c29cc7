//! Whether the scans of a JPEG hold all that its header promises, without making a pixel.
//!
//! What takes time in decoding is what follows the codes: coefficients, the transform, colours. The codes alone say
//! where the picture ends: after each Huffman code stands how many bits to pass over and how many coefficients of a
//! block of 8 by 8 they bring, and the header says how many blocks there are. So a walk from code to code that arrives
//! at the last block, with every code known, every coefficient inside its block and every bit there, has met all of the
//! picture.
//!
//! Section numbers are those of ITU-T T.81. Read are sequential frames of 8 bits that are coded by Huffman (SOF0, SOF1),
//! in one scan or in several. Three things that the format asks for are not: the spectral parameters of a sequential
//! scan, the 1-bits that pad its last byte, and that nothing else follows before the next marker. Decoders look at none
//! of them, and there are cameras that write them otherwise.

use super::jpeg::{EOI, SOI, scan_end};

/// So many bits are looked up at once. Few codes of a photo are longer, and most are so short that several are found.
const QUICK: u32 = 11;
/// The longest code (annex C).
const LONGEST: usize = 16;
/// The most blocks in an MCU of several components (B.2.3).
const BLOCKS_MAX: usize = 10;
/// The most components that are read: more are inks.
const COMPONENTS_MAX: usize = 3;
/// The most tables of codes: a scan has no use for more than eight, and making each takes time.
const TABLES_MAX: usize = 64;
/// The coefficients of a block (A.3).
const BLOCK: u32 = 64;
/// How far the end of a block leads: further than any run of coefficients that ends outside of it.
const END: u8 = 128;

/// Whether all of a sequential JPEG of 8 bits is there, whose segments are in order.
pub(super) fn is_whole(jpeg: &[u8]) -> bool {
    Walk::default().all(jpeg).is_some()
}

/// What the segments so far have said.
#[derive(Default)]
struct Walk {
    components: Vec<Component>,
    /// In blocks that each component has once, twice … across and down: how many MCUs of several components there are.
    mcus: (u32, u32),
    /// By their numbers.
    dc: [Option<Box<Table>>; 4],
    /// By their numbers.
    ac: [Option<Box<Table>>; 4],
    /// How many tables of codes have been made.
    made: usize,
    /// Which tables of quantisation there are.
    quantised: [bool; 4],
    /// After so many MCUs coding starts anew; 0 if it never does.
    restart: u32,
}

/// A component of the frame (B.2.2).
struct Component {
    id: u8,
    /// Its blocks across and down in an MCU of several components.
    sampling: (u8, u8),
    /// Its blocks across and down in a scan of its own (A.2.2).
    alone: (u32, u32),
    quantisation: u8,
    walked: bool,
}

impl Walk {
    /// Goes through all segments and scans (B.2.1).
    fn all(&mut self, jpeg: &[u8]) -> Option<()> {
        let mut rest = jpeg.strip_prefix(&SOI)?;
        loop {
            let (&[0xFF, marker], after) = rest.split_first_chunk()? else { return None };
            if marker == EOI[1] {
                // Of a sequential frame, each component has its scan.
                let whole = !self.components.is_empty() && self.components.iter().all(|one| one.walked);
                return whole.then_some(());
            }
            let (segment, behind) =
                after.split_at_checked(u16::from_be_bytes(*after.first_chunk()?).into())?;
            let payload = segment.get(2..)?;
            rest = behind;
            match marker {
                0xC0 | 0xC1 => self.frame(payload)?,
                0xC4 => self.tables(payload)?,
                0xDA => rest = self.scan(payload, rest)?,
                0xDB => self.quantisers(payload)?,
                0xDD => self.restart = u16::from_be_bytes(payload.try_into().ok()?).into(),
                _ => {}
            }
        }
    }

    /// The size of the picture, and how its components share it (A.1.1, B.2.2).
    fn frame(&mut self, payload: &[u8]) -> Option<()> {
        let (&[8, h1, h0, w1, w0, count], specified) = payload.split_first_chunk()? else { return None };
        let (width, height) = (u16::from_be_bytes([w1, w0]).into(), u16::from_be_bytes([h1, h0]).into());
        let (specified, []) = specified.as_chunks::<3>() else { return None };
        if specified.len() != usize::from(count)
            || specified.len() > COMPONENTS_MAX
            || !self.components.is_empty()
        {
            return None;
        }
        let sampling = |both: u8| (both >> 4, both & 0x0F);
        let across_max = specified.iter().map(|[_, both, _]| sampling(*both).0).max()?;
        let down_max = specified.iter().map(|[_, both, _]| sampling(*both).1).max()?;
        for &[id, both, quantisation] in specified {
            let (across, down) = sampling(both);
            if !(1..=4).contains(&across) || !(1..=4).contains(&down) {
                return None;
            }
            let blocks = |pixels: u32, share: u8, whole: u8| {
                (pixels * u32::from(share)).div_ceil(u32::from(whole) * 8)
            };
            self.components.push(Component {
                id,
                sampling: (across, down),
                alone: (blocks(width, across, across_max), blocks(height, down, down_max)),
                quantisation,
                walked: false,
            });
        }
        self.mcus = (width.div_ceil(u32::from(across_max) * 8), height.div_ceil(u32::from(down_max) * 8));
        Some(())
    }

    /// Huffman tables (B.2.4.2).
    fn tables(&mut self, mut payload: &[u8]) -> Option<()> {
        while let Some((&[kind, ref counts @ ..], rest)) = payload.split_first_chunk::<{ 1 + LONGEST }>() {
            self.made += 1;
            if self.made > TABLES_MAX {
                return None;
            }
            let symbols = counts.iter().copied().map(usize::from).sum();
            let (symbols, rest) = rest.split_at_checked(symbols)?;
            let number = usize::from(kind & 0x0F);
            let (tables, table) = match kind >> 4 {
                0 => (&mut self.dc, Table::new(counts, symbols, Step::dc)?),
                1 => (&mut self.ac, Table::new(counts, symbols, Step::ac)?),
                _ => return None,
            };
            *tables.get_mut(number)? = Some(Box::new(table));
            payload = rest;
        }
        payload.is_empty().then_some(())
    }

    /// Tables of quantisation, of 8 or 16 bits: what is in them does not matter, that they are there does (B.2.4.1).
    fn quantisers(&mut self, mut payload: &[u8]) -> Option<()> {
        while let Some((kind, rest)) = payload.split_first() {
            let bytes = match kind >> 4 {
                0 => 64,
                1 => 128,
                _ => return None,
            };
            *self.quantised.get_mut(usize::from(kind & 0x0F))? = true;
            payload = rest.get(bytes..)?;
        }
        Some(())
    }

    /// Goes through a scan; what follows it, from the next marker on (B.2.3).
    fn scan<'a>(&mut self, header: &[u8], data: &'a [u8]) -> Option<&'a [u8]> {
        let (count, chosen) = header.split_first()?;
        let (chosen, _spectral) = chosen.split_last_chunk::<3>()?;
        let (chosen, []) = chosen.as_chunks::<2>() else { return None };
        if chosen.len() != usize::from(*count) {
            return None;
        }
        let mut mcus = self.mcus;
        let mut pairs: Vec<(u8, Codes)> = Vec::new();
        let mut blocks = Vec::with_capacity(BLOCKS_MAX);
        for [id, tables] in chosen {
            let component = self.components.iter_mut().find(|component| component.id == *id)?;
            if component.walked || !*self.quantised.get(usize::from(component.quantisation))? {
                return None;
            }
            component.walked = true;
            let pair = match pairs.iter().position(|(numbers, _)| numbers == tables) {
                Some(pair) => pair,
                None => {
                    let dc = self.dc.get(usize::from(tables >> 4))?.as_deref()?;
                    let ac = self.ac.get(usize::from(tables & 0x0F))?.as_deref()?;
                    pairs.push((*tables, Codes::of(dc, ac)));
                    pairs.len() - 1
                }
            };
            let mut each = component.sampling.0 * component.sampling.1;
            if chosen.len() == 1 {
                // Alone, a component goes block by block, and only through those that it has pixels in (A.2.2).
                (mcus, each) = (component.alone, 1);
            }
            blocks.extend(std::iter::repeat_n(pair, each.into()));
        }
        if blocks.is_empty() || blocks.len() > BLOCKS_MAX {
            return None;
        }
        let blocks: Vec<&Codes> = blocks.into_iter().map(|pair: usize| &pairs[pair].1).collect();
        let mut bits = Bits::of(data);
        let mut left = mcus.0 * mcus.1;
        let interval = if self.restart == 0 { left } else { self.restart };
        for number in (0..8).cycle() {
            let here = left.min(interval);
            for _ in 0..here {
                for codes in &blocks {
                    bits.block(codes)?;
                }
            }
            left -= here;
            if left == 0 {
                break;
            }
            bits.restart(number)?;
        }
        bits.rest.get(scan_end(bits.rest)?..)
    }
}

/// What a code asks for, or several that follow each other.
///
/// Aligned, because it is found sooner in a table than where it takes three bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
#[repr(align(4))]
struct Step {
    /// How many coefficients of the block they bring.
    ahead: u8,
    /// How many of them before the last code: if the block is full with those, what follows is another's.
    before: u8,
    /// How many bits they take, with those of the coefficients that follow each; 0 for what is no code.
    bits: u8,
}

impl Step {
    /// The meaning of a symbol for the first coefficient of a block: the bits of its difference (F.1.2.1, table F.1).
    fn dc(symbol: u8) -> Option<Step> {
        (symbol <= 11).then_some(Step { ahead: 1, before: 0, bits: symbol })
    }

    /// The meaning of a symbol for the others: how many of them are zero before one that is not, and the bits of that one;
    /// or 16 zeros, or nothing more in this block (F.1.2.2, table F.2).
    fn ac(symbol: u8) -> Option<Step> {
        match (symbol >> 4, symbol & 0x0F) {
            (0, 0) => Some(Step { ahead: END, before: 0, bits: 0 }),
            (15, 0) => Some(Step { ahead: 16, before: 0, bits: 0 }),
            (run, bits @ 1..=10) => Some(Step { ahead: run + 1, before: 0, bits }),
            _ => None,
        }
    }
}

/// A Huffman table (annex C, F.2.2.3).
struct Table {
    /// By the next bits, for what they hold of whole codes.
    quick: [Step; 1 << QUICK],
    /// One for each code, shortest first.
    steps: Vec<Step>,
    /// For each length, how 16 bits go on that are behind its last code, and where in `steps` its code 0 would stand.
    lengths: [(u32, usize); LONGEST],
}

impl Table {
    /// Makes codes of how many there are of each length, and what they stand for; `None` if there are more than fit.
    fn new(counts: &[u8; LONGEST], symbols: &[u8], step: fn(u8) -> Option<Step>) -> Option<Table> {
        let mut quick = [Step::default(); 1 << QUICK];
        let mut steps = Vec::with_capacity(symbols.len());
        let mut lengths = [(0, 0); LONGEST];
        let mut symbols = symbols.iter();
        let mut code = 0_usize;
        for (length, (count, entry)) in (1_u8..).zip(counts.iter().zip(&mut lengths)) {
            // Never below zero once codes are added to it: no length begins with a smaller code than the one before.
            let zero = steps.len().wrapping_sub(code);
            for symbol in symbols.by_ref().take((*count).into()) {
                let step =
                    step(*symbol).map(|step| Step { bits: step.bits + length, ..step }).unwrap_or_default();
                if let Some(unused) = QUICK.checked_sub(length.into()) {
                    quick.get_mut(code << unused..(code + 1) << unused)?.fill(step);
                }
                steps.push(step);
                code += 1;
            }
            // No code is all ones (annex C).
            if code >= 1 << length {
                return None;
            }
            let unused = LONGEST - usize::from(length);
            *entry = ((code as u32) << unused, zero);
            code <<= 1;
        }
        Some(Table { quick, steps, lengths })
    }

    /// What the next 16 bits begin with, if that is a code.
    #[cold]
    fn find(&self, next: u16) -> Option<Step> {
        let mut lengths = (1..).zip(&self.lengths);
        let (length, (_, zero)) = lengths.find(|(_, (behind, _))| u32::from(next) < *behind)?;
        let code = usize::from(next) >> (LONGEST - length);
        self.steps.get(zero.wrapping_add(code)).copied().filter(|step| step.bits > 0)
    }
}

/// The codes of a component's blocks, several of them looked up at once.
struct Codes<'a> {
    /// By the bits that a block begins with: of its first coefficient, and of those after it.
    first: [Step; 1 << QUICK],
    /// By the bits that come after those.
    rest: [Step; 1 << QUICK],
    dc: &'a Table,
    ac: &'a Table,
}

impl<'a> Codes<'a> {
    fn of(dc: &'a Table, ac: &'a Table) -> Codes<'a> {
        Codes { first: followed(&dc.quick, &ac.quick), rest: followed(&ac.quick, &ac.quick), dc, ac }
    }
}

/// Single codes, each with as many of those that may follow it as are among the same bits.
fn followed(first: &[Step; 1 << QUICK], rest: &[Step; 1 << QUICK]) -> [Step; 1 << QUICK] {
    let mut steps = *first;
    for (bits, step) in steps.iter_mut().enumerate() {
        while step.bits > 0 && u32::from(step.bits) < QUICK && step.ahead < BLOCK as u8 {
            // What is not among these bits reads as zeros, and is not relied upon.
            let next = rest[(bits << step.bits) % (1 << QUICK)];
            if next.bits == 0 || u32::from(step.bits + next.bits) > QUICK {
                break;
            }
            *step = Step { ahead: step.ahead + next.ahead, before: step.ahead, bits: step.bits + next.bits };
        }
    }
    steps
}

/// The bits of a scan, up to the next marker.
#[derive(Clone, Copy)]
struct Bits<'a> {
    /// What has not been taken yet.
    rest: &'a [u8],
    /// The bits that come next, from the highest down. Below those that count may stand some of what comes after them.
    buffer: u64,
    /// How many of them count.
    count: u32,
}

impl<'a> Bits<'a> {
    fn of(rest: &'a [u8]) -> Bits<'a> {
        Bits { rest, buffer: 0, count: 0 }
    }

    /// Goes through a block (F.2.2); `None` if its codes are wrong or not all there.
    #[inline]
    fn block(&mut self, codes: &Codes) -> Option<()> {
        // A copy stays in registers.
        let mut bits = *self;
        let mut at = bits.step(&codes.first, codes.dc, 0)?;
        while at < BLOCK {
            at += bits.step(&codes.rest, codes.ac, at)?;
        }
        *self = bits;
        (at == BLOCK || at > u32::from(END)).then_some(())
    }

    /// Passes over the next codes, of which the last begins inside the block, and what follows them; how many coefficients
    /// they bring.
    #[inline(always)]
    fn step(&mut self, quick: &[Step; 1 << QUICK], table: &Table, at: u32) -> Option<u32> {
        // The longest code with the longest difference has 27 bits.
        if self.count < 32 {
            self.fill();
        }
        let mut step = quick[(self.buffer >> (u64::BITS - QUICK)) as usize];
        if step.bits == 0 || at + u32::from(step.before) >= BLOCK {
            step = table.find((self.buffer >> (u64::BITS - 16)) as u16)?;
        }
        self.count = self.count.checked_sub(step.bits.into())?;
        self.buffer <<= step.bits;
        Some(step.ahead.into())
    }

    /// Takes as many bytes as fit, or as there are before the next marker.
    #[inline]
    fn fill(&mut self) {
        if let Some(next) = self.rest.first_chunk() {
            let next = u64::from_be_bytes(*next);
            if !has_ff(next) {
                let bytes = (u64::BITS - 1 - self.count) / 8;
                self.buffer |= next >> self.count;
                self.count += bytes * 8;
                self.rest = &self.rest[bytes as usize..];
                return;
            }
        }
        *self = self.filled_singly();
    }

    /// As [`fill`](Bits::fill), where a marker may stand or a byte that is stuffed so as not to be one (B.1.1.5, F.1.2.3).
    #[inline(never)]
    fn filled_singly(mut self) -> Bits<'a> {
        while self.count <= u64::BITS - 8 {
            let (byte, rest) = match self.rest {
                [0xFF, 0x00, rest @ ..] => (0xFF, rest),
                [0xFF, ..] | [] => break,
                [byte, rest @ ..] => (*byte, rest),
            };
            self.buffer |= u64::from(byte) << (u64::BITS - 8 - self.count);
            self.count += 8;
            self.rest = rest;
        }
        self
    }

    /// Passes over the marker of this number (E.2.4), before which no more than the last byte's padding may be left.
    fn restart(&mut self, number: u8) -> Option<()> {
        self.fill();
        let mut rest = self.rest;
        // Any number of 0xFF may stand before a marker (B.1.1.2).
        while rest.starts_with(&[0xFF; 2]) {
            rest = &rest[1..];
        }
        match rest {
            [0xFF, marker, rest @ ..] if self.count < 8 && *marker == 0xD0 + number => *self = Bits::of(rest),
            _ => return None,
        }
        Some(())
    }
}

/// Whether one of eight bytes is 0xFF.
fn has_ff(bytes: u64) -> bool {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    // Of what is left, a byte is zero if taking one from it borrows and its highest bit was not set.
    let zero = !bytes;
    zero.wrapping_sub(ONES) & !zero & HIGH != 0
}

#[cfg(test)]
mod tests;
