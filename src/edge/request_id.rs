use crate::store::random_id;
use worker::web_sys::Headers;
use worker::{Error, Result};

/// The header that carries it, both ways.
pub const HEADER: &str = "x-request-id";
const MAX_LENGTH: usize = 128;

/// The caller's own id where it is sane, else a new one of 128 random bits (contract R10). Sane is what can stand in
/// a log and a header without quoting: 1 to 128 letters, digits and `._:-`.
pub fn of(headers: &Headers) -> Result<String> {
    match headers.get(HEADER)? {
        Some(id) if is_sane(&id) => Ok(id),
        _ => fresh(),
    }
}

fn is_sane(id: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._:-".contains(&b);
    (1..=MAX_LENGTH).contains(&id.len()) && id.bytes().all(allowed)
}

fn fresh() -> Result<String> {
    random_id().map_err(|fault| Error::RustError(fault.to_string()))
}
