//! What a table says beside its headings, in the words of the app, so that a file reads as the page does. The app's texts are
//! not loaded here; a test compares the two.

use serde::Deserialize;
use shared::{
    ids::{PersonId, PlaceCode},
    round::{
        RoundStage, StopStateName,
        trust::{Doubt, Level},
    },
    route::Who,
    site::Role,
};

/// In which language headings and states are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::rounds) enum Language {
    #[default]
    Zh,
    En,
}

impl Language {
    pub(super) const fn word(self, zh: &'static str, en: &'static str) -> &'static str {
        match self {
            Language::Zh => zh,
            Language::En => en,
        }
    }

    pub(super) const fn state(self, state: StopStateName) -> &'static str {
        match state {
            StopStateName::Pending => self.word("还没到", "Not yet"),
            StopStateName::OnTime => self.word("按时", "On time"),
            StopStateName::Late => self.word("晚到", "Late"),
            StopStateName::OutOfWindow => self.word("不在时段内", "Outside its time"),
            StopStateName::Missed => self.word("漏点", "Missed"),
            StopStateName::Skipped => self.word("没去", "Left out"),
        }
    }

    pub(super) const fn stage(self, stage: RoundStage) -> &'static str {
        match stage {
            RoundStage::Planned => self.word("还没开始", "Not begun"),
            RoundStage::UnderWay => self.word("正在走", "Under way"),
            RoundStage::Over => self.word("已结束", "Over"),
            RoundStage::Reviewed => self.word("已复核", "Reviewed"),
        }
    }

    pub(super) const fn level(self, level: Level) -> &'static str {
        match level {
            Level::Low => self.word("要核实", "Needs checking"),
            Level::Medium => self.word("有一点疑问", "One doubt"),
            Level::High => self.word("可信", "Trusted"),
        }
    }

    pub(super) const fn yes_or_no(self, yes: bool) -> &'static str {
        if yes { self.word("是", "Yes") } else { self.word("否", "No") }
    }

    const fn role(self, role: Role) -> &'static str {
        match role {
            Role::Guard => self.word("保安", "Guard"),
            Role::Cleaner => self.word("保洁", "Cleaner"),
            Role::Technician => self.word("维修", "Technician"),
            Role::Desk => self.word("服务台", "Service desk"),
            Role::ControlRoom => self.word("监控中心", "Control room"),
            Role::Supervisor => self.word("主管", "Supervisor"),
            Role::Director => self.word("主任", "Director"),
            Role::Admin => self.word("管理员", "Administrator"),
        }
    }

    pub(super) fn listed(self, names: impl IntoIterator<Item = String>) -> String {
        names.into_iter().collect::<Vec<_>>().join(self.word("、", ", "))
    }

    /// Whose a round is.
    pub(super) fn who(self, who: &Who, name: impl Fn(PersonId) -> String) -> String {
        match who {
            Who::Roles(roles) => self.listed(roles.iter().map(|role| self.role(*role).to_owned())),
            Who::Persons(persons) => self.listed(persons.iter().map(|person| name(*person))),
            Who::Area(role) => {
                self.word("责任区的{role}", "{role} of the area").replace("{role}", self.role(*role))
            }
        }
    }

    pub(super) const fn unheard(self) -> &'static str {
        self.word("走的时候还没有这一点", "Added after this round was begun")
    }

    pub(super) const fn arrived_late(self) -> &'static str {
        self.word("网络晚到，打点按时", "In time, delivered late")
    }

    pub(super) const fn uncertain(self) -> &'static str {
        self.word("时间不确定，不算晚", "Time uncertain, not counted late")
    }

    pub(super) const fn out_of_order(self) -> &'static str {
        self.word("没按顺序", "Out of order")
    }

    /// Between several remarks.
    pub(super) const fn between(self) -> &'static str {
        self.word("；", "; ")
    }

    pub(super) fn photos(self, count: usize) -> String {
        self.word("已拍 {n} 张", "{n} taken").replace("{n}", &count.to_string())
    }

    pub(super) fn doubt(self, doubt: &Doubt, place_name: impl Fn(&PlaceCode) -> String) -> String {
        let said = match doubt {
            Doubt::CodeTyped => self.word(
                "短码是手输的，可能是别人报的",
                "The code was typed: somebody else may have read it out",
            ),
            Doubt::NotScanned => self.word("没扫标签，用照片代替", "A photo instead of the label"),
            Doubt::NothingShown => self.word("没扫标签，也没有照片", "Neither label nor photo"),
            Doubt::Elsewhere(_) => self.word("扫到的是“{place}”的标签", "The label was that of “{place}”"),
            Doubt::WrongLabel => self.word("扫到的不是这条路线的标签", "The label is none of this route"),
            Doubt::OldLabel => self.word("标签已换新，扫到的是旧的", "The label had been replaced"),
            Doubt::NoLabel => self.word("这一点还没有标签可以核对", "There is no label here to compare with"),
            Doubt::Far { .. } => self.word("定位在 {metres} 米以外", "The position is {metres} m away"),
            Doubt::StalePosition => self.word("定位太旧，不作数", "The position is too old to count"),
            Doubt::Impossible { .. } => self.word(
                "离上一点 {metres} 米，{seconds} 秒走不到",
                "{metres} m from the stop before in {seconds} s",
            ),
            Doubt::Hasty { .. } => self.word(
                "离上一点只有 {seconds} 秒，比平时快得多",
                "Only {seconds} s after the stop before, much less than usual",
            ),
            Doubt::Again => self.word("刚打过同一点", "The same stop was just ticked"),
            Doubt::PhotoMissing => self.word("要拍的照片没拍", "The photo that was asked for is missing"),
            Doubt::ClockMoved => self.word("手机的时钟被改过", "The phone's clock was moved"),
            Doubt::ChainGap => self.word(
                "这部手机更早的记录没有找回，无法核对",
                "Earlier records of this phone have not come back, so nothing can be compared",
            ),
        };
        match doubt {
            Doubt::Elsewhere(place) => said.replace("{place}", &place_name(place)),
            Doubt::Far { metres } => said.replace("{metres}", &metres.to_string()),
            Doubt::Impossible { metres, seconds } => {
                said.replace("{metres}", &metres.to_string()).replace("{seconds}", &seconds.to_string())
            }
            Doubt::Hasty { seconds } => said.replace("{seconds}", &seconds.to_string()),
            Doubt::CodeTyped
            | Doubt::NotScanned
            | Doubt::NothingShown
            | Doubt::WrongLabel
            | Doubt::OldLabel
            | Doubt::NoLabel
            | Doubt::StalePosition
            | Doubt::Again
            | Doubt::PhotoMissing
            | Doubt::ClockMoved
            | Doubt::ChainGap => said.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_table_says_what_the_app_says() {
        for (language, texts, common) in [
            (
                Language::Zh,
                include_str!("../../../../app/locales/zh/rounds.json"),
                include_str!("../../../../app/locales/zh/common.json"),
            ),
            (
                Language::En,
                include_str!("../../../../app/locales/en/rounds.json"),
                include_str!("../../../../app/locales/en/common.json"),
            ),
        ] {
            let app: BTreeMap<String, String> = serde_json::from_str(texts).unwrap();
            let common: serde_json::Value = serde_json::from_str(common).unwrap();
            for (role, said) in common["role"].as_object().unwrap() {
                let role: Role = serde_json::from_value(role.as_str().into()).unwrap();
                assert_eq!(language.role(role), said);
                let of_area = app["who_area"].replace("{role}", language.role(role));
                assert_eq!(language.who(&Who::Area(role), |_| String::new()), of_area);
            }
            let states = [
                (StopStateName::Pending, "pending"),
                (StopStateName::OnTime, "on_time"),
                (StopStateName::Late, "late"),
                (StopStateName::OutOfWindow, "out_of_window"),
                (StopStateName::Missed, "missed"),
                (StopStateName::Skipped, "skipped"),
            ];
            let stages = [
                (RoundStage::Planned, "planned"),
                (RoundStage::UnderWay, "under_way"),
                (RoundStage::Over, "stage_over"),
                (RoundStage::Reviewed, "reviewed"),
            ];
            let levels =
                [(Level::Low, "trust_low"), (Level::Medium, "trust_medium"), (Level::High, "trust_high")];
            let others = [
                (language.yes_or_no(true), "yes"),
                (language.yes_or_no(false), "no"),
                (language.unheard(), "unheard"),
                (language.arrived_late(), "arrived_late"),
                (language.uncertain(), "uncertain"),
                (language.out_of_order(), "out_of_order"),
                (language.between(), "doubts_between"),
            ];
            let said = states.map(|(state, key)| (language.state(state), key)).into_iter();
            let said = said.chain(stages.map(|(stage, key)| (language.stage(stage), key)));
            let said = said.chain(levels.map(|(level, key)| (language.level(level), key)));
            for (said, key) in said.chain(others) {
                assert_eq!(said, app[key], "{key}");
            }
            assert_eq!(language.photos(3), app["photo_taken"].replace("{n}", "3"));
            for (doubt, key) in [
                (Doubt::CodeTyped, "doubt_code_typed"),
                (Doubt::NotScanned, "doubt_not_scanned"),
                (Doubt::NothingShown, "doubt_nothing_shown"),
                (Doubt::Elsewhere("B1".into()), "doubt_elsewhere"),
                (Doubt::WrongLabel, "doubt_wrong_label"),
                (Doubt::OldLabel, "doubt_old_label"),
                (Doubt::NoLabel, "doubt_no_label"),
                (Doubt::Far { metres: 70 }, "doubt_far"),
                (Doubt::StalePosition, "doubt_stale"),
                (Doubt::Impossible { metres: 70, seconds: 2 }, "doubt_impossible"),
                (Doubt::Hasty { seconds: 2 }, "doubt_hasty"),
                (Doubt::Again, "doubt_again"),
                (Doubt::PhotoMissing, "doubt_photo_missing"),
                (Doubt::ClockMoved, "doubt_clock"),
                (Doubt::ChainGap, "doubt_gap"),
            ] {
                let filled = app[key].replace("{place}", "lobby");
                let filled = filled.replace("{metres}", "70").replace("{seconds}", "2");
                assert_eq!(language.doubt(&doubt, |_| "lobby".to_owned()), filled, "{key}");
            }
        }
    }
}
