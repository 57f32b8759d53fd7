/// The largest integer that JSON, JavaScript and D1 all represent exactly (2^53 − 1).
const MAX: i64 = 9_007_199_254_740_991;

/// The ID of an account or a persona: an integer from 1 to 2^53 − 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id(i64);

impl Id {
    /// Creates an ID. Returns `None` for a value outside 1 to 2^53 − 1.
    pub fn new(value: i64) -> Option<Self> {
        (1..=MAX).contains(&value).then_some(Self(value))
    }

    /// Parses ASCII decimal digits. Signs, spaces and everything else are refused.
    pub fn parse(text: &str) -> Option<Self> {
        is_decimal(text).then(|| text.parse().ok().and_then(Self::new))?
    }

    /// Returns the ID as the database stores it.
    pub fn get(self) -> i64 {
        self.0
    }
}

fn is_decimal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// An ID from a request's path: any run of digits, whether or not a record can have that ID.
///
/// The digits are kept because a "not found" reply contains the ID exactly as it was requested (contract S4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathId {
    digits: String,
}

impl PathId {
    /// Parses any run of ASCII digits (contract S2, D3).
    pub fn parse(segment: &str) -> Option<Self> {
        is_decimal(segment).then(|| Self { digits: segment.to_owned() })
    }

    /// Returns the ID to look up. For digits that are not a valid [`Id`], this is 0, which no record has (the schema
    /// ensures that). The lookup then finds nothing, after the checks that come before "not found".
    pub fn get(&self) -> i64 {
        Id::parse(&self.digits).map_or(0, Id::get)
    }

    /// Returns the ID as it was written.
    pub fn digits(&self) -> &str {
        &self.digits
    }
}
