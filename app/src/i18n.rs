//! The app's texts in Chinese and English, checked when it is compiled: `app/locales/{zh,en}/*.json`.
//!
//! The language is a preference of the person's ([`Prefs`]); the context of the library, which would find one by cookies
//! and headers, is not needed for it.

use leptos::prelude::expect_context;

use crate::{prefs::Prefs, reactive::RwSignal};

#[expect(
    deprecated,
    missing_docs,
    reason = "generated; the build-script variant compiles the whole ICU data generator, of which nothing is used"
)]
mod generated {
    leptos_i18n::load_locales!();
}

pub use generated::i18n::Locale;
pub(crate) use leptos_i18n::td_string;

/// The language in which texts are shown.
#[derive(Clone, Copy)]
pub struct I18n(RwSignal<Locale>);

/// The language of the page.
pub fn use_i18n() -> I18n {
    I18n(expect_context::<Prefs>().locale)
}

impl I18n {
    /// The language; whoever asks reactively asks again when it changes.
    pub fn get_locale(self) -> Locale {
        self.0.get()
    }

    /// The language as it is now.
    pub fn get_locale_untracked(self) -> Locale {
        self.0.get_untracked()
    }
}

/// A text in the language of the page.
macro_rules! t_string {
    ($i18n:expr, $($key:tt)*) => {
        leptos_i18n::td_string!($i18n.get_locale(), $($key)*)
    };
}

pub(crate) use t_string;
