//! What the tests share: a small property with its people, and cases and rounds that come about there by real commands only.

pub mod cast;
pub mod story;
pub mod walk;
