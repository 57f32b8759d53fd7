use super::{project, read};
use perfil::serve::{Matched, Right, Route, UPDATES, Update};
use proptest::prelude::*;

fn path_of(update: &Update) -> String {
    update.path().replace(":id", "7")
}

#[test]
fn every_endpoint_is_found_with_and_without_a_trailing_slash() {
    for update in &UPDATES {
        let path = path_of(update);
        let bare = path.trim_end_matches('/');
        for path in [bare.to_owned(), format!("{bare}/")] {
            let route = Route::of(&path);
            assert_eq!(route.pattern(), Some(update.pattern()), "{path}");
            assert_eq!(route.methods(), Some("PUT"));
        }
        assert_eq!(Route::of(&format!("{bare}//")).pattern(), None, "two slashes are another path");
    }
}

/// Express ignores the case of ASCII letters; Django does not (contract R8).
#[test]
fn the_case_of_a_path_matters_only_for_django() {
    for update in &UPDATES {
        let is_exact = update.prefix() == "/api/profile";
        let upper = path_of(update).to_uppercase();
        let route = Route::of(&upper);
        assert_eq!(route.pattern(), (!is_exact).then_some(update.pattern()), "{upper}");
        let below = format!("{}/nowhere", update.prefix().to_uppercase());
        let below = Route::of(&below);
        assert!(matches!(below, Route::Unknown(update) if update.is_some() != is_exact));
    }
    for other in ["/u\u{17f}ers", "/HEALTH", "/Media/avatars/7/a.png", "/API/V1"] {
        assert_eq!(Route::of(other).pattern(), None, "{other}");
    }
}

/// Clients expect every refusal in their dialect's format (contract R8).
#[test]
fn an_unknown_path_below_an_endpoint_is_refused_by_a_dialect() {
    for update in &UPDATES {
        for path in [format!("{}/nowhere", path_of(update).trim_end_matches('/')), format!("{}/x/y/z", update.prefix())]
        {
            assert!(matches!(Route::of(&path), Route::Unknown(Some(_))), "{path}");
        }
        assert!(matches!(Route::of(&format!("{}x", update.prefix())), Route::Unknown(None)));
    }
    let prefixes: Vec<&str> = UPDATES.iter().map(Update::prefix).collect();
    assert_eq!(prefixes, ["/api/personas", "/api/personas", "/api/v1", "/users", "/api/profile"]);
}

/// If the platform looked for a file first, every update would take an additional lookup.
#[test]
fn the_platform_runs_the_worker_first_for_every_prefix() {
    let settings = read(&project("wrangler.toml"));
    let first = settings.split("run_worker_first = [").nth(1).unwrap().split(']').next().unwrap();
    let first: Vec<&str> = first.split(',').map(|pattern| pattern.trim().trim_matches('"')).collect();
    let runs = |path: &str| {
        first.iter().any(|pattern| pattern.strip_suffix('*').map_or(*pattern == path, |start| path.starts_with(start)))
    };
    for prefix in UPDATES.iter().map(Update::prefix) {
        assert!(runs(&format!("{prefix}/x")), "{prefix} is not in run_worker_first of wrangler.toml");
    }
    for path in ["/users", "/health", "/health/", "/media/avatars/x"] {
        assert!(runs(path), "{path} is not in run_worker_first of wrangler.toml");
    }
}

/// If an endpoint's permission did not exist, no account could be granted it, and the endpoint would be closed to all.
#[test]
fn the_migrations_create_the_permission_of_every_endpoint_that_needs_one() {
    let database = super::database::sqlite();
    let gated = UPDATES.iter().filter(|update| match update {
        Update::Account(endpoint) => endpoint.right == Right::Permission,
        Update::Persona(endpoint) => endpoint.right == Right::Permission,
    });
    for pattern in gated.map(Update::pattern) {
        let count = "SELECT count(*) FROM permissions WHERE nameUri = ?1";
        let count: i64 = database.connection.query_row(count, [pattern], |row| row.get(0)).unwrap();
        assert_eq!(count, 1, "no migration inserts {pattern} into permissions");
    }
}

proptest! {
    #[test]
    fn no_path_causes_a_panic(path in ".{0,60}") {
        let route = Route::of(&path);
        prop_assert_eq!(route.pattern().is_some(), route.methods().is_some());
    }

    #[test]
    fn any_id_in_a_path_is_passed_on_unchanged(id in "[^/]{1,30}") {
        let path = format!("/api/v1/users/{id}");
        let Route::Account(Matched { endpoint, id: Some(found) }) = Route::of(&path) else { panic!("{path}") };
        prop_assert_eq!(endpoint.pattern, "PUT /api/v1/users/:id");
        prop_assert_eq!(found, id.as_str());
    }
}
