//! The commands of a push as links of a chain.

use shared::{
    Code,
    wire::{self, Envelope, GENESIS},
};

/// One command, with its place.
#[derive(Clone, Debug)]
pub(super) struct Link {
    /// Its place in the chain of its device and author.
    pub n: i64,
    /// The hash of its text.
    pub hash: String,
    /// The hash of the command before it, if the text says it.
    pub prev: Option<String>,
    /// As it was made.
    pub text: String,
    /// `None` for a text that is no command. It has its place all the same.
    pub envelope: Option<Envelope>,
}

/// Reads the texts of a push. The places of those that cannot be read follow from their neighbours; `alone` is the
/// place of the first one if not a single one can be read.
///
/// # Errors
/// `push.chain_broken` if the texts do not follow one another.
pub(super) fn read(texts: Vec<String>, alone: i64) -> Result<Vec<Link>, Code> {
    let envelopes: Vec<Option<Envelope>> = texts.iter().map(|text| Envelope::read(text).ok()).collect();
    let anchor = envelopes.iter().zip(0_i64..).find_map(|(envelope, i)| Some((envelope.as_ref()?.n, i)));
    let first = match anchor {
        Some((n, i)) => i64::try_from(n).map_err(|_| Code::PushChainBroken)? - i,
        None => alone,
    };
    if first < 1 {
        return Err(Code::PushChainBroken);
    }
    let mut links: Vec<Link> = Vec::with_capacity(texts.len());
    for ((text, envelope), n) in texts.into_iter().zip(envelopes).zip(first..) {
        let hash = wire::hash(&text);
        if let Some(envelope) = &envelope {
            let before = links.last().map(|link| link.hash.as_str());
            let before = if n == 1 { Some(GENESIS) } else { before };
            let follows = before.is_none_or(|before| envelope.prev == before);
            if i64::try_from(envelope.n) != Ok(n) || !follows {
                return Err(Code::PushChainBroken);
            }
        }
        links.push(Link {
            n,
            hash,
            prev: envelope.as_ref().map(|envelope| envelope.prev.clone()),
            text,
            envelope,
        });
    }
    Ok(links)
}

/// The place of the first text of a push of which not one can be read: such texts are a repeat as far as they are the
/// last ones of the chain, whose hashes are `known`, the last one first. Without such an end they are new, even where
/// the same text lies further back.
pub(super) fn place_alone(texts: &[String], head: i64, known: &[String]) -> i64 {
    let hashes: Vec<String> = texts.iter().map(|text| wire::hash(text)).collect();
    let repeats = |count: &usize| known.iter().take(*count).rev().eq(hashes.iter().take(*count));
    let repeated = (1..=hashes.len().min(known.len())).rev().find(repeats).unwrap_or(0);
    // A push has a hundred texts at the most.
    head + 1 - i64::try_from(repeated).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An envelope of which only the chain matters.
    fn text(n: u64, prev: &str) -> String {
        let id = "0197f000-0000-7000-8000-000000000001";
        format!(
            r#"{{"id":"{id}","device":"{id}","author":"{id}","n":{n},"prev":"{prev}","kind":"case.see","v":1,
            "site":"s","aggregate":"{id}","at":0,"body":{{}}}}"#
        )
    }

    #[test]
    fn texts_that_follow_one_another_get_their_places() {
        let first = text(1, GENESIS);
        let second = text(2, &wire::hash(&first));
        let links = read(vec![first, second], 99).unwrap();
        assert_eq!(links.iter().map(|link| link.n).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn an_unreadable_text_has_the_place_between_its_neighbours() {
        let before = text(7, "whatever was before");
        let junk = "{".to_owned();
        let after = text(9, &wire::hash(&junk));
        let links = read(vec![before, junk.clone(), after.clone()], 99).unwrap();
        assert_eq!(links.iter().map(|link| link.n).collect::<Vec<_>>(), [7, 8, 9]);
        let links = read(vec![junk.clone(), after], 99).unwrap();
        assert_eq!(links[0].n, 8);
        assert_eq!(read(vec![junk], 99).unwrap()[0].n, 99);
    }

    #[test]
    fn texts_without_a_place_are_a_repeat_if_they_are_the_end_of_the_chain() {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let known: Vec<String> = ["c", "b", "b", "a"].iter().map(|text| wire::hash(text)).collect();
        let place = |list: &[&str]| place_alone(&texts(list), 4, &known);
        assert_eq!(place(&["c"]), 4);
        assert_eq!(place(&["b", "c"]), 3);
        assert_eq!(place(&["b", "b", "c", "d"]), 2);
        assert_eq!(place(&["a", "b", "b", "c"]), 1);
        for new in [&["b"][..], &["d"], &["a", "b"], &["b", "b"]] {
            assert_eq!(place(new), 5, "{new:?}");
        }
        assert_eq!(place_alone(&texts(&["a"]), 0, &[]), 1);
    }

    #[test]
    fn what_was_altered_dropped_or_swapped_breaks_the_chain() {
        let first = text(1, GENESIS);
        let second = text(2, &wire::hash(&first));
        let third = text(3, &wire::hash(&second));
        let broken = |texts: &[&String]| {
            assert_eq!(
                read(texts.iter().map(|text| (*text).clone()).collect(), 1).unwrap_err(),
                Code::PushChainBroken
            );
        };
        broken(&[&first, &third]);
        broken(&[&second, &first]);
        broken(&[&first.replace("case.see", "case.fix"), &second]);
        broken(&[&text(1, "not the genesis")]);
        broken(&[&text(0, GENESIS)]);
        broken(&[&text(u64::MAX, GENESIS)]);
    }
}
