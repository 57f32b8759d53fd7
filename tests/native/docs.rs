//! What the documents say of each other is true: every link leads to a file and a heading that are there.

use super::{files, project, read};
use std::path::{Path, PathBuf};

/// The documents for people.
fn documents() -> Vec<PathBuf> {
    let mut all = files("docs", ".md");
    all.extend(["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"].map(project));
    all
}

/// A document without its code blocks and code spans, in which brackets mean something else.
fn prose(text: &str) -> String {
    let outside = text.split("\n```").step_by(2);
    outside.map(|part| part.split('`').step_by(2).collect::<String>()).collect()
}

/// The targets of `[text](target)`, but for those on the web.
fn links(text: &str) -> Vec<String> {
    let targets = prose(text);
    let targets = targets.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://")).map(str::to_owned).collect()
}

/// The anchors that GitHub gives the headings of a document: letters, digits, dashes and underscores in lower case, and
/// a dash for each space.
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
fn every_link_leads_to_a_file_and_a_heading_that_are_there() {
    let mut count = 0;
    for document in documents() {
        for link in links(&read(&document)) {
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if path.is_empty() { document.clone() } else { document.parent().unwrap().join(path) };
            assert!(target.exists(), "{}: {link} leads nowhere", document.display());
            let is_there = || anchors(&read(&target)).iter().any(|known| known == anchor);
            assert!(anchor.is_empty() || is_there(), "{}: {link} is no heading", document.display());
            count += 1;
        }
    }
    assert!(count > 50, "the links were not read");
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
