//! Reporting a problem: photos first, then what and where; everything is on the device before it is sent, and sending
//! waits for no network.

mod form;
mod paper;

use ::device::Album;
use leptos::{
    ev, html,
    prelude::*,
    reactive::{spawn_local_scoped, spawn_local_scoped_with_cancellation},
};
use shared::{
    Code, Rejection,
    case::{
        CaseCommand,
        command::{Customer, NAME_MAX, Origin, PHOTOS_MAX, TEXT_MAX, Urgency},
    },
    ids::{CategoryCode, CommandId, PersonId, PlaceCode},
    site::{CaseKind, Category},
};

use self::{
    form::{Fault, Spot},
    paper::{Kept, Paper},
};
use crate::{
    address::Address,
    components::{
        LittleRoom, PersonPicker, PlacePicker, TakenPhotos,
        actions::{Usual, work::fixes},
        asked, children, text_of, toast,
    },
    i18n::*,
    platform::{clock, device, events, ids, photo},
    reactive::{Memo, RwSignal, Signal, effect, memo},
    state::{REPORT_DRAFT, ReportDraft, State, report_key},
    ui::{
        Banner, Button, ButtonKind, Card, Choice, EmptyState, Field, FieldKind, Glyph, Icon, IconButton,
        PhotoAdd, Picks, PicksLayout, Sheet, Show, Skeleton, Tone, TopBar, view,
    },
    words,
};

/// How often to look whether the home page has kept its photos.
const WAIT_MS: u32 = 100;

/// Reporting a problem.
#[component]
pub fn Report(
    /// The refused command that this report takes the place of.
    mend: Option<CommandId>,
    /// The stop of a round from which somebody came.
    from: Option<Origin>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let key = match (mend, &from) {
        (Some(id), _) => format!("mend-{id}"),
        (None, Some(from)) => report_key(from),
        (None, None) => REPORT_DRAFT.to_owned(),
    };
    let paper = RwSignal::new(None::<Result<Paper, Rejection>>);
    let elsewhere = RwSignal::new(false);
    let owner = Owner::current();
    let wanted = move || {
        let written = match paper.try_get_untracked() {
            Some(Some(Ok(written))) => written,
            Some(Some(Err(_))) => return false,
            // It is being read, or what was written on a page that has been left is being kept.
            Some(None) | None => return true,
        };
        leptos::task::spawn_local(async move {
            if written.hand_over().await {
                let _ = elsewhere.try_set(true);
                let _ = paper.try_set(None);
            }
        });
        written.is_busy()
    };
    let open = Callback::new(move |()| {
        let (key, from, papers) = (key.clone(), from.clone(), owner.clone());
        elsewhere.set(false);
        let opening = async move {
            while state.taking.get_untracked() {
                clock::sleep(WAIT_MS).await;
            }
            let hold = state.hold(key.clone(), wanted).await;
            let draft = begin(state, &key, mend, from).await;
            // The paper's signals belong to the page, which may have been left meanwhile.
            let Some(papers) = papers.filter(|_| !paper.is_disposed()) else { return };
            let begun = draft.map(|draft| papers.with(|| Paper::new(state, key, draft, hold)));
            paper.set(Some(begun));
        };
        // Whoever leaves the page asks for it no longer.
        if let Some(owner) = &owner {
            owner.with(|| spawn_local_scoped_with_cancellation(opening));
        }
    });
    open.run(());
    move || match paper.get() {
        None if elsewhere.get() => view! {
            <Bar paper=None />
            <main class="main">
                <EmptyState
                    glyph=Glyph::List
                    title=t_string!(i18n, field.elsewhere)
                    text=TextProp::from(move || t_string!(i18n, field.elsewhere_text))
                >
                    <Button label=t_string!(i18n, field.write_here) on_click=open />
                </EmptyState>
            </main>
        }
        .into_any(),
        None => view! {
            <Bar paper=None />
            <main class="main">
                <Skeleton label=t_string!(i18n, frame.loading) />
            </main>
        }
        .into_any(),
        Some(Err(rejection)) => view! {
            <Bar paper=None />
            <main class="main">
                <EmptyState
                    glyph=Glyph::Warn
                    title=move || words::sentence(i18n.get_locale(), &rejection, None)
                />
            </main>
        }
        .into_any(),
        Some(Ok(paper)) => view! { <Sheets paper=paper mend=mend /> }.into_any(),
    }
}

/// The draft to go on with: the one that is kept, else what the refused command asked, else an empty one, of the stop from
/// which somebody came.
async fn begin(
    state: State,
    key: &str,
    mend: Option<CommandId>,
    from: Option<Origin>,
) -> Result<ReportDraft, Rejection> {
    if let Some(draft) = state.draft::<ReportDraft>(key).await? {
        return Ok(draft);
    }
    let Some(id) = mend else {
        let mut draft = ReportDraft::new()?;
        let Some(from) = from else { return Ok(draft) };
        let walk = state.walk(from.round, state.now_ms()).ok_or(Code::RoundNotThere)?;
        let stop = walk.round.find(&from.stop).ok_or(Code::RoundNotThere)?;
        draft.place = Some(stop.place.clone());
        // What was photographed at the stop shows the problem, too. A photo that does not come stays with the round, to which
        // the case leads.
        let shown = walk.round.at(&from.stop).flat_map(|event| event.change.photos());
        draft.from = Some(from.clone());
        for photo in shown.take(PHOTOS_MAX) {
            let mut with = draft.clone();
            let add = move |copy| {
                with.photos.push(copy);
                with
            };
            // Nobody waits for one after the other: where one does not come, the rest are not asked for.
            let Ok(copy) = state.copy_photo(key, Album::Round(from.round), photo, add).await else { break };
            draft.photos.push(copy);
        }
        return Ok(draft);
    };
    let here = state.refused_command(id);
    // A report that was refused on another device is known by the server's copy; its photos are not here.
    let photos_here = here.is_some();
    let refused = here.or_else(|| asked(&text_of(state, id)?));
    let Some(CaseCommand::Report(report)) = refused else { return Err(Code::CommandUnreadable.into()) };
    let photos = if photos_here { report.photos.clone() } else { Vec::new() };
    let case = shared::ids::CaseId(ids::new_id().map_err(|_| Code::DeviceCrypto)?);
    Ok(form::draft(case, report, photos, form::fixed_with(&refused_with(state, id))))
}

/// What was refused because this report was: it goes with the mended one.
fn refused_with(state: State, report: CommandId) -> Vec<CaseCommand> {
    let commands = children(state, report).into_iter();
    commands
        .filter_map(|id| {
            let command = asked(&text_of(state, id)?)?;
            Some(if state.refused_command(id).is_some() { command } else { form::without_photos(command) })
        })
        .collect()
}

/// The bar: the way back keeps everything; the bin asks first.
#[component]
fn Bar(#[prop(optional_no_strip)] paper: Option<Paper>) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let address = expect_context::<Address>();
    let home = move || {
        let from = paper.and_then(|paper| paper.draft.with_untracked(|draft| draft.from.clone()));
        address.back(&from.map_or_else(|| "/".to_owned(), |from| format!("/rounds/{}", from.round)));
    };
    let asking = RwSignal::new(false);
    let discard = move || {
        let Some(paper) = paper else { return };
        if paper.adding.get_untracked() || !paper.close() {
            return;
        }
        let (key, photos) = (paper.key(), paper.draft.with_untracked(|draft| draft.photos.clone()));
        spawn_local_scoped(async move {
            match state.drop_draft(&key, &photos).await {
                Ok(()) => home(),
                Err(rejection) => {
                    paper.reopen();
                    toast(Err(rejection));
                }
            }
        });
    };
    let note = paper.map(|paper| {
        let text = move || match paper.kept.get() {
            Kept::Yes => t_string!(i18n, field.kept),
            Kept::Not => t_string!(i18n, field.keeping),
            Kept::Failed(_) => t_string!(i18n, field.not_kept),
        };
        let class = move || match paper.kept.get() {
            Kept::Failed(_) => "xs t-urgent",
            Kept::Yes | Kept::Not => "xs",
        };
        view! {
            <span class=class role="status">
                {text}
            </span>
            <IconButton
                glyph=Glyph::Trash
                label=t_string!(i18n, field.discard)
                disabled=paper.adding
                on_click=move || asking.set(true)
            />
            <Sheet
                id="discard"
                title=t_string!(i18n, field.discard_title)
                close=t_string!(i18n, frame.close)
                open=asking
                on_close=move || asking.set(false)
            >
                <p>{t_string!(i18n, field.discard_text)}</p>
                <div class="actions">
                    <Button
                        label=t_string!(i18n, field.keep_writing)
                        kind=ButtonKind::Ghost
                        on_click=move || asking.set(false)
                    />
                    <Button
                        label=t_string!(i18n, field.discard)
                        kind=ButtonKind::Danger
                        on_click=discard
                    />
                </div>
            </Sheet>
        }
    });
    view! {
        <TopBar
            title=t_string!(i18n, field.report_title)
            back=t_string!(i18n, field.back)
            on_back=home
        >
            {note}
        </TopBar>
    }
    .into_any()
}

/// Where each part of the page is, to lead a person to what a message is about.
#[derive(Clone, Copy)]
struct Spots([NodeRef<html::Div>; Spot::ALL.len()]);

impl Spots {
    fn new() -> Self {
        Spots(Spot::ALL.map(|_| NodeRef::new()))
    }

    fn at(self, spot: Spot) -> NodeRef<html::Div> {
        self.0[spot as usize]
    }

    fn show(self, spot: Spot) {
        if let Some(part) = self.at(spot).get_untracked() {
            part.scroll_into_view();
            // The message below is read out by itself; the focus only has to be near it.
            let _ = part.focus();
        }
    }
}

/// What the parts of the page share.
#[derive(Clone, Copy)]
struct Page {
    state: State,
    paper: Paper,
    fault: RwSignal<Option<Fault>>,
    category: Memo<Option<Category>>,
}

impl Page {
    /// What is wrong with a part, in words.
    fn error(self, spot: Spot) -> Signal<Option<String>> {
        let i18n = use_i18n();
        Signal::derive(move || {
            let fault = self.fault.get().filter(|fault| fault.spot() == spot)?;
            Some(match fault {
                Fault::Missing(Spot::Category) => t_string!(i18n, field.need_category).to_owned(),
                Fault::Missing(_) => t_string!(i18n, field.need_place).to_owned(),
                Fault::Refused(rejection) if spot == Spot::Urgency => match rejection.code {
                    Code::CaseFieldMissing => t_string!(i18n, field.need_reason).to_owned(),
                    _ => self.sentence(i18n, &rejection),
                },
                Fault::Refused(rejection) => self.sentence(i18n, &rejection),
            })
        })
    }

    fn sentence(self, i18n: I18n, rejection: &Rejection) -> String {
        let property = self.state.property.get();
        words::sentence(i18n.get_locale(), rejection, property.as_deref())
    }

    /// Writes on the paper; what was wrong with this part may be right now.
    fn write(self, spot: Spot, change: impl FnOnce(&mut ReportDraft)) {
        self.paper.write(change);
        if self.fault.with_untracked(|fault| fault.as_ref().is_some_and(|fault| fault.spot() == spot)) {
            self.fault.set(None);
        }
    }

    fn complaint(self) -> bool {
        self.category
            .with(|category| category.as_ref().is_some_and(|category| category.kind == CaseKind::Complaint))
    }
}

/// The page once there is a draft.
#[component]
fn Sheets(paper: Paper, mend: Option<CommandId>) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let category = memo(move |_| {
        let code = paper.draft.with(|draft| draft.category.clone())?;
        state.property.with(|property| property.as_ref()?.site.category(&code).cloned())
    });
    let page = Page { state, paper, fault: RwSignal::new(None), category };
    // Nothing would be lost, but nobody is to be asked about an update over a report.
    state.unkept.hold(move || !paper.draft.with(ReportDraft::is_empty));
    let spots = Spots::new();
    effect(move || {
        if let Some(spot) = page.fault.with(|fault| fault.as_ref().map(Fault::spot)) {
            spots.show(spot);
        }
    });
    on_cleanup(move || paper.keep_on_the_way_out());
    // Some phones end a hidden page without a word.
    let leaving = events::on_page_hide(move || paper.keep_on_the_way_out()).ok();
    let _leaving = StoredValue::new_local(leaving);

    let known = memo(move |_| state.property.with(Option::is_some));
    let fixing = RwSignal::new(false);
    let busy = RwSignal::new(false);
    let address = expect_context::<Address>();
    let send = move |fixed: Option<String>| {
        if busy.get_untracked() || paper.adding.get_untracked() {
            return;
        }
        let draft = paper.draft.get_untracked();
        let report = match form::report(&draft) {
            Ok(report) => report,
            Err(spot) => {
                fixing.set(false);
                page.fault.set(Some(Fault::Missing(spot)));
                return;
            }
        };
        if !paper.close() {
            return;
        }
        busy.set(true);
        let saved = t_string!(i18n, rounds.saved).to_owned();
        spawn_local_scoped(async move {
            let with: Vec<CommandId> = mend.map(|id| children(state, id)).unwrap_or_default();
            let settles: Vec<CommandId> = mend.into_iter().chain(with).collect();
            let refused = mend.map(|id| refused_with(state, id)).unwrap_or_default();
            let then = form::then(fixed, refused);
            match state.report(draft.case, report, then, &paper.key(), &settles).await {
                Ok(()) => {
                    device::vibrate(30);
                    match &draft.from {
                        // Whoever is on a round goes on.
                        Some(from) => {
                            toast(Ok(saved));
                            address.back(&format!("/rounds/{}", from.round));
                        }
                        None => address.instead(&format!("/cases/{}", draft.case)),
                    }
                }
                Err(rejection) => {
                    paper.reopen();
                    let _ = busy.try_set(false);
                    let fault = Fault::Refused(rejection);
                    if fault.spot() != Spot::Result {
                        let _ = fixing.try_set(false);
                    }
                    let _ = page.fault.try_set(Some(fault));
                }
            }
        });
    };
    let may_fix = memo(move |_| {
        category.with(|category| paper.draft.with(|draft| form::may_fix(draft, category.as_ref())))
    });
    let has_urgency = memo(move |_| category.with(Option::is_some) && !page.complaint());
    let whole = page.error(Spot::Whole);
    let troubled =
        memo(move |_| whole.with(Option::is_some) || paper.kept.with(|kept| matches!(kept, Kept::Failed(_))));
    let unsafe_note = move || match paper.kept.get() {
        Kept::Failed(rejection) => Some(page.sentence(i18n, &rejection)),
        Kept::Not | Kept::Yes => None,
    };
    let with =
        StoredValue::new(mend.map(|id| form::then(None, refused_with(state, id)).len()).unwrap_or_default());
    let with_text =
        move || t_string!(i18n, field.mend_children).replace("{count}", &with.get_value().to_string());
    view! {
        <Bar paper=Some(paper) />
        <main class="main">
            <LittleRoom />
            <Show when=move || { with.get_value() > 0 }>
                <Banner text=with_text tone=Tone::Info glyph=Glyph::Shield />
            </Show>
            <div node_ref=spots.at(Spot::Whole) tabindex="-1" role="alert" hidden=move || !troubled.get()>
                {move || {
                    whole
                        .get()
                        .or_else(unsafe_note)
                        .map(|text| view! { <Banner text=text tone=Tone::Urgent glyph=Glyph::Warn /> })
                }}
            </div>
            <div class="col" node_ref=spots.at(Spot::Photos) tabindex="-1">
                <Photos page=page />
            </div>
            <Show
                when=move || known.get()
                fallback=move || {
                    view! {
                        <Banner
                            text=t_string!(i18n, field.no_property_text)
                            tone=Tone::Warn
                            glyph=Glyph::CloudOff
                        />
                    }
                }
            >
                <div node_ref=spots.at(Spot::Category) tabindex="-1">
                    <What page=page />
                </div>
                <div node_ref=spots.at(Spot::Place) tabindex="-1">
                    <Where page=page />
                </div>
            </Show>
            <div node_ref=spots.at(Spot::Text) tabindex="-1">
                <Field
                    id="report-text"
                    label=t_string!(i18n, field.text)
                    value=Signal::derive(move || paper.draft.with(|draft| draft.text.clone()))
                    on_input=move |text: String| page.write(Spot::Text, |draft| draft.text = text)
                    kind=FieldKind::Area
                    placeholder=t_string!(i18n, field.text_hint)
                    error=page.error(Spot::Text)
                    max=limit(TEXT_MAX)
                />
            </div>
            <div class="col" node_ref=spots.at(Spot::Customer) tabindex="-1">
                <Whose page=page />
            </div>
            <Show when=move || known.get()>
                <div node_ref=spots.at(Spot::Urgency) tabindex="-1" hidden=move || !has_urgency.get()>
                    <HowUrgent page=page />
                </div>
                <div class="col" node_ref=spots.at(Spot::Person) tabindex="-1">
                    <Who page=page />
                </div>
            </Show>
            <div node_ref=spots.at(Spot::Since) tabindex="-1">
                <Field
                    id="report-since"
                    label=t_string!(i18n, field.since)
                    value=Signal::derive(move || paper.draft.with(|draft| draft.since.clone()))
                    on_input=move |text: String| page.write(Spot::Since, |draft| draft.since = text)
                    placeholder=t_string!(i18n, field.since_hint)
                    error=page.error(Spot::Since)
                    max=limit(TEXT_MAX)
                />
            </div>
        </main>
        <div class="foot">
            <Show when=move || may_fix.get()>
                <Button
                    label=t_string!(i18n, field.fixed)
                    kind=ButtonKind::Ghost
                    disabled=Signal::derive(move || busy.get() || paper.adding.get() || !known.get())
                    on_click=move || fixing.set(true)
                />
            </Show>
            <Button
                label=t_string!(i18n, field.send)
                class="grow-2"
                busy=busy
                disabled=Signal::derive(move || paper.adding.get() || !known.get())
                on_click=move || send(None)
            />
        </div>
        <Sheet
            id="fixed"
            title=t_string!(i18n, field.fixed_title)
            close=t_string!(i18n, frame.close)
            open=fixing
            on_close=move || fixing.set(false)
        >
            <div class="col" node_ref=spots.at(Spot::Result) tabindex="-1">
                <p class="s">{t_string!(i18n, field.fixed_text)}</p>
                <Usual
                    answers=move || fixes(i18n)
                    text=Signal::derive(move || {
                        paper.draft.with(|draft| draft.fixed.clone().unwrap_or_default())
                    })
                    on_text=move |text: String| {
                        page.write(Spot::Result, |draft| draft.fixed = Some(text));
                    }
                />
                <Field
                    id="report-fixed"
                    label=t_string!(i18n, field.result)
                    value=Signal::derive(move || {
                        paper.draft.with(|draft| draft.fixed.clone().unwrap_or_default())
                    })
                    on_input=move |text: String| {
                        page.write(Spot::Result, |draft| draft.fixed = Some(text));
                    }
                    kind=FieldKind::Area
                    placeholder=t_string!(i18n, field.result_hint)
                    error=page.error(Spot::Result)
                    max=limit(TEXT_MAX)
                    required=true
                />
                <div class="form-foot">
                    <Button
                        label=t_string!(i18n, field.fixed_send)
                        busy=busy
                        disabled=paper.adding
                        on_click=move || {
                            let result = paper.draft.with_untracked(|draft| draft.fixed.clone()).unwrap_or_default();
                            if result.trim().is_empty() {
                                let missing = Rejection::new(Code::CaseFieldMissing).with("field", "result");
                                page.fault.set(Some(Fault::Refused(missing)));
                            } else {
                                send(Some(result.trim().to_owned()));
                            }
                        }
                    />
                </div>
            </div>
        </Sheet>
    }
    .into_any()
}

fn limit(max: usize) -> u32 {
    // The rules' limits are a few thousand at most.
    u32::try_from(max).unwrap_or(u32::MAX)
}

/// The photos taken so far, and the ways to take more.
#[component]
fn Photos(page: Page) -> impl IntoView {
    let paper = page.paper;
    let i18n = use_i18n();
    let case = paper.draft.with_untracked(|draft| draft.case);
    let photos = memo(move |_| paper.draft.with(|draft| draft.photos.clone()));
    let busy = paper.adding;
    let add = move |event: ev::Event| {
        let room = PHOTOS_MAX.saturating_sub(photos.with_untracked(Vec::len));
        let mut chosen = photo::chosen(&event);
        if chosen.is_empty() || busy.get_untracked() {
            return;
        }
        let too_many = chosen.len() > room;
        chosen.truncate(room);
        page.fault.set(None);
        leptos::task::spawn_local(async move {
            let refused = match paper.add(chosen).await {
                Err(rejection) => Some(rejection),
                Ok(()) if too_many => Some(Rejection::new(Code::CaseTooManyPhotos).with("max", PHOTOS_MAX)),
                Ok(()) => None,
            };
            if let Some(rejection) = refused {
                let _ = page.fault.try_set(Some(Fault::Refused(rejection)));
            }
        });
    };
    let error = page.error(Spot::Photos);
    view! {
        <TakenPhotos
            photos=photos
            of=case
            saving=busy
            on_remove=move |photo| paper.remove(photo)
        >
            <Show when=move || photos.with(Vec::len) < PHOTOS_MAX>
                <PhotoAdd
                    label=move || {
                        if photos.with(Vec::is_empty) {
                            t_string!(i18n, field.take_photo)
                        } else {
                            t_string!(i18n, field.take_another)
                        }
                    }
                    camera=true
                    on_files=Callback::new(add)
                />
                <PhotoAdd label=t_string!(i18n, field.from_gallery) on_files=Callback::new(add) />
            </Show>
        </TakenPhotos>
        <ErrorLine error=error />
    }
    .into_any()
}

/// What is wrong with a part that is no text field.
#[component]
fn ErrorLine(error: Signal<Option<String>>) -> impl IntoView {
    let line = move || {
        error.get().map(|text| {
            view! {
                <p class="error">
                    <Icon glyph=Glyph::Warn />
                    <span>{text}</span>
                </p>
            }
        })
    };
    // An empty line takes no room of its own.
    view! {
        <div role="alert" hidden=move || error.with(Option::is_none)>
            {line}
        </div>
    }
    .into_any()
}

/// What kind of problem.
#[component]
fn What(page: Page) -> impl IntoView {
    let (state, paper) = (page.state, page.paper);
    let i18n = use_i18n();
    // The order is that of the opening: tiles that change places under a thumb are worse than a stale order.
    let ranked = state.property.with_untracked(|property| {
        let property = property.as_ref()?;
        let cases = state.cases.get_untracked();
        Some(form::ranked(&property.site.categories, cases.values(), property.me.id))
    });
    let ranked = StoredValue::new(ranked.unwrap_or_default());
    let all = RwSignal::new(false);
    let total = ranked.with_value(Vec::len);
    let selected = memo(move |_| paper.draft.with(|draft| draft.category.clone()));
    let choices = Signal::derive(move || {
        let locale = i18n.get_locale();
        let selected = selected.get();
        state.property.with(|property| {
            let Some(property) = property else { return Vec::new() };
            ranked.with_value(|ranked| {
                ranked
                    .iter()
                    .enumerate()
                    .filter(|(at, code)| {
                        all.get() || *at < form::CATEGORIES || Some(*code) == selected.as_ref()
                    })
                    .filter_map(|(_, code)| property.site.category(code))
                    .map(|category| {
                        Choice::new(category.code.to_string(), words::category(locale, category).to_owned())
                            .icon(form::glyph(&category.code))
                    })
                    .collect::<Vec<_>>()
            })
        })
    });
    let pick = move |code: String| {
        let category = state
            .property
            .with_untracked(|property| property.as_ref()?.site.category(&CategoryCode(code)).cloned());
        if let Some(category) = category {
            page.write(Spot::Category, |draft| form::choose(draft, &category));
        }
    };
    view! {
        <div class="col tighter">
            <Picks
                name="category"
                legend=t_string!(i18n, field.what)
                choices=choices
                selected=Signal::derive(move || {
                    selected.get().map(|code| code.to_string()).unwrap_or_default()
                })
                on_pick=pick
            />
            <Show when=move || !all.get() && form::CATEGORIES < total>
                <button type="button" class="link" on:click=move |_| all.set(true)>
                    <Icon glyph=Glyph::Dots />
                    {t_string!(i18n, field.more_categories)}
                </button>
            </Show>
            <ErrorLine error=page.error(Spot::Category) />
        </div>
    }
    .into_any()
}

/// Where: the places of the latest reports as tiles, all others in a sheet.
#[component]
fn Where(page: Page) -> impl IntoView {
    let (state, paper) = (page.state, page.paper);
    let i18n = use_i18n();
    let open = RwSignal::new(false);
    let recent = state.property.with_untracked(|property| {
        let property = property.as_ref()?;
        let cases = state.cases.get_untracked();
        let mut recent = form::recent(cases.values(), property.me.id);
        // Whoever answers for an area is most often in it.
        recent.extend(property.me.area.clone().filter(|area| !recent.contains(area)));
        recent.retain(|place| property.places.get(place).is_some());
        recent.truncate(2 * form::PLACES);
        Some(recent)
    });
    let recent = StoredValue::new(recent.unwrap_or_default());
    let selected = memo(move |_| paper.draft.with(|draft| draft.place.clone()));
    let choices = Signal::derive(move || {
        state.property.with(|property| {
            let Some(property) = property else { return Vec::new() };
            recent.with_value(|recent| {
                recent
                    .iter()
                    .take(form::PLACES)
                    .map(|place| Choice::new(place.to_string(), words::spot(property, place)))
                    .collect::<Vec<_>>()
            })
        })
    });
    let pick = move |place: PlaceCode| {
        page.write(Spot::Place, |draft| draft.place = Some(place));
        open.set(false);
    };
    let chosen = move || {
        selected.get().and_then(|place| {
            state.property.with(|property| property.as_ref().map(|property| property.place(&place)))
        })
    };
    let has_recent = recent.with_value(|recent| !recent.is_empty());
    let tiles = has_recent.then(|| {
        view! {
            <Picks
                name="place"
                legend=t_string!(i18n, field.recent_places)
                hide_legend=true
                choices=choices
                selected=Signal::derive(move || {
                    selected.get().map(|place| place.to_string()).unwrap_or_default()
                })
                on_pick=move |place: String| pick(PlaceCode(place))
            />
        }
    });
    view! {
        <div class="col tight">
            <p class="label">{t_string!(i18n, field.place)}</p>
            {tiles}
            <button
                type="button"
                class="pick block"
                class:on=move || selected.with(Option::is_some)
                aria-haspopup="dialog"
                on:click=move |_| open.set(true)
            >
                <span class="row tight">
                    <Icon glyph=Glyph::Pin />
                    <span>
                        {move || {
                            chosen().unwrap_or_else(|| t_string!(i18n, field.choose_place).to_owned())
                        }}
                    </span>
                </span>
                <span class="s keep">
                    {move || {
                        if selected.with(Option::is_some) {
                            t_string!(i18n, field.change)
                        } else {
                            t_string!(i18n, field.search)
                        }
                    }}
                </span>
            </button>
            <ErrorLine error=page.error(Spot::Place) />
            <Sheet
                id="places"
                title=t_string!(i18n, field.place)
                close=t_string!(i18n, frame.close)
                open=open
                on_close=move || open.set(false)
            >
                <PlacePicker
                    recent=Signal::derive(move || recent.get_value())
                    selected=selected
                    on_pick=pick
                />
            </Sheet>
        </div>
    }
    .into_any()
}

/// Found, or told by a customer, and by which.
#[component]
fn Whose(page: Page) -> impl IntoView {
    let paper = page.paper;
    let i18n = use_i18n();
    let told = memo(move |_| paper.draft.with(|draft| draft.customer.is_some()));
    // A slip of the thumb between the two tiles costs nothing.
    let before = StoredValue::new(Customer::default());
    let pick = move |value: String| {
        page.write(Spot::Customer, |draft| {
            draft.customer = if value == "customer" {
                Some(before.get_value())
            } else {
                if let Some(customer) = draft.customer.take() {
                    before.set_value(customer);
                }
                None
            };
        });
    };
    let read = move |part: fn(&Customer) -> &String| {
        Signal::derive(move || {
            paper.draft.with(|draft| draft.customer.as_ref().map(part).cloned().unwrap_or_default())
        })
    };
    let write = move |part: fn(&mut Customer) -> &mut String| {
        move |text: String| {
            page.write(Spot::Customer, |draft| *part(draft.customer.get_or_insert_default()) = text);
        }
    };
    let max = limit(NAME_MAX);
    view! {
        <Picks
            name="source"
            legend=t_string!(i18n, field.source)
            hide_legend=true
            choices=vec![
                Choice::new("found", move || t_string!(i18n, field.source_found)),
                Choice::new("customer", move || t_string!(i18n, field.source_customer)),
            ]
            selected=Signal::derive(move || if told.get() { "customer" } else { "found" }.to_owned())
            on_pick=pick
            layout=PicksLayout::Stretch
        />
        <Show when=move || told.get()>
            <Card>
                <Field
                    id="customer-name"
                    label=t_string!(i18n, common.label.name)
                    value=read(|customer| &customer.name)
                    on_input=write(|customer| &mut customer.name)
                    placeholder=t_string!(i18n, field.customer_name_hint)
                    autocomplete="off"
                    max=max
                />
                <Field
                    id="customer-phone"
                    label=t_string!(i18n, common.label.phone)
                    value=read(|customer| &customer.phone)
                    on_input=write(|customer| &mut customer.phone)
                    kind=FieldKind::Tel
                    autocomplete="off"
                    max=max
                />
                <Field
                    id="customer-flat"
                    label=t_string!(i18n, common.label.flat)
                    value=read(|customer| &customer.flat)
                    on_input=write(|customer| &mut customer.flat)
                    placeholder="8-1203"
                    autocomplete="off"
                    max=max
                />
                <p class="hint">{t_string!(i18n, field.customer_note)}</p>
            </Card>
        </Show>
        <ErrorLine error=page.error(Spot::Customer) />
    }
    .into_any()
}

/// Urgent by its category, or overridden with a reason; and whether the hazard is taped off (A11).
#[component]
fn HowUrgent(page: Page) -> impl IntoView {
    let paper = page.paper;
    let i18n = use_i18n();
    let category = page.category;
    let urgent = memo(move |_| {
        category.with(|category| {
            let category = category.as_ref()?;
            Some(paper.draft.with(|draft| form::urgent(draft, category)))
        })
    });
    let differs = memo(move |_| paper.draft.with(|draft| draft.urgency.is_some()));
    let isolated = memo(move |_| paper.draft.with(|draft| draft.isolated));
    let title = move || match urgent.get() {
        Some(true) => t_string!(i18n, field.urgent),
        Some(false) | None => t_string!(i18n, field.not_urgent),
    };
    let text = move || {
        let name = category.with(|category| {
            category.as_ref().map(|category| words::category(i18n.get_locale(), category).to_owned())
        });
        let template = match urgent.get() {
            Some(true) if differs.get() => t_string!(i18n, field.urgent_by_you),
            Some(true) => t_string!(i18n, field.urgent_text),
            Some(false) | None => t_string!(i18n, field.not_urgent_text),
        };
        template.replace("{category}", &name.unwrap_or_default())
    };
    let turn = move || {
        page.write(Spot::Urgency, |draft| {
            draft.urgency = match draft.urgency.take() {
                Some(_) => None,
                None => {
                    urgent.get_untracked().map(|urgent| Urgency { urgent: !urgent, reason: String::new() })
                }
            };
        });
    };
    let turn_label = move || match (differs.get(), urgent.get()) {
        (true, _) => t_string!(i18n, field.as_usual),
        (false, Some(true)) => t_string!(i18n, field.make_not_urgent),
        (false, _) => t_string!(i18n, field.make_urgent),
    };
    let isolate = move |_| page.write(Spot::Urgency, |draft| draft.isolated = !draft.isolated);
    let card = move || {
        let tone = if urgent.get() == Some(true) { Tone::Urgent } else { Tone::Neutral };
        view! {
            <Card tone=tone>
                <div class="row between wrap">
                    <div class="grow">
                        <h2 class:t-urgent=move || urgent.get() == Some(true)>{title}</h2>
                        <p class="s">{text}</p>
                    </div>
                    <button
                        type="button"
                        class="pick"
                        aria-pressed=move || isolated.get().to_string()
                        on:click=isolate
                    >
                        <Show when=move || isolated.get()>
                            <Icon glyph=Glyph::Check size="little" />
                        </Show>
                        {t_string!(i18n, field.isolated)}
                    </button>
                </div>
                <button type="button" class="link" on:click=move |_| turn()>
                    {turn_label}
                </button>
                <Show when=move || differs.get()>
                    <Field
                        id="urgency-reason"
                        label=t_string!(i18n, field.urgency_reason)
                        value=Signal::derive(move || {
                            paper
                                .draft
                                .with(|draft| {
                                    draft.urgency.as_ref().map(|urgency| urgency.reason.clone())
                                })
                                .unwrap_or_default()
                        })
                        on_input=move |text: String| {
                            page.write(
                                Spot::Urgency,
                                |draft| {
                                    if let Some(urgency) = &mut draft.urgency {
                                        urgency.reason = text;
                                    }
                                },
                            );
                        }
                        error=page.error(Spot::Urgency)
                        max=limit(TEXT_MAX)
                        required=true
                    />
                </Show>
            </Card>
        }
    };
    // Built anew only when the urgency turns, or the field would lose the cursor at each letter.
    let asked = memo(move |_| category.with(Option::is_some));
    move || {
        (asked.get() && !page.complaint()).then(|| {
            urgent.track();
            card().into_any()
        })
    }
}

/// Whom a complaint is about (R9), and for whom it is passed on (A6, A7).
#[component]
fn Who(page: Page) -> impl IntoView {
    let paper = page.paper;
    let i18n = use_i18n();
    let complaint = memo(move |_| page.complaint());
    let accused = memo(move |_| paper.draft.with(|draft| draft.accused));
    let colleague = memo(move |_| paper.draft.with(|draft| draft.on_behalf_of));
    let me = page.state.property.with_untracked(|property| property.as_ref().map(|property| property.me.id));
    view! {
        <Show when=move || complaint.get()>
            <Banner
                text=t_string!(i18n, field.complaint_note)
                tone=Tone::Info
                glyph=Glyph::Shield
            />
            <PersonRow
                page=page
                id="accused"
                label=t_string!(i18n, field.accused)
                ask=t_string!(i18n, field.choose_accused)
                selected=accused
                without=None
                on_change=move |id| page.write(Spot::Person, |draft| draft.accused = id)
            />
        </Show>
        <PersonRow
            page=page
            id="colleague"
            label=t_string!(i18n, field.on_behalf)
            ask=t_string!(i18n, field.choose_colleague)
            selected=colleague
            without=me
            on_change=move |id| page.write(Spot::Person, |draft| draft.on_behalf_of = id)
        />
        <ErrorLine error=page.error(Spot::Person) />
    }
    .into_any()
}

/// One colleague, chosen in a sheet, or nobody.
#[component]
fn PersonRow(
    page: Page,
    id: &'static str,
    #[prop(into)] label: TextProp,
    #[prop(into)] ask: TextProp,
    #[prop(into)] selected: Signal<Option<PersonId>>,
    without: Option<PersonId>,
    #[prop(into)] on_change: Callback<Option<PersonId>>,
) -> impl IntoView {
    let i18n = use_i18n();
    let open = RwSignal::new(false);
    let name = move || {
        let id = selected.get()?;
        page.state.property.with(|property| property.as_ref().map(|property| property.name(id)))
    };
    let title = label.clone();
    let remove = ask.clone();
    view! {
        <div class="row tight">
            <button
                type="button"
                class="pick block"
                class:on=move || selected.get().is_some()
                aria-haspopup="dialog"
                on:click=move |_| open.set(true)
            >
                <span class="row tight">
                    <Icon glyph=Glyph::User />
                    <span>
                        {move || match name() {
                            Some(name) => format!("{}: {name}", label.get()),
                            None => ask.get().to_string(),
                        }}
                    </span>
                </span>
            </button>
            <Show when=move || selected.get().is_some()>
                {
                    let remove = remove.clone();
                    view! {
                        <IconButton
                            glyph=Glyph::X
                            label=move || format!("{}: {}", t_string!(i18n, field.nobody), remove.get())
                            on_click=move || on_change.run(None)
                        />
                    }
                }
            </Show>
        </div>
        <Sheet
            id=id
            title=move || title.get().to_string()
            close=t_string!(i18n, frame.close)
            open=open
            on_close=move || open.set(false)
        >
            <PersonPicker
                without=without
                selected=selected
                on_pick=move |id| {
                    on_change.run(Some(id));
                    open.set(false);
                }
            />
        </Sheet>
    }
    .into_any()
}
