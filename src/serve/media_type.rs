//! Parsing of `Content-Type`.

/// Returns whether a `Content-Type` is JSON: `application/json` or any `+json` type, with any parameters
/// (contract R2, RFC 6839 section 3.1).
pub fn is_json(content_type: &str) -> bool {
    let essence = essence(content_type).to_ascii_lowercase();
    match essence.split_once('/') {
        Some(("application", "json")) => true,
        Some((kind, subtype)) => !kind.is_empty() && subtype.len() > 5 && subtype.ends_with("+json"),
        None => false,
    }
}

/// Returns whether a `Content-Type` is `multipart/form-data`.
pub fn is_form(content_type: &str) -> bool {
    essence(content_type).eq_ignore_ascii_case("multipart/form-data")
}

/// Returns whether a `Content-Type` is `application/x-www-form-urlencoded`.
pub fn is_urlencoded(content_type: &str) -> bool {
    essence(content_type).eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// Returns the boundary of a form: 1 to 70 of the characters that RFC 2046 (section 5.1.1) allows, with or without
/// quotes.
pub fn boundary(content_type: &str) -> Option<&str> {
    let parameters = content_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let mut boundaries = parameters.filter(|(key, _)| key.trim().eq_ignore_ascii_case("boundary"));
    let (Some((_, value)), None) = (boundaries.next(), boundaries.next()) else { return None };
    let value = value.trim();
    let value = value.strip_prefix('"').map_or(Some(value), |quoted| quoted.strip_suffix('"'))?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    ((1..=70).contains(&value.len()) && value.bytes().all(allowed)).then_some(value)
}

fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}
