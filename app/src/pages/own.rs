//! Which page is a person's own: where the app leads them first, and where a case leads that was opened by itself.

use std::sync::Arc;

use shared::{
    case::CaseView,
    site::{Member, Role},
};

/// Whether somebody works at the desk: the office, and the control room, which stands in for it (R12).
pub fn at_desk(me: &Member) -> bool {
    me.office() || me.is(Role::ControlRoom)
}

/// The page of what somebody has to do; `None` for who reports, whose page is the home page.
pub fn own<'a>(me: &Member, mut cases: impl Iterator<Item = &'a Arc<CaseView>>) -> Option<&'static str> {
    if at_desk(me) {
        return Some("/desk");
    }
    // Whoever has something in hand: a cleaner and a guard are dispatched too.
    let in_hand = |view: &Arc<CaseView>| {
        view.stage().open() && view.full().and_then(|case| case.stage.handler()) == Some(me.id)
    };
    cases.any(in_hand).then_some("/jobs")
}

#[cfg(test)]
mod tests {
    use shared::case::{Case, CaseCommand};

    use super::*;
    use crate::components::office_kit::{
        DESK, GUARD, MORNING, SECOND, SUPERVISOR, TECHNICIAN, at_server, dispatched, property, report, then,
    };

    fn of(me: &Member, case: &Case) -> Option<&'static str> {
        own(me, [Arc::new(CaseView::Full(Box::new(case.clone())))].iter())
    }

    #[test]
    fn the_office_and_the_control_room_begin_at_the_desk() {
        let case = at_server(10, &report("leak", 0), MORNING, 0);
        for who in [DESK, SUPERVISOR] {
            assert_eq!(of(&property(who).me, &case), Some("/desk"));
        }
        let mut control_room = property(GUARD).me;
        control_room.roles.insert(Role::ControlRoom);
        assert_eq!(of(&control_room, &case), Some("/desk"));
    }

    #[test]
    fn whoever_has_something_in_hand_begins_with_it_and_the_rest_at_home() {
        let new = at_server(10, &report("leak", 0), MORNING, 0);
        let case = dispatched(&new, MORNING);
        let (technician, second) = (property(TECHNICIAN).me, property(SECOND).me);
        assert_eq!(of(&technician, &case), Some("/jobs"));
        assert_eq!(of(&technician, &new), None);
        assert_eq!(of(&second, &case), None);
        assert_eq!(of(&property(GUARD).me, &case), None);
        let complete = CaseCommand::Complete { result: "换了接头".to_owned(), photos: Vec::new() };
        let done = then(&case, TECHNICIAN, &complete, MORNING);
        assert_eq!(of(&technician, &done), None);
    }
}
