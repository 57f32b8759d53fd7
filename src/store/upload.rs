//! How a picture gets into the bucket, and a record to point at it.

use super::update::{self, Saved, Updated};
use super::{Batch, Bucket, NewObject, Stored, Update, remove};
use crate::domain::{Failure, Fault, Id, ObjectKey, Picture};

/// How often an upload checks whether a removal of the same picture is over. With the pauses in between, that is three
/// seconds at least, many times what a removal takes.
const ATTEMPTS: u32 = 30;

/// A picture to store.
pub struct Upload<'a> {
    /// The one that the change holds.
    pub picture: &'a Picture,
    /// Scheme, host and port of our own URLs, for records that hold a whole URL.
    pub origin: &'a str,
    /// The account that calls, where that is known before the database is asked. The picture lies under its prefix. If
    /// the caller is another account by now, the picture lies under that one's, unless it is already there under this
    /// one's; the record protects it either way.
    pub owner: Option<Id>,
}

/// Stores the change's picture, then makes the change, with which the record points at it: a crash in between leaves an
/// object that no record points at, never a record that points at nothing.
///
/// A picture that is not in the bucket yet is stored only after a first call has shown that the change may be made: a
/// caller without the right to make it cannot make us store anything, or show it for a moment. That is two calls to the
/// database, and one where the owner is known and the picture was there already; more where it is being removed, or was
/// lately.
pub async fn upload<R: Stored>(
    database: &impl Batch,
    bucket: &impl Bucket,
    update: &mut Update<'_, R>,
    Upload { picture, origin, owner }: Upload<'_>,
) -> Result<Updated<R>, Failure> {
    let (key, mut created) = place(database, bucket, update, picture, owner).await?;
    let url = format!("{origin}{}", key.url_path());
    let mut outlived = None;
    for _ in 0..ATTEMPTS {
        update.object = Some(NewObject { key: key.clone(), url: url.clone(), outlived });
        match update::save(database, update).await {
            Ok(Saved::Updated(updated)) => return Ok(updated),
            Ok(Saved::Blocked(removal)) if removal.is_over => {
                created |= bucket.put(&key, picture).await?;
                outlived = Some(removal.claim);
            }
            Ok(Saved::Blocked(_)) => {
                outlived = None;
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
    Err(Fault::Bucket("a removal of the same picture does not come to an end".to_owned()).into())
}

/// Puts the picture into the bucket if it is not there yet. Returns its key, and whether it was put.
async fn place<R: Stored>(
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
    let (key, is_there) = match expected {
        Some((owner, found)) if owner == caller => found,
        // The caller was not known, or its number has moved to another account since it was.
        _ => bucket.find(caller, picture).await?,
    };
    if is_there {
        return Ok((key, false));
    }
    let created = bucket.put(&key, picture).await?;
    Ok((key, created))
}

/// The account that calls, if it may make the change.
async fn admit<R: Stored>(database: &impl Batch, update: &Update<'_, R>) -> Result<Id, Failure> {
    update::load(database, update).await?;
    let caller = update.caller.get().and_then(Option::as_ref);
    Ok(caller.ok_or(Fault::Unexplained)?.account)
}
