/// A rule for fields and their values. Some variants are named after the violation. Each dialect has its own wording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The field is required.
    Required,
    /// The field must not be null.
    NotNull,
    /// The value must be text.
    Text,
    /// The value must be a number.
    Number,
    /// The value must have at least `min` characters. An empty value that must not be empty breaks this rule, too.
    TooShort {
        /// Minimum number of characters.
        min: u64,
        /// Maximum number of characters.
        max: u64,
    },
    /// The value must have at most `max` characters.
    TooLong {
        /// Minimum number of characters.
        min: u64,
        /// Maximum number of characters.
        max: u64,
    },
    /// The value must not contain control characters, including NUL (contract R5).
    ControlCharacter,
    /// The password must not be one of those that people choose most often (contract S7).
    CommonPassword,
    /// The value must be an e-mail address, `user@domain.tld`.
    Email,
    /// The value must contain only the characters that the back end allows in a user name: letters, digits and `_.@+-`,
    /// or everything but white space.
    Username,
    /// The value must be an optional `+`, then 6 to 15 digits, which spaces or dashes may separate.
    Phone,
    /// The value must be 5 to 20 letters, digits, dots or dashes.
    NationalId,
    /// The value must be an absolute `http(s)` URL.
    Url,
    /// The value must be a path without `..`, or an `http(s)` URL.
    ImagePath,
    /// The value must be a file, not text.
    File,
    /// The file must not be empty.
    NotEmpty,
    /// The file must be a JPEG, PNG, GIF or WebP picture (contract M1).
    Image,
    /// The ID in the path must be a number.
    PathNumber,
    /// The field is not accepted.
    Unknown,
}
