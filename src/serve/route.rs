use crate::dialect::{Answer, Dialect, django, falcon, personas, seam};
use crate::domain::{Account, ObjectKey, Persona, Record, Refusal};

/// The method of every endpoint.
pub const METHOD: &str = "PUT";
/// The methods of what is only looked at.
pub const READ: &str = "GET, HEAD";

/// One `PUT` endpoint.
pub struct Endpoint<R: Record> {
    /// Method and pattern: what the log calls it, and the name of the permission that it may need.
    pub pattern: &'static str,
    /// Whether the caller's role must hold that permission; where not, everybody may change their own record only.
    pub needs_permission: bool,
    /// How it reads and answers.
    pub dialect: Dialect<R>,
}

const PERSONA_FOTO: Endpoint<Persona> =
    Endpoint { pattern: "PUT /api/personas/:id/foto", needs_permission: true, dialect: personas::FOTO };
const PERSONA_ME: Endpoint<Persona> =
    Endpoint { pattern: "PUT /api/personas/me", needs_permission: true, dialect: personas::ME };
const SEAM_USER: Endpoint<Account> =
    Endpoint { pattern: "PUT /api/v1/users/:id", needs_permission: true, dialect: seam::USER };
const FALCON_USERS: Endpoint<Account> =
    Endpoint { pattern: "PUT /users", needs_permission: false, dialect: falcon::USERS };
const DJANGO_PROFILE: Endpoint<Account> =
    Endpoint { pattern: "PUT /api/profile/:id/update/", needs_permission: false, dialect: django::PROFILE };

/// The patterns of every endpoint that needs a token. A test fails when one has no row in the matrix of bad callers.
pub const UPDATES: [&str; 5] =
    [PERSONA_FOTO.pattern, PERSONA_ME.pattern, SEAM_USER.pattern, FALCON_USERS.pattern, DJANGO_PROFILE.pattern];

/// An endpoint that a path leads to.
pub struct Matched<'p, R: Record + 'static> {
    /// The endpoint.
    pub endpoint: &'static Endpoint<R>,
    /// The id in the path, as it was written; `None` where the pattern has none.
    pub id: Option<&'p str>,
}

/// Where a path leads.
pub enum Route<'p> {
    /// To an endpoint that changes an account.
    Account(Matched<'p, Account>),
    /// To an endpoint that changes a persona.
    Persona(Matched<'p, Persona>),
    /// `GET /health`
    Health,
    /// To a picture (contract M4).
    Media(ObjectKey),
    /// Nowhere; inside the prefix of a back end, its dialect says so (contract R8).
    Unknown(Option<fn(&Refusal) -> Answer>),
}

impl<'p> Route<'p> {
    /// The route table. A path with and without its trailing slash is the same (contract R8).
    pub fn of(path: &'p str) -> Self {
        if let Some(key) = path.strip_prefix(ObjectKey::MEDIA) {
            return ObjectKey::parse(key).map_or(Self::Unknown(None), Self::Media);
        }
        let path = path.strip_suffix('/').unwrap_or(path);
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        match segments.as_slice() {
            ["api", "personas", "me"] => Self::Persona(Matched { endpoint: &PERSONA_ME, id: None }),
            ["api", "personas", id, "foto"] => Self::Persona(Matched { endpoint: &PERSONA_FOTO, id: Some(id) }),
            ["api", "v1", "users", id] => Self::Account(Matched { endpoint: &SEAM_USER, id: Some(id) }),
            ["users"] => Self::Account(Matched { endpoint: &FALCON_USERS, id: None }),
            ["api", "profile", id, "update"] => Self::Account(Matched { endpoint: &DJANGO_PROFILE, id: Some(id) }),
            ["health"] => Self::Health,
            ["api", "personas", ..] => Self::Unknown(Some(personas::refuse)),
            ["api", "v1", ..] => Self::Unknown(Some(seam::refuse)),
            ["users", ..] => Self::Unknown(Some(falcon::refuse)),
            ["api", "profile", ..] => Self::Unknown(Some(django::refuse)),
            _ => Self::Unknown(None),
        }
    }

    /// The pattern, for the log; `None` for a path that leads nowhere.
    pub fn pattern(&self) -> Option<&'static str> {
        match self {
            Self::Account(update) => Some(update.endpoint.pattern),
            Self::Persona(update) => Some(update.endpoint.pattern),
            Self::Health => Some("GET /health"),
            Self::Media(_) => Some("GET /media/avatars/*"),
            Self::Unknown(_) => None,
        }
    }

    /// The methods that the route takes, as `Allow` lists them.
    pub fn methods(&self) -> Option<&'static str> {
        match self {
            Self::Account(..) | Self::Persona(..) => Some(METHOD),
            Self::Health | Self::Media(_) => Some(READ),
            Self::Unknown(_) => None,
        }
    }
}
