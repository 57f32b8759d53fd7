use crate::domain::{Access, Field, Id, Target, Text};
use std::fmt;

/// A statement and what is bound to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// Static text with numbered parameters; opens with its name in a comment.
    pub sql: &'static str,
    /// `?1`, `?2`, …
    pub parameters: Vec<Parameter>,
}

/// A value to bind.
#[derive(Clone, PartialEq)]
pub enum Parameter {
    /// NULL
    Null,
    /// An integer of at most 53 bits, and 0 and 1 for truth values.
    Integer(i64),
    /// A text.
    Text(String),
}

/// Text can be personal, or a hash.
impl fmt::Debug for Parameter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => formatter.write_str("Null"),
            Self::Integer(value) => write!(formatter, "Integer({value})"),
            Self::Text(_) => formatter.write_str("Text([redacted])"),
        }
    }
}

impl From<i64> for Parameter {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<Id> for Parameter {
    fn from(id: Id) -> Self {
        Self::Integer(id.get())
    }
}

impl From<&Text> for Parameter {
    fn from(text: &Text) -> Self {
        Self::Text(text.as_str().to_owned())
    }
}

impl From<&str> for Parameter {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl<T: Into<Self>> From<Option<T>> for Parameter {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Whether a field that may be empty is to be changed, and to what: two parameters, for
/// `CASE WHEN ?n THEN ?m ELSE column END`.
pub fn replaceable(field: &Field<Text>) -> [Parameter; 2] {
    match field {
        Field::Keep => [Parameter::Integer(0), Parameter::Null],
        Field::Set(text) => [Parameter::Integer(1), text.into()],
        Field::Clear => [Parameter::Integer(1), Parameter::Null],
    }
}

/// The first four parameters of every statement: the caller (`?1`), the target's id, NULL for the caller's own (`?2`),
/// the permission that is needed, NULL where none will do (`?3`), and when the caller's token was issued, NULL where it
/// does not say (`?4`).
pub fn guard(access: &Access) -> [Parameter; 4] {
    let target = match &access.target {
        Target::Own => Parameter::Null,
        Target::Named(id) => id.get().into(),
    };
    [access.actor.account().into(), target, access.permission.into(), access.actor.issued_at().into()]
}

/// SQL: whether the caller is active, and its token younger than its password.
macro_rules! is_good {
    () => {
        "caller.is_active = 1 AND (caller.tokens_valid_after IS NULL OR caller.tokens_valid_after <= ?4)"
    };
}

/// SQL: whether the account `?1` is there and good, and its role holds the permission `?3`.
#[rustfmt::skip]
macro_rules! holds_permission { () => { concat!(
"EXISTS (SELECT 1 FROM users AS caller
    JOIN permissionXRole AS link ON link.roleId = caller.role_id
    JOIN permissions AS permission ON permission.id = link.permissionId
    WHERE caller.id = ?1 AND ", is_good!(), " AND permission.nameUri = ?3)"
) } }

/// SQL: whether the account `?1` is there and good.
#[rustfmt::skip]
macro_rules! is_active { () => { concat!(
"EXISTS (SELECT 1 FROM users AS caller WHERE caller.id = ?1 AND ", is_good!(), ")"
) } }

/// SQL: whether a removal is over, and its claim with it. The platform ends a scheduled event after 15 minutes and what
/// goes on after a reply after 30 seconds: a claim that is older was left behind by a crash.
macro_rules! is_over {
    () => {
        "(over_at <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now') \
           OR claimed_at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-20 minutes'))"
    };
}

/// SQL: the entries of a verdict that tell of a removal of the object with this key.
#[rustfmt::skip]
macro_rules! removal { ($key:literal) => { concat!(
"'removal', (SELECT claim FROM removals WHERE key = ", $key, "),
  'removal_over', (SELECT ", is_over!(), " FROM removals WHERE key = ", $key, ")"
) } }
