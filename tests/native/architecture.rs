//! Module boundaries. clippy.toml restricts the platform's types to src/edge; this file checks the rest.

use super::{files, project, read};
use std::path::{Path, PathBuf};

/// A top-level module of src, the modules that it may import, and the crates that it may name.
struct Module(&'static str, &'static [&'static str], &'static [&'static str]);

const MODULES: [Module; 7] = [
    Module("picture", &[], &["memchr", "miniz_oxide"]),
    Module("domain", &["picture"], &["miniz_oxide", "thiserror", "validator"]),
    Module("auth", &["domain"], &["base64ct", "bcrypt", "blowfish", "getrandom", "jwt_compact", "serde", "serde_json"]),
    Module("dialect", &["domain"], &["serde", "serde_json"]),
    Module("store", &["domain"], &["getrandom", "serde", "serde_json"]),
    Module("serve", &["domain", "auth", "dialect", "store"], &["memchr", "percent_encoding"]),
    Module(
        "edge",
        &["serve", "domain", "auth", "store"],
        &["console_error_panic_hook", "futures_util", "serde", "serde_json", "wasm_bindgen", "worker"],
    ),
];

const CRATES: [&str; 17] = [
    "base64ct",
    "bcrypt",
    "blowfish",
    "console_error_panic_hook",
    "futures_util",
    "getrandom",
    "js_sys",
    "jwt_compact",
    "memchr",
    "miniz_oxide",
    "serde",
    "serde_json",
    "thiserror",
    "validator",
    "wasm_bindgen",
    "web_sys",
    "worker",
];

/// Returns the code of a file without comments, because links in comments may name any module.
fn code(path: &Path) -> String {
    read(path).lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

/// Checks whether `code` contains a path that starts with `name::`.
fn names(code: &str, name: &str) -> bool {
    code.match_indices(&format!("{name}::")).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

fn relative(path: &Path) -> String {
    path.strip_prefix(project("")).unwrap().to_string_lossy().replace('\\', "/")
}

#[test]
fn every_file_belongs_to_a_module_and_every_module_exists() {
    for file in files("src", ".rs") {
        let file = relative(&file);
        let known = MODULES.iter().any(|Module(module, ..)| file.starts_with(&format!("src/{module}/")));
        assert!(known || file == "src/lib.rs", "{file} belongs to no module");
    }
    for Module(module, ..) in MODULES {
        assert!(project("src").join(module).join("mod.rs").exists(), "{module} does not exist");
    }
}

#[test]
fn modules_import_only_the_modules_that_they_may() {
    for Module(module, may_import, _) in MODULES {
        for file in files(&format!("src/{module}"), ".rs") {
            let code = code(&file);
            for detour in ["crate::{", "super::super"] {
                assert!(!code.contains(detour), "{} has an import that this test can't follow", relative(&file));
            }
            for Module(other, ..) in MODULES {
                let imports = code.contains(&format!("crate::{other}"));
                let allowed = other == module || may_import.contains(&other);
                assert!(allowed || !imports, "{} imports {other}", relative(&file));
            }
        }
    }
}

#[test]
fn modules_name_only_the_crates_that_they_may() {
    for Module(module, _, may_name) in MODULES {
        for file in files(&format!("src/{module}"), ".rs") {
            let code = code(&file);
            for name in CRATES.into_iter().filter(|name| names(&code, name)) {
                assert!(may_name.contains(&name), "{} names {name}", relative(&file));
            }
        }
    }
}

/// Returns the sibling modules that a file imports: `use super::name::…`, or a name in `use super::{…}`.
fn siblings(file: &Path) -> Vec<PathBuf> {
    let code = code(file);
    let heads = code.split("super::").skip(1).flat_map(|rest| match rest.strip_prefix('{') {
        Some(list) => list.split('}').next().unwrap().split(',').collect(),
        None => vec![rest],
    });
    let names = heads.filter_map(|head| head.trim().split(|c: char| !c.is_alphanumeric() && c != '_').next());
    let folder = file.parent().unwrap();
    names.map(|name| folder.join(format!("{name}.rs"))).filter(|sibling| sibling.exists()).collect()
}

#[test]
fn the_files_of_a_module_have_no_import_cycles() {
    fn walk(file: &Path, path: &mut Vec<PathBuf>) {
        assert!(!path.iter().any(|earlier| earlier == file), "{} is in an import cycle: {path:?}", relative(file));
        path.push(file.to_owned());
        for sibling in siblings(file) {
            walk(&sibling, path);
        }
        path.pop();
    }
    let all = files("src", ".rs");
    assert!(all.iter().any(|file| siblings(file).len() > 1), "no imports were found");
    for file in all {
        walk(&file, &mut Vec::new());
    }
}

/// Returns the names of the dialects, which are what the route table imports.
fn dialects() -> Vec<String> {
    let routes = code(&project("src/serve/route.rs"));
    let imports = routes.split("use crate::dialect::{").nth(1).unwrap().split('}').next().unwrap();
    let modules = imports.split(',').map(str::trim).filter(|name| name.starts_with(char::is_lowercase));
    let names: Vec<_> = modules.map(str::to_owned).collect();
    assert!(names.len() >= 4, "the dialects were not found: {names:?}");
    names
}

#[test]
fn no_dialect_imports_another() {
    for dialect in dialects() {
        for sibling in siblings(&project(&format!("src/dialect/{dialect}.rs"))) {
            let name = sibling.file_stem().unwrap().to_string_lossy().into_owned();
            assert!(!dialects().contains(&name), "{dialect} imports {name}");
        }
    }
}

#[test]
fn every_module_documents_its_imports_and_files_stay_short() {
    for Module(module, ..) in MODULES {
        let text = read(&project(&format!("src/{module}/mod.rs")));
        assert!(
            text.starts_with("//! ") && text.contains("May import"),
            "src/{module}/mod.rs does not document its imports"
        );
    }
    for file in files("src", ".rs") {
        let lines = read(&file).lines().count();
        assert!(lines <= 250, "{} has {lines} lines, more than 250: consider splitting it", relative(&file));
    }
}

#[test]
fn no_line_is_wider_than_120_columns() {
    let folders = ["src", "tests/native", "tests/fuzz/src", "tests/fuzz/fuzz_targets", "tests/http", "tests/import"];
    let folders = folders.into_iter().chain(["tests/openapi", "tests/scripts", "tests/support", "scripts", "public"]);
    let sources = folders.flat_map(|folder| [".rs", ".mjs", ".js", ".css"].map(|ending| files(folder, ending)));
    let mut wide = Vec::new();
    for file in sources.flatten() {
        let lines = read(&file).lines().map(|line| line.chars().count()).collect::<Vec<_>>();
        let numbers = lines.iter().zip(1..).filter(|(width, _)| **width > 120);
        wide.extend(numbers.map(|(_, number): (_, u32)| format!("{}:{number}", relative(&file))));
    }
    assert!(wide.is_empty(), "{wide:?}");
}

/// Returns the files that a JavaScript file imports by relative path, as paths relative to the project's folder.
fn imported(file: &Path) -> Vec<String> {
    let text = read(file);
    let paths = ["from '", "import('", "import '"].map(|head| text.split(head).skip(1).collect::<Vec<_>>()).concat();
    let paths = paths.into_iter().filter_map(|rest| rest.split('\'').next()).filter(|path| path.starts_with('.'));
    let folder = relative(file.parent().unwrap());
    let resolved = paths.map(|path| {
        let mut parts: Vec<&str> = folder.split('/').collect();
        for part in path.split('/') {
            match part {
                "." => {}
                ".." => drop(parts.pop()),
                part => parts.push(part),
            }
        }
        parts.join("/")
    });
    resolved.collect()
}

#[test]
fn scripts_may_import_the_harness_but_not_the_other_way_round() {
    for (folder, may_import) in
        [("scripts", vec!["scripts/", "tests/support/"]), ("tests/support", vec!["tests/support/"])]
    {
        let all = files(folder, ".mjs");
        assert!(all.iter().any(|file| !imported(file).is_empty()), "no imports were found");
        for file in all.iter().filter(|file| !file.ends_with("counting.mjs")) {
            for import in imported(file) {
                let allowed = may_import.iter().any(|folder| import.starts_with(folder));
                assert!(allowed, "{} imports {import}", relative(file));
            }
        }
    }
}
