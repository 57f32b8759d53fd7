use super::{Change, Field, Picture, Record, Text};

/// A person in the personas back end. It may belong to an account, and can be shown without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Persona {
    /// 1 to 2^53 − 1.
    pub id: i64,
    /// First names.
    pub nombres: String,
    /// Last names.
    pub apellidos: String,
    /// `None` when cleared.
    pub telefono: Option<String>,
    /// National id number, unique.
    pub dni: String,
    /// An `http(s)` URL; `None` when cleared.
    pub foto_url: Option<String>,
    /// UTC, `2024-03-01T08:00:00.000Z`.
    pub created_at: String,
}

/// What to change of a persona; every text in it has passed its rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PersonaChange {
    /// New first names.
    pub nombres: Option<Text>,
    /// New last names.
    pub apellidos: Option<Text>,
    /// A new telephone number, or none.
    pub telefono: Field<Text>,
    /// A new national id number.
    pub dni: Option<Text>,
    /// Where a new photo is, or none.
    pub foto_url: Field<Text>,
    /// A new photo itself; `foto_url` is where it was put then.
    pub upload: Option<Picture>,
}

impl Record for Persona {
    type Change = PersonaChange;
}

impl Change for PersonaChange {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn is_sensitive(&self) -> bool {
        self.telefono != Field::Keep
    }

    fn upload(&self) -> Option<&Picture> {
        self.upload.as_ref()
    }

    fn replaces_image(&self) -> bool {
        self.upload.is_some() || self.foto_url != Field::Keep
    }
}
