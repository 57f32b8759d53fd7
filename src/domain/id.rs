/// The largest integer that JSON, JavaScript and D1 all carry exactly (2^53 − 1).
const MAX: i64 = 9_007_199_254_740_991;

/// The id of an account or a persona: an integer from 1 to 2^53 − 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id(i64);

impl Id {
    /// `None` for anything outside 1 to 2^53 − 1.
    pub fn new(value: i64) -> Option<Self> {
        (1..=MAX).contains(&value).then_some(Self(value))
    }

    /// Parses ASCII decimal digits; signs, spaces and everything else are refused.
    pub fn parse(text: &str) -> Option<Self> {
        is_decimal(text).then(|| text.parse().ok().and_then(Self::new))?
    }

    /// The id as the database stores it.
    pub fn get(self) -> i64 {
        self.0
    }
}

fn is_decimal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// An id that somebody wrote into a path: any run of digits, whether or not a record can have it.
///
/// The digits are kept, because a "not found" names the id as it was asked for (contract S4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathId {
    digits: String,
}

impl PathId {
    /// Any run of ASCII digits (contract S2, D3).
    pub fn parse(segment: &str) -> Option<Self> {
        is_decimal(segment).then(|| Self { digits: segment.to_owned() })
    }

    /// The id to look for. No record has the id 0 (the schema sees to it), so 0 stands for every number that
    /// is no [`Id`]: the search then finds nothing, after the checks that come before "not found".
    pub fn get(&self) -> i64 {
        Id::parse(&self.digits).map_or(0, Id::get)
    }

    /// The id as it was written.
    pub fn digits(&self) -> &str {
        &self.digits
    }
}
