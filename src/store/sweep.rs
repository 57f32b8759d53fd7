//! Removes objects that no record protects, which a crash, a refusal or another account's change has left behind.

use super::{Batch, Bucket, Statement, read_row, remove};
use crate::domain::Fault;
use serde::Deserialize;

/// Maximum number of pages in one run. A page costs three D1 calls and two to the bucket, or eight calls
/// if three of them fail once. The platform has always allowed 1000 calls in one event.
const PAGES: u32 = 100;

/// The results of a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SweepResult {
    /// Number of objects listed.
    pub listed: usize,
    /// Number of objects removed.
    pub removed: usize,
    /// Whether the run reached the end of the bucket. If not, the next run continues from there.
    pub complete: bool,
}

const RESUME: &str = "-- resume_sweep()
SELECT behind FROM sweeps WHERE id = 1";

const REMEMBER: &str = "-- remember_sweep()
UPDATE sweeps SET behind = ?1 WHERE id = 1";

/// A day is longer than any upload takes, so no upload is left that has seen an object before its removal.
const EXPIRE: &str = "-- expire_removals()
DELETE FROM removals WHERE claimed_at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 day')";

/// Lists the bucket page by page, from where the last run stopped, and removes objects that were written before
/// `deadline` (milliseconds of Unix time) and that no record protects. `swept` is updated along the way, so that a run
/// that fails still reports its progress.
pub async fn sweep(
    database: &impl Batch,
    bucket: &impl Bucket,
    deadline: i64,
    swept: &mut SweepResult,
) -> Result<(), Fault> {
    let [_, rows] = database.batch([statement(EXPIRE, []), statement(RESUME, [])]).await?;
    let mut after = rows.first().map(|row| read_row::<Bookmark>(row)).transpose()?.unwrap_or_default().behind;
    for _ in 0..PAGES {
        let page = bucket.list(&after).await?;
        swept.listed = swept.listed.saturating_add(page.objects.len());
        swept.complete = page.complete;
        if let Some(last) = page.objects.last() {
            after.clone_from(&last.key);
        }
        let old = page.objects.into_iter().filter(|object| object.uploaded < deadline);
        let keys: Vec<String> = old.map(|object| object.key).collect();
        if !keys.is_empty() {
            swept.removed = swept.removed.saturating_add(remove(database, bucket, &keys).await?);
        }
        if page.complete {
            after.clear();
        }
        database.batch([statement(REMEMBER, [after.clone()])]).await?;
        if page.complete {
            break;
        }
    }
    Ok(())
}

#[derive(Default, Deserialize)]
struct Bookmark {
    behind: String,
}

fn statement<const N: usize>(sql: &'static str, parameters: [String; N]) -> Statement {
    Statement { sql, parameters: parameters.map(Some).into() }
}
