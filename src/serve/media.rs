//! What of a picture a request asks for: conditional and range requests (contract M4, RFC 9110 sections 13 and 14).

use super::{Reply, route};
use crate::dialect::problem;
use crate::domain::{Fault, Refusal};

/// The headers that make a request conditional, or ask for a part.
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

/// What to answer with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// All of it: 200.
    Whole,
    /// These bytes: 206.
    Part {
        /// The first one's place.
        first: u64,
        /// How many; not 0.
        length: u64,
    },
    /// The client has it: 304.
    NotModified,
    /// It is not what the client takes it for: 412.
    PreconditionFailed,
    /// It has none of the bytes that were asked for: 416.
    Unsatisfiable,
}

impl Conditions {
    /// Evaluates them in RFC 9110's order (section 13.2.2), against a strong tag, quotes included, and a size in bytes.
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
            Some(range) => range.of(size),
            None => Selection::Whole,
        }
    }
}

/// The tag without the mark of a weak one.
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// The entity tags of a list (RFC 9110 section 8.8.3), quotes and weakness included. A tag may hold commas. What is no
/// tag ends the list with a `None`: nothing matches it.
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
        rest = tag.map_or("", |(_, behind)| behind.trim_start_matches(separator));
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
    /// `None` for what is to be ignored: another unit, a syntax error, and several ranges, which a server need not
    /// send (section 14.2).
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

    fn of(self, size: u64) -> Selection {
        let (first, end) = match self {
            Self::Last(length) => (size.saturating_sub(length), size),
            Self::From(first, None) => (first, size),
            Self::From(first, Some(last)) => (first, last.saturating_add(1).min(size)),
        };
        match end.checked_sub(first) {
            // All of nothing: there is no Content-Range for it.
            Some(0) if size == 0 && matches!(self, Self::Last(1..)) => Selection::Whole,
            None | Some(0) => Selection::Unsatisfiable,
            Some(length) => Selection::Part { first, length },
        }
    }
}

/// Digits; more of them than a number of ours has is beyond every picture.
fn position(digits: &str) -> Option<u64> {
    let valid = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    valid.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// Whether what is only looked at takes a method.
pub fn takes(method: &str) -> bool {
    matches!(method, "GET" | "HEAD")
}

/// It takes no other.
pub fn method_not_allowed() -> Reply {
    let code = Some("method_not_allowed");
    Reply { allow: Some(route::READ), code, ..Reply::problem(405, "Method Not Allowed") }
}

/// There is no such picture, or path.
pub fn not_found() -> Reply {
    Reply { code: Some(Refusal::NoRoute.code()), ..Reply::problem(404, "Not Found") }
}

/// A condition of the client's does not hold.
pub fn precondition_failed() -> Reply {
    Reply { code: Some("precondition_failed"), ..Reply::problem(412, "Precondition Failed") }
}

/// The picture, of so many bytes, has none of those that were asked for.
pub fn unsatisfiable(size: u64) -> Reply {
    let content_range = Some(format!("bytes */{size}"));
    Reply { content_range, code: Some("unsatisfiable"), ..Reply::problem(416, "Range Not Satisfiable") }
}

/// The bucket failed.
pub fn failed(fault: Fault) -> Reply {
    Reply { content_type: problem::MEDIA_TYPE, ..Reply::failed(fault, problem::failure) }
}
