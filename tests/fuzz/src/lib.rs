//! What the fuzz targets hold the worker's parsers against: models of the contract that share no code with them.

pub mod changes;
pub mod json;
pub mod pictures;
pub mod profiles;
pub mod rules;

use json::Json;
use perfil::dialect::{Answer, django, falcon, personas, seam};
use perfil::domain::Refusal;

/// In every dialect a refusal is a 4xx with a JSON object, in which no name is twice.
pub fn assert_is_told(refusal: &Refusal) {
    for refuse in [django::refuse, falcon::refuse, personas::refuse, seam::refuse] {
        let Answer { status, body } = refuse(refusal);
        assert!((400..500).contains(&status), "{refusal:?} is told as {status}");
        let told = json::parse(&body);
        assert!(matches!(told, Ok(Json::Object(_))), "{refusal:?} is told as {body}");
        assert!(told.is_ok_and(|told| !told.has_twice()), "{refusal:?} is told with a name twice: {body}");
    }
}
