//! What the database is asked, and what it answers.
//!
//! May import `domain`; may name serde, and worker in [`d1`] alone. Every statement is static text with numbered
//! parameters and carries its own guard, so that right and change are decided in one step by the database:
//! an update, accepted or refused, is one batch.

mod accounts;
pub mod d1;
mod personas;
mod statement;
mod update;

use crate::domain::{Access, Fault, PasswordHash, Record, Refusal, Unique};
use serde::Deserialize;
pub use statement::{Parameter, Statement};
pub use update::{load, ping, update};

/// What runs statements: D1 in the worker, SQLite itself in the native tests.
#[expect(async_fn_in_trait, reason = "the platform has one thread: no future has to be Send")]
pub trait Batch {
    /// Runs statements in one transaction and one round trip; answers the first row of each.
    async fn batch<const N: usize>(&self, statements: [Statement; N]) -> Result<[Option<String>; N], Fault>;
}

/// A record that the database holds: its three statements and its row.
///
/// Each answers one row with one column of JSON at most, so that a row is read by the same code here and in native
/// tests, and crosses from the platform in one piece.
pub trait Stored: Record {
    /// [`Stored::update`] without its OR IGNORE: fails where a constraint forbids the change, and says which.
    const INSIST: &'static str;

    /// Changes the record if the guard lets it, and shows it as it is then. No row: nothing was changed.
    ///
    /// OR IGNORE: a value that somebody else has leaves the record as it was. The constraint decides that at the
    /// moment of writing, and [`Stored::explain`] then names every value that is taken.
    fn update(access: &Access, change: &Self::Change, hash: Option<&PasswordHash>) -> Statement;

    /// Shows the record if the guard lets it. No row: it does not.
    fn load(access: &Access) -> Statement;

    /// Answers a [`Verdict`]: what stands in the way of the change. Always one row.
    fn explain(access: &Access, change: &Self::Change) -> Statement;

    /// Reads a row of [`Stored::update`] or [`Stored::load`].
    fn from_row(row: &str) -> Result<Self, Fault>;
}

/// What stood in the way of an update; in the order in which it is told (contract R1).
#[derive(Debug, Deserialize)]
pub struct Verdict {
    /// 1 when the caller's account is there and active.
    active: u8,
    /// 1 when the caller may.
    permitted: u8,
    /// 1 when the record is there.
    found: u8,
    /// 1 when the role asked for is there, or none was asked for.
    #[serde(default = "yes")]
    role_found: u8,
    /// 1 when another account has the user name.
    #[serde(default)]
    username_taken: u8,
    /// 1 when another account has the address.
    #[serde(default)]
    email_taken: u8,
    /// 1 when another persona has the national id number.
    #[serde(default)]
    dni_taken: u8,
}

fn yes() -> u8 {
    1
}

impl Verdict {
    /// Reads a row of [`Stored::explain`].
    pub fn from_row(row: &str) -> Result<Self, Fault> {
        read_row(row)
    }

    /// Why the update was refused; `None` when nothing stood in its way. A caller who does not exist is told so
    /// even where the record does not either, and one who may not is not told whether it is there.
    pub fn refusal(&self, access: &Access) -> Option<Refusal> {
        let unless = |flag: u8, refusal: Refusal| (flag == 0).then_some(refusal);
        let missing = unless(self.found, Refusal::not_found(access.named()));
        let forbidden = unless(self.permitted, Refusal::Forbidden);
        // Where everybody may change their own record only, it is no secret which others there are (contract D3).
        let own_only = access.permission.is_none();
        let (first, second) = if own_only { (missing, forbidden) } else { (forbidden, missing) };
        let taken: Vec<Unique> =
            [(self.username_taken, Unique::Username), (self.email_taken, Unique::Email), (self.dni_taken, Unique::Dni)]
                .into_iter()
                .filter_map(|(taken, value)| (taken != 0).then_some(value))
                .collect();
        unless(self.active, Refusal::BadToken)
            .or(first)
            .or(second)
            .or(unless(self.role_found, Refusal::NoSuchRole))
            .or((!taken.is_empty()).then_some(Refusal::Taken(taken)))
    }
}

/// Reads a row of JSON that a statement of ours made. What serde says of a misfit quotes the value, which may be
/// personal: the log gets its place alone.
fn read_row<'a, T: Deserialize<'a>>(row: &'a str) -> Result<T, Fault> {
    serde_json::from_str(row)
        .map_err(|error| Fault::Row(format!("{:?} error at column {}", error.classify(), error.column())))
}
