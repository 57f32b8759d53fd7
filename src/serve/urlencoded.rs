//! Parser for `application/x-www-form-urlencoded` bodies (contract F7, D1). It is as strict as the parser for other
//! forms: anything that two parsers could read differently is refused.

use super::form::MAX_PARTS;
use crate::dialect::Part;
use crate::domain::Refusal;
use percent_encoding::percent_decode;
use std::borrow::Cow;

/// Parses the fields of a form, all of which are strings. A field without `=` is empty, as in the back ends' own
/// parsers.
pub fn parse(body: &[u8]) -> Result<Vec<(String, Part)>, Refusal> {
    let mut fields = Vec::new();
    for field in body.split(|byte| *byte == b'&').filter(|field| !field.is_empty()) {
        if fields.len() == MAX_PARTS {
            return Err(Refusal::TooLarge);
        }
        let end = field.iter().position(|byte| *byte == b'=').unwrap_or(field.len());
        let (name, value) = field.split_at_checked(end).ok_or(Refusal::MalformedForm)?;
        let value = value.strip_prefix(b"=").unwrap_or_default();
        fields.push((decode(name)?, Part::Text(decode(value)?)));
    }
    Ok(fields)
}

fn decode(text: &[u8]) -> Result<String, Refusal> {
    let mut escapes = text.split(|byte| *byte == b'%').skip(1);
    // `percent_encoding` keeps a percent sign that does not begin an escape, as browsers do. Other parsers refuse it.
    if !escapes.all(|rest| rest.get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))) {
        return Err(Refusal::MalformedForm);
    }
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).decode_utf8().map(Cow::into_owned).map_err(|_| Refusal::MalformedForm)
}
