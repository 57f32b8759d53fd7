//! Settings that contain URLs.

/// The value of a setting that is either one URL or a table of URLs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Urls {
    /// One URL for everything.
    One(String),
    /// One URL for each name, that of a dialect or receiver.
    Each(Vec<(String, String)>),
}
