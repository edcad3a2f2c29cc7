//! The stops of a route that is edited: where each is, by when it is due, who sees to it, and what is looked at there.

use std::sync::Arc;

use leptos::{ev, prelude::*};
use shared::{
    ids::{ItemCode, PlaceCode, StopCode},
    route::{Choice, Route},
};

use super::{
    Asked, Form, Line, Persons, Tick,
    draft::{At, ItemDraft, Kind, StopDraft},
    fresh,
};
use crate::{
    address,
    components::toast,
    i18n::*,
    reactive::{Memo, Signal, memo},
    ui::{Button, ButtonKind, For, Glyph, Show, view},
    words::{self, round as said},
};

/// The stops, one below the other.
#[component]
pub fn Stops(form: Form) -> impl IntoView {
    let i18n = use_i18n();
    let codes = memo(move |_| {
        form.draft.with(|draft| draft.stops.iter().map(|stop| stop.code.clone()).collect::<Vec<_>>())
    });
    let bad = form.bad(At::Stops);
    view! {
        <div class="section" id=At::Stops.id() tabindex="-1">
            <h2>{t_string!(i18n, rounds.route_stops)}</h2>
        </div>
        <For each=move || codes.get() key=|code| code.clone() let(code)>
            <StopCard form=form code=code codes=codes />
        </For>
        <div class="card col" class:urgent-edge=move || bad.get()>
            <Button
                label=t_string!(i18n, rounds.add_stop)
                kind=ButtonKind::Ghost
                icon=Glyph::Pin
                on_click=move || form.asked.set(Some(Asked::Place(None)))
            />
        </div>
    }
    .into_any()
}

/// One stop, its controls named by where it is.
#[component]
fn StopCard(form: Form, code: StopCode, codes: Memo<Vec<StopCode>>) -> impl IntoView {
    let i18n = use_i18n();
    let state = form.state;
    let code = StoredValue::new(code);
    let read = move |of: fn(&StopDraft) -> String| {
        Signal::derive(move || {
            code.with_value(|code| {
                form.draft.with(|draft| {
                    draft.stops.iter().find(|stop| stop.code == *code).map(of).unwrap_or_default()
                })
            })
        })
    };
    let change = move |change: &dyn Fn(&mut StopDraft)| {
        code.with_value(|code| {
            form.change(|draft| {
                if let Some(stop) = draft.stop(code) {
                    change(stop);
                }
            });
        });
    };
    let place = read(|stop| stop.place.as_ref().map(ToString::to_string).unwrap_or_default());
    let spot = memo(move |_| {
        let place = place.get();
        state.property.with(|property| match property {
            Some(property) if !place.is_empty() => words::spot(property, &PlaceCode(place.clone())),
            Some(_) | None => t_string!(i18n, rounds.choose_place).to_owned(),
        })
    });
    let number = memo(move |_| {
        code.with_value(|code| codes.with(|codes| codes.iter().position(|one| one == code).unwrap_or(0) + 1))
    });
    let last = memo(move |_| number.get() == codes.with(Vec::len));
    let due = read(|stop| stop.due.clone());
    let persons = Signal::derive(move || {
        code.with_value(|code| {
            form.draft.with(|draft| {
                let stop = draft.stops.iter().find(|stop| stop.code == *code);
                stop.map(|stop| stop.persons.iter().copied().collect()).unwrap_or_default()
            })
        })
    });
    let items = memo(move |_| {
        code.with_value(|code| {
            form.draft.with(|draft| {
                let stop = draft.stops.iter().find(|stop| stop.code == *code);
                let items = stop.into_iter().flat_map(|stop| &stop.items);
                items.map(|item| item.code.clone()).collect::<Vec<_>>()
            })
        })
    });
    let named = move |template: &'static str| TextProp::from(move || said::with(template, &spot.get()));
    let shift = move |down: bool| {
        code.with_value(|code| {
            form.change(|draft| {
                draft.shift(code, down);
            });
        });
    };
    let remove = move || {
        code.with_value(|code| form.change(|draft| draft.stops.retain(|stop| stop.code != *code)));
    };
    let add_item = move || match fresh("I") {
        Ok(item) => change(&|stop| stop.items.push(ItemDraft::new(ItemCode(item.clone())))),
        Err(rejection) => toast(Err(rejection)),
    };
    let labelled = memo(move |_| has_label(&state.known_routes(), &PlaceCode(place.get())));
    let label = move || {
        let site = state.site.get()?;
        let place = place.get();
        Some(address::with("/api/labels", &[("site", site.as_str()), ("place", place.as_str())]))
    };
    let stop_at = At::Stop(code.get_value());
    let (bad, id) = (form.bad(stop_at.clone()), stop_at.id());
    view! {
        <fieldset class="card col" id=id tabindex="-1" class:urgent-edge=move || bad.get()>
            <legend class="sr">{move || format!("{} · {}", number.get(), spot.get())}</legend>
            <div class="row between wrap">
                <h3 class="grow">{move || format!("{} · {}", number.get(), spot.get())}</h3>
                <div class="row tight wrap">
                    <Button
                        label=t_string!(i18n, rounds.move_up)
                        aria=named(t_string!(i18n, rounds.move_up_of))
                        kind=ButtonKind::Ghost
                        small=true
                        disabled=Signal::derive(move || number.get() == 1)
                        on_click=move || shift(false)
                    />
                    <Button
                        label=t_string!(i18n, rounds.move_down)
                        aria=named(t_string!(i18n, rounds.move_down_of))
                        kind=ButtonKind::Ghost
                        small=true
                        disabled=last
                        on_click=move || shift(true)
                    />
                    <Button
                        label=t_string!(i18n, rounds.remove)
                        aria=named(t_string!(i18n, rounds.take_out))
                        kind=ButtonKind::Ghost
                        small=true
                        on_click=remove
                    />
                </div>
            </div>
            <div class="row wrap">
                <Button
                    label=t_string!(i18n, rounds.change_place)
                    aria=named(t_string!(i18n, rounds.change_place_of))
                    kind=ButtonKind::Ghost
                    small=true
                    icon=Glyph::Pin
                    on_click=move || form.asked.set(Some(Asked::Place(Some(code.get_value()))))
                />
                <Show when=move || labelled.get()>
                    <a class="link" href=label target="_blank" rel="noopener">
                        {t_string!(i18n, rounds.print_label)}
                    </a>
                </Show>
            </div>
            <Line
                form=form
                label=t_string!(i18n, rounds.stop_due)
                mode="numeric"
                value=due
                on_input=move |text: String| change(&|stop| stop.due.clone_from(&text))
            />
            <div class="field">
                <span class="label">{t_string!(i18n, rounds.stop_persons)}</span>
                <Persons
                    form=form
                    stop=Some(code.get_value())
                    chosen=persons
                    on_drop=Callback::new(move |person| {
                        change(&|stop| {
                            stop.persons.remove(&person);
                        });
                    })
                />
            </div>
            <For each=move || items.get() key=|item| item.clone() let(item)>
                <ItemCard form=form stop=code.get_value() item=item />
            </For>
            <Button
                label=t_string!(i18n, rounds.add_item)
                aria=named(t_string!(i18n, rounds.add_item_of))
                kind=ButtonKind::Ghost
                small=true
                on_click=add_item
            />
        </fieldset>
    }
    .into_any()
}

/// Whether the server has made a label for a place: it does so with the first route that passes there.
fn has_label(routes: &[Arc<Route>], place: &PlaceCode) -> bool {
    routes.iter().any(|route| route.labels.contains_key(place))
}

/// One thing to look at.
#[component]
fn ItemCard(form: Form, stop: StopCode, item: ItemCode) -> impl IntoView {
    let i18n = use_i18n();
    let of = StoredValue::new((stop, item));
    let read = move |read: &dyn Fn(&ItemDraft) -> String| {
        of.with_value(|(stop, item)| {
            form.draft.with(|draft| {
                let stop = draft.stops.iter().find(|one| one.code == *stop);
                let item = stop.and_then(|stop| stop.items.iter().find(|one| one.code == *item));
                item.map(read).unwrap_or_default()
            })
        })
    };
    let value = move |of: fn(&ItemDraft) -> &String| Signal::derive(move || read(&|item| of(item).clone()));
    let change = move |change: &dyn Fn(&mut ItemDraft)| {
        of.with_value(|(stop, item)| {
            form.change(|draft| {
                if let Some(item) = draft.item(stop, item) {
                    change(item);
                }
            });
        });
    };
    let remove = move || {
        of.with_value(|(stop, item)| {
            form.change(|draft| {
                if let Some(stop) = draft.stop(stop) {
                    stop.items.retain(|one| one.code != *item);
                }
            });
        });
    };
    let word = move |kind: Kind| match kind {
        Kind::OkOrNot => t_string!(i18n, rounds.item_ok),
        Kind::Number => t_string!(i18n, rounds.item_number),
        Kind::Choice => t_string!(i18n, rounds.item_choice),
        Kind::Text => t_string!(i18n, rounds.item_text),
        Kind::Photo => t_string!(i18n, rounds.item_photo),
    };
    let kind = memo(move |_| {
        let code = read(&|item| item.kind.as_str().to_owned());
        Kind::ALL.into_iter().find(|kind| kind.as_str() == code)
    });
    let chosen = kind;
    let options = Kind::ALL.map(|kind| {
        view! {
            <option value=kind.as_str() prop:selected=move || chosen.get() == Some(kind)>
                {word(kind)}
            </option>
        }
        .into_any()
    });
    let pick = move |event: ev::Event| {
        let code = event_target_value(&event);
        if let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.as_str() == code) {
            change(&|item| {
                item.kind = kind;
                // A choice needs two.
                while kind == Kind::Choice && item.options.len() < 2 {
                    item.options.push(Choice { text: String::new(), abnormal: !item.options.is_empty() });
                }
            });
        }
    };
    let at = of.with_value(|(stop, item)| At::Item(stop.clone(), item.clone()));
    let more = move || match kind.get() {
        Some(Kind::Number) => view! {
            <div class="pairs three">
                <Line
                    form=form
                    label=t_string!(i18n, rounds.item_unit)
                    value=value(|item| &item.unit)
                    on_input=move |text: String| change(&|item| item.unit.clone_from(&text))
                />
                <Line
                    form=form
                    label=t_string!(i18n, rounds.item_low)
                    value=value(|item| &item.low)
                    on_input=move |text: String| change(&|item| item.low.clone_from(&text))
                />
                <Line
                    form=form
                    label=t_string!(i18n, rounds.item_high)
                    value=value(|item| &item.high)
                    on_input=move |text: String| change(&|item| item.high.clone_from(&text))
                />
            </div>
        }
        .into_any(),
        Some(Kind::Choice) => view! { <Options form=form of=of /> }.into_any(),
        Some(Kind::Photo) => view! {
            <Line
                form=form
                label=t_string!(i18n, rounds.item_percent)
                mode="numeric"
                value=value(|item| &item.percent)
                on_input=move |text: String| change(&|item| item.percent.clone_from(&text))
            />
        }
        .into_any(),
        Some(Kind::OkOrNot | Kind::Text) | None => ().into_any(),
    };
    let name = value(|item| &item.text);
    let take_out = TextProp::from(move || said::with(t_string!(i18n, rounds.take_out), &name.get()));
    view! {
        <div class="item-edit col tight">
            <div class="pairs">
                <Line
                    form=form
                    at=at
                    label=t_string!(i18n, rounds.item_name)
                    value=name
                    on_input=move |text: String| change(&|item| item.text.clone_from(&text))
                />
                <label class="field">
                    <span class="label">{t_string!(i18n, rounds.item_kind)}</span>
                    <select class="input" on:change=pick>
                        {options}
                    </select>
                </label>
            </div>
            {more}
            <div class="row end">
                <Button
                    label=t_string!(i18n, rounds.remove)
                    aria=take_out
                    kind=ButtonKind::Ghost
                    small=true
                    on_click=remove
                />
            </div>
        </div>
    }
    .into_any()
}

/// The answers of a choice, each with whether something is wrong then.
#[component]
fn Options(form: Form, of: StoredValue<(StopCode, ItemCode)>) -> impl IntoView {
    let i18n = use_i18n();
    let options = move |read: &dyn Fn(&[Choice]) -> usize| {
        of.with_value(|(stop, item)| {
            form.draft.with(|draft| {
                let stop = draft.stops.iter().find(|one| one.code == *stop);
                let item = stop.and_then(|stop| stop.items.iter().find(|one| one.code == *item));
                item.map(|item| read(&item.options)).unwrap_or_default()
            })
        })
    };
    let option = move |at: usize| {
        of.with_value(|(stop, item)| {
            form.draft.with(|draft| {
                let stop = draft.stops.iter().find(|one| one.code == *stop)?;
                let item = stop.items.iter().find(|one| one.code == *item)?;
                item.options.get(at).cloned()
            })
        })
    };
    let change = move |change: &dyn Fn(&mut Vec<Choice>)| {
        of.with_value(|(stop, item)| {
            form.change(|draft| {
                if let Some(item) = draft.item(stop, item) {
                    change(&mut item.options);
                }
            });
        });
    };
    let count = memo(move |_| options(&|options| options.len()));
    let row = move |at: usize| {
        let text = Signal::derive(move || option(at).map(|one| one.text).unwrap_or_default());
        let abnormal = Signal::derive(move || option(at).is_some_and(|one| one.abnormal));
        let set = move |set: &dyn Fn(&mut Choice)| {
            change(&|options| {
                if let Some(one) = options.get_mut(at) {
                    set(one);
                }
            });
        };
        let remove = move || {
            change(&|options| {
                if at < options.len() {
                    options.remove(at);
                }
            });
        };
        let take_out = TextProp::from(move || said::with(t_string!(i18n, rounds.take_out), &text.get()));
        view! {
            <div class="row wrap bottom">
                <Line
                    form=form
                    label=said::counted(t_string!(i18n, rounds.option), at + 1)
                    value=text
                    on_input=move |typed: String| set(&|one| one.text.clone_from(&typed))
                />
                <Tick
                    label=t_string!(i18n, rounds.abnormal)
                    on=abnormal
                    on_change=move |on| set(&|one| one.abnormal = on)
                />
                <Button
                    label=t_string!(i18n, rounds.remove)
                    aria=take_out
                    kind=ButtonKind::Ghost
                    small=true
                    on_click=remove
                />
            </div>
        }
        .into_any()
    };
    let places = move || (0..count.get()).collect::<Vec<usize>>();
    let room = memo(move |_| count.get() < shared::route::OPTIONS_MAX);
    let add = move || change(&|options| options.push(Choice { text: String::new(), abnormal: false }));
    view! {
        <For each=places key=|at| *at let(at)>
            {row(at)}
        </For>
        <Show when=room>
            <div class="row">
                <Button
                    label=t_string!(i18n, rounds.add_option)
                    kind=ButtonKind::Ghost
                    small=true
                    on_click=add
                />
            </div>
        </Show>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::rounds_kit::night;

    #[test]
    fn a_place_has_a_label_to_print_once_the_server_has_it_on_a_route() {
        let routes = [night(true)];
        assert!(has_label(&routes, &"GATE".into()));
        assert!(!has_label(&routes, &"ROOF".into()), "it is on no route that the server has");
        assert!(!has_label(&[], &"GATE".into()));
    }
}
