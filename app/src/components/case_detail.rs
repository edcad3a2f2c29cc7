//! One case as it is read: where it stands, what it is about, whose it is, what falls due, and its story.

mod first_asked;

use std::sync::Arc;

use leptos::prelude::*;
use shared::{
    case::{
        Case, CaseCommand, CaseView, Outline, Standing, Standings,
        command::{Customer, Source},
    },
    ids::{CaseId, PersonId},
    sync::OutboxRow,
    time::Ms,
};

pub use first_asked::FirstAskedCard;

use super::{
    CasePhotos,
    minute::minute,
    receipt::{Receipt, Refused},
    trail::Trail,
};
use crate::{
    i18n::*,
    reactive::{Memo, Signal, effect, memo},
    state::{Property, State},
    ui::{Card, Chip, Glyph, Icon, LongText, Show, Tone, view},
    words,
};

/// Whether opening a case tells the others that this person has seen it (R12): of those who had to hear of it, and
/// only once.
fn tells_seen(case: &Case, who: Standings, me: PersonId, rows: &[OutboxRow]) -> bool {
    let heard = Standings::of(&[Standing::Lead, Standing::Told, Standing::Handler, Standing::FirstAsked]);
    case.number.is_some()
        && !case.seen.contains_key(&me)
        && who.any(heard)
        && !rows.iter().any(|row| row.aggregate == case.id.0 && row.kind == "case.see")
}

/// All of a case.
#[component]
pub fn CaseDetail(
    /// The case.
    #[prop(into)]
    case: Signal<CaseId>,
    /// What the desk looks at first stands first: photos and facts before the receipt.
    #[prop(optional)]
    facts_first: bool,
    /// Between the facts and the rest, where facts come first.
    #[prop(optional)]
    children: Option<ChildrenFn>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let view = memo(move |_| state.case(case.get()));
    // What a person sees wholly and what only in outline differ in everything shown: each is built once.
    let full = memo(move |_| view.with(|view| view.as_ref().map(|view| view.full().is_some())));
    effect(move || {
        let Some(property) = state.property.get() else { return };
        let seen_now = view.with(|view| {
            let case = view.as_ref().and_then(|view| view.full())?;
            let who = property.standings(case, state.now.get_untracked());
            let tells = state.outbox.with_untracked(|rows| tells_seen(case, who, property.me.id, rows));
            tells.then_some(case.id)
        });
        if let Some(case) = seen_now {
            leptos::task::spawn_local(async move {
                // Where it cannot be kept now, the next opening says it.
                let _ = state.act(case, &[CaseCommand::See {}], None, &[]).await;
            });
        }
    });
    let children = StoredValue::new(children);
    let whole = move |id: CaseId| {
        let last = StoredValue::new(None::<Arc<CaseView>>);
        if let Some(view) = view.get_untracked() {
            last.set_value(Some(view));
        }
        // A case may vanish from sight while its parts are still on screen: they keep what they showed last.
        let case = memo(move |_| {
            if let Some(shown) = view.get().filter(|view| view.id() == id && view.full().is_some()) {
                last.set_value(Some(shown));
            }
            last.with_value(|last| last.as_ref().and_then(|view| view.full().cloned()))
        });
        let first = case.get_untracked()?;
        let case = memo(move |_| case.get().unwrap_or_else(|| first.clone()));
        let middle = move || children.with_value(|children| children.as_ref().map(|children| children()));
        Some(if facts_first {
            view! {
                <Facts case=case />
                {middle}
                <FirstAskedCard case=case />
                <Receipt case=case />
                <Deadlines case=case />
                <Trail case=case />
            }
            .into_any()
        } else {
            view! {
                <Receipt case=case />
                <FirstAskedCard case=case />
                <Facts case=case />
                <Deadlines case=case />
                <Trail case=case />
            }
            .into_any()
        })
    };
    move || match full.get() {
        Some(true) => whole(case.get()).into_any(),
        Some(false) => view! { <OutlineCard view=view /> }.into_any(),
        None => ().into_any(),
    }
}

/// What a complaint's first-asked person sees: number and state, and why no more (R9).
#[component]
fn OutlineCard(
    /// The case.
    view: Memo<Option<Arc<CaseView>>>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let now = minute(state);
    let outline = move || {
        view.with(|view| match view.as_deref() {
            Some(CaseView::Outline(outline)) => Some(outline.clone()),
            Some(CaseView::Full(_)) | None => None,
        })
    };
    let body = move || {
        let Outline { id, number, reported, stage, since, .. } = outline()?;
        let property = state.property.get()?;
        let (locale, now) = (i18n.get_locale(), now.get());
        let zone = &property.zone;
        let number = words::number(locale, number.as_ref(), id, zone.day(now).year());
        let reported = words::moment(locale, zone, reported.at, now);
        let since = words::moment(locale, zone, since, now);
        Some(view! {
            <Card>
                <div class="row between">
                    <h2>{words::stage(locale, stage)}</h2>
                    <span class="s num">{number}</span>
                </div>
                <dl class="kv">
                    <dt>{t_string!(i18n, case.reported)}</dt>
                    <dd class="num">{reported}</dd>
                    <dt>{t_string!(i18n, case.in_stage_since)}</dt>
                    <dd class="num">{since}</dd>
                </dl>
                <Refused case=id />
            </Card>
            <Card tone=Tone::Info>
                <div class="row top">
                    <Icon glyph=Glyph::Shield />
                    <p class="grow">{t_string!(i18n, case.why_hidden)}</p>
                </div>
            </Card>
        })
    };
    view! { {body} }.into_any()
}

/// Photos, place, words, source.
#[component]
pub fn Facts(
    /// The case.
    #[prop(into)]
    case: Signal<Case>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let now = minute(state);
    let rows = move || {
        let property = state.property.get()?;
        Some(case.with(|case| facts(i18n.get_locale(), &property, case, now.get())))
    };
    let list = move || {
        rows().map(|rows| {
            rows.into_iter()
                .map(|(name, value)| view! { <dt>{name}</dt><dd class="pre">{value}</dd> }.into_any())
                .collect_view()
        })
    };
    let text = memo(move |_| case.with(|case| case.text.clone()));
    let isolated = memo(move |_| case.with(|case| case.isolated));
    // Whose device has the round, who may see it.
    let round = move || {
        let from = case.with(|case| case.from.clone())?;
        let walk = state.walk(from.round, now.get())?;
        let (locale, property) = (i18n.get_locale(), state.property.get()?);
        let title = words::round::title(locale, &walk.round, walk.route.as_deref(), &property.zone);
        Some(view! {
            <a class="link" href=format!("/rounds/{}", from.round)>
                <Icon glyph=Glyph::Walk />
                <span>{words::round::with(t_string!(i18n, rounds.found_on), &title)}</span>
            </a>
        })
    };
    let customer = move || case.with(|case| customer_view(i18n.get_locale(), case));
    view! {
        <Card>
            <h2 class="sr">{t_string!(i18n, case.facts)}</h2>
            <CasePhotos case=case />
            <Show when=move || text.with(|text| !text.is_empty())>
                <LongText
                    text=text
                    more=t_string!(i18n, case.read_on)
                    less=t_string!(i18n, case.read_less)
                />
            </Show>
            <dl class="kv">{list}</dl>
            {round}
            {customer}
            <Show when=move || isolated.get()>
                <div class="row tight">
                    <Chip label=t_string!(i18n, case.isolated) tone=Tone::Ok icon=Glyph::Check />
                </div>
            </Show>
        </Card>
    }
    .into_any()
}

fn facts(locale: Locale, property: &Property, case: &Case, now: Ms) -> Vec<(String, String)> {
    let zone = &property.zone;
    let category = property
        .site
        .category(&case.category)
        .map_or(case.category.as_str(), |category| words::category(locale, category));
    let urgency =
        if case.urgent { td_string!(locale, case.urgent) } else { td_string!(locale, case.not_urgent) };
    let mut kind = vec![category.to_owned(), urgency.to_owned()];
    if !case.urgency_reason.is_empty() {
        kind.push(case.urgency_reason.clone());
    }
    let mut when = vec![words::moment(locale, zone, case.reported.at, now)];
    if case.number.is_some() && case.reported.late() {
        let span = words::span(locale, case.reported.received.since(case.reported.at));
        when.push(td_string!(locale, case.arrived_late).replace("{span}", &span));
    }
    if case.reported.uncertain {
        when.push(td_string!(locale, case.time_uncertain).to_owned());
    }
    let source = match case.source {
        Source::Found => td_string!(locale, case.source_found),
        Source::Customer(_) => td_string!(locale, case.source_customer),
    };
    let mut rows = vec![
        (td_string!(locale, case.place), property.place(&case.place)),
        (td_string!(locale, case.category), kind.join(" · ")),
        (td_string!(locale, case.reported), when.join(" · ")),
        (td_string!(locale, case.since), case.since.clone()),
        (td_string!(locale, case.source), source.to_owned()),
    ];
    if let Some(accused) = &case.accused {
        rows.push((td_string!(locale, case.accused), property.name(accused.person)));
    }
    let told: Vec<&str> = case.also_tell.iter().map(|role| words::role(locale, *role)).collect();
    rows.push((td_string!(locale, case.also_told), told.join("、")));
    rows.retain(|(_, value)| !value.is_empty());
    rows.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The customer, with a telephone number to call; or why there is none to see (R10).
fn customer_view(locale: Locale, case: &Case) -> Option<AnyView> {
    match &case.source {
        Source::Found => None,
        Source::Customer(None) => Some(
            view! {
                <p class="s">
                    <span class="row tight">
                        <Icon glyph=Glyph::Shield size="little" />
                        <span>{td_string!(locale, case.customer_hidden)}</span>
                    </span>
                </p>
            }
            .into_any(),
        ),
        Source::Customer(Some(Customer { name, phone, flat })) => {
            let who: Vec<&str> =
                [name.as_str(), flat.as_str()].into_iter().filter(|part| !part.is_empty()).collect();
            let who = who.join(" · ");
            let phone = (!phone.is_empty()).then(|| {
                let call = format!("tel:{phone}");
                let shown = phone.clone();
                view! {
                    <a class="link" href=call>
                        <Icon glyph=Glyph::Phone />
                        <span class="num">{shown}</span>
                    </a>
                }
            });
            Some(
                view! {
                    <div class="row between wrap">
                        <span class="row tight">
                            <Icon glyph=Glyph::User />
                            <span>{who}</span>
                        </span>
                        {phone}
                    </div>
                }
                .into_any(),
            )
        }
    }
}

/// What falls due, soonest first.
#[component]
pub fn Deadlines(
    /// The case.
    #[prop(into)]
    case: Signal<Case>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let now = minute(state);
    let deadlines = memo(move |_| case.with(Case::deadlines));
    let rows = move || {
        let property = state.property.get()?;
        let (locale, now) = (i18n.get_locale(), now.get());
        Some(
            deadlines
                .get()
                .into_iter()
                .map(|deadline| {
                    let left = deadline.at.since(now);
                    let whole = deadline.at.since(deadline.started);
                    let tone = if left < 0 {
                        Tone::Urgent
                    } else if left <= whole / 3 {
                        Tone::Warn
                    } else {
                        Tone::Neutral
                    };
                    view! {
                        <li class="list-row">
                            <span class="grow">{words::rule(locale, &property, deadline.rule)}</span>
                            <span class="s num">
                                {words::end(locale, &property.zone, deadline.at, now)}
                            </span>
                            <Chip label=words::left(locale, left) tone=tone />
                        </li>
                    }
                    .into_any()
                })
                .collect_view(),
        )
    };
    view! {
        <Show when=move || deadlines.with(|deadlines| !deadlines.is_empty())>
            <div class="section">
                <h2>{t_string!(i18n, case.due)}</h2>
            </div>
            <ul class="list">{rows}</ul>
        </Show>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use shared::{ids::CommandId, ids::SiteCode, sync::Delivery};
    use uuid::Uuid;

    use super::*;
    use crate::components::office_kit::{
        DESK, GUARD, LEAD, MORNING, TECHNICIAN, at_server, dispatched, on_phone, person, property, report,
        then,
    };

    fn tells(who: u128, case: &Case, rows: &[OutboxRow]) -> bool {
        let property = property(who);
        tells_seen(case, property.standings(case, MORNING), property.me.id, rows)
    }

    #[test]
    fn r12_those_who_had_to_hear_of_it_say_once_that_they_have_seen_it() {
        let case = dispatched(&at_server(10, &report("leak", 0), MORNING, 0), MORNING);
        assert!(tells(LEAD, &case, &[]) && tells(TECHNICIAN, &case, &[]) && tells(GUARD, &case, &[]));
        assert!(!tells(DESK, &case, &[]));
        let seen = then(&case, LEAD, &CaseCommand::See {}, MORNING);
        assert!(!tells(LEAD, &seen, &[]));
        let refused = OutboxRow {
            n: 1,
            id: CommandId(Uuid::from_u128(70)),
            author: person(LEAD),
            site: SiteCode::from("jinzhou"),
            aggregate: case.id.0,
            kind: "case.see".to_owned(),
            at: MORNING,
            text: String::new(),
            hash: String::new(),
            signature: String::new(),
            delivery: Delivery::Pending,
        };
        assert!(!tells(LEAD, &case, &[refused]));
        // What the server does not have yet has nobody been told of.
        assert!(!tells(GUARD, &on_phone(10, &report("leak", 0), MORNING), &[]));
    }
}
