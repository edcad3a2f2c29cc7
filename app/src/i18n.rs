//! The app's texts in Chinese and English, checked when it is compiled: `app/locales/{zh,en}/*.json`.

#[expect(
    deprecated,
    missing_docs,
    reason = "generated; the build-script variant compiles the whole ICU data generator, of which nothing is used"
)]
mod generated {
    leptos_i18n::load_locales!();
}

pub use generated::i18n::*;
