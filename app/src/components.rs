//! Pieces of pages that know the app's state: a case in a list, its photos, what may be done to it.

pub mod actions;
mod case_detail;
mod case_item;
mod case_link;
mod case_photo;
mod device_notes;
mod jotting;
mod minute;
mod net_chip;
mod notices;
#[cfg(test)]
pub(crate) mod office_kit;
mod person_picker;
mod place_picker;
mod receipt;
mod relay;
mod taken_photos;
mod trail;
mod unsent;
mod withdraw;

pub use case_detail::CaseDetail;
#[cfg(test)]
pub(crate) use case_item::kit;
pub use case_item::{CaseItem, SentMarks, due_text, next_due, sent_marks};
pub use case_link::CaseLink;
pub use case_photo::{CasePhotos, Thumb, picture};
pub use device_notes::{LeftByOthers, LittleRoom};
pub use jotting::{Form, Jotter, Jotting};
pub use minute::minute;
pub use net_chip::{Net, NetChip};
pub use notices::{Notes, Notices, give_voice, toast};
pub use person_picker::PersonPicker;
pub use place_picker::PlacePicker;
pub use receipt::Refused;
pub use relay::{HandOver, TakeOver};
pub use taken_photos::TakenPhotos;
pub use unsent::{
    Entry, Got, Mend, Photos, Unsent, asked, at_stop, children, mend, of_round, of_state, said, taken,
    text_of, unsent_count,
};
pub use withdraw::{Loss, RefusedPhotos, WithdrawSheet};
