//! Pieces of pages that know the app's state: a case in a list, its photos, what may be done to it.

mod case_item;
mod case_photo;
mod notices;

pub use case_item::CaseItem;
pub use case_photo::{CasePhotos, Thumb, picture};
pub use notices::{Notes, Notices, toast};
