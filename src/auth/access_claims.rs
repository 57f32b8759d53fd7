use super::claim::Claim;
use super::subject::ClaimedId;
use crate::domain::{BackEnd, Id};
use serde::{Deserialize, Deserializer};

/// The claims that the login services issue (contract A5, A6). All others are ignored, including roles (A7). A claim
/// that is present as null counts as present, so it is refused rather than skipped.
#[derive(Debug, Clone, Deserialize)]
pub struct AccessClaims {
    #[serde(default, deserialize_with = "present_claim")]
    sub: Option<Claim>,
    /// Issued by django.
    #[serde(default, deserialize_with = "present_claim")]
    user_id: Option<Claim>,
    /// Issued by seam.
    #[serde(default, deserialize_with = "present_claim", rename = "idUser")]
    id_user: Option<Claim>,
    /// Issued by falcon, alongside `sub`.
    #[serde(default, deserialize_with = "present_claim")]
    profile: Option<Claim>,
    #[serde(default, deserialize_with = "present_claim", rename = "type")]
    kind: Option<Claim>,
    #[serde(default, deserialize_with = "present_claim")]
    token_type: Option<Claim>,
    #[serde(default, deserialize_with = "present_claim")]
    iss: Option<Claim>,
    #[serde(default, deserialize_with = "present_claim")]
    aud: Option<Claim>,
    #[serde(default, deserialize_with = "present_claim")]
    auth_time: Option<Claim>,
}

impl AccessClaims {
    /// Returns the ID that the claims contain, in one of the layouts that the login services issue (contract A5).
    /// Returns `None` if no ID is claimed, if a claim is not an ID, if two claims disagree, or if IDs of more than one
    /// back end are claimed.
    pub fn claimed_id(&self) -> Option<ClaimedId> {
        let (has_profile, profile_id) = match &self.profile {
            Some(Claim::Object(id)) => (true, id.as_deref()),
            _ => (false, None),
        };
        // A profile without an ID only counts as falcon's alongside a `sub`.
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
                // OpenID Connect's `profile` is a URL. A null `profile` is falcon's, for a user who has none.
                let is_bare = matches!(self.profile, None | Some(Claim::Text(_)));
                Some(if is_bare { ClaimedId::BareSub(id) } else { ClaimedId::InLayout(BackEnd::Falcon, id) })
            }
            _ => None,
        }
    }

    /// Returns whether the token is an access token. A token without a type counts as one (contract A6).
    pub fn is_access_token(&self) -> bool {
        [&self.kind, &self.token_type].into_iter().flatten().all(|kind| kind.is("access"))
    }

    /// Returns when the person authenticated, in Unix seconds: `auth_time`, or the token's own `iat` if there is no
    /// such claim (contract A9). Returns `None` if `auth_time` is not a whole number.
    pub fn authenticated_at(&self, issued_at: Option<i64>) -> Option<i64> {
        match &self.auth_time {
            None => issued_at,
            Some(Claim::Integer(seconds)) => Some(*seconds),
            Some(_) => None,
        }
    }

    /// Returns whether `iss` equals the issuer. `None` accepts any token.
    pub fn is_issued_by(&self, issuer: Option<&str>) -> bool {
        issuer.is_none_or(|issuer| self.iss.as_ref().is_some_and(|iss| iss.is(issuer)))
    }

    /// Returns whether `aud` equals or contains the audience. `None` accepts any token.
    pub fn is_meant_for(&self, audience: Option<&str>) -> bool {
        audience.is_none_or(|audience| match &self.aud {
            Some(Claim::List(several)) => several.iter().any(|aud| aud.is(audience)),
            one => one.as_ref().is_some_and(|aud| aud.is(audience)),
        })
    }
}

/// Returns the ID if at least one claim is present and all claims that are present are the same ID.
fn in_layout(back_end: BackEnd, claims: [Option<&Claim>; 2]) -> Option<ClaimedId> {
    let mut ids = claims.into_iter().flatten().map(as_id);
    let first = ids.next()??;
    ids.all(|id| id == Some(first)).then_some(ClaimedId::InLayout(back_end, first))
}

fn as_id(claim: &Claim) -> Option<Id> {
    match claim {
        Claim::Integer(number) => Id::new(*number),
        Claim::Text(text) => Id::parse(text),
        _ => None,
    }
}

fn present_claim<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Claim>, D::Error> {
    Claim::deserialize(value).map(Some)
}
