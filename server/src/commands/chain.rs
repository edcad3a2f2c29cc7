//! The commands of a push as links of a chain.

use serde::Deserialize;
use shared::{
    Code, Rejection,
    ids::CommandId,
    json,
    wire::{self, Answer, Command, Envelope, GENESIS, Had, Verdict},
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
    /// The id that the text says, also where the rest of it cannot be read.
    pub said: Option<CommandId>,
    /// As it was made.
    pub text: String,
    /// `None` for a text that is no command. It has its place all the same.
    pub envelope: Option<Envelope>,
    /// What the envelope asks, or why that cannot be understood.
    pub command: Option<Result<Command, Rejection>>,
    /// What its device says that the server had answered before it was restored.
    pub had: Option<Had>,
}

impl Link {
    /// The id that it has for its own.
    pub(super) fn id(&self) -> Option<CommandId> {
        self.envelope.as_ref().map(|envelope| envelope.id)
    }

    /// The answer to it.
    pub(super) fn answer(&self, verdict: Verdict) -> Answer {
        Answer { id: self.id(), verdict }
    }
}

/// What a text says of its place, also where the rest of it cannot be read: a command of a newer version, say.
#[derive(Deserialize)]
struct Place {
    n: u64,
    prev: String,
}

/// What a text says of its id.
#[derive(Deserialize)]
struct Said {
    id: CommandId,
}

/// The texts of a push, each with what it says of its place.
pub(super) struct Texts(Vec<(String, Option<Envelope>, Option<Place>)>);

impl Texts {
    /// Reads the texts of a push.
    pub(super) fn read(texts: Vec<String>) -> Texts {
        let read = |text: String| {
            let envelope = Envelope::read(&text).ok();
            let place = match &envelope {
                Some(envelope) => Some(Place { n: envelope.n, prev: envelope.prev.clone() }),
                None => json::read(&text).ok(),
            };
            (text, envelope, place)
        };
        Texts(texts.into_iter().map(read).collect())
    }

    /// Whether at least one says its place, from which those of the others follow.
    pub(super) fn placed(&self) -> bool {
        self.0.iter().any(|(_, _, place)| place.is_some())
    }

    /// The links that they are. A text that says nothing of its place has it from the text behind it; `alone` is the
    /// place of the first one if not a single one says it.
    ///
    /// # Errors
    /// `push.chain_broken` if the texts do not follow one another. A text that does not name the one before it may only
    /// be the first: the signature over the last one would vouch for nothing that stands before such a gap.
    pub(super) fn links(self, alone: i64) -> Result<Vec<Link>, Code> {
        let anchor = self.0.iter().zip(0_i64..).find_map(|((_, _, place), i)| Some((place.as_ref()?.n, i)));
        let first = match anchor {
            Some((n, i)) => i64::try_from(n).map_err(|_| Code::PushChainBroken)? - i,
            None => alone,
        };
        if first < 1 {
            return Err(Code::PushChainBroken);
        }
        let mut links: Vec<Link> = Vec::with_capacity(self.0.len());
        for (i, (text, envelope, place)) in (0_i64..).zip(self.0) {
            let n = first.checked_add(i).ok_or(Code::PushChainBroken)?;
            let before = links.last().map(|link| link.hash.as_str());
            let follows = match &place {
                Some(place) => {
                    let before = if n == 1 { Some(GENESIS) } else { before };
                    i64::try_from(place.n) == Ok(n) && before.is_none_or(|before| place.prev == before)
                }
                None => before.is_none(),
            };
            if !follows {
                return Err(Code::PushChainBroken);
            }
            let said = match &envelope {
                Some(envelope) => Some(envelope.id),
                None => json::read(&text).ok().map(|Said { id }| id),
            };
            let prev = place.map(|place| place.prev);
            let command = envelope.as_ref().map(Envelope::command);
            links.push(Link { n, hash: wire::hash(&text), prev, said, text, envelope, command, had: None });
        }
        Ok(links)
    }
}

/// The place of a text that says nothing of it and stands alone in its push: it is a repeat if it is the last one of the
/// chain, and otherwise new, even where the same text lies further back.
pub(super) fn place_alone(text: &str, head: i64, head_hash: &str) -> i64 {
    if head > 0 && wire::hash(text) == head_hash { head } else { head.saturating_add(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(texts: Vec<String>, alone: i64) -> Result<Vec<Link>, Code> {
        Texts::read(texts).links(alone)
    }

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
    fn an_unreadable_text_that_says_its_place_is_a_link_like_any_other() {
        let before = text(7, "whatever was before");
        let newer = format!(r#"{{"n":8,"prev":"{}","said":"otherwise"}}"#, wire::hash(&before));
        let after = text(9, &wire::hash(&newer));
        let links = read(vec![before.clone(), newer.clone(), after.clone()], 99).unwrap();
        assert_eq!(links.iter().map(|link| link.n).collect::<Vec<_>>(), [7, 8, 9]);
        assert!(links[1].envelope.is_none());
        let altered = before.replace("case.see", "case.fix");
        for texts in [vec![altered.clone(), newer.clone()], vec![altered, newer, after]] {
            assert_eq!(read(texts, 99).unwrap_err(), Code::PushChainBroken);
        }
    }

    #[test]
    fn a_text_that_does_not_name_the_one_before_it_is_the_first_of_its_push() {
        let before = text(7, "whatever was before");
        let junk = "{".to_owned();
        let after = text(9, &wire::hash(&junk));
        assert_eq!(read(vec![junk.clone(), after.clone()], 99).unwrap()[0].n, 8);
        assert_eq!(read(vec![junk.clone()], 99).unwrap()[0].n, 99);
        // What stands before it could be anything: nobody has signed it.
        for texts in
            [vec![before.clone(), junk.clone()], vec![before, junk.clone(), after], vec![junk.clone(), junk]]
        {
            assert_eq!(read(texts, 99).unwrap_err(), Code::PushChainBroken);
        }
    }

    #[test]
    fn a_text_without_a_place_is_a_repeat_if_it_is_the_end_of_the_chain() {
        assert_eq!(place_alone("a", 4, &wire::hash("a")), 4);
        assert_eq!(place_alone("b", 4, &wire::hash("a")), 5);
        assert_eq!(place_alone("a", 0, GENESIS), 1);
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
        let last = text(i64::MAX.unsigned_abs(), "whatever was before");
        broken(&[&last, &second]);
        assert_eq!(read(vec![last], 1).unwrap()[0].n, i64::MAX);
    }
}
