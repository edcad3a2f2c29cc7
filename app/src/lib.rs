//! The field app.
pub mod platform;
pub mod ui;
