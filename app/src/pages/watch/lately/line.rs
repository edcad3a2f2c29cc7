//! Readings as a line: where each lies on the drawing, and where their limits do. Everything is in whole units of the
//! drawing, ten thousand to its width, so that nothing is lost and no fraction is written.

use shared::{
    round::report::Point,
    route::{Item, ItemKind, Milli, Reading},
    time::Ms,
};

/// The drawing's width.
pub const WIDTH: i64 = 10_000;
/// Its height.
pub const HEIGHT: i64 = 3_200;
/// Room around it for what is drawn on its edge.
pub const EDGE: i64 = 120;
/// How far a mark reaches from its middle.
const MARK: i64 = 70;

/// A reading on the drawing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dot {
    /// From the left.
    pub x: i64,
    /// From the top.
    pub y: i64,
    /// It was beyond its limits when it was read.
    pub abnormal: bool,
}

/// The drawing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chart {
    /// The readings, oldest first.
    pub dots: Vec<Dot>,
    /// The lower limit of now, with how far from the top it lies.
    pub low: Option<(Milli, i64)>,
    /// The upper limit.
    pub high: Option<(Milli, i64)>,
    /// The least reading.
    pub least: Milli,
    /// The greatest.
    pub most: Milli,
}

/// The numbers among some readings, as they are drawn between two instants. `None` where there is no number.
pub fn chart(item: Option<&Item>, points: &[Point], from: Ms, until: Ms) -> Option<Chart> {
    let numbers: Vec<(Ms, i64, bool)> = points
        .iter()
        .filter_map(|point| match point.reading {
            Reading::Number(number) => Some((point.time.at, number.0, point.abnormal)),
            Reading::Ok(_) | Reading::Choice(_) | Reading::Text(_) | Reading::Photos(_) => None,
        })
        .collect();
    let (low, high) = match item.map(|item| &item.kind) {
        Some(ItemKind::Number { low, high, .. }) => (*low, *high),
        Some(ItemKind::OkOrNot | ItemKind::Choice { .. } | ItemKind::Text | ItemKind::Photo { .. })
        | None => (None, None),
    };
    let least = numbers.iter().map(|(_, number, _)| *number).min()?;
    let most = numbers.iter().map(|(_, number, _)| *number).max()?;
    let limits = [low, high].into_iter().flatten().map(|limit| limit.0);
    let bottom = limits.clone().fold(least, i64::min);
    let top = limits.fold(most, i64::max);
    // What never changes is drawn in the middle.
    let (bottom, top) = if bottom == top { (bottom - 1_000, top + 1_000) } else { (bottom, top) };
    let y = |number: i64| scale(top - number, top - bottom, HEIGHT);
    let x = |at: Ms| scale(at.since(from), until.since(from).max(1), WIDTH);
    let dot = |(at, number, abnormal): (Ms, i64, bool)| Dot { x: x(at), y: y(number), abnormal };
    Some(Chart {
        dots: numbers.into_iter().map(dot).collect(),
        low: low.map(|low| (low, y(low.0))),
        high: high.map(|high| (high, y(high.0))),
        least: Milli(least),
        most: Milli(most),
    })
}

/// A part of a whole, as a part of a length; never beyond it.
fn scale(part: i64, whole: i64, length: i64) -> i64 {
    let along = i128::from(part) * i128::from(length) / i128::from(whole.max(1));
    // Within the length it is as small as that.
    i64::try_from(along.clamp(0, length.into())).unwrap_or(length)
}

impl Chart {
    /// The line through all readings.
    pub fn line(&self) -> String {
        let step =
            |(at, dot): (usize, &Dot)| format!("{}{} {}", if at == 0 { 'M' } else { 'L' }, dot.x, dot.y);
        self.dots.iter().enumerate().map(step).collect()
    }

    /// A mark on each reading: a square on those within their limits, a larger one that stands on its corner on the others.
    pub fn marks(&self, abnormal: bool) -> String {
        let mark = |dot: &Dot| {
            if abnormal {
                let (top, reach) = (dot.y - 2 * MARK, 2 * MARK);
                format!("M{} {top}l{reach} {reach}l-{reach} {reach}l-{reach} -{reach}z", dot.x)
            } else {
                format!("M{} {}h{side}v{side}h-{side}z", dot.x - MARK, dot.y - MARK, side = 2 * MARK)
            }
        };
        self.dots.iter().filter(|dot| dot.abnormal == abnormal).map(mark).collect()
    }

    /// The line of a limit.
    pub fn limit(&self, y: i64) -> String {
        format!("M0 {y}H{WIDTH}")
    }
}

#[cfg(test)]
mod tests {
    use shared::{ids::RoundId, time::EventTime};
    use uuid::Uuid;

    use super::*;

    fn item(low: Option<i64>, high: Option<i64>) -> Item {
        let kind = ItemKind::Number { unit: "℃".to_owned(), low: low.map(Milli), high: high.map(Milli) };
        Item { code: "temp".into(), text: "温度".to_owned(), kind }
    }

    fn point(at: i64, reading: Reading, abnormal: bool) -> Point {
        let round = RoundId(Uuid::nil());
        Point { round, time: EventTime::exact(Ms(at)), by: None, reading, abnormal }
    }

    fn number(at: i64, number: i64) -> Point {
        point(at, Reading::Number(Milli(number)), false)
    }

    #[test]
    fn the_first_instant_is_at_the_left_the_last_at_the_right_and_more_is_higher() {
        let points = [number(0, 10_000), number(500, 20_000), number(1_000, 15_000)];
        let chart = chart(Some(&item(None, None)), &points, Ms(0), Ms(1_000)).unwrap();
        let at: Vec<_> = chart.dots.iter().map(|dot| (dot.x, dot.y)).collect();
        assert_eq!(at, [(0, HEIGHT), (WIDTH / 2, 0), (WIDTH, HEIGHT / 2)]);
        assert_eq!((chart.least, chart.most), (Milli(10_000), Milli(20_000)));
        assert_eq!(chart.line(), "M0 3200L5000 0L10000 1600");
    }

    #[test]
    fn limits_that_no_reading_comes_near_are_on_the_drawing_too() {
        let chart = chart(Some(&item(Some(0), Some(40_000))), &[number(0, 20_000)], Ms(0), Ms(1)).unwrap();
        assert_eq!(chart.low, Some((Milli(0), HEIGHT)));
        assert_eq!(chart.high, Some((Milli(40_000), 0)));
        assert_eq!(chart.dots[0].y, HEIGHT / 2);
        assert_eq!(chart.limit(0), "M0 0H10000");
    }

    #[test]
    fn what_never_changes_is_a_line_through_the_middle() {
        let chart = chart(None, &[number(0, 5_000), number(9, 5_000)], Ms(0), Ms(9)).unwrap();
        assert_eq!(chart.dots.iter().map(|dot| dot.y).collect::<Vec<_>>(), [HEIGHT / 2; 2]);
    }

    #[test]
    fn what_is_no_number_is_not_drawn_and_nothing_makes_no_drawing() {
        let words = point(0, Reading::Text("27".to_owned()), false);
        assert_eq!(chart(None, std::slice::from_ref(&words), Ms(0), Ms(1)), None);
        assert_eq!(chart(None, &[words, number(1, 0)], Ms(0), Ms(1)).unwrap().dots.len(), 1);
    }

    #[test]
    fn a_reading_beyond_its_limits_has_a_mark_of_another_shape() {
        let points = [number(0, 0), point(1, Reading::Number(Milli(1_000)), true)];
        let chart = chart(None, &points, Ms(0), Ms(1)).unwrap();
        assert_eq!(chart.marks(false), "M-70 3130h140v140h-140z");
        assert_eq!(chart.marks(true), "M10000 -140l140 140l-140 140l-140 -140z");
    }

    #[test]
    fn extremes_stay_on_the_drawing() {
        let points = [number(i64::MIN, -999_999_999_999), number(i64::MAX, 999_999_999_999)];
        let chart = chart(None, &points, Ms(0), Ms(10)).unwrap();
        let at: Vec<_> = chart.dots.iter().map(|dot| (dot.x, dot.y)).collect();
        assert_eq!(at, [(0, HEIGHT), (WIDTH, 0)]);
    }
}
