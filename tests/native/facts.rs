//! Facts about the API, written to `tests/facts.json`, from which `public/openapi.json` is rendered. All of them are
//! observed: the tests pass bodies and records to the dialects and record what the dialects return. No source code is
//! parsed for its meaning, so a renamed type changes nothing here, but a changed limit, status or message does.

mod endpoint;
mod fields;
mod json;
mod limits;
mod others;
mod record;
mod refusals;

use super::{project, read};
use json::{Named, differences};
use perfil::serve::{UPDATES, Update};
use serde::Serialize;

const FILE: &str = "tests/facts.json";

#[derive(Serialize)]
struct Facts {
    limits: Named<u64>,
    pictures: Named<&'static str>,
    endpoints: Named<endpoint::Facts>,
    dialects: Named<refusals::Facts>,
    /// The replies of the endpoints that belong to no dialect.
    health: Named<refusals::Refused>,
    media: Named<refusals::Refused>,
}

fn facts() -> Facts {
    let endpoints = UPDATES.iter().map(|update| {
        let facts = match update {
            Update::Account(endpoint) => endpoint::facts(update, endpoint),
            Update::Persona(endpoint) => endpoint::facts(update, endpoint),
        };
        (update.pattern().to_owned(), facts)
    });
    let mut dialects: Vec<(String, refusals::Facts)> = Vec::new();
    for update in &UPDATES {
        let refuse = match update {
            Update::Account(endpoint) => endpoint.dialect.refuse,
            Update::Persona(endpoint) => endpoint.dialect.refuse,
        };
        let (prefix, facts) = (update.prefix(), refusals::facts(refuse));
        match dialects.iter().find(|(known, _)| known == prefix) {
            None => dialects.push((prefix.to_owned(), facts)),
            Some((_, known)) => {
                let [known, facts] = [known, &facts].map(|facts| serde_json::to_string(facts).unwrap());
                assert_eq!(known, facts, "the endpoints below {prefix} refuse differently");
            }
        }
    }
    Facts {
        limits: limits::facts(),
        pictures: limits::pictures(),
        endpoints: Named(endpoints.collect()),
        dialects: Named(dialects),
        health: others::health(),
        media: others::media(),
    }
}

/// `INSTA_UPDATE=always` writes the file, as it does with the snapshots of the statements.
#[test]
fn the_file_of_facts_matches_the_code() {
    let found = serde_json::to_string_pretty(&facts()).unwrap() + "\n";
    let file = project(FILE);
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(&file, &found).unwrap();
    }
    let written = read(&file);
    let [before, now] = [&written, &found].map(|text| serde_json::from_str(text).unwrap());
    let different = differences(&before, &now);
    assert!(
        different.is_empty(),
        "the code does not match {FILE}:\n{}\nIf the change is intended, run `INSTA_UPDATE=always cargo test --test \
         native facts` and then `npm run openapi`.",
        different.join("\n")
    );
    assert_eq!(written, found, "{FILE} differs in order or format");
}
