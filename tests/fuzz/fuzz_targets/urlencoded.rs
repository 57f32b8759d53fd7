//! Parsing of the bytes of a URL-encoded form into fields.
#![no_main]

use libfuzzer_sys::fuzz_target;
use perfil::dialect::Part;
use perfil::domain::Refusal;
use perfil::serve::urlencoded;
use perfil_fuzz::assert_is_rendered;
use url::form_urlencoded;

fuzz_target!(|data: &[u8]| {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(data).into_owned().collect();
    match urlencoded::parse(data) {
        Ok(fields) => {
            assert!(fields.len() <= 64);
            let texts = pairs.into_iter().map(|(name, value)| (name, Part::Text(value)));
            assert!(fields.into_iter().eq(texts), "a browser reads it differently");
        }
        Err(refusal) => {
            match refusal {
                Refusal::TooLarge => assert!(pairs.len() > 64),
                Refusal::MalformedForm => assert!(has_stray_percent(data) || is_changed(&pairs)),
                _ => panic!("{refusal:?}"),
            }
            assert_is_rendered(&refusal);
        }
    }
});

/// Whether there is a percent sign that does not start an escape.
fn has_stray_percent(data: &[u8]) -> bool {
    let is_escape = |at: usize| data.get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit));
    (0..data.len()).any(|at| data[at] == b'%' && !is_escape(at))
}

/// Whether invalid UTF-8 was replaced.
fn is_changed(pairs: &[(String, String)]) -> bool {
    pairs.iter().any(|(name, value)| name.contains('\u{fffd}') || value.contains('\u{fffd}'))
}
