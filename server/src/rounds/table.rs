//! A report as tables: CSV, which anything reads, and a workbook that prints well.

use rust_xlsxwriter::{Color, Format, FormatAlign, FormatBorder, Workbook, Worksheet};
use serde::Deserialize;
use shared::{
    ids::{PersonId, PlaceCode},
    round::{
        StopStateName,
        report::{Found, RoundLine, RoundsReport, StopLine, Tally},
        trust::{Doubt, Level},
    },
    route::{Item, ItemKind, Reading},
    time::Ms,
};

use crate::sites::Known;

/// In which language headings and states are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Language {
    #[default]
    Zh,
    En,
}

/// A report to be written as a table.
pub(super) struct Table<'a> {
    pub known: &'a Known,
    pub report: &'a RoundsReport,
    pub language: Language,
}

/// The headings of the stops, in both languages.
const STOPS: [(&str, &str, u16); 14] = [
    ("日期", "Date", 11),
    ("班次", "Round", 8),
    ("路线", "Route", 18),
    ("点位", "Stop", 26),
    ("计划人", "Planned", 12),
    ("状态", "State", 11),
    ("时间", "Time", 17),
    ("巡查人", "By", 10),
    ("异常", "Abnormal", 8),
    ("说明", "Remarks", 24),
    ("可信度", "Trust", 8),
    ("存疑原因", "Doubts", 28),
    ("读数", "Readings", 40),
    ("工单数", "Cases", 8),
];

/// The headings of a tally.
const TALLY: [(&str, &str); 9] = [
    ("点位数", "Stops"),
    ("按时", "On time"),
    ("迟到", "Late"),
    ("窗口外", "Out of window"),
    ("漏检", "Missed"),
    ("跳过", "Skipped"),
    ("未到", "Pending"),
    ("异常", "Abnormal"),
    ("低可信", "Doubtful"),
];

impl Table<'_> {
    fn word(&self, zh: &'static str, en: &'static str) -> &'static str {
        match self.language {
            Language::Zh => zh,
            Language::En => en,
        }
    }

    /// One line per stop, with the mark by which spreadsheets know that it is UTF-8.
    pub fn csv(&self) -> anyhow::Result<Vec<u8>> {
        let mut writer = csv::Writer::from_writer("\u{feff}".as_bytes().to_vec());
        writer.write_record(STOPS.map(|(zh, en, _)| self.word(zh, en)))?;
        for (round, stop) in self.lines() {
            writer.write_record(self.cells(round, stop).map(|cell| harmless(&cell)))?;
        }
        writer.into_inner().map_err(|error| anyhow::anyhow!("{error}"))
    }

    /// Sheets of stops, routes and people, each of which prints on A4.
    pub fn xlsx(&self) -> anyhow::Result<Vec<u8>> {
        let mut workbook = Workbook::new();
        let head = Format::new()
            .set_bold()
            .set_background_color(Color::RGB(0x00E8_ECEF))
            .set_border_bottom(FormatBorder::Thin);
        let text = Format::new().set_text_wrap().set_align(FormatAlign::Top);
        let bad = text.clone().set_font_color(Color::RGB(0x00B4_2318));

        let sheet = self.sheet(&mut workbook, self.word("巡查明细", "Stops"))?;
        sheet.set_landscape().set_print_fit_to_pages(1, 0);
        for (column, (zh, en, width)) in (0..).zip(STOPS) {
            sheet.set_column_width(column, width)?;
            sheet.write_string_with_format(0, column, self.word(zh, en), &head)?;
        }
        for (row, (round, stop)) in (1..).zip(self.lines()) {
            let wrong = stop.abnormal || stop.state == StopStateName::Missed;
            for (column, cell) in (0..).zip(self.cells(round, stop)) {
                sheet.write_string_with_format(
                    row,
                    column,
                    fitting(cell),
                    if wrong { &bad } else { &text },
                )?;
            }
        }

        let routes = self.report.routes.iter();
        let routes = routes.map(|line| (format!("{} {}", line.route, line.name), line.rounds, &line.tally));
        let first = [self.word("路线", "Route"), self.word("班次数", "Rounds")];
        let sheet = self.sheet(&mut workbook, self.word("按路线", "By route"))?;
        self.tallies(sheet, &head, &first, routes.map(|(name, rounds, tally)| (name, Some(rounds), tally)))?;

        let people = self.report.people.iter();
        let people = people.map(|line| (self.person(line.person), None, &line.tally));
        let sheet = self.sheet(&mut workbook, self.word("按人员", "By person"))?;
        self.tallies(sheet, &head, &[self.word("人员", "Person")], people)?;
        Ok(workbook.save_to_buffer()?)
    }

    fn sheet<'w>(&self, workbook: &'w mut Workbook, name: &str) -> anyhow::Result<&'w mut Worksheet> {
        let sheet = workbook.add_worksheet();
        sheet.set_name(name)?.set_paper_size(9).set_repeat_rows(0, 0)?;
        sheet.set_freeze_panes(1, 0)?;
        sheet.set_header(format!("&L{}&R&P / &N", self.known.site.name.replace('&', "&&")));
        Ok(sheet)
    }

    fn tallies<'t>(
        &self,
        sheet: &mut Worksheet,
        head: &Format,
        first: &[&str],
        lines: impl Iterator<Item = (String, Option<u32>, &'t Tally)>,
    ) -> anyhow::Result<()> {
        sheet.set_print_fit_to_pages(1, 0);
        sheet.set_column_width(0, 28)?;
        let heads = first.iter().copied().chain(TALLY.map(|(zh, en)| self.word(zh, en)));
        for (column, heading) in (0..).zip(heads) {
            sheet.write_string_with_format(0, column, heading, head)?;
        }
        for (row, (name, rounds, tally)) in (1..).zip(lines) {
            sheet.write_string(row, 0, name)?;
            let Tally { stops, on_time, late, out_of_window, missed, skipped, pending, abnormal, doubtful } =
                *tally;
            let counts = [stops, on_time, late, out_of_window, missed, skipped, pending, abnormal, doubtful];
            for (column, count) in (1..).zip(rounds.into_iter().chain(counts)) {
                sheet.write_number(row, column, count)?;
            }
        }
        Ok(())
    }

    fn lines(&self) -> impl Iterator<Item = (&RoundLine, &StopLine)> {
        self.report.rounds.iter().flat_map(|round| round.stops.iter().map(move |stop| (round, stop)))
    }

    fn cells(&self, round: &RoundLine, stop: &StopLine) -> [String; 14] {
        let minute = round.occurrence.minute;
        let mut remarks = Vec::new();
        if !stop.reason.is_empty() {
            remarks.push(stop.reason.as_str());
        }
        if stop.unheard {
            remarks.push(self.word("走的时候还没有这一点", "Added after this round was begun"));
        }
        if stop.arrived_late {
            remarks.push(self.word("补传", "arrived late"));
        }
        if stop.time.is_some_and(|time| time.uncertain) {
            remarks.push(self.word("时间不确定", "time uncertain"));
        }
        if stop.out_of_order {
            remarks.push(self.word("顺序不符", "out of order"));
        }
        let doubts = stop.trust.iter().flat_map(|trust| &trust.doubts);
        let readings = stop.readings.iter().map(|found| self.reading(found));
        [
            round.occurrence.date.to_string(),
            format!("{:02}:{:02}", minute / 60, minute % 60),
            format!("{} {}", round.route, round.name),
            self.place(&stop.place),
            self.people(stop.planned.iter().copied()),
            self.state(stop.state).to_owned(),
            stop.time.map(|time| self.wall(time.at)).unwrap_or_default(),
            self.people(stop.by),
            if stop.abnormal { self.word("异常", "yes").to_owned() } else { String::new() },
            remarks.join("; "),
            stop.trust.as_ref().map(|trust| self.level(trust.level).to_owned()).unwrap_or_default(),
            doubts.map(|doubt| self.doubt(doubt)).collect::<Vec<_>>().join("; "),
            readings.collect::<Vec<_>>().join("; "),
            if stop.cases.is_empty() { String::new() } else { stop.cases.len().to_string() },
        ]
    }

    fn wall(&self, at: Ms) -> String {
        self.known.zone.wall(at).strftime("%Y-%m-%d %H:%M").to_string()
    }

    fn person(&self, id: PersonId) -> String {
        self.known.people.get(id).map_or_else(|| id.to_string(), |member| member.name.clone())
    }

    fn people(&self, ids: impl IntoIterator<Item = PersonId>) -> String {
        ids.into_iter().map(|id| self.person(id)).collect::<Vec<_>>().join("、")
    }

    fn place(&self, place: &PlaceCode) -> String {
        self.known.place_name(place)
    }

    fn state(&self, state: StopStateName) -> &'static str {
        match state {
            StopStateName::Pending => self.word("未到", "not yet"),
            StopStateName::OnTime => self.word("按时", "on time"),
            StopStateName::Late => self.word("迟到", "late"),
            StopStateName::OutOfWindow => self.word("窗口外", "out of window"),
            StopStateName::Missed => self.word("漏检", "missed"),
            StopStateName::Skipped => self.word("跳过", "skipped"),
        }
    }

    fn level(&self, level: Level) -> &'static str {
        match level {
            Level::Low => self.word("低", "low"),
            Level::Medium => self.word("中", "medium"),
            Level::High => self.word("高", "high"),
        }
    }

    fn doubt(&self, doubt: &Doubt) -> String {
        match doubt {
            Doubt::CodeTyped => self.word("手输短码", "code typed").to_owned(),
            Doubt::NotScanned => self.word("未扫码,有照片", "photo instead of the label").to_owned(),
            Doubt::NothingShown => self.word("未扫码,无照片", "nothing shown").to_owned(),
            Doubt::Elsewhere(place) => {
                format!("{} {}", self.word("扫的是别处标签:", "label of"), self.place(place))
            }
            Doubt::WrongLabel => self.word("标签不符", "wrong label").to_owned(),
            Doubt::OldLabel => self.word("已更换的旧标签", "label that was replaced").to_owned(),
            Doubt::NoLabel => self.word("该点无标签", "place without a label").to_owned(),
            Doubt::Far { metres } => format!("{} {metres} m", self.word("定位偏离", "phone was away")),
            Doubt::StalePosition => self.word("定位过旧", "position too old").to_owned(),
            Doubt::Impossible { metres, seconds } => {
                format!("{} {metres} m / {seconds} s", self.word("走不到", "nobody gets there in time:"))
            }
            Doubt::Hasty { seconds } => format!("{} {seconds} s", self.word("快于平常", "faster than usual")),
            Doubt::Again => self.word("重复打卡", "ticked again").to_owned(),
            Doubt::PhotoMissing => self.word("缺抽查照片", "photo missing").to_owned(),
            Doubt::ClockMoved => self.word("手机时间被改动", "phone's clock moved").to_owned(),
            Doubt::ChainGap => self.word("之前的记录丢失", "records before it lost").to_owned(),
        }
    }

    fn reading(&self, found: &Found) -> String {
        let answers = found.before.iter().map(|reading| (reading, true));
        let answers = answers.chain([(&found.reading, found.abnormal)]);
        let answers: Vec<String> = answers
            .map(|(reading, abnormal)| {
                let mark = if abnormal { " ⚠" } else { "" };
                format!("{}{mark}", self.answer(&found.item, reading))
            })
            .collect();
        let name =
            if found.item.text.is_empty() { self.word("照片", "photo") } else { found.item.text.as_str() };
        format!("{name}: {}", answers.join(" → "))
    }

    fn answer(&self, item: &Item, reading: &Reading) -> String {
        let said = match (reading, &item.kind) {
            (Reading::Ok(true), _) => self.word("正常", "ok").to_owned(),
            (Reading::Ok(false), _) => self.word("异常", "not ok").to_owned(),
            (Reading::Number(number), ItemKind::Number { unit, .. }) => format!("{number} {unit}"),
            (Reading::Number(number), _) => number.to_string(),
            (Reading::Choice(text) | Reading::Text(text), _) => text.clone(),
            (Reading::Photos(photos), _) => format!("{} {}", photos.len(), self.word("张照片", "photos")),
        };
        said.trim_end().to_owned()
    }
}

/// As much of a text as a cell of a workbook holds: so many units of UTF-16.
fn fitting(text: String) -> String {
    const MOST: usize = 32_767;
    if text.encode_utf16().count() <= MOST {
        return text;
    }
    let mut units = 1;
    let fits = text.chars().take_while(|letter| {
        units += letter.len_utf16();
        units <= MOST
    });
    fits.chain(['…']).collect()
}

/// A cell that a spreadsheet shows and does not calculate, whatever somebody typed.
fn harmless(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_holds_what_fits_and_says_that_there_is_more() {
        assert_eq!(fitting("门锁了".to_owned()), "门锁了");
        assert_eq!(fitting("长".repeat(32_767)).chars().count(), 32_767);
        let cut = fitting("😀".repeat(20_000));
        assert_eq!((cut.encode_utf16().count(), cut.chars().last()), (32_767, Some('…')));
    }

    #[test]
    fn what_somebody_typed_is_never_calculated() {
        assert_eq!(harmless("=HYPERLINK(\"x\")"), "'=HYPERLINK(\"x\")");
        assert_eq!(harmless("门锁了"), "门锁了");
    }
}
