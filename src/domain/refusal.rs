use super::Rule;

/// Why a request was turned down: the client's doing. Each dialect says it in its own words and status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No token was sent (contract A1).
    NoToken,
    /// The token is not valid, or a change of password ended its session (contract A3–A7).
    BadToken,
    /// The token is good, and the person authenticated too long ago for this change (contract A9).
    StaleToken {
        /// How long ago that may be, in seconds.
        max_age: u32,
    },
    /// More than a scheme and a token was sent (contract A1).
    BadAuthorization,
    /// The token is good, and there is no such account (contract A7).
    AccountGone,
    /// The token is good, and its account is inactive (contract A7).
    AccountInactive,
    /// The caller may not do this.
    Forbidden,
    /// There is no such record.
    NotFound {
        /// The id as it was asked for; empty where the path names none.
        id: String,
    },
    /// There is no such path.
    NoRoute,
    /// The path is there, the method is not.
    MethodNotAllowed {
        /// The method that was used.
        method: String,
    },
    /// The caller, or the address of one who is none, has asked too often.
    TooManyRequests,
    /// The body is larger than allowed.
    TooLarge,
    /// The body did not arrive in time (contract R12).
    TooSlow,
    /// The body is of a type that is not understood.
    UnsupportedMediaType {
        /// The `Content-Type` as sent; empty where there was none.
        given: String,
    },
    /// The body is no JSON, or JSON that cannot be read without guessing (contract R2).
    Malformed,
    /// The body says that it is a form and cannot be read as one.
    MalformedForm,
    /// The body is JSON, but no object.
    NotAnObject(JsonKind),
    /// Fields that break their rules: all of them.
    Invalid(Vec<InvalidField>),
    /// Nothing to change was sent where something had to be (contract F2).
    NothingToUpdate,
    /// There is no role with the id that the account was to get.
    NoSuchRole,
    /// Values that somebody else has: all of them.
    Taken(Vec<Unique>),
}

/// The code of a preflight from an origin that is not allowed (contract R11). It is replied to as any request without a
/// token is: only the log tells the difference.
pub const ORIGIN_NOT_ALLOWED: &str = "origin_not_allowed";

/// A field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidField {
    /// Its name on the wire.
    pub field: String,
    /// The rule that it breaks.
    pub rule: Rule,
}

/// A value that no two records may share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unique {
    /// `users.username`
    Username,
    /// `users.email`
    Email,
    /// `personas.dni`
    Dni,
}

/// What a JSON body is when it is no object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonKind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number without fraction or exponent.
    Integer,
    /// A number with one.
    Float,
    /// `"…"`
    Text,
    /// `[…]`
    List,
}

impl Refusal {
    /// One field that breaks one rule.
    pub fn invalid(field: impl Into<String>, rule: Rule) -> Self {
        Self::Invalid(vec![InvalidField::new(field, rule)])
    }

    /// No record has the id `id`.
    pub fn not_found(id: &str) -> Self {
        Self::NotFound { id: id.to_owned() }
    }

    /// A stable name for logs and tests.
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
    /// `field` breaks `rule`.
    pub fn new(field: impl Into<String>, rule: Rule) -> Self {
        Self { field: field.into(), rule }
    }
}

/// What went wrong on our side. Its text is for the log; a dialect never sees it, so it can't leak into a reply.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Fault {
    /// A variable or secret that must be set is not usable (contract A2).
    #[error("{name} {problem}")]
    Setting {
        /// The variable's name.
        name: &'static str,
        /// What is wrong with it, never its value.
        problem: &'static str,
    },
    /// The database failed or refused.
    #[error("database: {0}")]
    Database(String),
    /// The database lacks a table or a column that the code needs.
    #[error("database: {0} (apply the migrations: wrangler d1 migrations apply DB)")]
    Schema(String),
    /// A row is not what the statement promises.
    #[error("unexpected row: {0}")]
    Row(String),
    /// Nothing was changed and no reason can be found: a constraint that no rule of ours foresees.
    #[error("the database changed nothing and gives no reason")]
    Unexplained,
    /// The bucket failed or refused.
    #[error("bucket: {0}")]
    Bucket(String),
    /// The request's body could not be read.
    #[error("body: {0}")]
    Body(String),
    /// The requests of this instance hold as much memory as they may together (contract R12). It passes.
    #[error("the instance holds too many bodies")]
    Full,
    /// A part of the platform does not answer. It may do so later.
    #[error("{service}: no answer within {seconds} s")]
    Late {
        /// `database`, `bucket`, `key set` or `receiver`.
        service: &'static str,
        /// How long it was waited for.
        seconds: u64,
    },
    /// An origin is down, or what it returned is not HTTP (contract X4).
    #[error("origin: {0}")]
    Origin(String),
    /// An origin has begun no response in time (contract X4).
    #[error("origin: no response within {seconds} s")]
    OriginLate {
        /// How long it was waited for, after the last byte of the request.
        seconds: u64,
    },
    /// A receiver of the change feed is down, or did not return a 2xx (contract C3).
    #[error("receiver: {0}")]
    Receiver(String),
    /// A request has come back that was passed on to an origin (contract X1).
    #[error("ORIGIN leads back to this service")]
    Loop,
    /// The keys that tokens are signed with can't be fetched. They may be later.
    #[error("key set: {0}")]
    KeySet(String),
    /// A password has waited too long to be hashed, or too many were waiting.
    #[error("password hashing: too many passwords are waiting")]
    Busy,
    /// The compiled worker stopped in the middle: a panic, whose words the platform has logged, or too little memory.
    #[error("the instance is gone: {0}")]
    Gone(String),
    /// The platform has no random bytes.
    #[error("random bytes: {0}")]
    Random(String),
    /// There were no random bytes, or bcrypt failed.
    #[error("password hashing: {0}")]
    Hashing(String),
}

/// Why an update did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The client's doing.
    #[error("refused: {}", .0.code())]
    Refused(Refusal),
    /// Ours.
    #[error(transparent)]
    Broken(#[from] Fault),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
