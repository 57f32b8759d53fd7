//! Removes the objects that no record shows: what a crash, a refusal or another account's change has left over.

use super::{Batch, Bucket, Statement, read_row, remove};
use crate::domain::Fault;
use serde::Deserialize;

/// How many pages one run looks at. A page costs three calls to the database and two to the bucket, eight where three
/// of them fail once; 1000 in one event is what the platform has always allowed.
const PAGES: u32 = 100;

/// What a run has done.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Objects looked at.
    pub listed: usize,
    /// Objects removed.
    pub removed: usize,
    /// Whether it got to the end of the bucket; if not, the next run goes on where this one stopped.
    pub complete: bool,
}

const RESUME: &str = "-- resume_sweep()
SELECT behind FROM sweeps WHERE id = 1";

const REMEMBER: &str = "-- remember_sweep()
UPDATE sweeps SET behind = ?1 WHERE id = 1";

/// A day is longer than any upload takes: none is left that could mistake an object for one that is still there.
const EXPIRE: &str = "-- expire_removals()
DELETE FROM removals WHERE claimed_at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 day')";

/// Goes through the bucket page by page, from where the last run stopped, and removes what was written before
/// `deadline`, in milliseconds of Unix time, and is shown by no record. `swept` grows as it goes: it tells how far a
/// run came that failed.
pub async fn sweep(database: &impl Batch, bucket: &impl Bucket, deadline: i64, swept: &mut Swept) -> Result<(), Fault> {
    let [_, rows] = database.batch([statement(EXPIRE, []), statement(RESUME, [])]).await?;
    let mut behind = rows.first().map(|row| read_row::<Bookmark>(row)).transpose()?.unwrap_or_default().behind;
    for _ in 0..PAGES {
        let page = bucket.list(&behind).await?;
        swept.listed = swept.listed.saturating_add(page.objects.len());
        swept.complete = page.complete;
        if let Some(last) = page.objects.last() {
            behind.clone_from(&last.key);
        }
        let old = page.objects.into_iter().filter(|object| object.uploaded < deadline);
        let keys: Vec<String> = old.map(|object| object.key).collect();
        if !keys.is_empty() {
            swept.removed = swept.removed.saturating_add(remove(database, bucket, &keys).await?);
        }
        if page.complete {
            behind.clear();
        }
        database.batch([statement(REMEMBER, [behind.clone()])]).await?;
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
