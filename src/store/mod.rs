//! The SQL with its parameters and rows, what the database's reply means, and how the database and the bucket are kept
//! in step.
//!
//! May import `domain`; may name serde, serde_json and getrandom. It does no I/O of its own: [`Batch`] and [`Bucket`]
//! are handed in, so all of it is tested natively. Every statement is static text, whole in one place, and carries its
//! own guard, so that the database decides permission and change in one step: an update, accepted or refused, is one
//! batch. A row crosses from the platform in one piece, as a JSON object of its columns.

mod accounts;
mod changes;
mod deliveries;
mod personas;
mod removal;
mod statement;
mod sweep;
mod update;
mod upload;
mod words;

use crate::domain::{Access, BackEnd, Caller, Fault, Id, ObjectKey, Picture, Record, Refusal, Target, Unique};
use changes::Entry;
pub use changes::{Expired, Trace, expire};
pub use deliveries::{ADVANCE, Lease, Next, POSTPONE, READ_CHANGES, Step, TAKE_LEASE};
pub use removal::{random_id, remove};
use serde::Deserialize;
pub use statement::{Fields, Statement};
pub use sweep::{Swept, sweep};
pub use update::{NewObject, Update, Updated, load, ping, update};
pub use upload::{Upload, upload};

/// What runs statements: D1 in the worker, SQLite itself in the native tests.
#[expect(async_fn_in_trait, reason = "the platform is single-threaded: futures need not be Send")]
pub trait Batch {
    /// Runs statements in one transaction and one round trip; returns the rows of each, as JSON objects.
    async fn batch<const N: usize>(&self, statements: [Statement; N]) -> Result<[Vec<String>; N], Fault>;
}

/// What holds the pictures: R2 in the worker, a map in the native tests.
#[expect(async_fn_in_trait, reason = "the platform is single-threaded: futures need not be Send")]
pub trait Bucket {
    /// Where a picture belongs, and whether it is there.
    async fn find(&self, owner: Id, picture: &Picture) -> Result<(ObjectKey, bool), Fault>;

    /// Stores a picture where it belongs; answers whether it was not there before.
    async fn put(&self, key: &ObjectKey, picture: &Picture) -> Result<bool, Fault>;

    /// Removes objects, at most 1000 of them; those that are not there are no failure.
    async fn delete(&self, keys: &[String]) -> Result<(), Fault>;

    /// Returns a moment later: a removal of an object is under way.
    async fn pause(&self);

    /// Objects below [`ObjectKey::PREFIX`] whose keys come behind this one, in the order of keys.
    async fn list(&self, behind: &str) -> Result<Page, Fault>;
}

/// Some of the bucket's objects.
#[derive(Debug)]
pub struct Page {
    /// 1000 at most.
    pub objects: Vec<Listed>,
    /// Whether there are no more behind them.
    pub complete: bool,
}

/// An object as it is listed.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Any key below [`ObjectKey::PREFIX`].
    pub key: String,
    /// When it was written, in milliseconds of Unix time.
    pub uploaded: i64,
}

/// A record that the database holds: its statements and its row. The statements' parameters are the [`Access`] and the
/// [`Fields`] of an update.
pub trait Stored: Record {
    /// Changes any field of the record, if the guard lets it. No row: nothing was changed. A record is not made to show
    /// an object that is being removed.
    const UPDATE: &'static str;
    /// The same for the fields that stand in no index, at a smaller cost.
    const UPDATE_UNINDEXED: &'static str;
    /// The fields that [`Stored::UPDATE_UNINDEXED`] changes.
    const UNINDEXED: &'static [&'static str];
    /// Adds the update's row to the change feed, if the statement before it has changed the record.
    const APPEND_CHANGE: &'static str;
    /// Returns a [`Verdict`] and the record, whether or not the caller may see it. Always one row.
    const READ: &'static str;

    /// The fields of an update by the names that the statements know them by.
    fn fields<'a>(update: &'a Update<'_, Self>) -> Fields<'a>;

    /// Reads the record of a row of [`Stored::READ`].
    fn from_row(row: &str) -> Result<Self, Fault>;

    /// The statement that makes the change.
    fn update(update: &Update<'_, Self>) -> Statement {
        let fields = Self::fields(update);
        let sql = if fields.are_among(Self::UNINDEXED) { Self::UPDATE_UNINDEXED } else { Self::UPDATE };
        Statement::on_record(sql, update.access, &fields)
    }

    /// The statement that leaves the update's row in the change feed. It follows [`Stored::update`].
    fn append_change(update: &Update<'_, Self>) -> Statement {
        let entry = Entry::new(update.trace, &Self::fields(update));
        Statement::on_record(Self::APPEND_CHANGE, update.access, &entry)
    }

    /// The statement that says what stands in the way of the change, and shows the record as it is.
    fn read(update: &Update<'_, Self>) -> Statement {
        Statement::on_record(Self::READ, update.access, &Self::fields(update))
    }
}

/// What stood in the way of an update; in the order in which it is told (contract R1).
#[derive(Debug, Deserialize)]
pub struct Verdict {
    /// The caller's account, if it is there and active.
    caller: Option<i64>,
    /// 1 when the token's subject is active, which is no caller if its session was ended; 0 when it is inactive, and
    /// `None` when it is not there.
    is_active_subject: Option<u8>,
    /// The caller's number in each back end.
    caller_seam: Option<i64>,
    caller_falcon: Option<i64>,
    caller_django: Option<i64>,
    /// 1 when the caller may.
    permitted: Option<u8>,
    /// 1 when the record is there.
    found: u8,
    /// 1 when the role asked for is there, or none was asked for; a persona has none.
    role_found: Option<u8>,
    /// 1 when another account has the user name.
    #[serde(default)]
    username_taken: u8,
    /// 1 when another account has the address.
    #[serde(default)]
    email_taken: u8,
    /// 1 when another persona has the national id number.
    #[serde(default)]
    dni_taken: u8,
    /// The claim of a removal of the object that was to be shown.
    #[serde(default)]
    removal: Option<String>,
    /// 1 when that removal is over.
    #[serde(default)]
    removal_over: Option<u8>,
}

impl Verdict {
    /// Reads the verdict of a row of [`Stored::READ`].
    pub fn from_row(row: &str) -> Result<Self, Fault> {
        read_row(row)
    }

    /// The account that calls, if it is there and active.
    pub fn caller(&self) -> Option<Caller> {
        let account = self.caller.and_then(Id::new)?;
        let number = |back_end: BackEnd| match back_end {
            BackEnd::Seam => self.caller_seam,
            BackEnd::Falcon => self.caller_falcon,
            BackEnd::Django => self.caller_django,
        };
        let identity = |back_end| Some((back_end, number(back_end).and_then(Id::new)?));
        Some(Caller { account, identities: BackEnd::ALL.into_iter().filter_map(identity).collect() })
    }

    /// Why the token's subject may not call.
    fn no_caller(&self) -> Refusal {
        match self.is_active_subject {
            None => Refusal::AccountGone,
            Some(0) => Refusal::AccountInactive,
            // A change of password ended its session (contract A7).
            Some(_) => Refusal::BadToken,
        }
    }

    /// Why the update was refused; `None` when nothing stood in its way. A caller who does not exist is told so
    /// even where the record does not either, and one who may not is not told whether it is there.
    pub fn refusal(&self, access: &Access) -> Option<Refusal> {
        let unless = |flag: u8, refusal: Refusal| (flag == 0).then_some(refusal);
        let missing = unless(self.found, absence(access));
        let forbidden = unless(self.permitted.unwrap_or(0), Refusal::Forbidden);
        // Where everybody may change their own record only, it is no secret which others there are (contract D3).
        let own_only = access.permission.is_none();
        let (first, second) = if own_only { (missing, forbidden) } else { (forbidden, missing) };
        let taken: Vec<Unique> =
            [(self.username_taken, Unique::Username), (self.email_taken, Unique::Email), (self.dni_taken, Unique::Dni)]
                .into_iter()
                .filter_map(|(taken, value)| (taken != 0).then_some(value))
                .collect();
        self.caller
            .is_none()
            .then(|| self.no_caller())
            .or(first)
            .or(second)
            .or(unless(self.role_found.unwrap_or(1), Refusal::NoSuchRole))
            .or((!taken.is_empty()).then_some(Refusal::Taken(taken)))
    }
}

/// What the absence of the target is. Somebody whom a back end does not know has no account there to call with
/// (contract I3).
fn absence(access: &Access) -> Refusal {
    match (&access.target, access.back_end) {
        (Target::Own, Some(_)) => Refusal::BadToken,
        (Target::Own, None) | (Target::Named(_), _) => Refusal::not_found(access.named()),
    }
}

/// What the database's own words for a failure mean.
pub fn fault(message: String) -> Fault {
    let lacks_something = ["no such table", "no such column", "has no column named"];
    if lacks_something.iter().any(|words| message.contains(words)) {
        Fault::Schema(message)
    } else {
        Fault::Database(message)
    }
}

/// Reads a row of JSON that a statement of ours made. What serde says of a misfit quotes the value, which may be
/// personal: the log gets its place alone.
fn read_row<'a, T: Deserialize<'a>>(row: &'a str) -> Result<T, Fault> {
    serde_json::from_str(row)
        .map_err(|error| Fault::Row(format!("{:?} error at column {}", error.classify(), error.column())))
}
