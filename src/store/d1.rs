//! The thin adapter onto D1: binds, runs, counts. It decides nothing.

#![allow(clippy::disallowed_types, reason = "the adapter is the platform's")]

use super::deadline::within;
use super::{Batch, Parameter, Statement};
use crate::domain::Fault;
use serde::Deserialize;
use std::cell::Cell;
use wasm_bindgen::JsValue;
use worker::{D1Database, D1PreparedStatement};

/// How long the database is waited for, in seconds: many times what one far away takes.
const DEADLINE: u64 = 10;

/// The database, for one request.
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

    fn prepare(&self, statement: &Statement) -> worker::Result<D1PreparedStatement> {
        let values: Vec<JsValue> = statement.parameters.iter().map(bound).collect();
        self.d1.prepare(statement.sql).bind(&values)
    }
}

impl Batch for Database {
    async fn batch<const N: usize>(&self, statements: [Statement; N]) -> Result<[Vec<String>; N], Fault> {
        let prepared = statements.iter().map(|s| self.prepare(s)).collect::<worker::Result<_>>().map_err(fault)?;
        self.calls.set(self.calls.get().saturating_add(1));
        let answer = async { self.d1.batch(prepared).await.map_err(fault) };
        let results = within("database", DEADLINE, answer).await?;
        let rows = results
            .iter()
            .map(|result| Ok(result.results::<Row>()?.into_iter().map(|row| row.row).collect()))
            .collect::<worker::Result<Vec<_>>>()
            .map_err(fault)?;
        rows.try_into().map_err(|_| Fault::Row("not one result for each statement".to_owned()))
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
