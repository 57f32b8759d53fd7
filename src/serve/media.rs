//! Conditional and range requests for pictures (contract M4, RFC 9110 sections 13 and 14).

use super::{Reply, route};
use crate::dialect::problem;
use crate::domain::{Fault, Refusal};

/// The headers that make a request conditional, or ask for a range.
#[derive(Debug, Default)]
pub struct Conditions {
    /// `If-Match`
    pub if_match: Option<String>,
    /// `If-None-Match`
    pub if_none_match: Option<String>,
    /// `If-Range`
    pub if_range: Option<String>,
    /// `Range`
    pub range: Option<String>,
}

/// The response to a request for a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// The whole picture: 200.
    Full,
    /// A range of its bytes: 206.
    Part {
        /// Position of the first byte.
        first: u64,
        /// Number of bytes; not 0.
        length: u64,
    },
    /// The client already has the picture: 304.
    NotModified,
    /// The picture is not the one that the client expects: 412.
    PreconditionFailed,
    /// The picture has none of the requested bytes: 416.
    Unsatisfiable,
}

impl Conditions {
    /// Evaluates the headers in the order of RFC 9110 (section 13.2.2), for a picture with this strong entity tag,
    /// quotes included, and this size in bytes.
    pub fn select(&self, method: &str, etag: &str, size: u64) -> Selection {
        let matches = |tags: &str| tags.trim() == "*" || tags_of(tags).any(|tag| tag == Some(etag));
        if self.if_match.as_deref().is_some_and(|tags| !matches(tags)) {
            return Selection::PreconditionFailed;
        }
        let weakly = |tags: &str| tags.trim() == "*" || tags_of(tags).any(|tag| tag.map(opaque) == Some(etag));
        if self.if_none_match.as_deref().is_some_and(weakly) {
            return Selection::NotModified;
        }
        let same = self.if_range.as_deref().is_none_or(|tag| tag.trim() == etag);
        match self.range.as_deref().filter(|_| same && method == "GET").and_then(Range::parse) {
            Some(range) => range.resolve(size),
            None => Selection::Full,
        }
    }
}

/// Returns an entity tag without the prefix of weak tags.
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// Returns the entity tags of a list (RFC 9110 section 8.8.3), with their quotes and weak prefixes. A tag may contain
/// commas. Anything that is not a tag ends the list with a `None`, which nothing matches.
fn tags_of(list: &str) -> impl Iterator<Item = Option<&str>> {
    let separator = [' ', '\t', ','];
    let mut rest = list.trim_start_matches(separator);
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = opaque(rest)
            .strip_prefix('"')
            .and_then(|text| text.find('"'))
            .and_then(|at| at.checked_add(2))
            .and_then(|length| rest.len().checked_sub(opaque(rest).len())?.checked_add(length));
        let tag = end.and_then(|end| rest.split_at_checked(end));
        rest = tag.map_or("", |(_, after)| after.trim_start_matches(separator));
        Some(tag.map(|(tag, _)| tag))
    })
}

/// One range of bytes (RFC 9110 section 14.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Range {
    /// `first-` or `first-last`
    From(u64, Option<u64>),
    /// `-length`
    Last(u64),
}

impl Range {
    /// Parses a `Range` header. Returns `None` if it is to be ignored: for another unit, for a syntax error, and for
    /// several ranges, which a server need not support (section 14.2).
    fn parse(header: &str) -> Option<Self> {
        let (unit, range) = header.trim().split_once('=')?;
        let (first, last) = range.split_once('-')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        match (first, last) {
            ("", length) => position(length).map(Self::Last),
            (first, "") => Some(Self::From(position(first)?, None)),
            (first, last) => {
                let (first, last) = (position(first)?, position(last)?);
                (first <= last).then_some(Self::From(first, Some(last)))
            }
        }
    }

    fn resolve(self, size: u64) -> Selection {
        let (first, end) = match self {
            Self::Last(length) => (size.saturating_sub(length), size),
            Self::From(first, None) => (first, size),
            Self::From(first, Some(last)) => (first, last.saturating_add(1).min(size)),
        };
        match end.checked_sub(first) {
            // The whole of an empty picture, for which no `Content-Range` exists.
            Some(0) if size == 0 && matches!(self, Self::Last(1..)) => Selection::Full,
            None | Some(0) => Selection::Unsatisfiable,
            Some(length) => Selection::Part { first, length },
        }
    }
}

/// Parses a position. One that does not fit a `u64` becomes the largest one, which is beyond the end of any picture.
fn position(digits: &str) -> Option<u64> {
    let valid = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    valid.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// Returns whether read-only resources accept a method.
pub fn accepts(method: &str) -> bool {
    matches!(method, "GET" | "HEAD")
}

/// Returns the reply to a method that read-only resources do not accept.
pub fn method_not_allowed() -> Reply {
    let code = Some("method_not_allowed");
    Reply { allow: Some(route::READ), code, ..Reply::problem(405, "Method Not Allowed") }
}

/// Returns the reply for a picture or path that does not exist.
pub fn not_found() -> Reply {
    Reply { code: Some(Refusal::NoRoute.code()), ..Reply::problem(404, "Not Found") }
}

/// Returns the reply to a request with a condition that does not hold.
pub fn precondition_failed() -> Reply {
    Reply { code: Some("precondition_failed"), ..Reply::problem(412, "Precondition Failed") }
}

/// Returns the reply to a request for bytes that a picture of `size` bytes does not have.
pub fn unsatisfiable(size: u64) -> Reply {
    let content_range = Some(format!("bytes */{size}"));
    Reply { content_range, code: Some("unsatisfiable"), ..Reply::problem(416, "Range Not Satisfiable") }
}

/// Returns the reply to a server-side failure, such as one of the bucket, outside the dialects.
pub fn failed(fault: Fault) -> Reply {
    Reply { content_type: problem::MEDIA_TYPE, ..Reply::failed(fault, problem::failure) }
}
