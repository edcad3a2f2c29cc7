//! When work is due, in the database.

use shared::time::Ms;

use crate::db::Conn;

/// When work is due next; `None` before it was ever done.
pub async fn due(conn: &mut Conn, work: &str) -> sqlx::Result<Option<Ms>> {
    let due: Option<i64> =
        sqlx::query_scalar("select due from timers where work = $1").bind(work).fetch_optional(conn).await?;
    Ok(due.map(Ms))
}

/// Moves work that is due on to its next time; whether it was due. Of two that do so at once one waits for the other's
/// row and finds it moved.
pub async fn claim(conn: &mut Conn, work: &str, now: Ms, next: Ms) -> sqlx::Result<bool> {
    let claimed: Option<i64> = sqlx::query_scalar(
        "insert into timers (work, due) values ($1, $2) \
         on conflict (work) do update set due = excluded.due where timers.due <= $3 returning due",
    )
    .bind(work)
    .bind(next.0)
    .bind(now.0)
    .fetch_optional(conn)
    .await?;
    Ok(claimed.is_some())
}
