use super::subject::Claimed;
use crate::domain::{BackEnd, Id};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The claims that the login services issue (contract A5, A6); all others are ignored, roles among them (A7).
/// A claim that is there as null counts as there: it is then refused, not skipped.
#[derive(Debug, Clone, Deserialize)]
pub struct AccessClaims {
    #[serde(default, deserialize_with = "as_sent")]
    sub: Option<Value>,
    /// django's.
    #[serde(default, deserialize_with = "as_sent")]
    user_id: Option<Value>,
    /// seam's.
    #[serde(default, deserialize_with = "as_sent", rename = "idUser")]
    id_user: Option<Value>,
    /// An object beside falcon's `sub`.
    #[serde(default, deserialize_with = "as_sent")]
    profile: Option<Value>,
    #[serde(default, deserialize_with = "as_sent", rename = "type")]
    kind: Option<Value>,
    #[serde(default, deserialize_with = "as_sent")]
    token_type: Option<Value>,
    #[serde(default, deserialize_with = "as_sent")]
    iss: Option<Value>,
    #[serde(default, deserialize_with = "as_sent")]
    aud: Option<Value>,
}

impl AccessClaims {
    /// The number that the claims name, in the layouts that the login services issue (contract A5). `None` where there
    /// is none, where it is not an id, where two claims disagree, and where numbers of more than one back end are
    /// claimed.
    pub fn claimed(&self) -> Option<Claimed> {
        let profile = self.profile.as_ref().and_then(Value::as_object);
        let profile_id = profile.and_then(|profile| profile.get("id"));
        // A profile without a number says something about falcon's `sub` alone.
        let is_falcon = profile_id.is_some() || profile.is_some() && self.sub.is_some();
        match (&self.id_user, &self.user_id, is_falcon) {
            (Some(id), None, false) => in_layout(BackEnd::Seam, [Some(id), self.sub.as_ref()]),
            (None, Some(id), false) => in_layout(BackEnd::Django, [Some(id), self.sub.as_ref()]),
            (None, None, true) => {
                let sub = self.sub.as_ref()?;
                in_layout(BackEnd::Falcon, [Some(sub), profile_id])
            }
            (None, None, false) => self.sub.as_ref().and_then(as_id).map(Claimed::BareSub),
            _ => None,
        }
    }

    /// Whether it is one, if it says what it is (contract A6).
    pub fn is_access_token(&self) -> bool {
        [&self.kind, &self.token_type].into_iter().flatten().all(|kind| kind == "access")
    }

    /// Whether `iss` is this one.
    pub fn is_issued_by(&self, issuer: Option<&str>) -> bool {
        issuer.is_none_or(|issuer| self.iss.as_ref().is_some_and(|iss| iss == issuer))
    }

    /// Whether `aud` is or holds this one.
    pub fn is_meant_for(&self, audience: Option<&str>) -> bool {
        audience.is_none_or(|audience| match &self.aud {
            Some(Value::Array(several)) => several.iter().any(|aud| aud == audience),
            one => one.as_ref().is_some_and(|aud| aud == audience),
        })
    }
}

/// Claims that are there have to be ids, and the same one.
fn in_layout(back_end: BackEnd, claims: [Option<&Value>; 2]) -> Option<Claimed> {
    let mut ids = claims.into_iter().flatten().map(as_id);
    let first = ids.next()??;
    ids.all(|id| id == Some(first)).then_some(Claimed::InLayout(back_end, first))
}

fn as_id(claim: &Value) -> Option<Id> {
    match claim {
        Value::Number(number) => number.as_i64().and_then(Id::new),
        Value::String(text) => Id::parse(text),
        _ => None,
    }
}

fn as_sent<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(value).map(Some)
}
