use std::borrow::Cow;

/// Names and values of a response's headers.
pub type HeaderList<'a> = Vec<(&'static str, Cow<'a, str>)>;
