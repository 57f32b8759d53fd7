//! Checks that docs/asvs.md lists every requirement of six chapters of ASVS 5.0.0, and that whatever it refers to
//! exists.

use super::contract::{cited, statements};
use super::docs::names;
use super::{project, read};
use perfil::domain::Setting;
use std::collections::BTreeMap;

/// The sections of the chapters, with the number of requirements in each.
const SECTIONS: [(&str, u32); 29] = [
    ("5.1", 1),
    ("5.2", 6),
    ("5.3", 3),
    ("5.4", 3),
    ("6.1", 3),
    ("6.2", 12),
    ("6.3", 8),
    ("6.4", 6),
    ("6.5", 8),
    ("6.6", 4),
    ("6.7", 2),
    ("6.8", 4),
    ("7.1", 3),
    ("7.2", 4),
    ("7.3", 2),
    ("7.4", 5),
    ("7.5", 3),
    ("7.6", 2),
    ("8.1", 4),
    ("8.2", 4),
    ("8.3", 3),
    ("8.4", 2),
    ("9.1", 3),
    ("9.2", 4),
    ("16.1", 1),
    ("16.2", 5),
    ("16.3", 4),
    ("16.4", 3),
    ("16.5", 4),
];
const STATES: [&str; 6] = ["met", "with a setting", "partly", "not met", "out of scope", "not applicable"];

struct Row {
    id: String,
    state: String,
    /// How the requirement is met, or the reason why it is not.
    how: String,
}

fn cells(line: &str) -> Vec<String> {
    line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
}

fn rows() -> Vec<Row> {
    let text = read(&project("docs/asvs.md"));
    let lines = text.lines().filter(|line| line.starts_with("| ")).map(cells);
    let rows = lines.filter(|cells| cells[0].contains('.')).map(|cells| {
        let [id, level, _, state, how] = cells.try_into().unwrap();
        assert!(["1", "2", "3"].contains(&level.as_str()), "{id} is of level {level}");
        assert!(STATES.contains(&state.as_str()) && !how.is_empty(), "{id}: {state}");
        Row { id, state, how }
    });
    rows.collect()
}

#[test]
fn every_requirement_is_listed_exactly_once() {
    let ids = SECTIONS.iter().flat_map(|(section, count)| (1..=*count).map(move |n| format!("{section}.{n}")));
    let listed: Vec<_> = rows().into_iter().map(|row| row.id).collect();
    assert_eq!(listed, ids.collect::<Vec<_>>());
}

#[test]
fn every_file_setting_and_statement_that_a_row_names_exists() {
    let statements = statements();
    let mut files = 0;
    for Row { id, state, how } in rows() {
        let is_setting = |name: &String| Setting::ALL.iter().any(|setting| setting.name() == name);
        let names = names(&how);
        for name in &names {
            let is_file = ["src/", "tests/", "migrations/", "public/"].iter().any(|folder| name.starts_with(folder));
            assert!(!is_file || project(name).is_file(), "{id} names {name}");
            files += u32::from(is_file);
            let is_upper = name.contains('_') && name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
            assert!(!is_upper || is_setting(name), "{id} names {name}");
        }
        assert!(state != "with a setting" || names.iter().any(is_setting), "{id} names no setting");
        for statement in cited(&how) {
            assert!(statements.contains(statement), "{id} cites {statement}");
        }
    }
    assert!(files > 80, "only {files} file names were found");
}

#[test]
fn the_summary_counts_the_rows() {
    let text = read(&project("docs/asvs.md"));
    let summary = text.split("## Summary").nth(1).unwrap().lines().filter(|line| line.starts_with("| ")).map(cells);
    let mut counted: BTreeMap<String, [u32; 6]> = BTreeMap::new();
    for Row { id, state, .. } in rows() {
        let chapter = id.split('.').next().unwrap().to_owned();
        counted.entry(chapter).or_default()[STATES.iter().position(|one| *one == state).unwrap()] += 1;
    }
    let is_count = |cells: &Vec<String>| cells[1].parse::<u32>().is_ok() && cells.len() == 7;
    let summarized = summary.filter(is_count).map(|cells| {
        let counts: Vec<u32> = cells[1..].iter().map(|count| count.parse().unwrap()).collect();
        (cells[0].split(' ').next().unwrap().to_owned(), counts.try_into().unwrap())
    });
    assert_eq!(summarized.collect::<BTreeMap<_, _>>(), counted);
}
