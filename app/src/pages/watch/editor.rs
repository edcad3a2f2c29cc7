//! A route to be made or changed: its name, who walks it, when, and its stops with what is looked at there. It is kept on the
//! device with every change until it is saved; saved without a network, it is sent like everything else.

mod draft;
mod stops;

use std::collections::BTreeSet;

use leptos::{ev, prelude::*, reactive::spawn_local_scoped};
use shared::{
    Code, Rejection,
    ids::{CommandId, PersonId, PlaceCode, RouteCode, StopCode},
    route::{RouteCommand, RouteKind, Weekday},
    site::Role,
    time::Ms,
    wire::{Command, Envelope},
};

use self::{
    draft::{At, Begun, By, Draft, Kept, StopDraft, Wrong},
    stops::Stops,
};
use super::manages;
use crate::{
    address::{self, Address},
    components::{PersonPicker, PlacePicker, minute, text_of, toast},
    i18n::*,
    platform::{device, ids},
    reactive::{Memo, RwSignal, Signal, effect, memo},
    state::State,
    ui::{
        Banner, Button, ButtonKind, Card, Choice, EmptyState, For, Glyph, Icon, Picks, Sheet, Show, Skeleton,
        Tone, TopBar, view,
    },
    words::{self, round as said},
};

/// The roles that walk routes.
const WALKERS: [Role; 5] =
    [Role::Guard, Role::Cleaner, Role::Technician, Role::ControlRoom, Role::Supervisor];

/// What the sheet asks.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Asked {
    /// Where a stop is; a new one without a code.
    Place(Option<StopCode>),
    /// Who walks the route, or sees to a stop.
    Person(Option<StopCode>),
    /// Whether it is to be walked no more.
    Retire,
    /// Whether what was typed is to be lost.
    Discard,
}

/// What the parts of the form share. Cheap to copy.
#[derive(Clone, Copy)]
struct Form {
    state: State,
    source: StoredValue<Source>,
    draft: RwSignal<Draft>,
    /// What it was if nothing were typed.
    without: RwSignal<Draft>,
    /// When what is shown was typed, where it was left unsaved before.
    left: RwSignal<Option<Ms>>,
    /// What was wrong when it was last to be saved.
    wrong: RwSignal<Option<Wrong>>,
    asked: RwSignal<Option<Asked>>,
}

impl Form {
    /// Changes what is typed; what was wrong may not be so any more.
    fn change(self, change: impl FnOnce(&mut Draft)) {
        self.draft.update(change);
        if self.wrong.with_untracked(Option::is_some) {
            self.wrong.set(None);
        }
    }

    /// Saves what becomes of the route on this device. The draft ends with it, and what was refused is mended by it.
    async fn save(self, command: &RouteCommand) -> Result<(), Rejection> {
        let source = self.source.get_value();
        let mends = match source {
            Source::Refused(command) => Some(command),
            Source::New | Source::Route(_) => None,
        };
        self.state.change_route(command, &source.key(), mends.as_slice()).await
    }

    /// Shows what there is in place of what was typed.
    fn anew(self, there: &Draft) {
        self.without.set(there.clone());
        self.left.set(None);
        self.change(|draft| draft.clone_from(there));
    }

    /// Whether something is wrong at a part of the form.
    fn bad(self, at: At) -> Signal<bool> {
        Signal::derive(move || {
            self.wrong.with(|wrong| wrong.as_ref().is_some_and(|wrong| wrong.at.as_ref() == Some(&at)))
        })
    }
}

/// A new code of a route, a stop or an item. Nobody reads it; it is told apart from the others of its kind.
fn fresh(kind: &str) -> Result<String, Rejection> {
    let id = ids::new_id()?.simple().to_string();
    // The end of it is random.
    Ok(format!("{kind}-{}", id.get(20..).unwrap_or(&id)))
}

/// What the form begins with.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Source {
    /// A new route.
    New,
    /// A route as it is.
    Route(RouteCode),
    /// What a refused command was to make of a route.
    Refused(CommandId),
}

impl Source {
    fn at(address: &str) -> Source {
        let refused = address::asked(address, "mend").and_then(|id| id.parse().ok());
        let code = address::asked(address, "code").map(|code| Source::Route(code.as_str().into()));
        refused.map(Source::Refused).or(code).unwrap_or(Source::New)
    }

    /// The key of its draft.
    fn key(&self) -> String {
        match self {
            Source::New => "route".to_owned(),
            Source::Route(code) => format!("route-{code}"),
            Source::Refused(command) => format!("route-mend-{command}"),
        }
    }

    /// What is shown before anything is typed.
    fn draft(&self, state: State) -> Result<Draft, Rejection> {
        match self {
            Source::New => Ok(Draft::new(RouteCode(fresh("R")?))),
            Source::Route(code) => {
                let route = state.changed_routes().into_iter().find(|one| one.route.code == *code);
                route.map(|one| Draft::of(&one.route)).ok_or_else(|| Code::RouteNotThere.into())
            }
            Source::Refused(command) => {
                let text = text_of(state, *command);
                let command = text.and_then(|text| Envelope::read(&text).ok()?.command().ok());
                match command {
                    Some(Command::Route(command)) => Draft::refused(&command),
                    Some(_) | None => None,
                }
                .ok_or_else(|| Code::CommandUnreadable.into())
            }
        }
    }
}

/// What to go on with.
async fn begin(state: State, source: &Source) -> Result<Begun, Rejection> {
    let kept = state.draft::<Kept>(&source.key()).await?;
    Ok(Begun::with(source.draft(state)?, kept))
}

/// A route to be made or changed.
#[component]
pub fn EditorPage() -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let address = expect_context::<Address>();
    let source = StoredValue::new(Source::at(&address.here()));
    let ready = memo(move |_| state.property.with(Option::is_some));
    let draft = RwSignal::new(Draft::new("".into()));
    let without = RwSignal::new(Draft::new("".into()));
    let left = RwSignal::new(None::<Ms>);
    let begun = RwSignal::new(None::<Result<(), Rejection>>);
    let form =
        Form { state, source, draft, without, left, wrong: RwSignal::new(None), asked: RwSignal::new(None) };
    effect(move || {
        if !ready.get() || begun.with_untracked(Option::is_some) {
            return;
        }
        let source = source.get_value();
        leptos::task::spawn_local(async move {
            match begin(state, &source).await {
                Ok(Begun { draft: typed, without: there, left: at }) => {
                    let _ = draft.try_set(typed);
                    let _ = without.try_set(there);
                    let _ = left.try_set(at);
                    let _ = begun.try_set(Some(Ok(())));
                }
                Err(rejection) => drop(begun.try_set(Some(Err(rejection)))),
            }
        });
    });
    let may =
        memo(move |_| state.property.with(|property| property.as_ref().is_some_and(|one| manages(&one.me))));
    let back = move || address.back("/watch/routes");
    let failed = move |rejection: &Rejection| {
        let why = words::sentence(i18n.get_locale(), rejection, state.property.get().as_deref());
        view! {
            <main class="main">
                <EmptyState glyph=Glyph::Warn title=why />
            </main>
        }
        .into_any()
    };
    let body = move || match begun.get() {
        Some(_) if !may.get() => failed(&Rejection::new(Code::RouteNotAllowed).with("command", "route.save")),
        Some(Ok(())) => view! { <Sheets form=form /> }.into_any(),
        Some(Err(rejection)) => failed(&rejection),
        None => view! {
            <main class="main">
                <Skeleton label=t_string!(i18n, frame.loading) />
            </main>
        }
        .into_any(),
    };
    let new = source.with_value(|source| *source == Source::New);
    let title = if new { t_string!(i18n, rounds.new_route) } else { t_string!(i18n, rounds.edit_route) };
    view! {
        <TopBar title=title back=t_string!(i18n, rounds.back) on_back=back />
        {body}
    }
    .into_any()
}

/// The form.
#[component]
fn Sheets(form: Form) -> impl IntoView {
    let i18n = use_i18n();
    let Form { state, draft, .. } = form;
    keep(form);
    let new = draft.with_untracked(|draft| draft.version == 0);
    let name = Signal::derive(move || draft.with(|draft| draft.name.clone()));
    let kinds = [RouteKind::Patrol, RouteKind::Cleaning, RouteKind::Equipment];
    let locale = i18n.get_locale_untracked();
    let kind_choices: Vec<Choice> =
        kinds.into_iter().map(|kind| Choice::new(kind_code(kind), said::kind(locale, kind))).collect();
    let kind = Signal::derive(move || draft.with(|draft| kind_code(draft.kind).to_owned()));
    let pick_kind = move |code: String| {
        if let Some(kind) = kinds.into_iter().find(|kind| kind_code(*kind) == code) {
            form.change(|draft| draft.kind = kind);
        }
    };
    let orders = vec![
        Choice::new("yes", t_string!(i18n, rounds.ordered)),
        Choice::new("no", t_string!(i18n, rounds.unordered)),
    ];
    let ordered =
        Signal::derive(move || if draft.with(|draft| draft.ordered) { "yes" } else { "no" }.to_owned());
    // What somebody else has made of the route meanwhile.
    let code = memo(move |_| draft.with(|draft| draft.code.clone()));
    let now = memo(move |_| {
        let code = code.get();
        let route = state.changed_routes().into_iter().find(|one| one.route.code == code);
        route.map(|one| (one.route.version, one.route.stamp()))
    });
    let newer = memo(move |_| {
        now.get().filter(|(version, stamp)| draft.with(|draft| !draft.changes(*version, stamp)))
    });
    view! {
        <main class="main" tabindex="-1">
            <Show when=move || form.left.with(Option::is_some)>
                <Left form=form new=new />
            </Show>
            <Show when=move || newer.get().is_some()>
                <Newer form=form newer=newer />
            </Show>
            <Card>
                <Line
                    at=At::Name
                    form=form
                    label=t_string!(i18n, rounds.route_name)
                    value=name
                    on_input=move |text: String| form.change(|draft| draft.name = text)
                />
                <Picks
                    name="route-kind"
                    legend=t_string!(i18n, rounds.route_kind)
                    choices=kind_choices
                    selected=kind
                    on_pick=pick_kind
                />
                <Picks
                    name="route-ordered"
                    legend=t_string!(i18n, rounds.route_order)
                    choices=orders
                    selected=ordered
                    on_pick=move |picked: String| form.change(|draft| draft.ordered = picked == "yes")
                />
            </Card>
            <Walkers form=form />
            <Times form=form />
            <Stops form=form />
            <Show when=move || !new>
                <Button
                    label=t_string!(i18n, rounds.retire)
                    kind=ButtonKind::Danger
                    icon=Glyph::Trash
                    on_click=move || form.asked.set(Some(Asked::Retire))
                />
            </Show>
        </main>
        <Foot form=form />
        <Asking form=form />
    }
    .into_any()
}

const fn kind_code(kind: RouteKind) -> &'static str {
    match kind {
        RouteKind::Patrol => "patrol",
        RouteKind::Cleaning => "cleaning",
        RouteKind::Equipment => "equipment",
    }
}

/// Keeps what is typed with every change, so that a page that was closed opens where it was left.
fn keep(form: Form) {
    let mut before = form.draft.get_untracked();
    effect(move || {
        let draft = form.draft.get();
        if draft == before {
            return;
        }
        before = draft.clone();
        let Some(key) = form.source.try_with_value(Source::key) else { return };
        // What changes nothing is not there to be gone on with.
        let kept = form.without.with_untracked(|without| *without != draft);
        let kept = kept.then(|| Kept { draft, at: form.state.now_ms() });
        leptos::task::spawn_local(async move {
            // What cannot be kept is still on the screen, and saving says what is the matter.
            let _ = match kept {
                Some(kept) => form.state.keep_draft(&key, &kept).await,
                None => form.state.drop_draft(&key, &[]).await,
            };
        });
    });
}

/// What is shown was left unsaved before: since when, and a way to do without it.
#[component]
fn Left(form: Form, new: bool) -> impl IntoView {
    let i18n = use_i18n();
    let minute = minute(form.state);
    let text = move || {
        let property = form.state.property.get()?;
        let when = words::moment(i18n.get_locale(), &property.zone, form.left.get()?, minute.get());
        let text = if new {
            t_string!(i18n, rounds.route_new_continued)
        } else {
            t_string!(i18n, rounds.route_continued)
        };
        Some(said::with(text, &when))
    };
    view! {
        <Banner
            text=TextProp::from(move || text().unwrap_or_default())
            tone=Tone::Warn
            glyph=Glyph::Clock
        >
            <Button
                label=t_string!(i18n, rounds.route_discard)
                kind=ButtonKind::Ghost
                small=true
                on_click=move || form.asked.set(Some(Asked::Discard))
            />
        </Banner>
    }
    .into_any()
}

/// To do without what was typed.
#[component]
fn Discard(form: Form) -> impl IntoView {
    let i18n = use_i18n();
    let discard = move || {
        match form.source.with_value(|source| source.draft(form.state)) {
            Ok(there) => form.anew(&there),
            Err(rejection) => toast(Err(rejection)),
        }
        form.asked.set(None);
    };
    view! {
        <Banner text=t_string!(i18n, rounds.route_discard_text) tone=Tone::Warn glyph=Glyph::Warn />
        <Button label=t_string!(i18n, rounds.route_discard) kind=ButtonKind::Danger on_click=discard />
    }
    .into_any()
}

/// Somebody else has changed the route: to begin anew from that, or to put this in its place.
#[component]
fn Newer(form: Form, newer: Memo<Option<(u32, String)>>) -> impl IntoView {
    let i18n = use_i18n();
    let anew = move || {
        let code = form.draft.with_untracked(|draft| draft.code.clone());
        let route = form.state.changed_routes().into_iter().find(|one| one.route.code == code);
        if let Some(route) = route {
            form.anew(&Draft::of(&route.route));
        }
    };
    let mine = move || {
        if let Some((version, stamp)) = newer.get_untracked() {
            form.change(|draft| (draft.version, draft.from) = (version, Some(stamp)));
        }
    };
    view! {
        <Card tone=Tone::Warn>
            <div role="alert">
                <p>{t_string!(i18n, rounds.route_newer)}</p>
            </div>
            <div class="actions">
                <Button label=t_string!(i18n, rounds.route_anew) kind=ButtonKind::Ghost on_click=anew />
                <Button label=t_string!(i18n, rounds.route_mine) kind=ButtonKind::Ghost on_click=mine />
            </div>
        </Card>
    }
    .into_any()
}

/// One labelled line. Unlike a field of other forms it stands in lists, where its id is made as they are.
#[component]
fn Line(
    form: Form,
    /// The part of the form whose first line it is.
    #[prop(optional_no_strip, into)]
    at: Option<At>,
    #[prop(into)] label: String,
    #[prop(into)] value: Signal<String>,
    #[prop(into)] on_input: Callback<String>,
    /// `"text"` if left out; `"time"`.
    #[prop(default = "text")]
    kind: &'static str,
    /// Which keyboard a phone shows.
    #[prop(optional)]
    mode: Option<&'static str>,
    /// Most characters it takes.
    #[prop(default = 60)]
    max: u32,
) -> impl IntoView {
    let id = at.as_ref().map(At::id);
    let bad = at.map(|at| form.bad(at)).unwrap_or_default();
    let mark = move |name: &'static str| move || bad.get().then_some(name);
    view! {
        <label class="field grow">
            <span class="label">{label}</span>
            <input
                id=id
                class="input"
                type=kind
                inputmode=mode
                maxlength=max
                autocomplete="off"
                aria-invalid=mark("true")
                aria-describedby=mark("route-wrong")
                prop:value=move || value.get()
                on:input=move |event: ev::Event| on_input.run(event_target_value(&event))
            />
        </label>
    }
    .into_any()
}

/// A tile that is on or off: a checkbox.
#[component]
fn Tick(
    #[prop(into)] label: String,
    #[prop(into)] on: Signal<bool>,
    #[prop(into)] on_change: Callback<bool>,
) -> impl IntoView {
    view! {
        <label class="pick" class:on=move || on.get()>
            <input
                type="checkbox"
                prop:checked=move || on.get()
                on:change=move |event: ev::Event| on_change.run(event_target_checked(&event))
            />
            <span>{label}</span>
        </label>
    }
    .into_any()
}

/// The people who were chosen, each to be taken out again, and a way to one more.
#[component]
fn Persons(
    form: Form,
    /// Of which stop; `None` for the route.
    stop: Option<StopCode>,
    #[prop(into)] chosen: Signal<Vec<PersonId>>,
    on_drop: Callback<PersonId>,
) -> impl IntoView {
    let i18n = use_i18n();
    let row = move |person: PersonId| {
        let name = form.state.property.with_untracked(|property| {
            property.as_ref().map(|property| property.name(person)).unwrap_or_default()
        });
        let take_out = said::with(t_string!(i18n, rounds.take_out), &name);
        view! {
            <button
                type="button"
                class="pick"
                aria-label=take_out
                on:click=move |_| on_drop.run(person)
            >
                <span>{name}</span>
                <Icon glyph=Glyph::X size="little" />
            </button>
        }
        .into_any()
    };
    view! {
        <div class="row tight wrap">
            <For each=move || chosen.get() key=|person| *person let(person)>
                {row(person)}
            </For>
            <Button
                label=t_string!(i18n, rounds.add_person)
                kind=ButtonKind::Ghost
                small=true
                icon=Glyph::User
                on_click=move || form.asked.set(Some(Asked::Person(stop.clone())))
            />
        </div>
    }
    .into_any()
}

/// Who walks it.
#[component]
fn Walkers(form: Form) -> impl IntoView {
    let i18n = use_i18n();
    let draft = form.draft;
    let by = memo(move |_| draft.with(|draft| draft.by));
    let word = move |by: By| match by {
        By::Roles => ("roles", t_string!(i18n, rounds.by_roles)),
        By::Persons => ("persons", t_string!(i18n, rounds.by_persons)),
        By::Area => ("area", t_string!(i18n, rounds.by_area)),
    };
    let choices: Vec<Choice> = By::ALL.map(|by| Choice::new(word(by).0, word(by).1)).into();
    let pick = move |code: String| {
        if let Some(by) = By::ALL.into_iter().find(|by| word(*by).0 == code) {
            form.change(|draft| draft.by = by);
        }
    };
    let bad = form.bad(At::Who);
    let toggle = |set: &mut BTreeSet<Role>, role: Role, on: bool| {
        if on {
            set.insert(role)
        } else {
            set.remove(&role)
        };
    };
    let inside = move || match by.get() {
        By::Roles => {
            let tick = |role: Role| {
                view! {
                    <Tick
                        label=words::role(i18n.get_locale_untracked(), role)
                        on=Signal::derive(move || draft.with(|draft| draft.roles.contains(&role)))
                        on_change=move |on| form.change(|draft| toggle(&mut draft.roles, role, on))
                    />
                }
                .into_any()
            };
            view! { <div class="picks-row">{WALKERS.map(tick)}</div> }.into_any()
        }
        By::Persons => view! {
            <Persons
                form=form
                stop=None
                chosen=Signal::derive(move || draft.with(|draft| draft.persons.iter().copied().collect()))
                on_drop=Callback::new(move |person| {
                    form.change(|draft| {
                        draft.persons.remove(&person);
                    });
                })
            />
        }
        .into_any(),
        By::Area => {
            let choices: Vec<Choice> = WALKERS
                .map(|role| Choice::new(role.as_str(), words::role(i18n.get_locale_untracked(), role)))
                .into();
            view! {
                <Picks
                    name="route-area"
                    legend=t_string!(i18n, rounds.area_role)
                    choices=choices
                    selected=Signal::derive(move || draft.with(|draft| draft.area.as_str().to_owned()))
                    on_pick=move |code: String| {
                        if let Some(role) = WALKERS.into_iter().find(|role| role.as_str() == code) {
                            form.change(|draft| draft.area = role);
                        }
                    }
                />
            }
            .into_any()
        }
    };
    view! {
        <div class="card col" id=At::Who.id() tabindex="-1" class:urgent-edge=move || bad.get()>
            <Picks
                name="route-by"
                legend=t_string!(i18n, rounds.route_who)
                choices=choices
                selected=Signal::derive(move || word(by.get()).0.to_owned())
                on_pick=pick
            />
            {inside}
        </div>
    }
    .into_any()
}

/// When it is walked.
#[component]
fn Times(form: Form) -> impl IntoView {
    let i18n = use_i18n();
    let draft = form.draft;
    let value =
        move |of: fn(&Draft) -> &String| Signal::derive(move || draft.with(|draft| of(draft).clone()));
    let locale = i18n.get_locale_untracked();
    let day = move |day: Weekday| {
        view! {
            <Tick
                label=said::weekday(locale, day)
                on=Signal::derive(move || draft.with(|draft| draft.weekdays.contains(&day)))
                on_change=move |on| {
                    form.change(|draft| {
                        if on { draft.weekdays.insert(day) } else { draft.weekdays.remove(&day) };
                    });
                }
            />
        }
        .into_any()
    };
    let overnight = memo(move |_| draft.with(|draft| draft.plan().is_ok_and(|plan| plan.last >= 1_440)));
    let bad_days = form.bad(At::Weekdays);
    view! {
        <Card>
            <h2>{t_string!(i18n, rounds.route_times)}</h2>
            <div class="pairs">
                <Line
                    at=At::Start
                    form=form
                    label=t_string!(i18n, rounds.route_start)
                    kind="time"
                    value=value(|draft| &draft.start)
                    on_input=move |text: String| form.change(|draft| draft.start = text)
                />
                <Line
                    at=At::Last
                    form=form
                    label=t_string!(i18n, rounds.route_last)
                    kind="time"
                    value=value(|draft| &draft.last)
                    on_input=move |text: String| form.change(|draft| draft.last = text)
                />
                <Line
                    at=At::Every
                    form=form
                    label=t_string!(i18n, rounds.route_every)
                    mode="numeric"
                    value=value(|draft| &draft.every)
                    on_input=move |text: String| form.change(|draft| draft.every = text)
                />
                <Line
                    at=At::Window
                    form=form
                    label=t_string!(i18n, rounds.route_window)
                    mode="numeric"
                    value=value(|draft| &draft.window)
                    on_input=move |text: String| form.change(|draft| draft.window = text)
                />
            </div>
            <Show when=move || overnight.get()>
                <p class="hint">{t_string!(i18n, rounds.overnight)}</p>
            </Show>
            <fieldset
                class="picks"
                id=At::Weekdays.id()
                tabindex="-1"
                class:urgent-edge=move || bad_days.get()
            >
                <legend>{t_string!(i18n, rounds.route_days)}</legend>
                <div class="picks-row">{Weekday::ALL.map(day)}</div>
            </fieldset>
        </Card>
    }
    .into_any()
}

/// What is wrong, from when it takes effect, and saving it.
#[component]
fn Foot(form: Form) -> impl IntoView {
    let i18n = use_i18n();
    let address = expect_context::<Address>();
    let Form { state, draft, wrong, .. } = form;
    let minute = minute(state);
    let busy = RwSignal::new(false);
    let effective = move || {
        let property = state.property.get()?;
        let (locale, now) = (i18n.get_locale(), minute.get());
        let next = draft.with(|draft| draft.first_round(now, &property.zone));
        Some(match next {
            Some(slot) => {
                let when = words::moment(locale, &property.zone, slot.from, now);
                said::with(td_string!(locale, rounds.takes_effect), &when)
            }
            None => td_string!(locale, rounds.no_next_round).to_owned(),
        })
    };
    let sentence = move || {
        let Wrong { mut rejection, .. } = wrong.get()?;
        let property = state.property.get();
        // People know a stop by its place, and the route's name as such.
        let place = rejection.fields.get("stop").and_then(|code| {
            let stop =
                draft.with(|draft| draft.stops.iter().find(|stop| stop.code.as_str() == code).cloned());
            Some(words::spot(property.as_deref()?, stop?.place.as_ref()?))
        });
        if let Some(place) = place {
            rejection = rejection.with("stop", place);
        }
        if rejection.fields.get("field").is_some_and(|field| field == "name") {
            rejection = rejection.with("field", "route_name");
        }
        let text = words::sentence(i18n.get_locale(), &rejection, property.as_deref());
        Some(view! {
            <p class="error" id="route-wrong">
                <Icon glyph=Glyph::Warn />
                <span>{text}</span>
            </p>
        })
    };
    let save = move || {
        let Some(property) = state.property.get_untracked() else { return };
        let command = draft.with_untracked(|draft| draft.command(&property.places, &property.people));
        let done = t_string!(i18n, rounds.route_saved).to_owned();
        busy.set(true);
        spawn_local_scoped(async move {
            let saved = match command {
                Ok(command) => form.save(&command).await.map_err(Wrong::from),
                Err(wrong) => Err(wrong),
            };
            let _ = busy.try_set(false);
            match saved {
                Ok(()) => {
                    toast(Ok(done));
                    address.instead("/watch/routes");
                }
                Err(said) => {
                    let at = said.at.as_ref().map(At::id);
                    let _ = wrong.try_set(Some(said));
                    if let Some(at) = at {
                        device::focus(&at);
                    }
                }
            }
        });
    };
    view! {
        <div class="foot wrap">
            <div class="col tighter grow-2">
                <div role="alert">{sentence}</div>
                <p class="s" role="status">
                    {effective}
                </p>
            </div>
            <Button label=t_string!(i18n, rounds.save_route) busy=busy on_click=save />
        </div>
    }
    .into_any()
}

/// The sheet in which everything is asked.
#[component]
fn Asking(form: Form) -> impl IntoView {
    let i18n = use_i18n();
    let Form { draft, asked, .. } = form;
    let title = move || match asked.get() {
        Some(Asked::Place(_)) | None => t_string!(i18n, rounds.choose_place),
        Some(Asked::Person(_)) => t_string!(i18n, rounds.add_person),
        Some(Asked::Retire) => t_string!(i18n, rounds.retire),
        Some(Asked::Discard) => t_string!(i18n, rounds.route_discard),
    };
    let inside = move || match asked.get() {
        Some(Asked::Place(stop)) => {
            let of = stop.clone();
            let selected = Signal::derive(move || {
                let of = of.as_ref()?;
                draft.with(|draft| draft.stops.iter().find(|one| one.code == *of)?.place.clone())
            });
            let pick = move |place: PlaceCode| place_stop(form, stop.as_ref(), place);
            let recent = Signal::derive(Vec::new);
            view! { <PlacePicker recent=recent selected=selected on_pick=pick /> }.into_any()
        }
        Some(Asked::Person(stop)) => {
            let pick = move |person: PersonId| {
                form.change(|draft| match &stop {
                    None => drop(draft.persons.insert(person)),
                    Some(stop) => {
                        if let Some(stop) = draft.stop(stop) {
                            stop.persons.insert(person);
                        }
                    }
                });
                asked.set(None);
            };
            view! { <PersonPicker without=None selected=Signal::derive(|| None::<PersonId>) on_pick=pick /> }
                .into_any()
        }
        Some(Asked::Retire) => view! { <Retire form=form /> }.into_any(),
        Some(Asked::Discard) => view! { <Discard form=form /> }.into_any(),
        None => ().into_any(),
    };
    view! {
        <Sheet
            id="route-asks"
            title=title
            close=t_string!(i18n, frame.close)
            open=Signal::derive(move || asked.with(Option::is_some))
            on_close=move || asked.set(None)
        >
            {inside}
        </Sheet>
    }
    .into_any()
}

/// Puts a stop somewhere; a new one at the end of the list.
fn place_stop(form: Form, stop: Option<&StopCode>, place: PlaceCode) {
    match stop {
        Some(stop) => form.change(|draft| {
            if let Some(stop) = draft.stop(stop) {
                stop.place = Some(place);
            }
        }),
        None => match fresh("S") {
            Ok(code) => form.change(|draft| draft.stops.push(StopDraft::new(StopCode(code), place))),
            Err(rejection) => toast(Err(rejection)),
        },
    }
    form.asked.set(None);
}

/// To walk it no more.
#[component]
fn Retire(form: Form) -> impl IntoView {
    let i18n = use_i18n();
    let address = expect_context::<Address>();
    let busy = RwSignal::new(false);
    let retire = move || {
        let code = form.draft.with_untracked(|draft| draft.code.clone());
        let done = t_string!(i18n, rounds.retired).to_owned();
        busy.set(true);
        spawn_local_scoped(async move {
            let saved = form.save(&RouteCommand::Retire { code }).await;
            let _ = busy.try_set(false);
            if saved.is_ok() {
                address.instead("/watch/routes");
            }
            toast(saved.map(|()| done));
        });
    };
    view! {
        <Banner text=t_string!(i18n, rounds.retire_text) tone=Tone::Warn glyph=Glyph::Warn />
        <Button
            label=t_string!(i18n, rounds.retire)
            kind=ButtonKind::Danger
            busy=busy
            on_click=retire
        />
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_address_says_what_is_edited_and_each_has_a_draft_of_its_own() {
        let refused = CommandId(Uuid::from_u128(7));
        let sources = [
            ("/watch/route".to_owned(), Source::New),
            ("/watch/route?code=R%2D1".to_owned(), Source::Route("R-1".into())),
            (format!("/watch/route?mend={refused}"), Source::Refused(refused)),
            ("/watch/route?mend=0190".to_owned(), Source::New),
        ];
        for (address, source) in &sources {
            assert_eq!(Source::at(address), *source, "{address}");
        }
        let keys: BTreeSet<String> = sources[..3].iter().map(|(_, source)| source.key()).collect();
        assert_eq!(keys.len(), 3);
    }
}
