use super::claim::Claim;
use super::subject::Claimed;
use crate::domain::{BackEnd, Id};
use serde::{Deserialize, Deserializer};

/// The claims that the login services issue (contract A5, A6); all others are ignored, roles among them (A7).
/// A claim that is there as null counts as there: it is then refused, not skipped.
#[derive(Debug, Clone, Deserialize)]
pub struct AccessClaims {
    #[serde(default, deserialize_with = "as_sent")]
    sub: Option<Claim>,
    /// django's.
    #[serde(default, deserialize_with = "as_sent")]
    user_id: Option<Claim>,
    /// seam's.
    #[serde(default, deserialize_with = "as_sent", rename = "idUser")]
    id_user: Option<Claim>,
    /// Beside falcon's `sub`.
    #[serde(default, deserialize_with = "as_sent")]
    profile: Option<Claim>,
    #[serde(default, deserialize_with = "as_sent", rename = "type")]
    kind: Option<Claim>,
    #[serde(default, deserialize_with = "as_sent")]
    token_type: Option<Claim>,
    #[serde(default, deserialize_with = "as_sent")]
    iss: Option<Claim>,
    #[serde(default, deserialize_with = "as_sent")]
    aud: Option<Claim>,
    #[serde(default, deserialize_with = "as_sent")]
    auth_time: Option<Claim>,
}

impl AccessClaims {
    /// The number that the claims name, in the layouts that the login services issue (contract A5). `None` where there
    /// is none, where it is not an id, where two claims disagree, and where numbers of more than one back end are
    /// claimed.
    pub fn claimed(&self) -> Option<Claimed> {
        let (has_profile, profile_id) = match &self.profile {
            Some(Claim::Object(id)) => (true, id.as_deref()),
            _ => (false, None),
        };
        // A profile without a number says something about falcon's `sub` alone.
        let is_falcon = profile_id.is_some() || has_profile && self.sub.is_some();
        match (&self.id_user, &self.user_id, is_falcon) {
            (Some(id), None, false) => in_layout(BackEnd::Seam, [Some(id), self.sub.as_ref()]),
            (None, Some(id), false) => in_layout(BackEnd::Django, [Some(id), self.sub.as_ref()]),
            (None, None, true) => {
                let sub = self.sub.as_ref()?;
                in_layout(BackEnd::Falcon, [Some(sub), profile_id])
            }
            (None, None, false) => {
                let id = self.sub.as_ref().and_then(as_id)?;
                // OpenID Connect's claim of this name is a URL. One that is null is falcon's, for a user who has none.
                let is_bare = matches!(self.profile, None | Some(Claim::Text(_)));
                Some(if is_bare { Claimed::BareSub(id) } else { Claimed::InLayout(BackEnd::Falcon, id) })
            }
            _ => None,
        }
    }

    /// Whether it is one, if it says what it is (contract A6).
    pub fn is_access_token(&self) -> bool {
        [&self.kind, &self.token_type].into_iter().flatten().all(|kind| kind.is("access"))
    }

    /// When the person authenticated, in Unix seconds: `auth_time`, or the token's own `iat` if there is no such claim
    /// (contract A9). `None` if `auth_time` is not a whole number.
    pub fn authenticated_at(&self, issued_at: Option<i64>) -> Option<i64> {
        match &self.auth_time {
            None => issued_at,
            Some(Claim::Integer(seconds)) => Some(*seconds),
            Some(_) => None,
        }
    }

    /// Whether `iss` is this one.
    pub fn is_issued_by(&self, issuer: Option<&str>) -> bool {
        issuer.is_none_or(|issuer| self.iss.as_ref().is_some_and(|iss| iss.is(issuer)))
    }

    /// Whether `aud` is or holds this one.
    pub fn is_meant_for(&self, audience: Option<&str>) -> bool {
        audience.is_none_or(|audience| match &self.aud {
            Some(Claim::List(several)) => several.iter().any(|aud| aud.is(audience)),
            one => one.as_ref().is_some_and(|aud| aud.is(audience)),
        })
    }
}

/// Claims that are there have to be ids, and the same one.
fn in_layout(back_end: BackEnd, claims: [Option<&Claim>; 2]) -> Option<Claimed> {
    let mut ids = claims.into_iter().flatten().map(as_id);
    let first = ids.next()??;
    ids.all(|id| id == Some(first)).then_some(Claimed::InLayout(back_end, first))
}

fn as_id(claim: &Claim) -> Option<Id> {
    match claim {
        Claim::Integer(number) => Id::new(*number),
        Claim::Text(text) => Id::parse(text),
        _ => None,
    }
}

fn as_sent<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Claim>, D::Error> {
    Claim::deserialize(value).map(Some)
}
