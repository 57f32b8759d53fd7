//! Models of the contract that the fuzz targets compare the worker's parsers with. They share no code with the parsers.

pub mod changes;
pub mod json;
pub mod pictures;
pub mod profiles;
pub mod rules;

use json::Json;
use perfil::dialect::{Answer, django, falcon, personas, seam};
use perfil::domain::Refusal;

/// Panics unless every dialect returns the refusal as a 4xx with a JSON object that has no duplicate names.
pub fn assert_is_rendered(refusal: &Refusal) {
    for refuse in [django::refuse, falcon::refuse, personas::refuse, seam::refuse] {
        let Answer { status, body } = refuse(refusal);
        assert!((400..500).contains(&status), "{refusal:?} has status {status}");
        let parsed = json::parse(&body);
        assert!(matches!(parsed, Ok(Json::Object(_))), "{refusal:?} has the body {body}");
        assert!(
            parsed.is_ok_and(|parsed| !parsed.has_duplicate_names()),
            "{refusal:?} has a duplicate name in its body: {body}"
        );
    }
}
