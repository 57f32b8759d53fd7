use super::Rule;

/// The reason a request was refused. The cause is always on the client's side. Each dialect reports it with its own
/// status and wording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The request has no token (contract A1).
    NoToken,
    /// The token is not valid, or a change of password has ended its session (contract A3–A7).
    BadToken,
    /// The token is valid, but the person authenticated too long ago for this change (contract A9).
    StaleToken {
        /// Maximum age of the authentication, in seconds.
        max_age: u32,
    },
    /// The `Authorization` header has more than a scheme and a token (contract A1).
    BadAuthorization,
    /// The token is valid, but its account does not exist (contract A7).
    AccountGone,
    /// The token is valid, but its account is inactive (contract A7).
    AccountInactive,
    /// The caller is not allowed to do this.
    Forbidden,
    /// The record does not exist.
    NotFound {
        /// The ID as requested; empty if the path has none.
        id: String,
    },
    /// The path does not exist.
    NoRoute,
    /// The path exists, but does not support the method.
    MethodNotAllowed {
        /// The request's method.
        method: String,
    },
    /// The caller, or the client address of an unauthenticated request, has exceeded its rate limit.
    TooManyRequests,
    /// The body exceeds the size limit.
    TooLarge,
    /// The body did not arrive in time (contract R12).
    TooSlow,
    /// The body's media type is not supported.
    UnsupportedMediaType {
        /// The `Content-Type` as sent; empty if there was none.
        given: String,
    },
    /// The body is not valid JSON, or is JSON that cannot be read without guessing (contract R2).
    Malformed,
    /// The body is declared as a form, but cannot be read as one.
    MalformedForm,
    /// The body is JSON, but not an object.
    NotAnObject(JsonKind),
    /// At least one field breaks a rule. The list contains every violation.
    Invalid(Vec<InvalidField>),
    /// The request contains no change, but its endpoint requires one (contract F2).
    NothingToUpdate,
    /// The role that the account is to get does not exist.
    NoSuchRole,
    /// At least one value must be unique and already belongs to another record. The list is complete.
    Taken(Vec<Unique>),
}

/// Log code of a preflight from an origin that is not allowed (contract R11). The reply is the same as for any request
/// without a token; only the log shows the difference.
pub const ORIGIN_NOT_ALLOWED: &str = "origin_not_allowed";

/// A violation: a field, and the rule that it breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidField {
    /// The field's name on the wire.
    pub field: String,
    /// The rule that the field breaks.
    pub rule: Rule,
}

/// A column whose values must be unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unique {
    /// `users.username`
    Username,
    /// `users.email`
    Email,
    /// `personas.dni`
    Dni,
}

/// The type of a JSON body that is not an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonKind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number without a fraction or an exponent.
    Integer,
    /// A number with a fraction or an exponent.
    Float,
    /// `"…"`
    Text,
    /// `[…]`
    List,
}

impl Refusal {
    /// Creates the refusal of one field that breaks one rule.
    pub fn invalid(field: impl Into<String>, rule: Rule) -> Self {
        Self::Invalid(vec![InvalidField::new(field, rule)])
    }

    /// Creates the refusal of an ID that no record has.
    pub fn not_found(id: &str) -> Self {
        Self::NotFound { id: id.to_owned() }
    }

    /// Returns a stable name for logs and tests.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoToken => "no_token",
            Self::BadToken => "bad_token",
            Self::StaleToken { .. } => "stale_token",
            Self::BadAuthorization => "bad_authorization",
            Self::AccountGone => "account_gone",
            Self::AccountInactive => "account_inactive",
            Self::Forbidden => "forbidden",
            Self::NotFound { .. } => "not_found",
            Self::NoRoute => "no_route",
            Self::MethodNotAllowed { .. } => "method_not_allowed",
            Self::TooManyRequests => "too_many_requests",
            Self::TooLarge => "too_large",
            Self::TooSlow => "too_slow",
            Self::UnsupportedMediaType { .. } => "unsupported_media_type",
            Self::Malformed => "malformed",
            Self::MalformedForm => "malformed_form",
            Self::NotAnObject(_) => "not_an_object",
            Self::Invalid(_) => "invalid",
            Self::NothingToUpdate => "nothing_to_update",
            Self::NoSuchRole => "no_such_role",
            Self::Taken(_) => "taken",
        }
    }
}

impl InvalidField {
    /// Records that `field` breaks `rule`.
    pub fn new(field: impl Into<String>, rule: Rule) -> Self {
        Self { field: field.into(), rule }
    }
}

/// The cause of a server-side failure. Its text is for the log only: dialects never see it, so it cannot leak into a
/// reply.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Fault {
    /// A variable, secret or binding is missing or not usable (contract A2).
    #[error("{name} {problem}")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// The problem with the setting; never contains its value.
        problem: &'static str,
    },
    /// The database failed or rejected the call.
    #[error("database: {0}")]
    Database(String),
    /// The database lacks a table or a column that the code needs.
    #[error("database: {0} (apply the migrations: wrangler d1 migrations apply DB)")]
    Schema(String),
    /// A row does not have the form that its statement promises.
    #[error("unexpected row: {0}")]
    Row(String),
    /// The database changed nothing, and no reason was found. A constraint that Perfil's rules do not anticipate can
    /// cause this.
    #[error("the database changed nothing, for an unknown reason")]
    Unexplained,
    /// The bucket failed or rejected the call.
    #[error("bucket: {0}")]
    Bucket(String),
    /// The request's body could not be read.
    #[error("body: {0}")]
    Body(String),
    /// The request bodies of this instance have reached their memory limit (contract R12). The condition is temporary.
    #[error("too many request bodies in memory")]
    Full,
    /// A service did not respond in time. The condition may be temporary.
    #[error("{service}: no response within {seconds} s")]
    Timeout {
        /// `database`, `bucket`, `key set` or `receiver`.
        service: &'static str,
        /// The time that the service was given, in seconds.
        seconds: u64,
    },
    /// An origin is down, or its response is not valid HTTP (contract X4).
    #[error("origin: {0}")]
    Origin(String),
    /// An origin did not begin a response in time (contract X4).
    #[error("origin: no response within {seconds} s")]
    OriginTimeout {
        /// The time that the origin was given after the last byte of the request, in seconds.
        seconds: u64,
    },
    /// A receiver of the change feed is down, or did not return a 2xx (contract C3).
    #[error("receiver: {0}")]
    Receiver(String),
    /// A request that was passed on to an origin has come back (contract X1).
    #[error("ORIGIN leads back to this service")]
    Loop,
    /// The public keys that verify tokens could not be fetched. The condition may be temporary.
    #[error("key set: {0}")]
    KeySet(String),
    /// A password waited too long to be hashed, or too many passwords were already waiting.
    #[error("password hashing: too many passwords are waiting")]
    Busy,
    /// The compiled worker stopped in the middle of a request, because of a panic (whose message the platform has
    /// logged) or a lack of memory.
    #[error("the instance is gone: {0}")]
    Crashed(String),
    /// The platform provided no random bytes.
    #[error("random bytes: {0}")]
    Random(String),
    /// The platform provided no random bytes for a salt, or bcrypt failed.
    #[error("password hashing: {0}")]
    Hashing(String),
}

/// The reason an update was not applied.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The request was refused.
    #[error("refused: {}", .0.code())]
    Refused(Refusal),
    /// The server failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
