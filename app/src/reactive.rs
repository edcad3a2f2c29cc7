//! Values that are shown and that change: signals, memos and effects, in code that is compiled once.
//!
//! Leptos' own are compiled anew for every type they hold and every closure they are read with; over the hundred types
//! of this app that was a fifth of what a phone had to load. These keep who reads what in Leptos' reactive graph, where
//! it belongs, and the value beside it behind one pointer. They are read and written as Leptos' are.
//!
//! A handle is a number and lives as long as the part of the page that made it. Whoever may outlive that part, such as
//! what waits for the disk, writes with the `try_` methods.

use std::{any::Any, cell::RefCell, marker::PhantomData, rc::Rc};

use leptos::{
    prelude::{ArcMemo, ArcTrigger, Get, GetUntracked, GetValue, LocalStorage, Notify, StoredValue, Track},
    reactive::traits::IsDisposed,
};
use send_wrapper::SendWrapper;
use shared::ids::CaseId;

/// A value, and who is told that it has changed.
#[derive(Clone)]
struct Node {
    source: Source,
    /// A `RefCell<Option<T>>`, or the [`Derived`] of something that is computed at each look.
    value: Rc<dyn Any>,
}

#[derive(Clone)]
enum Source {
    /// It is written from outside.
    Trigger(ArcTrigger),
    /// It is computed from others; the number counts how often it came out otherwise.
    Memo(ArcMemo<u64>),
    /// It never changes by itself: it is fixed, or asks others at each look.
    None,
}

struct Derived<T>(Box<dyn Derive<T>>);

/// Computes a value at each look. A closure's own traits would cost a phone three more functions for each closure.
trait Derive<T> {
    fn derive(&self) -> T;
}

impl<T, F: Fn() -> T> Derive<T> for F {
    fn derive(&self) -> T {
        self()
    }
}

type Cell<T> = RefCell<Option<T>>;

impl Node {
    fn keep(self) -> StoredValue<Node, LocalStorage> {
        StoredValue::new_local(self)
    }

    fn track(&self) {
        match &self.source {
            Source::Trigger(trigger) => trigger.track(),
            Source::Memo(count) => drop(count.get()),
            Source::None => {}
        }
    }

    /// Has a memo compute what it has not computed yet.
    fn refresh(&self) {
        if let Source::Memo(count) = &self.source {
            count.get_untracked();
        }
    }

    fn read<T: 'static, U>(&self, read: impl FnOnce(&T) -> U) -> Option<U> {
        if let Some(derived) = self.value.downcast_ref::<Derived<T>>() {
            return Some(read(&derived.0.derive()));
        }
        let cell = self.value.downcast_ref::<Cell<T>>()?;
        cell.borrow().as_ref().map(read)
    }

    fn write<T: 'static, U>(&self, write: impl FnOnce(&mut T) -> U) -> Option<U> {
        let cell = self.value.downcast_ref::<Cell<T>>()?;
        let answer = cell.borrow_mut().as_mut().map(write);
        if let Source::Trigger(trigger) = &self.source {
            trigger.notify();
        }
        answer
    }
}

type Handle = StoredValue<Node, LocalStorage>;

/// The node of a handle whose part of the page is still there.
#[expect(
    clippy::expect_used,
    reason = "who outlives a part of the page asks with the methods that begin with try_"
)]
fn node(handle: Handle) -> Node {
    handle.try_get_value().expect("this part of the page is gone")
}

#[expect(
    clippy::expect_used,
    reason = "a value is there from the beginning, and the type is the handle's own"
)]
fn there<T>(value: Option<T>) -> T {
    value.expect("a signal holds a value of its type")
}

macro_rules! readable {
    ($($name:ident),*) => {$(
        impl<T> Clone for $name<T> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<T> Copy for $name<T> {}

        /// Whether they are one and the same.
        impl<T> PartialEq for $name<T> {
            fn eq(&self, other: &Self) -> bool {
                self.handle == other.handle
            }
        }

        impl<T> std::fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($name))
            }
        }

        impl<T: 'static> $name<T> {
            /// Looks at the value; whoever does so reactively looks again when it changes.
            pub fn with<U>(&self, read: impl FnOnce(&T) -> U) -> U {
                let node = node(self.handle);
                node.track();
                there(node.read(read))
            }

            /// Looks at the value as it is now.
            pub fn with_untracked<U>(&self, read: impl FnOnce(&T) -> U) -> U {
                let node = node(self.handle);
                node.refresh();
                there(node.read(read))
            }

            /// The value; whoever asks reactively asks again when it changes.
            pub fn get(&self) -> T
            where
                T: Clone,
            {
                self.with(T::clone)
            }

            /// The value as it is now.
            pub fn get_untracked(&self) -> T
            where
                T: Clone,
            {
                self.with_untracked(T::clone)
            }

            /// The value as it is now, unless its part of the page is gone.
            pub fn try_get_untracked(&self) -> Option<T>
            where
                T: Clone,
            {
                self.try_with_untracked(T::clone)
            }

            /// Looks at the value as it is now, unless its part of the page is gone.
            pub fn try_with_untracked<U>(&self, read: impl FnOnce(&T) -> U) -> Option<U> {
                let node = self.handle.try_get_value()?;
                node.refresh();
                node.read(read)
            }

            /// Has whoever asks reactively look again when it changes.
            pub fn track(&self) {
                node(self.handle).track();
            }
        }
    )*};
}

/// A value that is set from outside.
pub struct RwSignal<T> {
    handle: Handle,
    of: PhantomData<fn() -> T>,
}

/// A value that is computed from others, and tells its readers only when it came out otherwise.
pub struct Memo<T> {
    handle: Handle,
    of: PhantomData<fn() -> T>,
}

/// A value to be read, wherever it comes from: what components take.
pub struct Signal<T> {
    handle: Handle,
    of: PhantomData<fn() -> T>,
}

readable!(RwSignal, Memo, Signal);

impl<T: 'static> RwSignal<T> {
    /// A signal that holds this.
    pub fn new(value: T) -> Self {
        let value = Rc::new(RefCell::new(Some(value)));
        let node = Node { source: Source::Trigger(ArcTrigger::new()), value };
        RwSignal { handle: node.keep(), of: PhantomData }
    }

    /// Sets it, and tells its readers.
    pub fn set(&self, value: T) {
        let _ = self.try_set(value);
    }

    /// Sets it unless its part of the page is gone; answers whether it is still there.
    pub fn try_set(&self, value: T) -> bool {
        self.try_update(|old| *old = value).is_some()
    }

    /// Changes it, and tells its readers.
    pub fn update(&self, change: impl FnOnce(&mut T)) {
        let _ = self.try_update(change);
    }

    /// Changes it unless its part of the page is gone.
    pub fn try_update<U>(&self, change: impl FnOnce(&mut T) -> U) -> Option<U> {
        self.handle.try_get_value()?.write(change)
    }

    /// Whether its part of the page is gone.
    pub fn is_disposed(&self) -> bool {
        self.handle.is_disposed()
    }
}

/// Computes a memo anew; answers whether it came out otherwise.
trait Compute {
    fn compute(&self) -> bool;
}

struct Computed<T, F> {
    value: Rc<Cell<T>>,
    compute: F,
}

impl<T: PartialEq, F: Fn(Option<&T>) -> T> Compute for Computed<T, F> {
    fn compute(&self) -> bool {
        let new = (self.compute)(self.value.borrow().as_ref());
        let otherwise = self.value.borrow().as_ref() != Some(&new);
        if otherwise {
            *self.value.borrow_mut() = Some(new);
        }
        otherwise
    }
}

/// A value that is computed again when what it reads changes; `compute` gets what it was before.
pub fn memo<T: PartialEq + 'static>(compute: impl Fn(Option<&T>) -> T + 'static) -> Memo<T> {
    let value: Rc<Cell<T>> = Rc::default();
    let handle = computed(value.clone(), Box::new(Computed { value, compute }));
    Memo { handle, of: PhantomData }
}

fn computed(value: Rc<dyn Any>, compute: Box<dyn Compute>) -> Handle {
    let compute = SendWrapper::new(compute);
    let count = ArcMemo::new(move |count: Option<&u64>| {
        let count = count.copied().unwrap_or_default();
        if compute.compute() { count + 1 } else { count }
    });
    Node { source: Source::Memo(count), value }.keep()
}

impl<T: 'static> Signal<T> {
    /// What a closure gives, asked at each look.
    pub fn derive(ask: impl Fn() -> T + 'static) -> Self {
        Signal::of(Source::None, Rc::new(Derived(Box::new(ask))))
    }

    /// This, for ever.
    pub fn fixed(value: T) -> Self {
        Signal::of(Source::None, Rc::new(RefCell::new(Some(value))))
    }

    fn of(source: Source, value: Rc<dyn Any>) -> Self {
        Signal { handle: Node { source, value }.keep(), of: PhantomData }
    }
}

impl<T: Default + 'static> Default for Signal<T> {
    fn default() -> Self {
        Signal::fixed(T::default())
    }
}

impl<T> From<RwSignal<T>> for Signal<T> {
    fn from(signal: RwSignal<T>) -> Self {
        Signal { handle: signal.handle, of: PhantomData }
    }
}

impl<T> From<Memo<T>> for Signal<T> {
    fn from(memo: Memo<T>) -> Self {
        Signal { handle: memo.handle, of: PhantomData }
    }
}

impl<T: 'static, F: Fn() -> T + 'static> From<F> for Signal<T> {
    fn from(ask: F) -> Self {
        Signal::derive(ask)
    }
}

/// Lets values of these types stand where a component takes a signal.
macro_rules! fixed {
    ($($type:ty),* $(,)?) => {$(
        impl From<$type> for $crate::reactive::Signal<$type> {
            fn from(value: $type) -> Self {
                $crate::reactive::Signal::fixed(value)
            }
        }
    )*};
}

pub(crate) use fixed;

fixed!(bool, u32, i64, f64, String, CaseId, Option<CaseId>);

/// Runs once the page stands, and again whenever what it reads changes.
pub fn effect(run: impl FnMut() + 'static) {
    let run: Box<dyn FnMut()> = Box::new(run);
    leptos::prelude::Effect::new(run);
}
