use std::fmt;

/// A new password as the client sent it, after a check of its length. It is never shown or logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

/// A bcrypt hash (`$2b$12$…`). It is written to the database and nowhere else.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl Password {
    pub(super) fn new(text: String) -> Self {
        Self(text)
    }

    /// Returns the bytes to hash.
    pub fn reveal(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl PasswordHash {
    /// Wraps the output of bcrypt.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// Returns the text to store.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password([redacted])")
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PasswordHash([redacted])")
    }
}
