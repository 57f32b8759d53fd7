//! How a picture gets into the bucket, and a record to show it.

use super::update::{Outcome, Updated, load, save};
use super::{Batch, Bucket, Prepared, Shown, Stored, remove};
use crate::domain::{Access, Failure, Fault, Picture};

/// How often an upload asks whether a removal of the same picture is over. With the pauses in between, that is three
/// seconds at least, many times what one takes.
const ATTEMPTS: u32 = 30;

/// Stores a picture, then makes the change with which the record shows it: a crash in between leaves an object that
/// nobody points at, never a record that points at nothing.
///
/// A picture that is not in the bucket yet gets there only once a first call has shown that the change may be made: so
/// nobody who may not makes us store anything, or show it for a moment. Two calls to the database then, and one where
/// the picture was there; more for one that is being removed, or was lately.
///
/// `origin` is what a URL of ours opens with, for records that show a whole URL.
pub async fn upload<R: Stored>(
    database: &impl Batch,
    bucket: &impl Bucket,
    access: &Access,
    change: &R::Change,
    picture: &Picture,
    mut prepared: Prepared,
    origin: &str,
) -> Result<Updated<R>, Failure> {
    let (key, is_there) = bucket.find(access.actor.account(), picture).await?;
    let mut created = false;
    if !is_there {
        load::<R>(database, access, change).await?;
        created = bucket.put(&key, picture).await?;
    }
    let url = format!("{origin}{}", key.url_path());
    let mut outlived = None;
    for _ in 0..ATTEMPTS {
        prepared.object = Some(Shown { key: key.clone(), url: url.clone(), outlived });
        match save(database, access, change, &prepared).await {
            Ok(Outcome::Updated(updated)) => return Ok(updated),
            Ok(Outcome::Blocked(removal)) if removal.is_over => {
                created |= bucket.put(&key, picture).await?;
                outlived = Some(removal.claim);
            }
            Ok(Outcome::Blocked(_)) => {
                outlived = None;
                bucket.pause().await;
            }
            Err(failure) => {
                if created {
                    // Where this fails too, the sweep finds it.
                    let _ = remove(database, bucket, &[key.to_string()]).await;
                }
                return Err(failure);
            }
        }
    }
    Err(Fault::Bucket("a removal of the same picture does not come to an end".to_owned()).into())
}
