/// A rule that a field's value breaks. Each dialect has its own words for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The field has to be there.
    Required,
    /// The field may not be null.
    NotNull,
    /// The value has to be a text.
    Text,
    /// The value has to be a number.
    Number,
    /// Fewer characters than allowed; an empty text where there must be one.
    TooShort {
        /// Characters at least.
        min: u64,
        /// Characters at most.
        max: u64,
    },
    /// More characters than allowed.
    TooLong {
        /// Characters at least.
        min: u64,
        /// Characters at most.
        max: u64,
    },
    /// Control characters, NUL among them (contract R5).
    ControlCharacter,
    /// One of the passwords that people choose most often (contract S7).
    CommonPassword,
    /// `user@domain.tld`.
    Email,
    /// What the back end allows in a user name: letters, digits and `_.@+-`, or everything but white space.
    Username,
    /// An optional `+`, then 6 to 15 digits with spaces or dashes between them.
    Phone,
    /// 5 to 20 letters, digits, dots or dashes.
    NationalId,
    /// An absolute `http(s)` URL.
    Url,
    /// A path without `..`, or an `http(s)` URL.
    ImagePath,
    /// A file, not a text.
    File,
    /// A file with something in it.
    NotEmpty,
    /// A JPEG, PNG, GIF or WebP picture (contract M1).
    Image,
    /// The id in the path has to be a number.
    PathNumber,
    /// The field is none that may be sent.
    Unknown,
}
