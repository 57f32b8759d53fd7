/// A setting that is one URL, or a table of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Urls {
    /// One URL for everything.
    One(String),
    /// URLs by the names of what they are for.
    Each(Vec<(String, String)>),
}
