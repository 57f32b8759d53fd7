//! The destination of requests if there is an origin, by method and path (contract X1, X6).

use perfil::serve::origin::{Destination, PassThrough};
use perfil::serve::{Route, UPDATES, Update, Urls};
use proptest::prelude::*;

const URL: &str = "https://backend.example.com";

fn pass_through(take_over: &str) -> PassThrough {
    PassThrough::new(Some(Urls::One(URL.to_owned())), take_over).unwrap()
}

/// Whether Perfil handles the request itself.
fn is_handled(pass_through: &PassThrough, method: &str, path: &str) -> bool {
    matches!(pass_through.destination(&Route::of(path), method, None, path), Destination::Perfil)
}

/// Alternative spellings of one character of a path.
fn spelling(character: char) -> impl Strategy<Value = String> {
    let escaped = format!("%{:02x}", u32::from(character));
    let choices = match character {
        '/' => vec!["/", "//", "\\", "/./", "/x/../", "/%2e/", "/y/%2E%2e/", "%2f", "%2F", "/\t", "/%09"],
        _ => vec![],
    };
    let mut choices: Vec<String> = choices.into_iter().map(str::to_owned).collect();
    let plain = [character.to_string(), character.to_ascii_uppercase().to_string()];
    choices.extend(plain.into_iter().flat_map(|plain| [plain.clone(), plain, escaped.to_uppercase(), escaped.clone()]));
    proptest::sample::select(choices)
}

fn respelled() -> impl Strategy<Value = String> {
    let path =
        proptest::sample::select(UPDATES.iter().map(|update| update.path().replace(":id", "7")).collect::<Vec<_>>());
    path.prop_flat_map(|path| path.chars().skip(1).map(spelling).collect::<Vec<_>>())
        .prop_map(|pieces| format!("/{}", pieces.concat()))
}

proptest! {
    /// A PUT that an origin's server might take for an update that Perfil handles must never reach the origin. Other
    /// methods do, and so does everything if Perfil handles no updates.
    #[test]
    fn no_spelling_of_an_update_that_perfil_handles_reaches_the_origin(path in respelled(), slash in "/{0,3}") {
        let path = format!("{path}{slash}");
        prop_assert!(is_handled(&pass_through(""), "PUT", &path), "{path}");
        prop_assert!(!is_handled(&pass_through(""), "PATCH", &path), "{path}");
        prop_assert!(!is_handled(&pass_through("none"), "PUT", &path), "{path}");
    }

    /// This also checks that no path causes a panic.
    #[test]
    fn a_path_that_resembles_no_update_is_the_origins(path in "/[b-z]{1,4}x[/a-z%]{0,20}", any in "\\PC{0,40}") {
        prop_assert!(!is_handled(&pass_through(""), "PUT", &path), "{path}");
        is_handled(&pass_through(""), "PUT", &any);
    }

    /// Requests go to the origin's host, whatever their path is.
    #[test]
    fn a_path_cannot_change_the_host(path in "[/@.:?#\\\\a-z]{0,20}") {
        let pass_through = pass_through("none");
        let url = match pass_through.destination(&Route::of("/x"), "GET", None, "/x") {
            Destination::Origin(origin) => origin.url(&path),
            Destination::Perfil | Destination::MissingOrigin => panic!("the request is the origin's"),
        };
        let rest = url.strip_prefix(URL).unwrap();
        prop_assert!(rest.starts_with('/'), "{url}");
    }
}

#[test]
fn take_over_divides_the_updates() {
    for update in &UPDATES {
        let path = update.path().replace(":id", "7");
        let only = pass_through(&format!(" {} ", update.pattern()));
        assert!(is_handled(&only, "PUT", &path));
        let others = UPDATES.iter().map(Update::pattern).filter(|pattern| *pattern != update.pattern());
        let without_it = pass_through(&others.collect::<Vec<_>>().join(","));
        assert!(!is_handled(&without_it, "PUT", &path));
    }
}

/// The paths below a dialect's prefix go to that dialect's origin.
#[test]
fn a_table_has_an_origin_for_each_dialect() {
    for update in &UPDATES {
        let table = vec![(update.dialect().to_owned(), URL.to_owned())];
        let pass_through = PassThrough::new(Some(Urls::Each(table)), "").unwrap();
        for other in &UPDATES {
            let path = format!("{}/x", other.prefix());
            assert_eq!(is_handled(&pass_through, "GET", &path), other.dialect() != update.dialect(), "{path}");
        }
        assert!(is_handled(&pass_through, "GET", "/x"));
    }
}
