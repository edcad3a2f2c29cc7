//! Seeds that once showed a fault of what ships, and what that was: they hold.
//!
//! A change of what a run draws makes other runs of them. They stay all the same: a seed that was hard once may be again.

use crate::world::Run;

/// What was found, by seed.
const FOUND: [(u64, &str); 14] = [
    (4, "after a restore a phone kept what it held of a site that its person had left"),
    (34, "the same"),
    (72, "the same"),
    (
        116,
        "a full phone let go of a photo that nobody else had, because a report was saved while it looked what it needs",
    ),
    (122, "the same as 72"),
    (
        177,
        "what was taken out of quarantine after its author had left the site stayed in the outbox for ever",
    ),
    (240, "the photos of what somebody had made at a site that they had left were refused"),
    (
        2_855,
        "after a restore nobody said that something waits for a round whose start, by somebody else, was refused",
    ),
    (
        3_074,
        "after a restore of an older backup everything stayed on a phone behind a command that was held for its report",
    ),
    (3_606, "after a restore of an older backup nobody heard of commands that no other came after"),
    (3_299, "a full phone let go of a thumbnail that no backup had"),
    (
        3_899,
        "after a restore what was refused and made again counted twice, because its first text came once more in a file",
    ),
    (
        4_141,
        "a phone let go of a command that changed nothing, because the backup made before it had all that had changed",
    ),
    (6_714, "a full phone let go of a photo that no backup had, though others could be had again"),
];

#[test]
fn what_was_found_once_is_not_found_again() {
    crate::hold(FOUND.map(|(seed, _)| seed), Run::of);
}
