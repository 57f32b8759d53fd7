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

/// Where a path leads.
pub enum Route<'p> {
    /// An endpoint that changes an account, and the id in the path where it holds one.
    Account(&'static Endpoint<Account>, Option<&'p str>),
    /// An endpoint that changes a persona.
    Persona(&'static Endpoint<Persona>, Option<&'p str>),
    /// `GET /health`
    Health,
    /// A picture (contract M4).
    Picture(ObjectKey),
    /// Nowhere; inside the prefix of a back end, its dialect says so (contract R8).
    Unknown(Option<fn(&Refusal) -> Answer>),
}

impl<'p> Route<'p> {
    /// The route table. A path with and without its trailing slash is the same (contract R8).
    pub fn of(path: &'p str) -> Self {
        if let Some(key) = path.strip_prefix(ObjectKey::MEDIA) {
            return ObjectKey::parse(key).map_or(Self::Unknown(None), Self::Picture);
        }
        let path = path.strip_suffix('/').unwrap_or(path);
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        match segments.as_slice() {
            ["api", "personas", "me"] => Self::Persona(&PERSONA_ME, None),
            ["api", "personas", id, "foto"] => Self::Persona(&PERSONA_FOTO, Some(id)),
            ["api", "v1", "users", id] => Self::Account(&SEAM_USER, Some(id)),
            ["users"] => Self::Account(&FALCON_USERS, None),
            ["api", "profile", id, "update"] => Self::Account(&DJANGO_PROFILE, Some(id)),
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
            Self::Account(endpoint, _) => Some(endpoint.pattern),
            Self::Persona(endpoint, _) => Some(endpoint.pattern),
            Self::Health => Some("GET /health"),
            Self::Picture(_) => Some("GET /media/avatars/*"),
            Self::Unknown(_) => None,
        }
    }

    /// The methods that the route takes, as `Allow` lists them.
    pub fn methods(&self) -> Option<&'static str> {
        match self {
            Self::Account(..) | Self::Persona(..) => Some(METHOD),
            Self::Health | Self::Picture(_) => Some(READ),
            Self::Unknown(_) => None,
        }
    }
}
