use crate::domain::{Failure, Fault, Refusal};
use futures_util::StreamExt;
use worker::Request;

/// Reads a body of at most `limit` bytes; a longer one is refused without reading the rest (contract R3).
/// What `Content-Length` says is checked first, and what really comes is counted too.
pub async fn read(mut request: Request, limit: usize) -> Result<Vec<u8>, Failure> {
    let announced = request.headers().get("content-length").map_err(fault)?;
    // The header's grammar is digits alone (RFC 9110 section 8.6): what is beyond our numbers is beyond the limit.
    let announced = announced.map(|length| length.parse::<usize>().unwrap_or(usize::MAX));
    if announced.is_some_and(|length| length > limit) {
        return Err(Refusal::TooLarge.into());
    }
    if request.inner().body().is_none() {
        return Ok(Vec::new());
    }
    let mut body = Vec::with_capacity(announced.unwrap_or(0));
    let mut chunks = request.stream().map_err(fault)?;
    while let Some(chunk) = chunks.next().await {
        // The client hung up, or broke its own framing: not our failure, and nobody is left to tell.
        let chunk = chunk.map_err(|_| Refusal::Malformed)?;
        if body.len().saturating_add(chunk.len()) > limit {
            return Err(Refusal::TooLarge.into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn fault(error: worker::Error) -> Fault {
    Fault::Body(error.to_string())
}
