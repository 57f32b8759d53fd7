use super::BackEnd;

/// A receiver of the change feed (contract C2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receiver {
    /// Gets every change, with the accounts' own ids.
    All,
    /// Gets the changes of personas.
    Personas,
    /// Gets the changes of the accounts that this back end knows, with its own ids.
    BackEnd(BackEnd),
}

impl Receiver {
    /// Its name in the settings, the database and the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Personas => "personas",
            Self::BackEnd(back_end) => back_end.name(),
        }
    }

    /// The receiver of this name in a table. [`Receiver::All`] is in none.
    pub fn in_table(name: &str) -> Option<Self> {
        if name == Self::Personas.name() { Some(Self::Personas) } else { BackEnd::named(name).map(Self::BackEnd) }
    }
}
