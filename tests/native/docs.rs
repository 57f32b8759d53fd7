//! Checks the documentation: links lead to existing files and headings, and tables match the code.

use super::dialects::every_refusal;
use super::tokens::{NOW, NoKeyService, keys, signed, verify_by};
use super::{files, project, read};
use perfil::domain::{BackEnd, Refusal, Setting, SettingKind};
use serde_json::{Map, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Returns the documents that are written for people.
fn documents() -> Vec<PathBuf> {
    let mut all = files("docs", ".md");
    all.extend(["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"].map(project));
    all
}

/// Returns a document without its code blocks and code spans, in which brackets mean something else.
fn prose(text: &str) -> String {
    let outside = text.split("\n```").step_by(2);
    outside.map(|part| part.split('`').step_by(2).collect::<String>()).collect()
}

/// Returns the targets of `[text](target)`, except those on the web.
fn links(text: &str) -> Vec<String> {
    let targets = prose(text);
    let targets = targets.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://")).map(str::to_owned).collect()
}

/// Returns the anchors that GitHub assigns to the headings of a document: letters, digits, dashes and underscores in
/// lower case, and a dash for each space.
fn anchors(text: &str) -> Vec<String> {
    let outside: String = text.split("\n```").step_by(2).collect();
    let headings = outside.lines().filter(|line| line.starts_with('#'));
    let slug = |heading: &str| -> String {
        let kept = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(slug).collect()
}

#[test]
fn every_link_leads_to_an_existing_file_and_heading() {
    let mut count = 0;
    for document in documents() {
        for link in links(&read(&document)) {
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if path.is_empty() { document.clone() } else { document.parent().unwrap().join(path) };
            assert!(target.exists(), "{}: {link} leads nowhere", document.display());
            let exists = || anchors(&read(&target)).iter().any(|known| known == anchor);
            assert!(anchor.is_empty() || exists(), "{}: {link} is not a heading", document.display());
            count += 1;
        }
    }
    assert!(count > 50, "only {count} links were found");
}

#[test]
fn the_readme_is_short_and_links_every_document() {
    let readme = read(&project("README.md"));
    assert!(readme.lines().count() <= 200, "README.md has {} lines", readme.lines().count());
    let linked: Vec<PathBuf> = links(&readme).iter().map(|link| project(link)).collect();
    for document in documents().into_iter().filter(|document| *document != project("README.md")) {
        assert!(linked.contains(&document), "README.md does not link {}", document.display());
    }
}

#[test]
fn every_document_lists_all_of_its_headings() {
    for document in files("docs", ".md").into_iter().chain([project("CONTRIBUTING.md")]) {
        let text = read(&document);
        let listed: Vec<String> = links(&text).iter().filter_map(|link| Some(link.strip_prefix('#')?.into())).collect();
        for anchor in anchors(&text).iter().skip(1) {
            assert!(listed.contains(anchor), "{} does not list #{anchor}", name_of(&document));
        }
    }
}

fn name_of(document: &Path) -> String {
    document.file_name().unwrap().to_string_lossy().into_owned()
}

/// Returns the cells of each row in the table with this header row.
fn table(document: &str, head: &str) -> Vec<Vec<String>> {
    let text = read(&project(document));
    let rest = text.split(&format!("\n{head}\n")).nth(1).unwrap_or_else(|| panic!("{document} has no table {head}"));
    let rows = rest.lines().skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// Returns the texts between backticks.
pub fn names(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn settings(kind: SettingKind) -> BTreeSet<String> {
    Setting::ALL.iter().filter(|setting| setting.kind() == kind).map(|setting| setting.name().to_owned()).collect()
}

#[test]
fn the_documentation_and_wrangler_toml_list_exactly_the_settings() {
    let rows = table("docs/configuration.md", "| Setting | Meaning |");
    let of = |is_secret: bool| -> BTreeSet<String> {
        let rows = rows.iter().filter(|row| row[1].starts_with("Secret") == is_secret);
        rows.flat_map(|row| names(&row[0])).collect()
    };
    assert_eq!(of(true), settings(SettingKind::Secret), "secrets in docs/configuration.md");
    assert_eq!(of(false), settings(SettingKind::Variable), "variables in docs/configuration.md");
    let shipped = read(&project("wrangler.toml"));
    let variables = shipped.split("[vars]\n").nth(1).unwrap().split("\n[").next().unwrap();
    let variables = variables.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" = "));
    let variables: BTreeSet<_> = variables.map(|(name, _)| name.to_owned()).collect();
    assert_eq!(variables, settings(SettingKind::Variable), "[vars] of wrangler.toml");
}

#[test]
fn the_documentation_lists_exactly_the_codes_of_refusals() {
    let rows = table("docs/operations.md", "| Code | Why the request was refused |");
    let documented: BTreeSet<String> = rows.iter().flat_map(|row| names(&row[0])).collect();
    let codes = every_refusal().iter().map(|refusal| refusal.code().to_owned()).collect::<BTreeSet<String>>();
    let codes: BTreeSet<String> = codes.into_iter().chain([perfil::domain::ORIGIN_NOT_ALLOWED.to_owned()]).collect();
    assert_eq!(documented, codes);
}

#[test]
fn tokens_with_the_documented_claims_have_the_documented_subject() {
    let rows = table("docs/configuration.md", "| Claims | The subject is |");
    let subject = |row: &[String]| {
        let mut claims = Map::from_iter([("exp".to_owned(), json!(NOW + 60))]);
        for name in names(&row[0]) {
            let value = if name == "profile" { json!({}) } else { json!(7) };
            claims.insert(name, value);
        }
        let actor = verify_by(&keys(), &signed(claims.into()), &NoKeyService)?;
        Ok::<_, Refusal>(actor.subject().back_end().map_or("JWT_SUB", BackEnd::name))
    };
    let owners: BTreeSet<_> = rows.iter().map(|row| subject(row).unwrap()).collect();
    assert_eq!(owners, BTreeSet::from(["JWT_SUB", "django", "falcon", "seam"]));
    for row in &rows {
        assert!(row[1].contains(subject(row).unwrap()), "{row:?}");
    }
}
