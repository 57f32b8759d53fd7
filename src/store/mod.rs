//! The SQL statements with their parameters and rows, the meaning of the database's replies, and the steps that keep
//! the database and the bucket consistent.
//!
//! May import `domain`, and the crates serde, serde_json and getrandom. It does no I/O itself: [`Batch`] and [`Bucket`]
//! are passed in, so all of it is tested natively. Every statement is one static text that contains its own guard, so
//! that the database decides on permission and change in one step. An update, accepted or refused, is one batch. The
//! platform passes each row as one JSON object of its columns.

mod accounts;
mod changes;
mod deliveries;
mod field_names;
mod personas;
mod removal;
mod statement;
mod sweep;
mod update;
mod upload;

use crate::domain::{Access, BackEnd, Caller, Fault, Id, ObjectKey, Picture, Record, Refusal, Target, Unique};
use changes::Entry;
pub use changes::{RetentionResult, Trace, expire};
pub use deliveries::{ADVANCE, Lease, Next, POSTPONE, READ_CHANGES, Step, TAKE_LEASE};
pub use removal::{random_id, remove};
use serde::Deserialize;
pub use statement::{Fields, Statement};
pub use sweep::{SweepResult, sweep};
pub use update::{NewObject, Update, Updated, load, ping, update};
pub use upload::{Upload, upload};

/// A database that runs statements: D1 in the worker, SQLite itself in the native tests.
#[expect(async_fn_in_trait, reason = "the platform is single-threaded: futures need not be Send")]
pub trait Batch {
    /// Runs statements in one transaction and one round trip. Returns the rows of each, as JSON objects.
    async fn batch<const N: usize>(&self, statements: [Statement; N]) -> Result<[Vec<String>; N], Fault>;
}

/// The bucket of the pictures: R2 in the worker, a map in the native tests.
#[expect(async_fn_in_trait, reason = "the platform is single-threaded: futures need not be Send")]
pub trait Bucket {
    /// Returns the key of a picture of this account, and whether the object exists.
    async fn find(&self, owner: Id, picture: &Picture) -> Result<(ObjectKey, bool), Fault>;

    /// Stores a picture under its key, unless the object exists. Returns whether it was stored.
    async fn put(&self, key: &ObjectKey, picture: &Picture) -> Result<bool, Fault>;

    /// Deletes objects, at most 1000 of them. An object that does not exist is not an error.
    async fn delete(&self, keys: &[String]) -> Result<(), Fault>;

    /// Waits a moment while another event removes an object.
    async fn pause(&self);

    /// Lists objects below [`ObjectKey::PREFIX`] with keys after this one, in the order of their keys.
    async fn list(&self, after: &str) -> Result<Page, Fault>;
}

/// One page of the bucket's objects.
#[derive(Debug)]
pub struct Page {
    /// At most 1000 objects.
    pub objects: Vec<Listed>,
    /// Whether this is the last page.
    pub complete: bool,
}

/// An object of the bucket, as listed.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Any key below [`ObjectKey::PREFIX`].
    pub key: String,
    /// When it was written, in milliseconds of Unix time.
    pub uploaded: i64,
}

/// A record in the database, with its statements and its row. The parameters of the statements are the [`Access`] and
/// the [`Fields`] of an update.
pub trait Stored: Record {
    /// Changes any field of the record, if the guard allows it. Returns no row if nothing was changed. Never makes the
    /// record refer to an object that is being removed.
    const UPDATE: &'static str;
    /// Does the same for fields that are not in any index, at a lower cost.
    const UPDATE_UNINDEXED: &'static str;
    /// The fields that [`Stored::UPDATE_UNINDEXED`] changes.
    const UNINDEXED: &'static [&'static str];
    /// Adds the update's row to the change feed, if the statement before it has changed the record.
    const APPEND_CHANGE: &'static str;
    /// Returns a [`Verdict`] and the record, whether or not the caller may see it. Always returns one row.
    const READ: &'static str;

    /// Returns the fields of an update, by their names in the statements.
    fn fields<'a>(update: &'a Update<'_, Self>) -> Fields<'a>;

    /// Reads the record from a row of [`Stored::READ`].
    fn from_row(row: &str) -> Result<Self, Fault>;

    /// Returns the statement that changes the record.
    fn update(update: &Update<'_, Self>) -> Statement {
        let fields = Self::fields(update);
        let sql = if fields.are_among(Self::UNINDEXED) { Self::UPDATE_UNINDEXED } else { Self::UPDATE };
        Statement::on_record(sql, update.access, &fields)
    }

    /// Returns the statement that adds the update's row to the change feed. It follows [`Stored::update`].
    fn append_change(update: &Update<'_, Self>) -> Statement {
        let entry = Entry::new(update.trace, &Self::fields(update));
        Statement::on_record(Self::APPEND_CHANGE, update.access, &entry)
    }

    /// Returns the statement that reads the obstacles to the change, and the record as it is.
    fn read(update: &Update<'_, Self>) -> Statement {
        Statement::on_record(Self::READ, update.access, &Self::fields(update))
    }
}

/// What the database says about an update: its caller, and the obstacles to it. [`Verdict::refusal`] orders the
/// obstacles (contract R1).
#[derive(Debug, Deserialize)]
pub struct Verdict {
    /// The caller's account, if it exists and is active, and its session was not ended.
    caller: Option<i64>,
    /// 1 if the token's subject is active, even if its session was ended, in which case it is not the caller. 0 if it
    /// is inactive, and `None` if it does not exist.
    is_active_subject: Option<u8>,
    /// The caller's ID in each back end.
    caller_seam: Option<i64>,
    caller_falcon: Option<i64>,
    caller_django: Option<i64>,
    /// 1 if the caller may change the record.
    permitted: Option<u8>,
    /// 1 if the record exists.
    found: u8,
    /// 1 if the requested role exists, or none was requested. A persona has no role.
    role_found: Option<u8>,
    /// 1 if another account has the user name.
    #[serde(default)]
    username_taken: u8,
    /// 1 if another account has the e-mail address.
    #[serde(default)]
    email_taken: u8,
    /// 1 if another persona has the national ID number.
    #[serde(default)]
    dni_taken: u8,
    /// The claim of a removal of the object that the record is to refer to.
    #[serde(default)]
    removal: Option<String>,
    /// 1 if that removal is finished.
    #[serde(default)]
    removal_over: Option<u8>,
}

impl Verdict {
    /// Reads the verdict from a row of [`Stored::READ`].
    pub fn from_row(row: &str) -> Result<Self, Fault> {
        read_row(row)
    }

    /// Returns the caller's account, if it exists and is active, and its session was not ended.
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

    /// Returns the reason the token's subject is not a valid caller.
    fn caller_refusal(&self) -> Refusal {
        match self.is_active_subject {
            None => Refusal::AccountGone,
            Some(0) => Refusal::AccountInactive,
            // A change of password ended its session (contract A7).
            Some(_) => Refusal::BadToken,
        }
    }

    /// Returns the reason the update was refused; `None` if there was no obstacle. A caller that does not exist is
    /// reported before a record that does not exist. A caller without the permission does not learn whether the record
    /// exists.
    pub fn refusal(&self, access: &Access) -> Option<Refusal> {
        let unless = |flag: u8, refusal: Refusal| (flag == 0).then_some(refusal);
        let missing = unless(self.found, missing_target(access));
        let forbidden = unless(self.permitted.unwrap_or(0), Refusal::Forbidden);
        // If callers may only change their own record, the existence of other records is not a secret (contract D3).
        let own_only = access.permission.is_none();
        let (first, second) = if own_only { (missing, forbidden) } else { (forbidden, missing) };
        let taken: Vec<Unique> =
            [(self.username_taken, Unique::Username), (self.email_taken, Unique::Email), (self.dni_taken, Unique::Dni)]
                .into_iter()
                .filter_map(|(taken, value)| (taken != 0).then_some(value))
                .collect();
        self.caller
            .is_none()
            .then(|| self.caller_refusal())
            .or(first)
            .or(second)
            .or(unless(self.role_found.unwrap_or(1), Refusal::NoSuchRole))
            .or((!taken.is_empty()).then_some(Refusal::Taken(taken)))
    }
}

/// Returns the refusal for a target that does not exist. A caller that a back end does not know has no account of its
/// own there, so its token is refused (contract I3).
fn missing_target(access: &Access) -> Refusal {
    match (&access.target, access.back_end) {
        (Target::Own, Some(_)) => Refusal::BadToken,
        (Target::Own, None) | (Target::Named(_), _) => Refusal::not_found(access.requested_id()),
    }
}

/// Classifies an error message of the database.
pub fn fault(message: String) -> Fault {
    let schema_errors = ["no such table", "no such column", "has no column named"];
    if schema_errors.iter().any(|text| message.contains(text)) {
        Fault::Schema(message)
    } else {
        Fault::Database(message)
    }
}

/// Parses a row, which one of the statements has returned as JSON. serde's error messages quote the value, which may be
/// personal data, so the log gets only the position of an error.
fn read_row<'a, T: Deserialize<'a>>(row: &'a str) -> Result<T, Fault> {
    serde_json::from_str(row)
        .map_err(|error| Fault::Row(format!("{:?} error at column {}", error.classify(), error.column())))
}
