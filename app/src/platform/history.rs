//! The page's address, and where its history and its links lead.

use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{Element, HtmlAnchorElement, MouseEvent};

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

/// Goes on to an address, from the top of its page; `replace` leaves no way back to the present one.
pub fn go(address: &str, replace: bool) -> Result<(), PlatformError> {
    let unable = |_: JsValue| PlatformError::Unsupported("history");
    let window = bridge::window()?;
    let history = window.history().map_err(unable)?;
    let gone = if replace || address == here() {
        history.replace_state_with_url(&JsValue::NULL, "", Some(address))
    } else {
        history.push_state_with_url(&JsValue::NULL, "", Some(address))
    };
    gone.map_err(unable)?;
    window.scroll_to_with_x_and_y(0.0, 0.0);
    Ok(())
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
