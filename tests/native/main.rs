//! Tests that run without the platform. They cover the SQL statements (against the real migrations, in SQLite, on which
//! D1 is built), the rules, the dialects, the tokens and the module boundaries.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    missing_docs,
    reason = "a test fails by panicking"
)]
#![allow(clippy::disallowed_methods, reason = "tests act as any caller")]
#![allow(clippy::too_many_lines, reason = "a table of cases is as long as it has to be")]

mod architecture;
mod asvs;
mod bodies;
mod changes;
mod common_passwords;
mod contract;
mod database;
mod deliveries;
mod dialects;
mod docs;
mod facts;
mod key_sets;
mod media;
mod migrations;
mod pass_through;
mod passwords;
mod picture;
mod properties;
mod routes;
mod rules;
mod serve;
mod statements;
mod supply;
mod tokens;
mod uploads;

use perfil::auth::{Secret, Signer};
use perfil::domain::{Actor, Id, Subject};
use std::path::{Path, PathBuf};

fn actor(id: i64) -> Actor {
    Actor::verified(Subject::Account(Id::new(id).unwrap()), None, None)
}

/// The secrets of `JWT_SECRET` and `JWT_SECRET_PREVIOUS`.
fn shared(current: Option<&str>, previous: Option<&str>) -> Vec<(Signer, Secret)> {
    let [current, previous] = [current, previous].map(|secret| secret.map(str::to_owned));
    vec![(Signer::Shared, Secret { current, previous })]
}

/// A file or folder of the project.
fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns every file below a folder whose name has this ending.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            // An npm workspace has its own node_modules.
            if entry.is_dir() && !entry.ends_with("node_modules") {
                walk(&entry, ending, found);
            } else if entry.is_file() && entry.to_string_lossy().ends_with(ending) {
                found.push(entry);
            }
        }
    }
    let mut found = Vec::new();
    walk(&project(folder), ending, &mut found);
    found.sort();
    found
}

/// Returns the output of a future that never has to wait, as with a database in memory.
fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("the future is pending"),
    }
}
