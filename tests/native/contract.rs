//! Checks the citations of docs/contract.md in tests and comments: every statement has a test, and every cited
//! statement exists.

use super::{files, read};
use std::collections::{BTreeMap, BTreeSet};

/// Returns the IDs of the statements in docs/contract.md. A statement is a list item: `- **[R4]** …`.
pub fn statements() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for line in read(&super::project("docs/contract.md")).lines() {
        let Some((id, _)) = line.strip_prefix("- **[").and_then(|item| item.split_once("]** ")) else { continue };
        assert!(all.insert(id.to_owned()), "docs/contract.md has two statements {id}");
    }
    assert!(all.len() > 50, "docs/contract.md was not read");
    all
}

/// Checks whether a text is a statement's ID: a capital letter and a number.
fn is_id(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|first| first.is_ascii_uppercase())
        && !letters.as_str().is_empty()
        && letters.all(|digit| digit.is_ascii_digit())
}

/// Returns the IDs in the names of the HTTP tests and the importer's tests, `… [S4 R7]`, each with a file that has it.
fn covered() -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for file in ["tests/http", "tests/import"].iter().flat_map(|folder| files(folder, ".test.mjs")) {
        let text = read(&file);
        let brackets = text.split('[').skip(1).filter_map(|rest| rest.split(']').next());
        for id in brackets.flat_map(|ids| ids.split([' ', ','])).filter(|id| is_id(id)) {
            all.insert(id.to_owned(), file.display().to_string());
        }
    }
    all
}

/// Returns the IDs that comments cite: `contract R4`, `contract S2, D3`, `contract A4–A6`.
pub fn cited(text: &str) -> Vec<&str> {
    let lists = text.split("contract ").skip(1);
    let ids = lists.flat_map(|list| {
        let words = list.split([' ', ',', '–', '\n']).filter(|word| !["", "and", "//", "///", "//!"].contains(word));
        words.map(|word| word.trim_end_matches([')', '.', ':', ';', ']'])).take_while(|word| is_id(word))
    });
    ids.collect()
}

#[test]
fn every_statement_of_the_contract_has_a_test() {
    let covered = covered();
    let missing: Vec<_> = statements().into_iter().filter(|id| !covered.contains_key(id)).collect();
    assert!(missing.is_empty(), "no test names {missing:?}");
}

#[test]
fn every_statement_that_a_test_names_exists() {
    let statements = statements();
    for (id, file) in covered() {
        assert!(statements.contains(&id), "{file} names {id}");
    }
}

#[test]
fn every_statement_that_a_comment_cites_exists() {
    let statements = statements();
    let folders = [("src", ".rs"), ("tests/native", ".rs"), ("tests/http", ".mjs"), ("scripts", ".mjs")];
    let mut count = 0;
    for file in folders.iter().flat_map(|(folder, ending)| files(folder, ending)) {
        for id in cited(&read(&file)) {
            assert!(statements.contains(id), "{} cites {id}", file.display());
            count += 1;
        }
    }
    assert!(count > 50, "only {count} citations were found");
}
