//! What a person prefers on this device: language and theme. Kept in localStorage, because they are wanted before a
//! database is open.

use serde::{Deserialize, Serialize};

use crate::{
    i18n::Locale,
    platform::{device, settings, settings::Setting},
    reactive::{RwSignal, effect},
};

/// Which theme to show. The start script reads the same value before the first paint.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// As the device.
    #[default]
    Auto,
    /// Bright.
    Day,
    /// Dark, for the night shift.
    Night,
}

impl Theme {
    /// The theme as it is stored and as `data-theme`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Theme::Auto => "auto",
            Theme::Day => "day",
            Theme::Night => "night",
        }
    }
}

/// The preferences; from `expect_context::<Prefs>()`.
#[derive(Clone, Copy)]
pub struct Prefs {
    /// The theme.
    pub theme: RwSignal<Theme>,
    /// The language.
    pub locale: RwSignal<Locale>,
}

impl Default for Prefs {
    fn default() -> Self {
        Prefs {
            theme: RwSignal::new(settings::read(Setting::Theme).unwrap_or_default()),
            locale: RwSignal::new(first_locale()),
        }
    }
}

impl Prefs {
    /// Shows the preferences, and shows them again whenever they change.
    pub fn apply(self) {
        effect(move || {
            let theme = self.theme.get();
            device::set_theme((theme != Theme::Auto).then(|| theme.as_str()));
        });
        effect(move || {
            let locale = self.locale.get();
            device::set_language(match locale {
                Locale::zh => "zh-CN",
                Locale::en => "en",
            });
        });
    }

    /// Somebody chooses a language. What was only guessed is not remembered: the browser's may be another one next time.
    /// Refused storage loses it at the next start, no more.
    pub fn choose_locale(self, locale: Locale) {
        self.locale.set(locale);
        let _ = settings::write(Setting::Language, code(locale));
    }

    /// Somebody chooses a theme.
    pub fn choose_theme(self, theme: Theme) {
        self.theme.set(theme);
        let _ = settings::write(Setting::Theme, &theme);
    }
}

const fn code(locale: Locale) -> &'static str {
    match locale {
        Locale::zh => "zh",
        Locale::en => "en",
    }
}

/// The chosen language, else the first of the browser's that is known, else Chinese.
fn first_locale() -> Locale {
    let chosen: Option<String> = settings::read(Setting::Language);
    let candidates = chosen.into_iter().chain(device::languages());
    candidates
        .filter_map(|tag| match tag.get(..2) {
            Some("zh") => Some(Locale::zh),
            Some("en") => Some(Locale::en),
            Some(_) | None => None,
        })
        .next()
        .unwrap_or(Locale::zh)
}
