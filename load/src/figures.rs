//! Figures: how they are taken, put in order and printed.

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, Instant},
};

/// The present instant of the machine, which is what a measurement is about.
#[expect(clippy::disallowed_methods, reason = "how long something takes is asked of the machine itself")]
pub fn now() -> Instant {
    Instant::now()
}

/// How long ago an instant was.
pub fn since(instant: Instant) -> Duration {
    now().saturating_duration_since(instant)
}

/// The figures of one measurement, by name, in the order in which they were noted.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Of what.
    pub title: String,
    figures: Vec<(String, f64)>,
}

impl Figures {
    /// Of a measurement.
    pub fn of(title: impl Into<String>) -> Figures {
        Figures { title: title.into(), figures: Vec::new() }
    }

    /// Notes a figure.
    pub fn note(&mut self, name: impl Into<String>, figure: f64) {
        self.figures.push((name.into(), figure));
    }

    /// Notes the 50th, 95th and 99th percentile of how long requests took, in milliseconds.
    pub fn percentiles(&mut self, name: &str, mut took: Vec<Duration>) {
        took.sort_unstable();
        for percent in [50, 95, 99] {
            if let Some(at) = percentile(&took, percent) {
                self.note(format!("{name} p{percent} ms"), at.as_secs_f64() * 1_000.0);
            }
        }
    }

    /// A figure that was noted.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|(noted, _)| noted == name).map(|(_, figure)| *figure)
    }
}

/// A percentile of what is in order.
pub fn percentile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((sorted.len() * percent / 100).min(last)).copied()
}

/// The median of each figure over the runs of a scenario, whose measurements come in the same order.
pub fn medians(runs: Vec<Vec<Figures>>) -> Vec<Figures> {
    let mut by_title: Vec<(String, Vec<Figures>)> = Vec::new();
    for figures in runs.into_iter().flatten() {
        match by_title.iter_mut().find(|(title, _)| *title == figures.title) {
            Some((_, same)) => same.push(figures),
            None => by_title.push((figures.title.clone(), vec![figures])),
        }
    }
    by_title
        .into_iter()
        .map(|(title, same)| {
            let mut median = Figures::of(title);
            let names = same.first().map(|first| first.figures.clone()).unwrap_or_default();
            for (name, _) in names {
                let mut all: Vec<f64> = same.iter().filter_map(|figures| figures.get(&name)).collect();
                all.sort_unstable_by(f64::total_cmp);
                if let Some(middle) = all.get(all.len() / 2) {
                    median.note(name, *middle);
                }
            }
            median
        })
        .collect()
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title)?;
        for (name, figure) in &self.figures {
            let digits = if figure.abs() >= 100.0 { 0 } else { 2 };
            writeln!(f, "    {name:<44}{figure:>14.digits$}")?;
        }
        Ok(())
    }
}

/// All figures of a call.
#[derive(Default, Debug)]
pub struct Table(Vec<Figures>);

impl Table {
    /// Adds those of a measurement.
    pub fn add(&mut self, figures: Figures) {
        self.0.push(figures);
    }

    /// As JSON: an object per measurement.
    pub fn json(&self) -> anyhow::Result<String> {
        let all: BTreeMap<&str, BTreeMap<&str, f64>> = self
            .0
            .iter()
            .map(|figures| {
                let figures_of =
                    figures.figures.iter().map(|(name, figure)| (name.as_str(), *figure)).collect();
                (figures.title.as_str(), figures_of)
            })
            .collect();
        Ok(serde_json::to_string_pretty(&all)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let sorted: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(percentile(&sorted, 50), Some(Duration::from_millis(51)));
        assert_eq!(percentile(&sorted, 99), Some(Duration::from_millis(100)));
        assert_eq!(percentile(&sorted[..1], 95), Some(Duration::from_millis(1)));
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn of_several_runs_each_figure_is_the_middle_one() {
        let run = |a: f64, b: f64| {
            let mut figures = Figures::of("x");
            figures.note("a", a);
            figures.note("b", b);
            vec![figures]
        };
        let median = medians(vec![run(1.0, 30.0), run(9.0, 10.0), run(2.0, 20.0)]);
        assert_eq!((median[0].get("a"), median[0].get("b")), (Some(2.0), Some(20.0)));
    }
}
