//! The tables, as a list of steps. A step that has been released never changes: what comes later is a step of its own.
//!
//! They are named here one by one, and not gathered by `sqlx::migrate!`: that macro would compile a second SQLite and a
//! second sqlx, for itself.

use sqlx::{
    SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
};

/// Number, name and text of each step, in the folder `migrations`.
const STEPS: [(i64, &str, &str); 11] = [
    (1, "foundation", include_str!("../../migrations/0001_foundation.sql")),
    (2, "uploads", include_str!("../../migrations/0002_uploads.sql")),
    (3, "numbers", include_str!("../../migrations/0003_numbers.sql")),
    (4, "archive", include_str!("../../migrations/0004_archive.sql")),
    (5, "segments", include_str!("../../migrations/0005_segments.sql")),
    (6, "restore", include_str!("../../migrations/0006_restore.sql")),
    (8, "waiting", include_str!("../../migrations/0008_waiting.sql")),
    (9, "timers", include_str!("../../migrations/0009_timers.sql")),
    (10, "live feed", include_str!("../../migrations/0010_live_feed.sql")),
    (11, "search", include_str!("../../migrations/0011_search.sql")),
    (12, "rounds", include_str!("../../migrations/0012_rounds.sql")),
];

/// What brings a database up to date, from whichever step it is at.
pub(super) fn migrator() -> Migrator {
    let step = |(number, name, text): (i64, &'static str, &'static str)| {
        Migration::new(number, name.into(), MigrationType::Simple, text.into_sql_str(), false)
    };
    Migrator::with_migrations(STEPS.map(step).to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, path::Path};

    #[test]
    fn every_file_in_the_folder_is_a_step_under_its_number_and_name() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        let mut files: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let steps = STEPS.map(|(number, name, _)| format!("{number:04}_{}.sql", name.replace(' ', "_")));
        assert_eq!(files, steps);
    }
}
