//! What ships is compiled from crates that are known: where they come from, by what licence, and what for.

use super::{project, read};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Licences that ask for no more than to be named.
const LICENCES: [&str; 8] =
    ["0BSD", "Apache-2.0", "BSD-3-Clause", "BSL-1.0", "MIT", "Unicode-3.0", "Unlicense", "Zlib"];
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a Vec<Value> {
    value[key].as_array().unwrap()
}

/// What cargo knows of the worker's dependencies, from the lock file alone.
fn metadata() -> Value {
    let cargo = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked", "--filter-platform=wasm32-unknown-unknown"])
        .current_dir(project(""))
        .output()
        .unwrap();
    assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
    serde_json::from_slice(&cargo.stdout).unwrap()
}

/// The packages that are compiled for the worker, and which of them the worker names itself.
fn shipped(metadata: &Value) -> (Vec<&Value>, BTreeSet<String>) {
    let packages: BTreeMap<&str, &Value> = list(metadata, "packages").iter().map(|p| (text(p, "id"), p)).collect();
    let nodes: BTreeMap<&str, &Value> =
        list(&metadata["resolve"], "nodes").iter().map(|n| (text(n, "id"), n)).collect();
    let root = packages.values().find(|package| text(package, "name") == "perfil").unwrap();
    let normal = |id: &str| -> Vec<&str> {
        let dependencies = list(nodes[id], "deps").iter();
        let normal = dependencies.filter(|dep| list(dep, "dep_kinds").iter().any(|kind| kind["kind"].is_null()));
        normal.map(|dep| text(dep, "pkg")).collect()
    };
    let mut seen = BTreeSet::new();
    let mut todo = normal(text(root, "id"));
    let direct = todo.iter().map(|id| text(packages[id], "name").to_owned()).collect();
    while let Some(id) = todo.pop() {
        if seen.insert(id) {
            todo.extend(normal(id));
        }
    }
    (seen.iter().map(|id| packages[id]).collect(), direct)
}

/// SPDX, as far as crates use it: `A OR B`, `A/B`, `A AND B`, and parentheses around a choice.
fn is_allowed(licence: &str) -> bool {
    let known = |name: &str| LICENCES.contains(&name.trim_matches(['(', ')', ' ']));
    let parts: Vec<&str> = licence.split(" AND ").collect();
    !licence.is_empty() && parts.iter().all(|part| part.split(" OR ").flat_map(|some| some.split('/')).any(known))
}

#[test]
fn every_crate_in_the_worker_comes_from_crates_io_under_a_licence_that_is_allowed() {
    let metadata = metadata();
    let (shipped, _) = shipped(&metadata);
    assert!(shipped.len() > 20, "the graph was not read");
    for package in shipped {
        let (name, licence) = (text(package, "name"), text(package, "license"));
        assert_eq!(text(package, "source"), CRATES_IO, "{name}");
        assert!(is_allowed(licence), "{name} is licensed by {licence:?}");
    }
}

#[test]
fn every_crate_that_the_worker_names_has_a_line_in_the_docs_that_says_what_for() {
    let metadata = metadata();
    let decisions = read(&project("docs/decisions.md"));
    for name in shipped(&metadata).1 {
        assert!(decisions.contains(&format!("\n| `{name}` | ")), "{name} has no line in docs/decisions.md");
    }
}

#[test]
fn nothing_from_npm_ships_and_every_version_is_exact() {
    for file in ["package.json", "tests/openapi/client/package.json"] {
        let package: Value = serde_json::from_str(&read(&project(file))).unwrap();
        assert!(package["dependencies"].is_null(), "what is needed to run goes into the worker");
        for (name, version) in package["devDependencies"].as_object().unwrap() {
            let exact = version.as_str().unwrap().starts_with(|first: char| first.is_ascii_digit());
            assert!(exact, "{name} is {version}");
        }
    }
    for lock in ["Cargo.lock", "package-lock.json"] {
        assert!(project(lock).exists(), "{lock} is gone");
    }
}
