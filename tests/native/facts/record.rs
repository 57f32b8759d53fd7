//! Sample records, and the properties of changes that the facts need.

use perfil::domain::{Account, AccountChange, Change, Field, Persona, PersonaChange, Record, Role, Unique};

pub trait Observed: Record {
    const NAME: &'static str;
    /// Whether a caller may have no such record. If so, the reply may be a 404 even without an ID in the path.
    const MAY_LACK: bool;

    /// A record with every optional value, in which no two texts are the same.
    fn full() -> Self;

    /// A record without any optional value, in which every other value differs from the full record.
    fn sparse() -> Self;

    /// The values of the change that must be unique.
    fn unique(change: &Self::Change) -> Vec<Unique>;

    /// Whether the change names a role, which may not exist.
    fn names_a_role(change: &Self::Change) -> bool;

    /// Whether the change clears a field.
    fn clears(change: &Self::Change) -> bool;
}

fn is_clear<T: PartialEq>(field: &Field<T>) -> bool {
    *field == Field::Clear
}

impl Observed for Account {
    const NAME: &'static str = "account";
    const MAY_LACK: bool = false;

    fn full() -> Self {
        Self {
            id: 7,
            username: "username".into(),
            email: "email".into(),
            full_name: "full_name".into(),
            first_name: "first_name".into(),
            last_name: "last_name".into(),
            number_phone: Some("number_phone".into()),
            image: Some("avatars/7/image.jpg".into()),
            role: Some(Role { id: 2, name: "role".into(), description: Some("description".into()) }),
            back_end_role: Some(3),
            is_active: true,
            is_staff: true,
            is_superuser: true,
            created_at: "2024-01-01T01:01:01.001Z".into(),
            updated_at: "2024-01-02T01:01:01.001Z".into(),
            last_login: Some("2024-01-03T01:01:01.001Z".into()),
        }
    }

    fn sparse() -> Self {
        Self {
            id: 8,
            username: "username 8".into(),
            email: "email 8".into(),
            full_name: String::new(),
            first_name: String::new(),
            last_name: String::new(),
            number_phone: None,
            image: None,
            role: None,
            back_end_role: None,
            is_active: false,
            is_staff: false,
            is_superuser: false,
            created_at: "2024-02-01T01:01:01.000Z".into(),
            updated_at: "2024-02-02T01:01:01.000Z".into(),
            last_login: None,
        }
    }

    fn unique(change: &AccountChange) -> Vec<Unique> {
        let values = [(change.username.is_some(), Unique::Username), (change.email.is_some(), Unique::Email)];
        values.into_iter().filter(|(is_set, _)| *is_set).map(|(_, value)| value).collect()
    }

    fn names_a_role(change: &AccountChange) -> bool {
        change.role.is_some()
    }

    fn clears(change: &AccountChange) -> bool {
        is_clear(&change.number_phone) || is_clear(&change.image)
    }
}

impl Observed for Persona {
    const NAME: &'static str = "persona";
    const MAY_LACK: bool = true;

    fn full() -> Self {
        Self {
            id: 7,
            nombres: "nombres".into(),
            apellidos: "apellidos".into(),
            telefono: Some("telefono".into()),
            dni: "dni".into(),
            foto_url: Some("https://example.com/foto".into()),
            created_at: "2024-01-01T01:01:01.001Z".into(),
        }
    }

    fn sparse() -> Self {
        Self {
            id: 8,
            nombres: "nombres 8".into(),
            apellidos: "apellidos 8".into(),
            telefono: None,
            dni: "dni 8".into(),
            foto_url: None,
            created_at: "2024-02-01T01:01:01.000Z".into(),
        }
    }

    fn unique(change: &PersonaChange) -> Vec<Unique> {
        change.dni.iter().map(|_| Unique::Dni).collect()
    }

    fn names_a_role(_: &PersonaChange) -> bool {
        false
    }

    fn clears(change: &PersonaChange) -> bool {
        is_clear(&change.telefono) || is_clear(&change.foto_url)
    }
}

/// Whether the change sets a new password, which is not trimmed.
pub fn sets_password<R: Record>(change: &R::Change) -> bool {
    change.password().is_some()
}
