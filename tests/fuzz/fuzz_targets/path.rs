//! Paths: the route, the ID in the path, and the object that it names.
#![no_main]

use libfuzzer_sys::fuzz_target;
use perfil::dialect::Framework;
use perfil::domain::{Id, ObjectKey, PathId, Refusal, Rule};
use perfil::serve::{Matched, Route, UPDATES, Update};
use perfil_fuzz::assert_is_rendered;
use url::Url;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    ids(&text);
    key(&text);
    let path = if text.starts_with('/') { text.into_owned() } else { format!("/{text}") };
    check_route(&path);
});

fn check_route(path: &str) {
    let route = Route::of(path);
    let bare = path.strip_suffix('/').unwrap_or(path);
    let expected = if let Some(key) = path.strip_prefix("/media/") {
        is_key(key).then_some(("GET /media/avatars/*", None))
    } else if bare == "/health" {
        Some(("GET /health", None))
    } else {
        UPDATES.iter().find_map(|update| Some((update.pattern(), id_in(update, bare)?)))
    };
    assert_eq!(route.pattern(), expected.map(|(pattern, _)| pattern), "{path:?}");
    assert_eq!(route.methods().is_some(), expected.is_some());
    let id = expected.and_then(|(_, id)| id);
    match route {
        Route::Account(Matched { endpoint, id: found }) => {
            assert_eq!(found, id);
            found.into_iter().for_each(|id| target(endpoint.pattern, id, endpoint.dialect.target.unwrap()(id)));
        }
        Route::Persona(Matched { endpoint, id: found }) => {
            assert_eq!(found, id);
            found.into_iter().for_each(|id| target(endpoint.pattern, id, endpoint.dialect.target.unwrap()(id)));
        }
        Route::Media(key) => assert_eq!(key.url_path(), path),
        Route::Unknown(update) => {
            let is_below = |rest: &str| rest.is_empty() || rest.starts_with('/');
            let inside =
                UPDATES.iter().any(|update| compared(update, bare).strip_prefix(update.prefix()).is_some_and(is_below));
            assert_eq!(update.is_some(), inside, "{bare:?}");
            assert!(update.is_none_or(|update| update.refuse()(&Refusal::NoRoute).status == 404));
        }
        Route::Health => {}
    }
}

/// R8: a path as it is compared with a row of the route table.
fn compared(update: &Update, path: &str) -> String {
    if update.framework() == Framework::Django { path.to_owned() } else { path.to_ascii_lowercase() }
}

/// Compares the text of a path with a row. Returns `None` if they differ, else the ID in the path, if the row has one.
fn id_in<'p>(update: &Update, path: &'p str) -> Option<Option<&'p str>> {
    let (row, same) = (update.path().trim_end_matches('/'), compared(update, path));
    let Some((before, after)) = row.split_once(":id") else { return (same == row).then_some(None) };
    same.strip_prefix(before)?.strip_suffix(after)?;
    Some(&path[before.len()..path.len() - after.len()]).filter(|id| !id.contains('/')).map(Some)
}

/// R1, S2, P3, D3: the refusal of an ID in the path that is not valid.
fn target(pattern: &str, id: &str, target: Result<PathId, Refusal>) {
    let is_number = !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit());
    let is_zero = is_number && id.bytes().all(|b| b == b'0');
    let refused = !is_number || (is_zero && pattern == "PUT /api/personas/:id/foto");
    let expected = match pattern {
        "PUT /api/v1/users/:id" => Refusal::invalid("id", Rule::PathNumber),
        _ => Refusal::not_found(id),
    };
    match target {
        Ok(target) => assert!(!refused && target.digits() == id),
        Err(refusal) => {
            assert!(refused && refusal == expected, "{id:?}: {refusal:?}");
            assert_is_rendered(&refusal);
        }
    }
}

fn ids(text: &str) {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let digits = text.trim_start_matches('0');
    let value = Some(digits).filter(|digits| is_number && (1..=16).contains(&digits.len()));
    let value = value.map(|digits| digits.parse::<i64>().unwrap()).filter(|value| *value < 1 << 53);
    assert_eq!(Id::parse(text).map(Id::get), value, "{text:?}");
    assert_eq!(PathId::parse(text).is_some(), is_number);
    if let Some(id) = PathId::parse(text) {
        assert_eq!((id.get(), id.digits()), (value.unwrap_or(0), text));
    }
}

/// M4, M5
fn is_key(text: &str) -> bool {
    let plain = |c: char| matches!(c, '0'..='9' | 'a'..='z' | 'A'..='Z' | '.' | '_' | '-');
    let parts: Vec<&str> = text.split('/').collect();
    let named = |part: &&str| !part.is_empty() && *part != "." && *part != ".." && part.chars().all(plain);
    let kinds = [".jpg", ".jpeg", ".png", ".gif", ".webp"];
    parts.len() > 1
        && parts[0] == "avatars"
        && parts[1..].iter().all(named)
        && kinds.iter().any(|kind| text.to_ascii_lowercase().ends_with(kind))
        && text.len() <= 1024
}

fn key(text: &str) {
    let key = ObjectKey::parse(text);
    assert_eq!(key.is_some(), is_key(text), "{text:?}");
    let Some(key) = key else { return };
    assert_eq!((key.as_str(), key.to_string().as_str()), (text, text));
    let url = Url::parse(&format!("https://api.example{}", key.url_path())).unwrap();
    assert_eq!((url.path(), url.query(), url.fragment()), (key.url_path().as_str(), None, None));
    let owner = text.split('/').nth(1).filter(|_| text.split('/').count() > 2);
    for id in [1, 7, 42, (1 << 53) - 1] {
        let belongs = owner == Some(id.to_string().as_str());
        assert_eq!(key.belongs_to(Id::new(id).unwrap()), belongs, "{text:?}");
    }
    assert!(key.format().media_type().starts_with("image/"));
}
