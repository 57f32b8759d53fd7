//! Uploads: a picture is stored in the bucket, and a record is made to refer to it.

use super::update::{self, Saved, Updated};
use super::{Batch, Bucket, NewObject, Stored, Update, remove};
use crate::domain::{Failure, Fault, Id, ObjectKey, Picture};

/// Maximum number of times that an upload checks whether a removal of the same picture is finished. With the
/// pauses in between, this takes at least three seconds, many times longer than a removal takes.
const ATTEMPTS: u32 = 30;

/// A picture to store.
pub struct Upload<'a> {
    /// The picture in the change.
    pub picture: &'a Picture,
    /// The public origin, for records that contain a whole URL.
    pub public_origin: &'a str,
    /// The caller's account, if it is known before the database is queried. The picture is stored under its prefix. If
    /// the caller turns out to be another account, the picture is stored under the prefix of that one, unless it
    /// already exists under the first one. The record protects it in either case.
    pub owner: Option<Id>,
}

/// Stores the change's picture, then applies the change, which makes the record refer to it. A crash in between leaves
/// an object that no record refers to, never a record that refers to a missing object.
///
/// A picture that is not in the bucket yet is stored only after a first D1 call has shown that the change is allowed. A
/// caller who may not make the change therefore cannot cause anything to be stored, or served, even for a moment.
/// This takes two D1 calls, or one if the owner is known and the picture already exists. It takes more if
/// the picture is being removed, or was removed recently.
pub async fn upload<R: Stored>(
    database: &impl Batch,
    bucket: &impl Bucket,
    update: &mut Update<'_, R>,
    Upload { picture, public_origin, owner }: Upload<'_>,
) -> Result<Updated<R>, Failure> {
    let (key, mut created) = store_if_missing(database, bucket, update, picture, owner).await?;
    let url = format!("{public_origin}{}", key.url_path());
    let mut finished_removal = None;
    for _ in 0..ATTEMPTS {
        update.object = Some(NewObject { key: key.clone(), url: url.clone(), finished_removal });
        match update::save(database, update).await {
            Ok(Saved::Updated(updated)) => return Ok(updated),
            Ok(Saved::Blocked(removal)) if removal.is_finished => {
                created |= bucket.put(&key, picture).await?;
                finished_removal = Some(removal.claim);
            }
            Ok(Saved::Blocked(_)) => {
                finished_removal = None;
                bucket.pause().await;
            }
            Err(failure) => {
                if created {
                    // If the cleanup also fails, the nightly sweep removes the object.
                    let _ = remove(database, bucket, &[key.to_string()]).await;
                }
                return Err(failure);
            }
        }
    }
    Err(Fault::Bucket("a removal of the same picture does not finish".to_owned()).into())
}

/// Stores the picture if it is not in the bucket yet. Returns its key, and whether it was stored.
async fn store_if_missing<R: Stored>(
    database: &impl Batch,
    bucket: &impl Bucket,
    update: &Update<'_, R>,
    picture: &Picture,
    owner: Option<Id>,
) -> Result<(ObjectKey, bool), Failure> {
    let expected = match owner {
        Some(owner) => Some((owner, bucket.find(owner, picture).await?)),
        None => None,
    };
    if let Some((_, (key, true))) = expected {
        return Ok((key, false));
    }
    let caller = admit(database, update).await?;
    let (key, exists) = match expected {
        Some((owner, found)) if owner == caller => found,
        // The caller was not known, or its ID has moved to another account since it was learned.
        _ => bucket.find(caller, picture).await?,
    };
    if exists {
        return Ok((key, false));
    }
    let created = bucket.put(&key, picture).await?;
    Ok((key, created))
}

/// Returns the caller's account, if the change is allowed.
async fn admit<R: Stored>(database: &impl Batch, update: &Update<'_, R>) -> Result<Id, Failure> {
    update::load(database, update).await?;
    let caller = update.caller.get().and_then(Option::as_ref);
    Ok(caller.ok_or(Fault::Unexplained)?.account)
}
