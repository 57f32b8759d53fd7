use std::borrow::Cow;

/// Names and values of a response's headers, in the form that the platform takes too.
pub type HeaderList<'a> = Vec<(&'static str, Cow<'a, str>)>;
