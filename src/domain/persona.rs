use super::{Change, Field, Picture, Record, Text};

/// A person in the personas back end. A persona may belong to an account, but can also be shown without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Persona {
    /// From 1 to 2^53 − 1.
    pub id: i64,
    /// First names.
    pub nombres: String,
    /// Last names.
    pub apellidos: String,
    /// Telephone number; `None` if it was cleared.
    pub telefono: Option<String>,
    /// National ID number; unique.
    pub dni: String,
    /// URL (`http` or `https`) of the photo; `None` if it was cleared.
    pub foto_url: Option<String>,
    /// Time of creation in UTC, as `2024-03-01T08:00:00.000Z`.
    pub created_at: String,
}

/// The requested changes to a persona. Every text in it has passed its rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PersonaChange {
    /// New first names.
    pub nombres: Option<Text>,
    /// New last names.
    pub apellidos: Option<Text>,
    /// A new telephone number, or its removal.
    pub telefono: Field<Text>,
    /// A new national ID number.
    pub dni: Option<Text>,
    /// The URL of a new photo, or its removal.
    pub foto_url: Field<Text>,
    /// A new photo that was uploaded; `foto_url` then becomes its URL.
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
