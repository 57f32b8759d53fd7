//! What stands in for the platform: the SQLite that D1 is made of, and a map for a bucket.

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

/// The migrations and demo accounts in memory, behind the same door as D1.
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

/// What D1 allows a statement, as Cloudflare documents it. The local one lets more pass.
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
    for (limit, most) in D1_LIMITS {
        connection.set_limit(limit, most).unwrap();
    }
    Sqlite { connection, calls: Cell::new(0) }
}

/// The rows of a statement, as the platform hands them over.
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

/// A bucket in memory, behind the same door as R2.
#[derive(Default)]
pub struct Memory {
    /// What lies in it: when it was written, and the bytes.
    pub objects: RefCell<BTreeMap<String, (i64, Vec<u8>)>>,
    /// What is written now is as old as this.
    pub now: Cell<i64>,
    /// How many objects were really written.
    pub writes: Cell<u32>,
}

/// As many as make the tests turn a page.
pub const PAGE: usize = 3;

impl Bucket for Memory {
    async fn find(&self, owner: Id, picture: &Picture) -> Result<(ObjectKey, bool), Fault> {
        let key = ObjectKey::new(owner, &Sha256::digest(picture.bytes()), picture.format());
        let is_there = self.objects.borrow().contains_key(key.as_str());
        Ok((key, is_there))
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

    async fn list(&self, behind: &str) -> Result<Page, Fault> {
        let objects = self.objects.borrow();
        let ours = objects.iter().filter(|(key, _)| key.starts_with(ObjectKey::PREFIX) && key.as_str() > behind);
        let all: Vec<Listed> = ours.map(|(key, (at, _))| Listed { key: key.clone(), uploaded: *at }).collect();
        let complete = all.len() <= PAGE;
        Ok(Page { objects: all.into_iter().take(PAGE).collect(), complete })
    }
}
