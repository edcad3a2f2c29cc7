//! Progress in its three forms: the receipt ladder, a bar, and the time that is left.

use leptos::prelude::*;
use leptos::text_prop::TextProp;

use super::{Glyph, Icon, Tone, view, words};

use crate::reactive::{Signal, memo};

/// How far a step got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepTone {
    /// Done.
    Done,
    /// Under way.
    Going,
    /// Not yet.
    Waiting,
    /// Refused or failed; a person must look.
    Bad,
}

/// A ladder of [`Step`]s.
#[component]
pub fn Steps(
    /// Name of the ladder for screen readers.
    #[prop(into)]
    label: TextProp,
    /// The steps.
    children: Children,
) -> impl IntoView {
    view! {
        <ol class="steps" aria-label=move || label.get()>
            {children()}
        </ol>
    }
    .into_any()
}

/// One step of a ladder.
#[component]
pub fn Step(
    /// What it is.
    #[prop(into)]
    title: TextProp,
    /// How far it got.
    #[prop(into)]
    tone: Signal<StepTone>,
    /// The same in a word for screen readers ("done", "waiting").
    #[prop(into)]
    state: TextProp,
    /// When, by whom, what is promised.
    #[prop(optional, into)]
    sub: Option<TextProp>,
    /// At the right end, such as bytes sent.
    #[prop(optional, into)]
    aside: Option<TextProp>,
    /// From 0 to 1 while a bar is to be shown, else `None`.
    #[prop(optional, into)]
    progress: Signal<Option<f64>>,
    /// What belongs to the step: a reason, buttons that mend it.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let class = move || match tone.get() {
        StepTone::Done => "dot",
        StepTone::Going => "dot go",
        StepTone::Waiting => "dot wait",
        StepTone::Bad => "dot bad",
    };
    let mark = move || match tone.get() {
        StepTone::Done => view! { <Icon glyph=Glyph::Check/> }.into_any(),
        StepTone::Going => view! { <Icon glyph=Glyph::Up/> }.into_any(),
        StepTone::Waiting => view! { <Icon glyph=Glyph::Clock/> }.into_any(),
        StepTone::Bad => view! { <Icon glyph=Glyph::X/> }.into_any(),
    };
    let has_bar = memo(move |_| progress.get().is_some());
    let name = title.clone();
    let bar = move || {
        let label = name.clone();
        has_bar.get().then(|| {
            let value = Signal::derive(move || progress.get().unwrap_or(0.0));
            view! { <Progress label value/> }.into_any()
        })
    };
    view! {
        <li class="step">
            <span class=class aria-hidden="true">
                {mark}
            </span>
            <div class="col tighter">
                <div>
                    <b>{words(title)}</b>
                    <span class="sr">{words(state)}</span>
                    {sub.map(|sub| view! { <div class="xs num">{words(sub)}</div> })}
                </div>
                {bar}
                {children.map(|children| children())}
            </div>
            {aside.map(|aside| view! { <span class="xs num">{words(aside)}</span> })}
        </li>
    }
    .into_any()
}

/// A bar that fills.
#[component]
pub fn Progress(
    /// What is progressing, for screen readers.
    #[prop(into)]
    label: TextProp,
    /// From 0 to 1; anything beyond is cut.
    #[prop(into)]
    value: Signal<f64>,
    /// Its colour; the brand's if left out.
    #[prop(optional, into)]
    tone: Signal<Tone>,
) -> impl IntoView {
    let percent = memo(move |_| (value.get().clamp(0.0, 1.0) * 100.0).round());
    view! {
        <div
            class=move || format!("prog {}", tone.get().class())
            role="progressbar"
            aria-label=move || label.get()
            aria-valuemin="0"
            aria-valuemax="100"
            aria-valuenow=move || percent.get().to_string()
        >
            <b style:width=move || format!("{}%", percent.get())></b>
        </div>
    }
    .into_any()
}

/// The time left until a deadline: `2:41` below an hour, then hours, then days; after it the time that it is
/// overdue. Turns amber in the last third of `total_ms` and red in the last tenth and beyond.
#[component]
pub fn Countdown(
    /// Milliseconds left; negative once overdue.
    #[prop(into)]
    remaining_ms: Signal<i64>,
    /// Milliseconds from the start of the clock to its deadline.
    total_ms: i64,
    /// The words around the figure: gets the figure and whether it is overdue, gives the whole text.
    #[prop(into)]
    phrase: Callback<TimeLeft, String>,
    /// The size of a line of text instead of a headline.
    #[prop(optional)]
    little: bool,
) -> impl IntoView {
    let left = memo(move |_| TimeLeft::of(remaining_ms.get()));
    let tone = memo(move |_| urgency(remaining_ms.get(), total_ms));
    let size = if little { "little" } else { "" };
    view! {
        <span class=move || {
            format!("count {size} {}", tone.get().class())
        }>{move || phrase.run(left.get())}</span>
    }
    .into_any()
}

/// A span of time, cut down to the one unit that a person needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLeft {
    /// The deadline is past; the span is how long ago.
    pub overdue: bool,
    /// How many of `unit`.
    pub amount: u64,
    /// Seconds, hours or days.
    pub unit: TimeUnit,
}

/// The unit of a [`TimeLeft`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    /// Below an hour; its figure reads `2:41`.
    Seconds,
    /// Below two days.
    Hours,
    /// Two days and more.
    Days,
}

impl TimeLeft {
    /// The span of `remaining_ms`, negative if overdue. Cut and never rounded up, so that nobody is promised an
    /// hour that is not there; only seconds count up, so that `0:00` stands for no time at all.
    pub fn of(remaining_ms: i64) -> Self {
        let overdue = remaining_ms < 0;
        let ms = remaining_ms.unsigned_abs();
        let seconds = if overdue { ms / 1000 } else { ms.div_ceil(1000) };
        let (amount, unit) = match seconds {
            0..3_600 => (seconds, TimeUnit::Seconds),
            3_600..172_800 => (seconds / 3_600, TimeUnit::Hours),
            _ => (seconds / 86_400, TimeUnit::Days),
        };
        Self { overdue, amount, unit }
    }

    /// The figure without its unit: `2:41`, `5`, `3`.
    pub fn figure(self) -> String {
        match self.unit {
            TimeUnit::Seconds => format!("{}:{:02}", self.amount / 60, self.amount % 60),
            TimeUnit::Hours | TimeUnit::Days => self.amount.to_string(),
        }
    }
}

fn urgency(remaining_ms: i64, total_ms: i64) -> Tone {
    if remaining_ms <= total_ms / 10 {
        Tone::Urgent
    } else if remaining_ms <= total_ms / 3 {
        Tone::Warn
    } else {
        Tone::Neutral
    }
}

#[cfg(test)]
mod tests {
    use super::{TimeLeft, TimeUnit, urgency};
    use crate::ui::Tone;

    #[test]
    fn the_time_left_is_shown_in_the_unit_that_matters() {
        let shown = |ms| {
            let left = TimeLeft::of(ms);
            (left.overdue, left.figure(), left.unit)
        };
        assert_eq!(shown(161_000), (false, "2:41".into(), TimeUnit::Seconds));
        assert_eq!(shown(1), (false, "0:01".into(), TimeUnit::Seconds));
        assert_eq!(shown(0), (false, "0:00".into(), TimeUnit::Seconds));
        assert_eq!(shown(-61_500), (true, "1:01".into(), TimeUnit::Seconds));
        assert_eq!(shown(2 * 3_600_000 - 1_000), (false, "1".into(), TimeUnit::Hours));
        assert_eq!(shown(3 * 86_400_000), (false, "3".into(), TimeUnit::Days));
        assert!(shown(i64::MIN).0);
    }

    #[test]
    fn a_countdown_reddens_towards_its_end() {
        assert_eq!(urgency(180_000, 180_000), Tone::Neutral);
        assert_eq!(urgency(60_000, 180_000), Tone::Warn);
        assert_eq!(urgency(18_000, 180_000), Tone::Urgent);
        assert_eq!(urgency(-1, 180_000), Tone::Urgent);
    }
}
