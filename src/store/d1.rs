//! The thin adapter onto D1: binds, runs, counts. All that decides anything is in the statements.

#![allow(clippy::disallowed_types, reason = "the adapter is the platform's")]

use super::{Parameter, Statement, Stored, Verdict};
use crate::domain::{Access, Change, Failure, Fault, PasswordHash};
use serde::Deserialize;
use std::cell::Cell;
use wasm_bindgen::JsValue;
use worker::{D1Database, D1PreparedStatement};

/// The database of one request.
pub struct Database {
    d1: D1Database,
    calls: Cell<u32>,
}

/// The one column that every statement answers.
#[derive(Deserialize)]
struct Row {
    row: String,
}

impl Database {
    /// Wraps the binding.
    pub fn new(d1: D1Database) -> Self {
        let calls = Cell::new(0);
        Self { d1, calls }
    }

    /// How many round trips to the database there have been.
    pub fn calls(&self) -> u32 {
        self.calls.get()
    }

    /// Changes a record and answers it as it is then, or says why not: one call either way. A change of nothing
    /// answers the record as it stands.
    pub async fn update<R: Stored>(
        &self,
        access: &Access,
        change: &R::Change,
        hash: Option<&PasswordHash>,
    ) -> Result<R, Failure> {
        if change.is_empty() {
            return self.load(access, change).await;
        }
        let statement = R::update(access, change, hash);
        let (record, verdict) = self.ask::<R>(statement, access, change).await?;
        match (record, verdict.refusal(access)) {
            (Some(record), _) => Ok(record),
            (None, Some(refusal)) => Err(refusal.into()),
            (None, None) => self.insist(access, change, hash).await,
        }
    }

    /// Answers the record if the change could be made, or says why not, and changes nothing: one call.
    pub async fn load<R: Stored>(&self, access: &Access, change: &R::Change) -> Result<R, Failure> {
        let (record, verdict) = self.ask::<R>(R::load(access), access, change).await?;
        match (verdict.refusal(access), record) {
            (Some(refusal), _) => Err(refusal.into()),
            (None, Some(record)) => Ok(record),
            (None, None) => Err(Fault::Unexplained.into()),
        }
    }

    async fn ask<R: Stored>(
        &self,
        statement: Statement,
        access: &Access,
        change: &R::Change,
    ) -> Result<(Option<R>, Verdict), Fault> {
        let [record, verdict] = self.batch([statement, R::explain(access, change)]).await?;
        let record = record.map(|row| R::from_row(&row)).transpose()?;
        let verdict = Verdict::from_row(&verdict.ok_or(Fault::Unexplained)?)?;
        Ok((record, verdict))
    }

    /// Nothing stood in the way and yet nothing was changed: a constraint that no rule of ours foresees. Asked to
    /// insist, the database says which, for the log.
    async fn insist<R: Stored>(
        &self,
        access: &Access,
        change: &R::Change,
        hash: Option<&PasswordHash>,
    ) -> Result<R, Failure> {
        let statement = Statement { sql: R::INSIST, ..R::update(access, change, hash) };
        let [record] = self.batch([statement]).await?;
        Ok(R::from_row(&record.ok_or(Fault::Unexplained)?)?)
    }

    /// Whether the database answers and has our schema (contract O1): one call.
    pub async fn ping(&self) -> Result<(), Fault> {
        let sql = "-- ping()\nSELECT json_object('users', EXISTS (SELECT 1 FROM users)) AS row";
        let parameters = Vec::new();
        self.batch([Statement { sql, parameters }]).await.map(|_: [Option<String>; 1]| ())
    }

    /// Runs statements in one transaction and one round trip; answers the first row of each.
    async fn batch<const N: usize>(&self, statements: [Statement; N]) -> Result<[Option<String>; N], Fault> {
        let prepared = statements.iter().map(|s| self.prepare(s)).collect::<worker::Result<_>>().map_err(fault)?;
        self.calls.set(self.calls.get().saturating_add(1));
        let results = self.d1.batch(prepared).await.map_err(fault)?;
        let rows = results
            .iter()
            .map(|result| Ok(result.results::<Row>()?.into_iter().next().map(|first| first.row)))
            .collect::<worker::Result<Vec<_>>>()
            .map_err(fault)?;
        rows.try_into().map_err(|_| Fault::Row("not one result for each statement".to_owned()))
    }

    fn prepare(&self, statement: &Statement) -> worker::Result<D1PreparedStatement> {
        let values: Vec<JsValue> = statement.parameters.iter().map(bound).collect();
        self.d1.prepare(statement.sql).bind(&values)
    }
}

/// D1 takes no BigInt; our integers have 53 bits at most, so a float carries them exactly.
#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "53 bits at most")]
fn bound(parameter: &Parameter) -> JsValue {
    match parameter {
        Parameter::Null => JsValue::NULL,
        Parameter::Integer(value) => JsValue::from_f64(*value as f64),
        Parameter::Text(text) => JsValue::from_str(text),
    }
}

/// D1's own words for what went wrong; the platform's `Display` of such an error is a dump with a stack.
fn fault(error: worker::Error) -> Fault {
    Fault::Database(match error {
        worker::Error::D1(error) => error.cause(),
        other => other.to_string(),
    })
}
