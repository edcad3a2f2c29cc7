//! A report as tables: CSV, which anything reads, and a workbook that prints well.

mod words;

use std::ops::RangeInclusive;

use jiff::civil::Date;
use rust_xlsxwriter::{Color, Format, FormatAlign, FormatBorder, Workbook, Worksheet};
use shared::{
    ids::{PersonId, PlaceCode, RouteCode},
    round::{
        StopStateName,
        report::{Found, RoundLine, RoundsReport, StopLine, Tally},
    },
    route::{Item, ItemKind, Reading},
    time::Ms,
};

use crate::sites::Known;

pub(super) use words::Language;

/// A report to be written as a table.
pub(super) struct Table<'a> {
    pub known: &'a Known,
    pub report: &'a RoundsReport,
    pub of: &'a Asked,
    pub language: Language,
}

/// What a report is of: a file says it, so that nobody takes a part for the whole.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub days: RangeInclusive<Date>,
    pub route: Option<RouteCode>,
    pub person: Option<PersonId>,
}

/// The headings of the stops, in both languages.
const STOPS: [(&str, &str, u16); 17] = [
    ("日期", "Date", 11),
    ("班次", "Round", 8),
    ("路线", "Route", 18),
    ("点位", "Stop", 26),
    ("计划人", "Planned", 12),
    ("状态", "State", 11),
    ("时间", "Time", 17),
    ("巡查人", "By", 10),
    ("异常", "Problem", 8),
    ("说明", "Remarks", 24),
    ("可信度", "Trust", 8),
    ("存疑原因", "Doubts", 28),
    ("读数", "Readings", 40),
    ("没看", "Not checked", 20),
    ("工单数", "Cases", 8),
    ("班次情况", "Stage", 10),
    ("复核说明", "Review note", 24),
];

/// The headings of a tally.
const TALLY: [(&str, &str); 9] = [
    ("点位数", "Stops"),
    ("按时", "On time"),
    ("晚到", "Late"),
    ("不在时段内", "Outside its time"),
    ("漏点", "Missed"),
    ("没去", "Left out"),
    ("还没到", "Not yet"),
    ("异常", "Problem"),
    ("要核实", "Needs checking"),
];

impl Table<'_> {
    fn word(&self, zh: &'static str, en: &'static str) -> &'static str {
        self.language.word(zh, en)
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
        sheet.set_header(format!("&L{}&R&P / &N", self.heading().replace('&', "&&")));
        Ok(sheet)
    }

    /// What it is of, for the head of each page: `锦洲花园 · 2026-11-23 · R-N 北区夜巡 · 王建国`.
    fn heading(&self) -> String {
        let Asked { days, route, person } = self.of;
        let (first, last) = (days.start(), days.end());
        let mut parts = vec![self.known.site.name.clone()];
        parts.push(if first == last { first.to_string() } else { format!("{first} – {last}") });
        parts.extend(route.as_ref().map(|route| {
            let line = self.report.routes.iter().find(|line| line.route == *route);
            line.map_or_else(|| route.to_string(), |line| format!("{route} {}", line.name))
        }));
        parts.extend(person.map(|person| self.person(person)));
        // A workbook holds 255 units in a header, some of which are its own.
        const MOST: usize = 200;
        cut(parts.join(" · "), MOST)
    }

    /// The file's name without its ending: `rounds-2026-11-23-2026-11-23-R-N-王建国`.
    pub fn name(&self) -> String {
        let Asked { days, route, person } = self.of;
        let mut parts = vec!["rounds".to_owned(), days.start().to_string(), days.end().to_string()];
        parts.extend(route.as_ref().map(RouteCode::to_string));
        parts.extend(person.map(|person| self.person(person)));
        let plain = |letter: char| if letter.is_alphanumeric() { letter } else { '-' };
        parts.join("-").chars().map(plain).take(100).collect()
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

    fn cells(&self, round: &RoundLine, stop: &StopLine) -> [String; 17] {
        let (language, minute) = (self.language, round.occurrence.minute);
        let mut remarks = Vec::new();
        if !stop.reason.is_empty() {
            remarks.push(stop.reason.as_str());
        }
        // Of a tick it is said; that a stop was left out is in time whenever it was.
        let uncertain = stop.trust.is_some() && stop.time.is_some_and(|time| time.uncertain);
        for (holds, text) in [
            (stop.unheard, language.unheard()),
            (stop.arrived_late, language.arrived_late()),
            (uncertain, language.uncertain()),
            (stop.out_of_order, language.out_of_order()),
        ] {
            if holds {
                remarks.push(text);
            }
        }
        let doubts = stop.trust.iter().flat_map(|trust| &trust.doubts);
        let doubts = doubts.map(|doubt| language.doubt(doubt, |place| self.place(place)));
        let readings = stop.readings.iter().map(|found| self.reading(found));
        let unanswered = stop.unanswered.iter().map(|item| self.item(item));
        let joined = |texts: Vec<String>| texts.join(language.between());
        [
            round.occurrence.date.to_string(),
            format!("{:02}:{:02}", minute / 60, minute % 60),
            format!("{} {}", round.route, round.name),
            self.place(&stop.place),
            self.planned(round, stop),
            language.state(stop.state).to_owned(),
            stop.time.map(|time| self.wall(time.at)).unwrap_or_default(),
            self.people(stop.by),
            if stop.abnormal { language.yes_or_no(true).to_owned() } else { String::new() },
            remarks.join(language.between()),
            stop.trust.as_ref().map(|trust| language.level(trust.level).to_owned()).unwrap_or_default(),
            joined(doubts.collect()),
            joined(readings.collect()),
            joined(unanswered.collect()),
            if stop.cases.is_empty() { String::new() } else { stop.cases.len().to_string() },
            language.stage(round.stage).to_owned(),
            round.reviewed.clone().unwrap_or_default(),
        ]
    }

    fn wall(&self, at: Ms) -> String {
        self.known.zone.wall(at).strftime("%Y-%m-%d %H:%M").to_string()
    }

    fn person(&self, id: PersonId) -> String {
        self.known.people.get(id).map_or_else(|| id.to_string(), |member| member.name.clone())
    }

    fn people(&self, ids: impl IntoIterator<Item = PersonId>) -> String {
        self.language.listed(ids.into_iter().map(|id| self.person(id)))
    }

    /// Who was to be at a stop: those who are named for it, else whose round it is.
    fn planned(&self, round: &RoundLine, stop: &StopLine) -> String {
        if stop.planned.is_empty() {
            self.language.who(&round.who, |id| self.person(id))
        } else {
            self.people(stop.planned.iter().copied())
        }
    }

    fn place(&self, place: &PlaceCode) -> String {
        self.known.place_name(place)
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
        format!("{}: {}", self.item(&found.item), answers.join(" → "))
    }

    /// What is looked at; a photo may have no name.
    fn item(&self, item: &Item) -> String {
        if item.text.is_empty() { self.word("照片", "Photo").to_owned() } else { item.text.clone() }
    }

    fn answer(&self, item: &Item, reading: &Reading) -> String {
        let said = match (reading, &item.kind) {
            (Reading::Ok(yes), _) => self.language.yes_or_no(*yes).to_owned(),
            (Reading::Number(number), ItemKind::Number { unit, .. }) => format!("{number} {unit}"),
            (Reading::Number(number), _) => number.to_string(),
            (Reading::Choice(text) | Reading::Text(text), _) => text.clone(),
            (Reading::Photos(photos), _) => self.language.photos(photos.len()),
        };
        said.trim_end().to_owned()
    }
}

/// As much of a text as a cell of a workbook holds: so many units of UTF-16.
fn fitting(text: String) -> String {
    cut(text, 32_767)
}

/// As much of a text as fits into so many units of UTF-16, with a sign that there was more.
fn cut(text: String, most: usize) -> String {
    if text.encode_utf16().count() <= most {
        return text;
    }
    let mut units = 1;
    let fits = text.chars().take_while(|letter| {
        units += letter.len_utf16();
        units <= most
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
