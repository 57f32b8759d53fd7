/// Whether a `Content-Type` says JSON: `application/json` or any `+json` type, whatever its parameters
/// (contract R2, RFC 6839 section 3.1).
pub fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.split_once('/') {
        Some(("application", "json")) => true,
        Some((kind, subtype)) => !kind.is_empty() && subtype.len() > 5 && subtype.ends_with("+json"),
        None => false,
    }
}

/// Whether a `Content-Type` says `multipart/form-data`.
pub fn is_form(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("multipart/form-data")
}
