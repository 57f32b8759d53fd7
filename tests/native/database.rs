//! In-memory replacements for the platform: SQLite, on which D1 is built, and a map as the bucket.

use super::{files, project, read};
use perfil::domain::{Fault, Id, ObjectKey, Picture};
use perfil::store::{self, Batch, Bucket, Listed, Page, Statement};
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// A database in memory with the migrations and demo accounts, used through the same trait as D1.
pub struct Sqlite {
    pub connection: Connection,
    pub calls: Cell<u32>,
}

impl Batch for Sqlite {
    async fn batch<const N: usize>(&self, statements: [Statement; N]) -> Result<[Vec<String>; N], Fault> {
        self.calls.set(self.calls.get() + 1);
        let transaction = self.connection.unchecked_transaction().unwrap();
        let rows =
            statements.iter().map(|statement| run(&transaction, statement)).collect::<rusqlite::Result<Vec<_>>>();
        let rows = rows.map_err(|error| store::fault(error.to_string()))?;
        transaction.commit().unwrap();
        Ok(rows.try_into().unwrap())
    }
}

/// D1's limits on a statement, as documented by Cloudflare. The local D1 is less strict.
const D1_LIMITS: [(Limit, i32); 5] = [
    (Limit::SQLITE_LIMIT_FUNCTION_ARG, 32),
    (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 100),
    (Limit::SQLITE_LIMIT_SQL_LENGTH, 100_000),
    (Limit::SQLITE_LIMIT_COLUMN, 100),
    (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50),
];

pub fn sqlite() -> Sqlite {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch("PRAGMA foreign_keys = ON").unwrap();
    for migration in files("migrations", ".sql") {
        connection.execute_batch(&read(&migration)).unwrap();
    }
    connection.execute_batch(&read(&project("tests/fixtures/demo.sql"))).unwrap();
    for (limit, max) in D1_LIMITS {
        connection.set_limit(limit, max).unwrap();
    }
    Sqlite { connection, calls: Cell::new(0) }
}

/// Runs a statement and returns its rows in the form in which the platform provides them.
pub fn run(connection: &Connection, statement: &Statement) -> rusqlite::Result<Vec<String>> {
    let mut prepared = connection.prepare(statement.sql)?;
    assert!(prepared.parameter_count() <= statement.parameters.len(), "{}", statement.sql);
    let names: Vec<String> = prepared.column_names().map(str::to_owned).collect();
    let count = prepared.parameter_count();
    let rows =
        prepared.query_map(rusqlite::params_from_iter(&statement.parameters[..count]), |row| json(row, &names))?;
    rows.collect()
}

fn json(row: &Row<'_>, names: &[String]) -> rusqlite::Result<String> {
    let mut object = Map::new();
    for (at, name) in names.iter().enumerate() {
        let value = match row.get_ref(at)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => number.into(),
            ValueRef::Real(number) => number.into(),
            ValueRef::Text(text) => std::str::from_utf8(text).unwrap().into(),
            ValueRef::Blob(_) => panic!("no statement returns a blob"),
        };
        assert!(object.insert(name.clone(), value).is_none(), "two columns are called {name}");
    }
    Ok(Value::Object(object).to_string())
}

/// A bucket in memory, used through the same trait as R2.
#[derive(Default)]
pub struct Memory {
    /// The objects by key: the time when each was written, and its bytes.
    pub objects: RefCell<BTreeMap<String, (i64, Vec<u8>)>>,
    /// The time at which new objects are written.
    pub now: Cell<i64>,
    /// Number of puts that created an object.
    pub writes: Cell<u32>,
}

/// Number of objects per page, small enough that listing takes several pages.
pub const PAGE: usize = 3;

impl Bucket for Memory {
    async fn find(&self, owner: Id, picture: &Picture) -> Result<(ObjectKey, bool), Fault> {
        let key = ObjectKey::new(owner, &Sha256::digest(picture.bytes()), picture.format());
        let exists = self.objects.borrow().contains_key(key.as_str());
        Ok((key, exists))
    }

    async fn put(&self, key: &ObjectKey, picture: &Picture) -> Result<bool, Fault> {
        let mut objects = self.objects.borrow_mut();
        let created = !objects.contains_key(key.as_str());
        if created {
            objects.insert(key.to_string(), (self.now.get(), picture.bytes().to_vec()));
            self.writes.set(self.writes.get() + 1);
        }
        Ok(created)
    }

    async fn delete(&self, keys: &[String]) -> Result<(), Fault> {
        self.objects.borrow_mut().retain(|key, _| !keys.contains(key));
        Ok(())
    }

    async fn pause(&self) {}

    async fn list(&self, after: &str) -> Result<Page, Fault> {
        let objects = self.objects.borrow();
        let matching = objects.iter().filter(|(key, _)| key.starts_with(ObjectKey::PREFIX) && key.as_str() > after);
        let all: Vec<Listed> = matching.map(|(key, (at, _))| Listed { key: key.clone(), uploaded: *at }).collect();
        let complete = all.len() <= PAGE;
        Ok(Page { objects: all.into_iter().take(PAGE).collect(), complete })
    }
}
