//! The icons: outlines on a 24 × 24 grid, one path each, drawn in the colour of the text around them.

use leptos::prelude::*;

use super::view;

/// Which icon to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyph {
    /// A camera: take a photo.
    Cam,
    /// Pictures: choose from the gallery.
    Gallery,
    /// A QR code: scan.
    Qr,
    /// A house: the home page.
    Home,
    /// A walking person: patrol and rounds.
    Walk,
    /// Lines: my cases.
    List,
    /// A person: my page.
    Me,
    /// A microphone: dictate.
    Mic,
    /// A pin on the map: a place.
    Pin,
    /// Lightning: lamps and power.
    Bolt,
    /// A drop: leaks.
    Drop,
    /// A lift.
    Lift,
    /// A broom: litter and stains.
    Broom,
    /// A wrench: loose or broken fittings.
    Wrench,
    /// Bricks: damage to the building.
    Wall,
    /// A sheet: notices.
    Notice,
    /// A leaf: greening.
    Leaf,
    /// A shield: security.
    Shield,
    /// A megaphone: noise.
    Megaphone,
    /// A speech bubble with an exclamation mark: a complaint.
    Complaint,
    /// A light bulb: a suggestion.
    Bulb,
    /// Three dots: other, more.
    Dots,
    /// A tick.
    Check,
    /// An arrow to the left: back.
    ArrowLeft,
    /// An arrow to the right: next.
    ArrowRight,
    /// A small angle to the right: onward, open.
    Chevron,
    /// An arrow upward: being sent.
    Up,
    /// A triangle with an exclamation mark.
    Warn,
    /// A clock.
    Clock,
    /// A telephone.
    Phone,
    /// The sun: day theme.
    Sun,
    /// The moon: night theme.
    Moon,
    /// A globe: language.
    Globe,
    /// A crossed-out cloud: no network.
    CloudOff,
    /// Arrows in a circle: try again, update.
    Refresh,
    /// A bin: remove.
    Trash,
    /// A magnifying glass.
    Search,
    /// A cross: close, no.
    X,
    /// A person in a frame: one colleague.
    User,
    /// Two persons: staff.
    Users,
    /// Pause.
    Pause,
    /// Play: resume.
    Play,
}

impl Glyph {
    const fn path(self) -> &'static str {
        match self {
            Self::Cam => "M4 8h3l2-3h6l2 3h3v11H4zM15.6 13a3.6 3.6 0 1 1-7.2 0 3.6 3.6 0 0 1 7.2 0",
            Self::Gallery => "M4 5h16v14H4zM4 16l4.5-4.5 4 4 2.5-2.5 5 5M16.5 9.200h.01",
            Self::Qr => "M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h2v2h-2zM18 18h2v2h-2zM18 14h2M14 18v2",
            Self::Home => "M4 11l8-7 8 7v9H4zM10 20v-6h4v6",
            Self::Walk => {
                "M14.8 4.500a1.8 1.8 0 1 1-3.6 0 1.8 1.8 0 0 1 3.6 0M9 21l2-6-2-3 1-5 4 1 2 3 3 1M11 15l4 2 1 4"
            }
            Self::List => "M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01",
            Self::Me => "M16 8a4 4 0 1 1-8 0 4 4 0 0 1 8 0M4 21c1-4 4-6 8-6s7 2 8 6",
            Self::Mic => "M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3zM5 11a7 7 0 0 0 14 0M12 18v3",
            Self::Pin => {
                "M12 21s7-6.2 7-11a7 7 0 0 0-14 0c0 4.8 7 11 7 11zM14.5 10a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0"
            }
            Self::Bolt => "M13 3L5 14h6l-1 7 8-11h-6z",
            Self::Drop => "M12 3s6 7 6 11a6 6 0 0 1-12 0c0-4 6-11 6-11z",
            Self::Lift => "M5 3h14v18H5zM12 3v18M7.5 10.500l1-1.5 1 1.500M14.5 13.500l1 1.5 1-1.5",
            Self::Broom => "M19 4l-7 7M10 9l5 5-4 6c-3 0-6-2-7-5 3 0 4-2 6-6zM8 15.500l-1.5 2M11 17l-1 2.5",
            Self::Wrench => "M15 4a5 5 0 0 0-4.7 6.700L4 17l3 3 6.3-6.300A5 5 0 0 0 20 9l-3 2-3-1-1-3z",
            Self::Wall => {
                "M4 5h16v14H4zM4 9.700h16M4 14.300h16M12 5v4.700M8 9.700v4.600M16 9.700v4.600M12 14.300V19"
            }
            Self::Notice => "M6 3h9l4 4v14H6zM15 3v4h4M9 12h7M9 16h7",
            Self::Leaf => "M5 19C4 10 9 4 20 4c1 10-4 16-12 15M5 21c1-5 4-9 9-11",
            Self::Shield => "M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6zM9 12l2.2 2.200L15 10",
            Self::Megaphone => "M4 10v4h3l9 4.500v-13L7 10zM7 14l1.5 6h3L10.3 15.600M19 9.500a4 4 0 0 1 0 5",
            Self::Complaint => "M4 5h16v12h-9l-4 4v-4H4zM12 8v3.500M12 14h.01",
            Self::Bulb => "M9 17v-2a6 6 0 1 1 6 0v2zM10 20.500h4",
            Self::Dots => "M5.3 12h1.4M11.3 12h1.4M17.3 12h1.4",
            Self::Check => "M5 12.500l4.5 4.500L19 7.5",
            Self::ArrowLeft => "M20 12H4M10.5 5.500L4 12l6.5 6.5",
            Self::ArrowRight => "M4 12h16M13.5 5.5L20 12l-6.5 6.5",
            Self::Chevron => "M9 5l7 7-7 7",
            Self::Up => "M12 20V5M6 11l6-6 6 6",
            Self::Warn => "M12 4L2.8 20h18.400zM12 10v4.500M12 17.200h.01",
            Self::Clock => "M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0M12 7v5l3.5 2",
            Self::Phone => {
                "M5 4h4l2 5-2.5 1.500a11 11 0 0 0 5 5L15 13l5 2v4a2 2 0 0 1-2 2A15 15 0 0 1 3 6a2 2 0 0 1 2-2z"
            }
            Self::Sun => {
                "M16 12a4 4 0 1 1-8 0 4 4 0 0 1 8 0M12 2.500v2M12 19.500v2M2.5 12h2M19.5 12h2M5.3 5.300l1.4 1.400M17.3 17.300l1.4 1.400M5.3 18.700l1.4-1.400M17.3 6.700l1.4-1.4"
            }
            Self::Moon => "M20 14.500A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.500z",
            Self::Globe => {
                "M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0M3 12h18M12 3c5 5 5 13 0 18M12 3c-5 5-5 13 0 18"
            }
            Self::CloudOff => {
                "M4 4l16 16M8 8a6 6 0 0 0-1 .2A5 5 0 0 0 7 18h10.500M11 6.100A6 6 0 0 1 17.5 11a3.5 3.5 0 0 1 3 5.5"
            }
            Self::Refresh => {
                "M20 11a8 8 0 0 0-14.5-3.700L4 9M4 4.500V9h4.500M4 13a8 8 0 0 0 14.5 3.700L20 15M20 19.500V15h-4.5"
            }
            Self::Trash => "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5.500M14 11v5.5",
            Self::Search => "M17 10.500a6.5 6.5 0 1 1-13 0 6.5 6.5 0 0 1 13 0M15.3 15.300L20 20",
            Self::X => "M6 6l12 12M18 6L6 18",
            Self::User => {
                "M4 4h16v16H4zM14.8 10a2.8 2.8 0 1 1-5.6 0 2.8 2.8 0 0 1 5.6 0M7.5 20c.5-3 2-4.5 4.5-4.500s4 1.5 4.5 4.5"
            }
            Self::Users => {
                "M13 8a4 4 0 1 1-8 0 4 4 0 0 1 8 0M2 20c.8-3.7 3-5.5 7-5.500s6.2 1.8 7 5.500M15.5 4.300a4 4 0 0 1 0 7.400M18.5 15.200c2 .8 3 2.4 3.5 4.8"
            }
            Self::Pause => "M8 5v14M16 5v14",
            Self::Play => "M7 4.500v15L19 12z",
        }
    }
}

/// One icon. It is hidden from screen readers: the text beside it, or the label of its button, says what it means.
#[component]
pub fn Icon(
    /// Which one.
    glyph: Glyph,
    /// `"big"` (30 px), `"little"` (18 px); 24 px if left out.
    #[prop(optional)]
    size: &'static str,
) -> impl IntoView {
    view! {
        <svg class=format!("i {size}") viewBox="0 0 24 24" aria-hidden="true">
            <path d=glyph.path()></path>
        </svg>
    }
    .into_any()
}
