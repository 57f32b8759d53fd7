//! Consistency of records and bucket (contract M3, M5): uploads, removals and sweeps in any order, cut off at any step.

use super::database::{Memory, Sqlite, sqlite};
use super::statements::TRACE;
use super::{actor, ready};
use perfil::domain::{
    Access, Account, AccountChange, BackEnd, DEFAULT_MAX_PIXELS, Failure, Fault, Id, ObjectKey, Picture, Refusal,
    Target, text,
};
use perfil::store::{self, Batch, Bucket, Page, Statement, SweepResult, Update, Upload};
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::io::Cursor;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

const ORIGIN: &str = "https://api.example.com";

/// A picture of one pixel in this shade.
fn picture(shade: u8) -> Picture {
    let mut bytes = Cursor::new(Vec::new());
    image::GrayImage::from_pixel(1, 1, image::Luma([shade])).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    Picture::parse(bytes.into_inner(), DEFAULT_MAX_PIXELS).unwrap()
}

fn own(account: i64) -> Access {
    let back_end = Some(BackEnd::Falcon);
    Access { actor: actor(account), target: Target::Own, back_end, permission: None }
}

async fn upload(
    database: &impl Batch,
    bucket: &impl Bucket,
    account: i64,
    shade: u8,
    change: AccountChange,
) -> Result<store::Updated<Account>, Failure> {
    let picture = picture(shade);
    let change = AccountChange { upload: Some(picture.clone()), ..change };
    let upload = Upload { picture: &picture, public_origin: ORIGIN, owner: Id::new(account) };
    store::upload(database, bucket, &mut Update::new(&own(account), &change, TRACE), upload).await
}

async fn clear(database: &impl Batch) -> Result<store::Updated<Account>, Failure> {
    let change = AccountChange { image: perfil::domain::Field::Clear, ..AccountChange::default() };
    store::update(database, &Update::new(&own(42), &change, TRACE)).await
}

/// Uploads a picture and then removes the object that it replaced, as after the reply.
async fn replace(database: &impl Batch, bucket: &impl Bucket, shade: u8, change: AccountChange) {
    if let Ok(updated) = upload(database, bucket, 42, shade, change).await
        && let Some(key) = updated.replaced
    {
        let _ = store::remove(database, bucket, &[key.to_string()]).await;
    }
}

fn named(username: &str) -> AccountChange {
    AccountChange { username: Some(text::username(username, 150).unwrap()), ..AccountChange::default() }
}

fn shown(database: &Sqlite) -> BTreeSet<String> {
    let mut statement = database
        .connection
        .prepare(
            "SELECT image_object FROM users WHERE image_object IS NOT NULL \
             UNION SELECT foto_object FROM personas WHERE foto_object IS NOT NULL",
        )
        .unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn stored(bucket: &Memory) -> BTreeSet<String> {
    bucket.objects.borrow().keys().cloned().collect()
}

/// Sweeps the bucket when every claim is out of date and no object is too young to be removed.
fn sweep_everything(database: &Sqlite, bucket: &Memory) -> SweepResult {
    database.connection.execute("UPDATE removals SET claimed_at = datetime('now', '-1 hour')", []).unwrap();
    let mut swept = SweepResult::default();
    ready(store::sweep(database, bucket, i64::MAX, &mut swept)).unwrap();
    swept
}

#[test]
fn a_new_picture_takes_two_calls_and_the_same_one_again_takes_one_and_is_not_written() {
    let (database, bucket) = (sqlite(), Memory::default());
    for calls in [2, 1, 1] {
        let before = database.calls.get();
        let updated = ready(upload(&database, &bucket, 42, 1, AccountChange::default())).unwrap();
        assert_eq!(database.calls.get(), before + calls);
        assert_eq!(updated.replaced, None);
        assert_eq!(updated.record.image.as_ref(), stored(&bucket).first());
    }
    assert_eq!(bucket.writes.get(), 1);
    let updated = ready(upload(&database, &bucket, 42, 2, AccountChange::default())).unwrap();
    assert_eq!(updated.replaced.unwrap().to_string().len(), "avatars/42/".len() + 64 + ".png".len());
}

#[test]
fn a_refused_upload_is_never_stored_and_keeps_the_existing_object() {
    let (database, bucket) = (sqlite(), Memory::default());
    for calls in 1..3 {
        let refused = ready(upload(&database, &bucket, 42, 1, named("luis_p")));
        assert!(matches!(refused, Err(Failure::Refused(Refusal::Taken(_)))), "{refused:?}");
        assert_eq!((database.calls.get(), bucket.writes.get()), (calls, 0));
    }
    ready(upload(&database, &bucket, 42, 1, AccountChange::default())).unwrap();
    ready(upload(&database, &bucket, 42, 1, named("luis_p"))).unwrap_err();
    assert_eq!(stored(&bucket), shown(&database));
    assert_eq!(stored(&bucket).len(), 1);
}

#[test]
fn a_removed_picture_can_be_uploaded_again() {
    let (database, bucket) = (sqlite(), Memory::default());
    for shade in [1, 2, 1, 1, 2, 1] {
        ready(replace(&database, &bucket, shade, AccountChange::default()));
        assert_eq!(stored(&bucket), shown(&database));
        assert_eq!(stored(&bucket).len(), 1);
    }
    let before = database.calls.get();
    ready(upload(&database, &bucket, 42, 1, AccountChange::default())).unwrap();
    assert_eq!(database.calls.get(), before + 1, "the claims of earlier removals are dropped");
}

#[test]
fn an_upload_during_a_removal_that_never_ends_fails_and_changes_nothing() {
    let (database, bucket) = (sqlite(), Memory::default());
    let key = bucket_key(&bucket, 1);
    database.connection.execute("INSERT INTO removals (key, claim) VALUES (?1, 'x')", [&key]).unwrap();
    let failed = ready(upload(&database, &bucket, 42, 1, AccountChange::default()));
    assert!(matches!(failed, Err(Failure::Fault(Fault::Bucket(_)))), "{failed:?}");
    assert!(shown(&database).is_empty());
    database.connection.execute("UPDATE removals SET claimed_at = datetime('now', '-21 minutes')", []).unwrap();
    ready(upload(&database, &bucket, 42, 1, AccountChange::default())).unwrap();
    assert_eq!(shown(&database), BTreeSet::from([key]), "a claim of that age is the leftover of a crash");
}

fn bucket_key(bucket: &Memory, shade: u8) -> String {
    let picture = picture(shade);
    let (key, _) = ready(bucket.find(Id::new(42).unwrap(), &picture)).unwrap();
    ready(bucket.put(&key, &picture)).unwrap();
    key.to_string()
}

#[test]
fn a_sweep_reads_all_pages_keeps_used_or_young_objects_and_resumes_where_it_stopped() {
    let (database, bucket) = (sqlite(), Memory::default());
    for shade in 0..20 {
        bucket_key(&bucket, shade);
    }
    ready(upload(&database, &bucket, 42, 7, AccountChange::default())).unwrap();
    bucket.now.set(1000);
    let young: BTreeSet<String> = (30..33).map(|shade| bucket_key(&bucket, shade)).collect();
    bucket.objects.borrow_mut().insert("others/x.png".to_owned(), (0, Vec::new()));
    let mut swept = SweepResult::default();
    ready(store::sweep(&database, &bucket, 1000, &mut swept)).unwrap();
    assert_eq!(swept, SweepResult { listed: 23, removed: 19, complete: true });
    let mut left = shown(&database);
    left.extend(young);
    left.insert("others/x.png".to_owned());
    assert_eq!(stored(&bucket), left);
    // The state left by a run that was cut off or reached its limit.
    let last = left.iter().rfind(|key| key.starts_with("avatars/")).unwrap();
    database.connection.execute("UPDATE sweeps SET behind = ?1", [last]).unwrap();
    for listed in [0, 4] {
        let mut swept = SweepResult::default();
        ready(store::sweep(&database, &bucket, 1000, &mut swept)).unwrap();
        assert_eq!(swept, SweepResult { listed, removed: 0, complete: true });
    }
}

/// A database or bucket whose calls yield before and after they are executed.
struct Stepwise<'a, T>(&'a T);

/// Completes when it is polled for the second time.
async fn step() {
    let waited = Cell::new(false);
    std::future::poll_fn(|_| if waited.replace(true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

impl Batch for Stepwise<'_, Sqlite> {
    async fn batch<const N: usize>(&self, statements: [Statement; N]) -> Result<[Vec<String>; N], Fault> {
        step().await;
        let rows = self.0.batch(statements).await;
        step().await;
        rows
    }
}

impl Bucket for Stepwise<'_, Memory> {
    async fn find(&self, owner: Id, picture: &Picture) -> Result<(ObjectKey, bool), Fault> {
        step().await;
        let found = self.0.find(owner, picture).await;
        step().await;
        found
    }

    async fn put(&self, key: &ObjectKey, picture: &Picture) -> Result<bool, Fault> {
        step().await;
        let put = self.0.put(key, picture).await;
        step().await;
        put
    }

    async fn delete(&self, keys: &[String]) -> Result<(), Fault> {
        step().await;
        let deleted = self.0.delete(keys).await;
        step().await;
        deleted
    }

    async fn pause(&self) {
        step().await;
    }

    async fn list(&self, after: &str) -> Result<Page, Fault> {
        step().await;
        self.0.list(after).await
    }
}

/// An operation that runs at the same time as others.
#[derive(Debug, Clone, Copy)]
enum Task {
    Upload(u8),
    /// An upload with a user name that another account may take between the check and the change.
    UploadAndRename(u8),
    TakeName,
    Clear,
    Sweep,
}

impl Task {
    async fn run(self, database: &impl Batch, bucket: &impl Bucket) {
        match self {
            Self::Upload(shade) => replace(database, bucket, shade, AccountChange::default()).await,
            Self::UploadAndRename(shade) => replace(database, bucket, shade, named("nuevo")).await,
            Self::TakeName => {
                let _ = store::update::<Account>(database, &Update::new(&own(7), &named("nuevo"), TRACE)).await;
            }
            Self::Clear => {
                let replaced = clear(database).await.unwrap().replaced;
                if let Some(key) = replaced {
                    store::remove(database, bucket, &[key.to_string()]).await.unwrap();
                }
            }
            Self::Sweep => store::sweep(database, bucket, i64::MAX, &mut SweepResult::default()).await.unwrap(),
        }
    }
}

fn task() -> impl Strategy<Value = Task> {
    let shade = 0..3u8;
    prop_oneof![
        4 => shade.clone().prop_map(Task::Upload),
        2 => shade.prop_map(Task::UploadAndRename),
        1 => Just(Task::TakeName),
        1 => Just(Task::Clear),
        2 => Just(Task::Sweep),
    ]
}

/// Number of random orders. `PERFIL_ORDERS=100000 cargo test --release any_order` tries more.
fn orders() -> u32 {
    std::env::var("PERFIL_ORDERS").ok().and_then(|orders| orders.parse().ok()).unwrap_or(300)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: orders(), ..ProptestConfig::default() })]

    /// At every step, and whichever operation is cut off at whichever step, no record points at a missing object.
    #[test]
    fn uploads_removals_and_sweeps_in_any_order_leave_no_record_that_points_at_nothing(
        tasks in prop::collection::vec(task(), 2..6),
        turns in prop::collection::vec((any::<prop::sample::Index>(), 0..25u8), 0..120),
    ) {
        let (database, bucket) = (sqlite(), Memory::default());
        let (stepwise_database, stepwise_bucket) = (Stepwise(&database), Stepwise(&bucket));
        let mut running: Vec<Pin<Box<dyn Future<Output = ()> + '_>>> = Vec::new();
        for task in tasks {
            running.push(Box::pin(task.run(&stepwise_database, &stepwise_bucket)));
        }
        let mut turns = turns.into_iter();
        while !running.is_empty() {
            // Once the random turns are used up, run the tasks one after the other.
            let (turn, fate) = turns.next().map_or((0, 1), |(index, fate)| (index.index(running.len()), fate));
            let is_cut_off = fate == 0;
            let polled = running[turn].as_mut().poll(&mut Context::from_waker(Waker::noop()));
            if polled.is_ready() || is_cut_off {
                drop(running.remove(turn));
            }
            prop_assert!(shown(&database).is_subset(&stored(&bucket)), "a record points at a missing object");
        }
        let swept = sweep_everything(&database, &bucket);
        prop_assert!(swept.complete);
        prop_assert_eq!(shown(&database), stored(&bucket));
    }
}
