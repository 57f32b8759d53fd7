//! Every statement of the contract has a test that names it.

use super::{files, read};

/// All of them.
const IDS: &[&str] = &[
    "A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9", "R10", "R11",
    "P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9", "P10", "S1", "S2", "S3", "S4", "S5", "S6", "F1", "F2", "F3",
    "F4", "F5", "F6", "D1", "D2", "D3", "D4", "D5", "D6", "D7", "M1", "M2", "M3", "M4", "M5", "O1", "O2",
];

/// The ids in the names of the HTTP tests: `… [S4 R7]`.
fn covered() -> Vec<String> {
    let names = files("tests/http", ".test.mjs").iter().map(|file| read(file)).collect::<String>();
    names
        .split('[')
        .skip(1)
        .filter_map(|rest| rest.split(']').next())
        .flat_map(|ids| ids.split([' ', ',']).map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

#[test]
fn every_statement_of_the_contract_is_named_by_an_http_test() {
    let covered = covered();
    let missing: Vec<_> = IDS.iter().filter(|id| !covered.iter().any(|c| c == **id)).collect();
    assert!(missing.is_empty(), "no HTTP test names {missing:?}");
}
