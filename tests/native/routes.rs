use super::{project, read};
use perfil::serve::{Matched, Route, UPDATES};
use proptest::prelude::*;

fn path_of(pattern: &str) -> String {
    pattern.strip_prefix("PUT ").unwrap().replace(":id", "7")
}

#[test]
fn every_endpoint_is_found_under_its_pattern_with_and_without_the_slash() {
    for pattern in UPDATES {
        let path = path_of(pattern);
        let bare = path.trim_end_matches('/');
        for path in [bare.to_owned(), format!("{bare}/")] {
            let route = Route::of(&path);
            assert_eq!(route.pattern(), Some(pattern), "{path}");
            assert_eq!(route.methods(), Some("PUT"));
        }
        assert_eq!(Route::of(&format!("{bare}//")).pattern(), None, "two slashes are another path");
    }
}

#[test]
fn the_list_of_endpoints_is_complete() {
    let table = read(&project("src/serve/route.rs"));
    assert_eq!(table.matches(": Endpoint<").count(), UPDATES.len());
}

/// Its clients read every refusal in their dialect's format (contract R8).
#[test]
fn an_unknown_path_below_an_endpoint_is_refused_by_a_dialect() {
    for pattern in UPDATES {
        let path = format!("{}/nowhere", path_of(pattern).trim_end_matches('/'));
        assert!(
            matches!(Route::of(&path), Route::Unknown(Some(_))),
            "{path}: Route::of in src/serve/route.rs has no arm for the dialect's prefix"
        );
    }
}

/// An endpoint that nobody tried with bad tokens is an open door.
#[test]
fn every_endpoint_stands_in_the_matrix_of_bad_callers() {
    let matrix = read(&project("tests/http/matrix.test.mjs"));
    for pattern in UPDATES {
        assert!(matrix.contains(&format!("'{pattern}'")), "{pattern} is missing from tests/http/matrix.test.mjs");
    }
}

proptest! {
    #[test]
    fn any_path_leads_somewhere_or_nowhere_without_a_panic(path in ".{0,60}") {
        let route = Route::of(&path);
        prop_assert_eq!(route.pattern().is_some(), route.methods().is_some());
    }

    #[test]
    fn any_id_in_a_path_is_handed_on_as_it_stands(id in "[^/]{1,30}") {
        let path = format!("/api/v1/users/{id}");
        let Route::Account(Matched { endpoint, id: Some(found) }) = Route::of(&path) else { panic!("{path}") };
        prop_assert_eq!(endpoint.pattern, "PUT /api/v1/users/:id");
        prop_assert_eq!(found, id.as_str());
    }
}
