//! Checks the crates that are compiled into the worker: their source, their licence and their documented purpose.

use super::{project, read};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Licences that require only attribution.
const LICENCES: [&str; 8] =
    ["0BSD", "Apache-2.0", "BSD-3-Clause", "BSL-1.0", "MIT", "Unicode-3.0", "Unlicense", "Zlib"];
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a Vec<Value> {
    value[key].as_array().unwrap()
}

/// Returns cargo's metadata about the worker's dependencies, with the versions of the lock file.
fn metadata() -> Value {
    let cargo = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked", "--filter-platform=wasm32-unknown-unknown"])
        .current_dir(project(""))
        .output()
        .unwrap();
    assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
    serde_json::from_slice(&cargo.stdout).unwrap()
}

/// Returns the packages that are compiled into the worker, and the names of its direct dependencies.
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

/// Checks an SPDX expression in the forms that crates use: `A OR B`, `A/B`, `A AND B`, and parentheses around a choice.
fn is_allowed(licence: &str) -> bool {
    let known = |name: &str| LICENCES.contains(&name.trim_matches(['(', ')', ' ']));
    let parts: Vec<&str> = licence.split(" AND ").collect();
    !licence.is_empty() && parts.iter().all(|part| part.split(" OR ").flat_map(|some| some.split('/')).any(known))
}

#[test]
fn every_crate_in_the_worker_is_from_crates_io_and_has_an_allowed_licence() {
    let metadata = metadata();
    let (shipped, _) = shipped(&metadata);
    assert!(shipped.len() > 20, "only {} crates were found", shipped.len());
    for package in shipped {
        let (name, licence) = (text(package, "name"), text(package, "license"));
        assert_eq!(text(package, "source"), CRATES_IO, "{name}");
        assert!(is_allowed(licence), "{name} has the licence {licence:?}");
    }
}

#[test]
fn the_docs_explain_every_direct_dependency_of_the_worker() {
    let metadata = metadata();
    let decisions = read(&project("docs/decisions.md"));
    for name in shipped(&metadata).1 {
        assert!(decisions.contains(&format!("\n| `{name}` | ")), "{name} has no row in docs/decisions.md");
    }
}

#[test]
fn no_npm_package_ships_and_every_version_is_exact() {
    for file in ["package.json", "tests/openapi/client/package.json"] {
        let package: Value = serde_json::from_str(&read(&project(file))).unwrap();
        assert!(package["dependencies"].is_null(), "{file} has dependencies that would ship");
        for (name, version) in package["devDependencies"].as_object().unwrap() {
            let exact = version.as_str().unwrap().starts_with(|first: char| first.is_ascii_digit());
            assert!(exact, "{name} is {version}");
        }
    }
    for lock in ["Cargo.lock", "package-lock.json"] {
        assert!(project(lock).exists(), "{lock} does not exist");
    }
}
