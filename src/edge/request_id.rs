use crate::store::random_id;
use worker::web_sys::Headers;
use worker::{Error, Result};

/// The header that carries the ID, in requests and in responses.
pub const HEADER: &str = "x-request-id";
const MAX_LENGTH: usize = 128;

/// Returns the client's own ID if it is acceptable, otherwise a new one of 128 random bits (contract R10). An
/// acceptable ID needs no quoting in a log or a header: 1 to 128 letters, digits and `._:-`.
pub fn of(headers: &Headers) -> Result<String> {
    match headers.get(HEADER)? {
        Some(id) if is_acceptable(&id) => Ok(id),
        _ => generate(),
    }
}

/// Returns the trace ID in `traceparent` (W3C Trace Context, section 3.2), so that a request can be traced to its log
/// line.
pub fn trace_id(headers: &Headers) -> Result<Option<String>> {
    Ok(headers.get("traceparent")?.as_deref().and_then(parse_trace).map(str::to_owned))
}

/// Parses `version-trace-parent-flags` in lower-case hexadecimal digits. Version `ff` and IDs of only zeros are
/// invalid. A later version may have more parts.
fn parse_trace(traceparent: &str) -> Option<&str> {
    let mut parts = traceparent.split('-');
    let mut hex = |length: usize| {
        let part = parts.next()?;
        let is_hex = part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        is_hex.then_some(part)
    };
    let (version, trace, parent, _flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
    let has_valid_length = version != "00" || parts.next().is_none();
    let is_id = |id: &str| id.bytes().any(|b| b != b'0');
    (version != "ff" && has_valid_length && is_id(trace) && is_id(parent)).then_some(trace)
}

fn is_acceptable(id: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._:-".contains(&b);
    (1..=MAX_LENGTH).contains(&id.len()) && id.bytes().all(allowed)
}

fn generate() -> Result<String> {
    random_id().map_err(|fault| Error::RustError(fault.to_string()))
}

#[cfg(test)]
mod tests {
    use super::parse_trace;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn a_trace_id_is_read_only_from_a_valid_header() {
        let header = format!("00-{TRACE}-00f067aa0ba902b7-01");
        assert_eq!(parse_trace(&header), Some(TRACE));
        assert_eq!(parse_trace(&format!("cc-{TRACE}-00f067aa0ba902b7-01-later")), Some(TRACE));
        for bad in [
            String::new(),
            TRACE.to_owned(),
            header.to_uppercase(),
            format!("{header}-more"),
            format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{TRACE}-00f067aa0ba902b7"),
            format!("00-{TRACE}x-00f067aa0ba902b7-01"),
            format!(" {header}"),
        ] {
            assert_eq!(parse_trace(&bad), None, "{bad}");
        }
    }
}
