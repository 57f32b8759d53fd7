//! The route table, and the matching of paths against it.

use crate::dialect::{Answer, Dialect, Framework, django, falcon, personas, seam};
use crate::domain::{Account, ObjectKey, Persona, Record, Refusal};

/// The method of every endpoint.
pub const METHOD: &str = "PUT";
/// The methods of read-only resources.
pub const READ: &str = "GET, HEAD";

/// The route table, with one row for each endpoint. Everything that depends on it (the prefixes, the names of
/// permissions, the platform's `run_worker_first`, the matrix of bad callers, the reference document) is derived from
/// it, or compared with it by a test.
pub static UPDATES: [Update; 5] = [
    Update::Persona(Endpoint::new("PUT /api/personas/:id/foto", Right::Permission, personas::FOTO)),
    Update::Persona(Endpoint::new("PUT /api/personas/me", Right::Permission, personas::ME)),
    Update::Account(Endpoint::new("PUT /api/v1/users/:id", Right::Permission, seam::USER)),
    Update::Account(Endpoint::new("PUT /users", Right::OwnRecord, falcon::USERS)),
    Update::Account(Endpoint::new("PUT /api/profile/:id/update/", Right::OwnRecord, django::PROFILE)),
];

/// A route row: an endpoint, by the kind of record that it changes. An update in progress is a
/// [`crate::store::Update`].
pub enum Update {
    /// The endpoint changes an account.
    Account(Endpoint<Account>),
    /// The endpoint changes a persona.
    Persona(Endpoint<Persona>),
}

/// One `PUT` endpoint.
pub struct Endpoint<R: Record> {
    /// Method and path: the endpoint's name in the log, and the name of the permission that it may need.
    pub pattern: &'static str,
    /// The right that callers need.
    pub right: Right,
    /// The format of requests and responses.
    pub dialect: Dialect<R>,
}

/// The right that callers of an endpoint need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// The caller needs a role that holds the permission whose name is the endpoint's pattern.
    Permission,
    /// Every caller may change their own record, and no other.
    OwnRecord,
}

impl<R: Record> Endpoint<R> {
    /// Creates an endpoint. Fails to compile if the path has an ID that the dialect does not parse, or vice versa.
    const fn new(pattern: &'static str, right: Right, dialect: Dialect<R>) -> Self {
        assert!(has_id(pattern) == dialect.target.is_some(), "the pattern and the dialect disagree about an ID");
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
    /// Returns method and path.
    pub fn pattern(&self) -> &'static str {
        match self {
            Self::Account(endpoint) => endpoint.pattern,
            Self::Persona(endpoint) => endpoint.pattern,
        }
    }

    /// Returns the path, with `:id` in place of an ID.
    pub fn path(&self) -> &'static str {
        self.pattern().split_once(' ').map_or("", |(_, path)| path)
    }

    /// Returns the prefix of the back end's paths: `/users`, or `/api` and the next segment.
    pub fn prefix(&self) -> &'static str {
        let path = self.path();
        let segments = if path.starts_with("/api/") { 2 } else { 1 };
        let end = path.match_indices('/').nth(segments).map_or(path.len(), |(end, _)| end);
        path.get(..end).unwrap_or(path)
    }

    /// Returns the name of the dialect.
    pub fn dialect(&self) -> &'static str {
        match self {
            Self::Account(endpoint) => endpoint.dialect.name,
            Self::Persona(endpoint) => endpoint.dialect.name,
        }
    }

    /// Returns the dialect's function for server-side failures.
    pub fn fail(&self) -> fn(u16) -> Answer {
        match self {
            Self::Account(endpoint) => endpoint.dialect.fail,
            Self::Persona(endpoint) => endpoint.dialect.fail,
        }
    }

    /// Returns the dialect's function for refusals.
    pub fn refuse(&self) -> fn(&Refusal) -> Answer {
        match self {
            Self::Account(endpoint) => endpoint.dialect.refuse,
            Self::Persona(endpoint) => endpoint.dialect.refuse,
        }
    }

    /// Returns the framework of the original back end.
    pub fn framework(&self) -> Framework {
        match self {
            Self::Account(endpoint) => endpoint.dialect.framework,
            Self::Persona(endpoint) => endpoint.dialect.framework,
        }
    }

    /// Compares parts of paths as the original back end does: Express ignores the case of ASCII letters (contract R8).
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

    /// Matches a path without its trailing slash against this route row. Returns the ID in it, if the row has one.
    fn matches<'p>(&self, path: &'p str) -> Option<Option<&'p str>> {
        self.matches_by(path, |expected, segment| self.is_same(expected, segment))
    }

    /// Returns whether a path without its trailing slash matches this route row on a server that ignores the case of
    /// letters.
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

/// An endpoint that a path has matched.
pub struct Matched<'p, R: Record + 'static> {
    /// The endpoint.
    pub endpoint: &'static Endpoint<R>,
    /// The ID in the path, as it was written; `None` if the pattern has none.
    pub id: Option<&'p str>,
}

/// The route of a path.
pub enum Route<'p> {
    /// An endpoint that changes an account.
    Account(Matched<'p, Account>),
    /// An endpoint that changes a persona.
    Persona(Matched<'p, Persona>),
    /// `GET /health`
    Health,
    /// A picture (contract M4).
    Media(ObjectKey),
    /// An unknown path. If it is below a back end's prefix, the value is one of that back end's endpoints, whose
    /// dialect renders the 404 (contract R8).
    Unknown(Option<&'static Update>),
}

impl<'p> Route<'p> {
    /// Returns the route of a path. A trailing slash makes no difference, except for pictures (contract R8).
    pub fn of(path: &'p str) -> Self {
        if let Some(key) = path.strip_prefix(ObjectKey::MEDIA) {
            return ObjectKey::parse(key).map_or(Self::Unknown(None), Self::Media);
        }
        let path = path.strip_suffix('/').unwrap_or(path);
        if path == "/health" {
            return Self::Health;
        }
        let by_prefix = || UPDATES.iter().find(|update| update.is_prefix_of(path));
        UPDATES.iter().find_map(|update| update.matched(path)).unwrap_or_else(|| Self::Unknown(by_prefix()))
    }

    /// Returns the pattern, for the log; `None` for an unknown path.
    pub fn pattern(&self) -> Option<&'static str> {
        match self {
            Self::Account(update) => Some(update.endpoint.pattern),
            Self::Persona(update) => Some(update.endpoint.pattern),
            Self::Health => Some("GET /health"),
            Self::Media(_) => Some("GET /media/avatars/*"),
            Self::Unknown(_) => None,
        }
    }

    /// Returns the methods that the route accepts, as listed in `Allow`.
    pub fn methods(&self) -> Option<&'static str> {
        match self {
            Self::Account(..) | Self::Persona(..) => Some(METHOD),
            Self::Health | Self::Media(_) => Some(READ),
            Self::Unknown(_) => None,
        }
    }
}
