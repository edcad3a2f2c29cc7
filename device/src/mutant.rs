//! Mistakes that this engine does not make. A simulator makes it make them, to show that it would notice.

/// A mistake. See [`Platform::mutant`](crate::platform::Platform::mutant).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// What was made after a refused command is not sent.
    RefusedBlocks,
    /// A photo's bytes are deleted when they are sent, not when the server has said that it has them.
    PhotoBeforeReceipt,
    /// How far a site has been pulled is stored before what was pulled.
    CursorBeforePage,
}
