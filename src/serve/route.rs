use crate::dialect::{Answer, Dialect, Framework, django, falcon, personas, seam};
use crate::domain::{Account, ObjectKey, Persona, Record, Refusal};

/// The method of every endpoint.
pub const METHOD: &str = "PUT";
/// The methods of what is only looked at.
pub const READ: &str = "GET, HEAD";

/// The route table: a row for each endpoint. What else depends on it (the prefixes, the names of permissions, the
/// platform's `run_worker_first`, the matrix of bad callers, the reference document) is derived from it, or compared
/// with it by a test.
pub static UPDATES: [Update; 5] = [
    Update::Persona(Endpoint::new("PUT /api/personas/:id/foto", Right::Permission, personas::FOTO)),
    Update::Persona(Endpoint::new("PUT /api/personas/me", Right::Permission, personas::ME)),
    Update::Account(Endpoint::new("PUT /api/v1/users/:id", Right::Permission, seam::USER)),
    Update::Account(Endpoint::new("PUT /users", Right::OwnRecord, falcon::USERS)),
    Update::Account(Endpoint::new("PUT /api/profile/:id/update/", Right::OwnRecord, django::PROFILE)),
];

/// A row of the route table, by what it changes.
pub enum Update {
    /// An account.
    Account(Endpoint<Account>),
    /// A persona.
    Persona(Endpoint<Persona>),
}

/// One `PUT` endpoint.
pub struct Endpoint<R: Record> {
    /// Method and path: what the log calls it, and the name of the permission that it may need.
    pub pattern: &'static str,
    /// Who may call it.
    pub right: Right,
    /// How it reads and answers.
    pub dialect: Dialect<R>,
}

/// Who may call an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Who has a role that holds the permission of the endpoint's name.
    Permission,
    /// Everybody, for their own record only.
    OwnRecord,
}

impl<R: Record> Endpoint<R> {
    /// Does not compile if the path has an id that the dialect does not parse, or the other way round.
    const fn new(pattern: &'static str, right: Right, dialect: Dialect<R>) -> Self {
        assert!(has_id(pattern) == dialect.target.is_some(), "the path has an id, and the dialect no target");
        Self { pattern, right, dialect }
    }
}

const fn has_id(pattern: &str) -> bool {
    let mut rest = pattern.as_bytes();
    while let [first, more @ ..] = rest {
        if *first == b':' {
            return true;
        }
        rest = more;
    }
    false
}

impl Update {
    /// Method and path.
    pub fn pattern(&self) -> &'static str {
        match self {
            Self::Account(endpoint) => endpoint.pattern,
            Self::Persona(endpoint) => endpoint.pattern,
        }
    }

    /// The path, with `:id` for an id.
    pub fn path(&self) -> &'static str {
        self.pattern().split_once(' ').map_or("", |(_, path)| path)
    }

    /// What the paths of the back end begin with: `/users`, or `/api` and what comes after it.
    pub fn prefix(&self) -> &'static str {
        let path = self.path();
        let segments = if path.starts_with("/api/") { 2 } else { 1 };
        let end = path.match_indices('/').nth(segments).map_or(path.len(), |(end, _)| end);
        path.get(..end).unwrap_or(path)
    }

    /// Its dialect's name.
    pub fn dialect(&self) -> &'static str {
        match self {
            Self::Account(endpoint) => endpoint.dialect.name,
            Self::Persona(endpoint) => endpoint.dialect.name,
        }
    }

    /// How its dialect says that something failed on our side.
    pub fn fail(&self) -> fn(u16) -> Answer {
        match self {
            Self::Account(endpoint) => endpoint.dialect.fail,
            Self::Persona(endpoint) => endpoint.dialect.fail,
        }
    }

    /// How its dialect refuses.
    pub fn refuse(&self) -> fn(&Refusal) -> Answer {
        match self {
            Self::Account(endpoint) => endpoint.dialect.refuse,
            Self::Persona(endpoint) => endpoint.dialect.refuse,
        }
    }

    /// What its original is built with.
    pub fn framework(&self) -> Framework {
        match self {
            Self::Account(endpoint) => endpoint.dialect.framework,
            Self::Persona(endpoint) => endpoint.dialect.framework,
        }
    }

    /// Compares a piece of a path as the original does: Express ignores the case of ASCII letters (contract R8).
    fn is_same(&self, expected: &str, piece: &str) -> bool {
        match self.framework() {
            Framework::Express => expected.eq_ignore_ascii_case(piece),
            Framework::Django => expected == piece,
        }
    }

    fn matched<'p>(&'static self, path: &'p str) -> Option<Route<'p>> {
        let id = self.matches(path)?;
        Some(match self {
            Self::Account(endpoint) => Route::Account(Matched { endpoint, id }),
            Self::Persona(endpoint) => Route::Persona(Matched { endpoint, id }),
        })
    }

    fn is_prefix_of(&self, path: &str) -> bool {
        let start = path.split_at_checked(self.prefix().len());
        start.is_some_and(|(start, rest)| {
            self.is_same(self.prefix(), start) && (rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// Whether a path without its trailing slash is the one of this row, and the id in it.
    fn matches<'p>(&self, path: &'p str) -> Option<Option<&'p str>> {
        self.matches_by(path, |expected, segment| self.is_same(expected, segment))
    }

    /// Whether a path without its trailing slash is the one of this row for somebody who ignores the case of letters.
    pub fn resembles(&self, path: &str) -> bool {
        self.matches_by(path, str::eq_ignore_ascii_case).is_some()
    }

    fn matches_by<'p>(&self, path: &'p str, is_same: impl Fn(&str, &str) -> bool) -> Option<Option<&'p str>> {
        let (mut expected, mut segments) = (self.path().trim_end_matches('/').split('/'), path.split('/'));
        let mut id = None;
        loop {
            match (expected.next(), segments.next()) {
                (None, None) => return Some(id),
                (Some(":id"), Some(segment)) => id = Some(segment),
                (Some(expected), Some(segment)) if is_same(expected, segment) => {}
                _ => return None,
            }
        }
    }
}

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
    /// Nowhere; inside the prefix of a back end, its dialect says so (contract R8). Any endpoint of it will do.
    Unknown(Option<&'static Update>),
}

impl<'p> Route<'p> {
    /// The route of a path. With and without its trailing slash it is the same (contract R8).
    pub fn of(path: &'p str) -> Self {
        if let Some(key) = path.strip_prefix(ObjectKey::MEDIA) {
            return ObjectKey::parse(key).map_or(Self::Unknown(None), Self::Media);
        }
        let path = path.strip_suffix('/').unwrap_or(path);
        if path == "/health" {
            return Self::Health;
        }
        let nowhere = || UPDATES.iter().find(|update| update.is_prefix_of(path));
        UPDATES.iter().find_map(|update| update.matched(path)).unwrap_or_else(|| Self::Unknown(nowhere()))
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
