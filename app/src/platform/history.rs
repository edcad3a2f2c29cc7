//! The page's address, where its history and its links lead, and what is on screen when somebody has come there.
//!
//! Each entry of the history that the app has made says how many of the app's own lie below it.

use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{Element, HtmlAnchorElement, HtmlDialogElement, HtmlElement, MouseEvent};

use super::{PlatformError, bridge, events::Listener};

/// The address within the app: path and query.
#[must_use]
pub fn here() -> String {
    let address = || {
        let location = bridge::window().ok()?.location();
        Some(location.pathname().ok()? + &location.search().ok()?)
    };
    address().unwrap_or_else(|| "/".to_owned())
}

/// How many entries of the app's own lie below the present one.
#[must_use]
pub fn depth() -> usize {
    let depth = || bridge::window().ok()?.history().ok()?.state().ok()?.as_f64();
    depth().map_or(0, |depth| depth as usize)
}

/// Goes on to an address; `replace` leaves no way back to the present one. The entry says its depth.
pub fn go(address: &str, replace: bool, depth: usize) -> Result<(), PlatformError> {
    let history = bridge::window()?.history().map_err(unable)?;
    let depth = JsValue::from_f64(depth as f64);
    let gone = if replace {
        history.replace_state_with_url(&depth, "", Some(address))
    } else {
        history.push_state_with_url(&depth, "", Some(address))
    };
    gone.map_err(unable)
}

/// Goes back by one entry.
pub fn back() -> Result<(), PlatformError> {
    bridge::window()?.history().and_then(|history| history.back()).map_err(unable)
}

/// Goes on by so many entries, or back.
pub fn by(entries: i32) -> Result<(), PlatformError> {
    bridge::window()?.history().and_then(|history| history.go_with_delta(entries)).map_err(unable)
}

/// Closes what lies over the page, of dialogs in dialogs the innermost, as Escape does. Answers whether there was anything.
pub fn close_dialog() -> bool {
    let dialog = element("dialog[open]:not(:has(dialog[open]))");
    let dialog = dialog.and_then(|dialog| dialog.dyn_into::<HtmlDialogElement>().ok());
    dialog.is_some_and(|dialog| {
        dialog.close();
        true
    })
}

fn unable(_: JsValue) -> PlatformError {
    PlatformError::Unsupported("history")
}

/// How far down the page is scrolled.
#[must_use]
pub fn top() -> i32 {
    element("main").map_or(0, |main| main.scroll_top())
}

/// Scrolls the page so far down; answers whether it is that long.
pub fn scroll(top: i32) -> bool {
    element("main").is_some_and(|main| {
        main.set_scroll_top(top);
        // Scrolled by parts of a pixel, where the screen has them.
        (main.scroll_top() - top).abs() <= 1
    })
}

/// Has the page's heading read out, by focusing it, unless somebody is at something on the page already. Answers whether
/// there is one.
pub fn say_heading() -> bool {
    let focused = bridge::document().ok().and_then(|document| document.active_element());
    if focused.is_some_and(|focused| !matches!(focused.closest("main, dialog"), Ok(None))) {
        return true;
    }
    let heading = element("h1").and_then(|heading| heading.dyn_into::<HtmlElement>().ok());
    heading.is_some_and(|heading| heading.focus().is_ok())
}

fn element(selector: &str) -> Option<Element> {
    bridge::document().ok()?.query_selector(selector).ok()?
}

/// Calls when the person has gone back or forward in the page's history.
pub fn on_back(mut callback: impl FnMut() + 'static) -> Result<Listener, PlatformError> {
    Ok(Listener::new(bridge::window()?, "popstate", move |_| callback()))
}

/// Calls with the address of a link within the app that is followed. What opens elsewhere, or is downloaded, is the
/// browser's business.
pub fn on_link(mut callback: impl FnMut(&str) + 'static) -> Result<Listener, PlatformError> {
    Ok(Listener::new(bridge::window()?, "click", move |event| {
        let Some(click) = event.dyn_ref::<MouseEvent>() else { return };
        let elsewhere = click.button() != 0
            || click.meta_key()
            || click.alt_key()
            || click.ctrl_key()
            || click.shift_key();
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let link = target.and_then(|target| target.closest("a[href]:not([target], [download])").ok()?);
        let Some(link) = link.and_then(|link| link.dyn_into::<HtmlAnchorElement>().ok()) else { return };
        let ours =
            bridge::window().is_ok_and(|window| window.location().origin().ok() == Some(link.origin()));
        if elsewhere || event.default_prevented() || !ours {
            return;
        }
        event.prevent_default();
        callback(&(link.pathname() + &link.search()));
    }))
}
