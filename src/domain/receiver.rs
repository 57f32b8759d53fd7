use super::BackEnd;

/// A receiver of the change feed (contract C2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receiver {
    /// Gets every change, with the accounts' own IDs.
    All,
    /// Gets the changes to personas.
    Personas,
    /// Gets the changes to the accounts that this back end knows, with the back end's own IDs.
    BackEnd(BackEnd),
}

impl Receiver {
    /// Returns its name in the settings, the database and the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Personas => "personas",
            Self::BackEnd(back_end) => back_end.name(),
        }
    }

    /// Returns the receiver with this name, if `CHANGES_URL` is a table with a URL for each receiver. [`Receiver::All`]
    /// cannot appear in such a table.
    pub fn from_table_key(name: &str) -> Option<Self> {
        if name == Self::Personas.name() { Some(Self::Personas) } else { BackEnd::named(name).map(Self::BackEnd) }
    }
}
