//! How the network is, in a word, wherever it is said.

use leptos::prelude::*;

use super::unsent_count;
use crate::{
    i18n::*,
    reactive::{Signal, memo},
    state::{Link, State},
    ui::{Chip, Tone, view},
};

/// How the network is, and what that means for what waits on this device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Net {
    /// Not tried yet.
    Unknown,
    /// Reached.
    Online,
    /// Something is being sent.
    Sending,
    /// Not reached.
    Offline,
    /// Reached, but it does not answer as it should.
    Failing,
    /// Reached, and it refuses what is sent.
    Refused,
    /// Everything is kept until somebody signs in.
    SignedOut,
}

impl Net {
    /// How it is now, with so much unsent; whoever asks reactively asks again when it changes.
    pub fn of(state: State, unsent: usize) -> Self {
        state.link.with(|link| Net::from(link, state.busy.get(), state.expired.get(), unsent))
    }

    fn from(link: &Link, busy: bool, expired: bool, unsent: usize) -> Self {
        match link {
            _ if expired => Net::SignedOut,
            Link::Offline => Net::Offline,
            Link::Failing => Net::Failing,
            Link::Refused(_) => Net::Refused,
            Link::Online | Link::Unknown if busy && unsent > 0 => Net::Sending,
            Link::Online => Net::Online,
            Link::Unknown => Net::Unknown,
        }
    }

    /// The word for it.
    pub fn word(self, i18n: I18n) -> &'static str {
        match self {
            Net::Unknown => t_string!(i18n, field.net_unknown),
            Net::Online => t_string!(i18n, field.net_online),
            Net::Sending => t_string!(i18n, field.net_sending),
            Net::Offline => t_string!(i18n, field.net_offline),
            Net::Failing => t_string!(i18n, field.net_failing),
            Net::Refused => t_string!(i18n, field.net_refused),
            Net::SignedOut => t_string!(i18n, field.net_signed_out),
        }
    }

    fn tone(self, unsent: usize) -> Tone {
        match self {
            Net::Online if unsent == 0 => Tone::Ok,
            Net::Online | Net::Sending => Tone::Info,
            Net::Unknown => Tone::Neutral,
            Net::Offline | Net::Failing | Net::SignedOut => Tone::Warn,
            Net::Refused => Tone::Urgent,
        }
    }
}

/// How the network is and what waits here, as one chip that leads to what waits.
#[component]
pub fn NetChip() -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let count = unsent_count(state);
    let waiting = memo(move |_| count.get().waiting);
    let net = memo(move |_| Net::of(state, waiting.get()));
    let text = move || {
        let word = net.get().word(i18n);
        match waiting.get() {
            0 => word.to_owned(),
            count => {
                let waiting = t_string!(i18n, field.waiting_here).replace("{count}", &count.to_string());
                format!("{word} · {waiting}")
            }
        }
    };
    let tone = Signal::derive(move || net.get().tone(waiting.get()));
    view! {
        <span role="status">
            <a class="link" href="/unsent">
                <Chip label=text tone=tone />
            </a>
        </span>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use shared::Code;

    use super::*;

    #[test]
    fn the_chip_says_what_holds_things_up() {
        let net = Net::from;
        assert_eq!(net(&Link::Online, false, false, 3), Net::Online);
        assert_eq!(net(&Link::Online, true, false, 3), Net::Sending);
        assert_eq!(net(&Link::Online, true, false, 0), Net::Online);
        assert_eq!(net(&Link::Offline, true, false, 3), Net::Offline);
        assert_eq!(net(&Link::Unknown, false, false, 0), Net::Unknown);
        assert_eq!(net(&Link::Refused(Code::DeviceFull.into()), true, false, 3), Net::Refused);
        assert_eq!(net(&Link::Offline, false, true, 3), Net::SignedOut);
    }

    #[test]
    fn all_is_well_only_when_nothing_waits() {
        assert_eq!(Net::Online.tone(0), Tone::Ok);
        assert_eq!(Net::Online.tone(1), Tone::Info);
        assert_eq!(Net::Offline.tone(0), Tone::Warn);
    }
}
