//! Elements of a page, built by code that is compiled once: what `view!` fills.
//!
//! An [`Element`] is a list of settings and children, as values instead of types. When a part of a page is built again,
//! an element that comes from the same place in the markup is brought up to date, so that focus, scrolling and what is
//! being typed stay; any other takes its place. The drawing itself is Leptos' own.

use std::{borrow::Cow, marker::PhantomData};

use leptos::{
    attr::{Attribute, any_attribute::AnyAttribute},
    ev::EventDescriptor,
    html::ElementType,
    oco::Oco,
    prelude::*,
    reactive::{effect::RenderEffect, owner::Owner},
    tachys::{
        html::node_ref::NodeRefContainer,
        hydration::Cursor,
        renderer::{RemoveEventHandler, Rndr, types},
        view::{Mountable, Position, PositionState, add_attr::AddAnyAttr, any_view::AnyViewState},
    },
};
use send_wrapper::SendWrapper;
use wasm_bindgen::JsValue;

use super::live;

/// An element that is not on the page yet.
pub struct Element(Box<Parts>);

struct Parts {
    tag: &'static str,
    /// Where in the app's markup it stands; elements of one mark have the same shape.
    mark: u32,
    /// What is known when the app is compiled.
    fixed: &'static [(&'static str, &'static str)],
    settings: SendWrapper<Vec<(Target, Setting)>>,
    children: Vec<AnyView>,
}

/// What is set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    Attribute(&'static str),
    Property(&'static str),
    Class(&'static str),
    Style(&'static str),
    Listener,
    Reference,
}

/// Ends a listener when it is dropped.
type Listening = RemoveEventHandler<types::Element>;

/// What it is set to.
pub enum Setting {
    /// This, once.
    Fixed(Value),
    /// This, anew whenever what it reads changes.
    Live(Box<dyn Ask>),
    /// Somebody listens.
    Listener(Box<dyn FnOnce(&types::Element) -> Listening>),
    /// Somebody wants to know the element.
    Reference(Box<dyn FnOnce(&types::Element)>),
}

/// Asked for a setting whenever what it reads changes. A closure's own traits would cost a phone three more functions
/// for each closure.
pub trait Ask {
    /// The setting now.
    fn ask(&self) -> Setting;
}

impl<F: Fn() -> T, T: IntoSetting> Ask for F {
    fn ask(&self) -> Setting {
        self().into_setting()
    }
}

/// A value of an attribute, a property, a class or a style.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// There is none.
    None,
    /// It is there or not.
    Flag(bool),
    /// A text.
    Text(Cow<'static, str>),
}

impl Element {
    /// An element of this tag, from this place in the markup, with what is known of it when the app is compiled.
    pub fn new(tag: &'static str, mark: u32, fixed: &'static [(&'static str, &'static str)]) -> Self {
        let settings = SendWrapper::new(Vec::new());
        Element(Box::new(Parts { tag, mark, fixed, settings, children: Vec::new() }))
    }

    /// Sets an attribute.
    pub fn attr(&mut self, name: &'static str, value: impl IntoSetting) {
        self.set(Target::Attribute(name), value.into_setting());
    }

    /// Sets a property, such as what is typed into a field.
    pub fn prop(&mut self, name: &'static str, value: impl IntoSetting) {
        self.set(Target::Property(name), value.into_setting());
    }

    /// Adds a class while a condition holds.
    pub fn class(&mut self, name: &'static str, on: impl IntoSetting) {
        self.set(Target::Class(name), on.into_setting());
    }

    /// Sets a property of its style.
    pub fn style(&mut self, name: &'static str, value: impl IntoSetting) {
        self.set(Target::Style(name), value.into_setting());
    }

    /// Listens to an event.
    pub fn on<E>(&mut self, event: E, hear: impl FnMut(E::EventType) + 'static)
    where
        E: EventDescriptor + 'static,
        E::EventType: From<types::Event>,
    {
        let name = event.name();
        self.listen(name, Box::new(Listener { hear, of: PhantomData::<E> }));
    }

    fn listen(&mut self, name: Cow<'static, str>, mut listener: Box<dyn Hear>) {
        let owner = Owner::current().unwrap_or_default();
        let hear: Box<dyn FnMut(types::Event)> = Box::new(move |event| owner.with(|| listener.hear(event)));
        let attach = Box::new(move |element: &types::Element| Rndr::add_event_listener(element, &name, hear));
        self.set(Target::Listener, Setting::Listener(attach));
    }

    /// Tells somebody the element, once it is built.
    pub fn node_ref<E: ElementType>(&mut self, reference: impl NodeRefContainer<E>) {
        self.set(Target::Reference, Setting::Reference(Box::new(move |element| reference.load(element))));
    }

    /// Adds a child.
    pub fn child(&mut self, child: AnyView) {
        self.0.children.push(child);
    }

    fn set(&mut self, target: Target, setting: Setting) {
        self.0.settings.push((target, setting));
    }
}

/// Hears an event of whatever kind.
trait Hear {
    fn hear(&mut self, event: types::Event);
}

struct Listener<E, F> {
    hear: F,
    of: PhantomData<E>,
}

impl<E: EventDescriptor, F: FnMut(E::EventType)> Hear for Listener<E, F>
where
    E::EventType: From<types::Event>,
{
    fn hear(&mut self, event: types::Event) {
        (self.hear)(event.into());
    }
}

/// What may stand behind the `=` of an attribute.
pub trait IntoSetting {
    /// As a setting.
    fn into_setting(self) -> Setting;
}

impl IntoSetting for &'static str {
    fn into_setting(self) -> Setting {
        Setting::Fixed(Value::Text(self.into()))
    }
}

impl IntoSetting for String {
    fn into_setting(self) -> Setting {
        Setting::Fixed(Value::Text(self.into()))
    }
}

impl IntoSetting for Cow<'static, str> {
    fn into_setting(self) -> Setting {
        Setting::Fixed(Value::Text(self))
    }
}

impl IntoSetting for Oco<'static, str> {
    fn into_setting(self) -> Setting {
        self.into_owned().into_setting()
    }
}

impl IntoSetting for bool {
    fn into_setting(self) -> Setting {
        Setting::Fixed(Value::Flag(self))
    }
}

impl IntoSetting for u32 {
    fn into_setting(self) -> Setting {
        self.to_string().into_setting()
    }
}

impl<T: IntoSetting> IntoSetting for Option<T> {
    fn into_setting(self) -> Setting {
        self.map_or(Setting::Fixed(Value::None), T::into_setting)
    }
}

impl<F: Fn() -> T + 'static, T: IntoSetting> IntoSetting for F {
    fn into_setting(self) -> Setting {
        Setting::Live(Box::new(self))
    }
}

/// What may stand between the tags of an element.
pub trait IntoChild {
    /// As a view.
    fn into_child(self) -> AnyView;
}

impl IntoChild for AnyView {
    fn into_child(self) -> AnyView {
        self
    }
}

impl IntoChild for Element {
    fn into_child(self) -> AnyView {
        self.into_any()
    }
}

impl IntoChild for &'static str {
    fn into_child(self) -> AnyView {
        self.into_any()
    }
}

impl IntoChild for String {
    fn into_child(self) -> AnyView {
        self.into_any()
    }
}

impl IntoChild for Cow<'static, str> {
    fn into_child(self) -> AnyView {
        self.into_owned().into_any()
    }
}

impl IntoChild for usize {
    fn into_child(self) -> AnyView {
        self.to_string().into_child()
    }
}

impl IntoChild for u32 {
    fn into_child(self) -> AnyView {
        self.to_string().into_child()
    }
}

impl IntoChild for () {
    fn into_child(self) -> AnyView {
        self.into_any()
    }
}

impl<T: IntoChild> IntoChild for Option<T> {
    fn into_child(self) -> AnyView {
        self.map_or_else(|| ().into_any(), T::into_child)
    }
}

impl<T: IntoChild> IntoChild for Vec<T> {
    fn into_child(self) -> AnyView {
        self.into_iter().map(T::into_child).collect::<Vec<AnyView>>().into_any()
    }
}

impl<T: IntoChild, const N: usize> IntoChild for [T; N] {
    fn into_child(self) -> AnyView {
        Vec::from(self).into_child()
    }
}

impl<F: Fn() -> T + Send + 'static, T: IntoChild> IntoChild for F {
    fn into_child(self) -> AnyView {
        live(self)
    }
}

/// An element on the page.
pub struct Drawn {
    element: types::Element,
    mark: u32,
    settings: Vec<Kept>,
    children: Vec<AnyViewState>,
}

/// What keeps a setting as it should be, and ends with it.
enum Kept {
    Value(Value),
    // Held, because dropping it ends it.
    Effect { _effect: RenderEffect<Value> },
    Listener { _remove: Listening },
    Nothing,
}

fn keep(element: &types::Element, target: Target, setting: Setting, before: Option<&Value>) -> Kept {
    match setting {
        Setting::Fixed(value) => {
            if before != Some(&value) {
                apply(element, target, &value);
            }
            Kept::Value(value)
        }
        Setting::Live(value) => {
            let element = element.clone();
            let effect = RenderEffect::new(move |before: Option<Value>| {
                let value = now(value.ask());
                if before.as_ref() != Some(&value) {
                    apply(&element, target, &value);
                }
                value
            });
            Kept::Effect { _effect: effect }
        }
        Setting::Listener(attach) => Kept::Listener { _remove: attach(element) },
        Setting::Reference(tell) => {
            tell(element);
            Kept::Nothing
        }
    }
}

fn now(setting: Setting) -> Value {
    match setting {
        Setting::Fixed(value) => value,
        Setting::Live(value) => now(value.ask()),
        Setting::Listener(_) | Setting::Reference(_) => Value::None,
    }
}

fn apply(element: &types::Element, target: Target, value: &Value) {
    let text = match value {
        Value::None | Value::Flag(false) => None,
        Value::Flag(true) => Some(""),
        Value::Text(text) => Some(&**text),
    };
    match target {
        Target::Attribute(name) => match text {
            Some(text) => Rndr::set_attribute(element, name, text),
            None => Rndr::remove_attribute(element, name),
        },
        Target::Property(name) => {
            let value = match value {
                Value::None => JsValue::NULL,
                Value::Flag(flag) => JsValue::from_bool(*flag),
                Value::Text(text) => JsValue::from_str(text),
            };
            Rndr::set_property_or_value(element, name, &value);
        }
        Target::Class(name) => {
            let classes = Rndr::class_list(element);
            if text.is_some() {
                Rndr::add_class(&classes, name);
            } else {
                Rndr::remove_class(&classes, name);
            }
        }
        Target::Style(name) => {
            let style = Rndr::style(element);
            match text {
                Some(text) => Rndr::set_css_property(&style, name, text),
                None => Rndr::remove_css_property(&style, name),
            }
        }
        Target::Listener | Target::Reference => {}
    }
}

const SVG: &str = "http://www.w3.org/2000/svg";

impl Render for Element {
    type State = Drawn;

    fn build(self) -> Drawn {
        let Parts { tag, mark, fixed, settings, children } = *self.0;
        let element = Rndr::create_element(tag, matches!(tag, "svg" | "path").then_some(SVG));
        for (name, text) in fixed {
            Rndr::set_attribute(&element, name, text);
        }
        let settings = settings.take().into_iter();
        let settings = settings.map(|(target, setting)| keep(&element, target, setting, None)).collect();
        let children = children
            .into_iter()
            .map(|child| {
                let mut child = child.build();
                child.mount(&element, None);
                child
            })
            .collect();
        Drawn { element, mark, settings, children }
    }

    fn rebuild(self, drawn: &mut Drawn) {
        if self.0.mark != drawn.mark {
            let mut new = self.build();
            drawn.insert_before_this(&mut new);
            drawn.unmount();
            *drawn = new;
            return;
        }
        let Parts { settings, children, .. } = *self.0;
        for ((target, setting), kept) in settings.take().into_iter().zip(&mut drawn.settings) {
            let before = match kept {
                Kept::Value(value) => Some(value.clone()),
                Kept::Effect { .. } | Kept::Listener { .. } | Kept::Nothing => None,
            };
            // The old one ends first: two listeners would hear the same event.
            *kept = Kept::Nothing;
            *kept = keep(&drawn.element, target, setting, before.as_ref());
        }
        for (child, drawn) in children.into_iter().zip(&mut drawn.children) {
            child.rebuild(drawn);
        }
    }
}

impl Mountable for Drawn {
    fn unmount(&mut self) {
        Rndr::remove(&self.element);
    }

    fn mount(&mut self, parent: &types::Element, marker: Option<&types::Node>) {
        Rndr::insert_node(parent, &self.element, marker);
    }

    fn insert_before_this(&self, child: &mut dyn Mountable) -> bool {
        let Some(parent) = Rndr::get_parent(&self.element) else { return false };
        child.mount(&JsValue::from(parent).into(), Some(&self.element));
        true
    }

    fn elements(&self) -> Vec<types::Element> {
        vec![self.element.clone()]
    }
}

impl AddAnyAttr for Element {
    type Output<SomeNewAttr: Attribute> = Self;

    fn add_any_attr<NewAttr: Attribute>(self, _: NewAttr) -> Self {
        self
    }
}

/// Pages are drawn in the browser only: of what a server would need there is the least that is asked for.
impl RenderHtml for Element {
    type AsyncOutput = Self;
    type Owned = Self;

    const MIN_LENGTH: usize = 0;

    fn dry_resolve(&mut self) {}

    async fn resolve(self) -> Self {
        self
    }

    fn to_html_with_buf(self, _: &mut String, _: &mut Position, _: bool, _: bool, _: Vec<AnyAttribute>) {}

    fn hydrate<const FROM_SERVER: bool>(self, _: &Cursor, _: &PositionState) -> Drawn {
        self.build()
    }

    fn into_owned(self) -> Self {
        self
    }
}
