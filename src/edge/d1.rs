//! The adapter for D1: binds parameters, runs batches and counts D1 calls. It makes no decisions.

use super::deadline::within;
use crate::domain::Fault;
use crate::store::{self, Batch, Statement};
use std::cell::{Cell, RefCell};
use wasm_bindgen::{JsCast, JsValue};
use worker::js_sys::futures::JsFuture;
use worker::js_sys::{Array, Error, JSON};
use worker::worker_sys::types::{D1Database as PlatformDatabase, D1Result};
use worker::{D1Database, D1PreparedStatement, D1Type};

/// Time limit for a call to the database, in seconds: many times what a call to another continent takes.
pub const DEADLINE: u64 = 10;

/// The binding and the statements that have been prepared on it, so that the text of each is passed to JavaScript once.
pub struct Database {
    d1: D1Database,
    prepared: RefCell<Vec<(&'static str, D1PreparedStatement)>>,
}

/// The database as one request uses it. Counts that request's calls.
pub struct Connection<'a> {
    database: &'a Database,
    /// Milliseconds since an arbitrary fixed time.
    clock: fn() -> i64,
    cost: Cell<DatabaseCost>,
}

/// The cost of a request's calls to the database.
#[derive(Debug, Clone, Copy, Default)]
pub struct DatabaseCost {
    /// Number of round trips.
    pub calls: u32,
    /// Milliseconds that they took, as measured by the worker.
    pub milliseconds: u64,
}

impl Database {
    /// Wraps the binding.
    pub fn new(d1: D1Database) -> Self {
        Self { d1, prepared: RefCell::default() }
    }

    fn bind(&self, Statement { sql, parameters }: &Statement) -> worker::Result<D1PreparedStatement> {
        let parameters = parameters.iter().map(|text| text.as_deref().map_or(D1Type::Null, D1Type::Text));
        let parameters: Vec<D1Type<'_>> = parameters.collect();
        let mut prepared = self.prepared.borrow_mut();
        // Statements are static strings, so comparing their addresses is enough.
        if let Some((_, statement)) = prepared.iter().find(|(known, _)| std::ptr::eq(*known, *sql)) {
            return statement.bind_refs(&parameters);
        }
        let statement = self.d1.prepare(*sql);
        let bound = statement.bind_refs(&parameters);
        prepared.push((sql, statement));
        bound
    }

    /// Runs the statements in one transaction. Bypasses the `worker` crate's own `batch`, which converts rows through
    /// serde.
    async fn run(&self, statements: &[Statement]) -> Result<Vec<Vec<String>>, JsValue> {
        let bound = statements.iter().map(|statement| self.bind(statement)).collect::<worker::Result<Vec<_>>>()?;
        let bound: Array = bound.iter().map(|statement| statement.inner()).collect();
        let d1: &PlatformDatabase = self.d1.as_ref().unchecked_ref();
        let results = JsFuture::from(d1.batch(bound)?).await?.dyn_into::<Array>()?;
        results.iter().map(|result| rows(&result.unchecked_into())).collect()
    }
}

/// Returns each row as a JSON object of its columns: one call into JavaScript for each row instead of one for each
/// column.
fn rows(result: &D1Result) -> Result<Vec<String>, JsValue> {
    let rows = result.results()?.unwrap_or_default();
    rows.iter().map(|row| JSON::stringify(&row).map(String::from)).collect()
}

impl<'a> Connection<'a> {
    /// Creates a connection that has made no calls yet.
    pub fn new(database: &'a Database, clock: fn() -> i64) -> Self {
        Self { database, clock, cost: Cell::default() }
    }

    /// Returns the cost of the calls made so far.
    pub fn cost(&self) -> DatabaseCost {
        self.cost.get()
    }
}

impl Batch for Connection<'_> {
    async fn batch<const N: usize>(&self, statements: [Statement; N]) -> Result<[Vec<String>; N], Fault> {
        let started = (self.clock)();
        let rows = async { self.database.run(&statements).await.map_err(|thrown| fault(&thrown)) };
        let rows = within("database", DEADLINE, rows).await;
        let elapsed = u64::try_from((self.clock)().saturating_sub(started)).unwrap_or(0);
        let DatabaseCost { calls, milliseconds } = self.cost.get();
        self.cost
            .set(DatabaseCost { calls: calls.saturating_add(1), milliseconds: milliseconds.saturating_add(elapsed) });
        rows?.try_into().map_err(|_| Fault::Row("not one result for each statement".to_owned()))
    }
}

/// Takes the message from the cause of D1's error. The `worker` crate's `Display` of such an error is a dump that
/// includes a stack trace.
fn fault(thrown: &JsValue) -> Fault {
    let error = |value: &JsValue| value.dyn_ref::<Error>().cloned();
    let error = error(thrown).map(|outer| error(&outer.cause()).unwrap_or(outer));
    let message: String = error.map_or_else(|| "unknown error".to_owned(), |error| error.message().into());
    store::fault(message)
}
