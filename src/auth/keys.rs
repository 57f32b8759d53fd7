use super::KeyService;
use super::jwk::Algorithm;
use super::key_set::KeySet;
use super::remote::RemoteKeySet;
use super::secrets::{self, Secret};
use super::subject::{BareSub, Signer, Vouching};
use super::token::{BearerToken, DecodedToken, Requirements, SignedClaims};
use crate::domain::{Actor, Failure, Fault, Refusal, Setting};
use jwt_compact::alg::Hs256Key;
use std::fmt;
use std::rc::Rc;

/// The settings that determine which tokens are valid. An empty value counts as not set.
#[derive(Default)]
pub struct Settings {
    /// `JWT_SECRET` and the back ends' own secrets; see [`secrets::secret_settings`].
    pub secrets: Vec<(Signer, Secret)>,
    /// `JWT_SUB`: the interpretation of the ID in a bare `sub`, unless a back end's own secret signed the token.
    pub bare_sub: Option<String>,
    /// `JWT_JWKS`: the public keys of login services that sign with private keys.
    pub key_set: Option<String>,
    /// `JWT_JWKS_URL`: the URL that these keys are fetched from.
    pub key_set_url: Option<String>,
    /// `JWT_ISSUER`: the required value of `iss`.
    pub issuer: Option<String>,
    /// `JWT_AUDIENCE`: the value that `aud` must equal or contain.
    pub audience: Option<String>,
}

/// The prepared keys and requirements that tokens are checked against. They are created once per instance of the
/// worker.
pub struct Keys {
    /// The secrets that tokens are signed with, and their owners.
    secrets: Vec<(Signer, Hs256Key)>,
    public: PublicKeys,
    requirements: Requirements,
}

/// The source of the public keys.
enum PublicKeys {
    None,
    Inline(Rc<KeySet>),
    Remote(RemoteKeySet),
}

impl Keys {
    /// Prepares the keys. Fails if there is no key or if a secret is too short, so that no token is ever verified with
    /// a weak key (contract A2).
    pub fn new(settings: Settings) -> Result<Self, Fault> {
        let set = |value: Option<String>| value.filter(|text| !text.is_empty());
        let public = PublicKeys::new(set(settings.key_set), set(settings.key_set_url))?;
        let secrets = secrets::prepare(settings.secrets)?;
        if secrets.is_empty() && matches!(public, PublicKeys::None) {
            return Err(Fault::Setting {
                name: Setting::JwtSecret.name(),
                problem: "is not set (wrangler secret put JWT_SECRET; locally, npm run dev creates one)",
            });
        }
        let problem = "is not account, seam, falcon, django or none";
        let bare_sub = BareSub::parse(&set(settings.bare_sub).unwrap_or_else(|| "account".to_owned()))
            .ok_or(Fault::Setting { name: Setting::JwtSub.name(), problem })?;
        let own = secrets.iter().filter_map(|(signer, _)| signer.back_end());
        let vouching = Vouching { bare_sub, with_own_secret: own.collect() };
        let requirements = Requirements { issuer: set(settings.issuer), audience: set(settings.audience), vouching };
        Ok(Self { secrets, public, requirements })
    }

    /// Verifies a token's form, algorithm, signature and claims (contract A2–A6); `now` is in Unix seconds. The
    /// database decides whether the account exists and is active (contract A7).
    ///
    /// Returns a fault if it needs public keys that have never been fetched successfully.
    pub async fn verify(&self, token: BearerToken<'_>, now: i64, service: &impl KeyService) -> Result<Actor, Failure> {
        let token = token.decode().ok_or(Refusal::BadToken)?;
        let claims = match Algorithm::named(token.algorithm()) {
            // jwt-compact refuses all algorithms but HS256 here.
            None => self.secrets.iter().find_map(|(signer, key)| token.verify_hs256(key, *signer)),
            // Boxed, so that the futures of the many HS256 tokens do not reserve memory for it.
            Some(algorithm) => Box::pin(self.verify_with_public_keys(&token, algorithm, now, service)).await?,
        };
        Ok(claims.and_then(|claims| self.requirements.check(&claims, now)).ok_or(Refusal::BadToken)?)
    }

    /// Takes the result of a fetch that [`KeyService::fetch`] started. An error is for the log.
    pub fn receive(&self, fetched: Result<Vec<u8>, Fault>) -> Result<(), Fault> {
        match &self.public {
            PublicKeys::Remote(remote) => remote.receive(fetched),
            PublicKeys::None | PublicKeys::Inline(_) => Ok(()),
        }
    }

    async fn verify_with_public_keys(
        &self,
        token: &DecodedToken<'_>,
        algorithm: Algorithm,
        now: i64,
        service: &impl KeyService,
    ) -> Result<Option<SignedClaims>, Fault> {
        let kid = token.key_id();
        let set = match &self.public {
            PublicKeys::None => return Ok(None),
            PublicKeys::Inline(set) => Rc::clone(set),
            PublicKeys::Remote(remote) => {
                let has_key = |set: &KeySet| !set.candidates(algorithm, kid).is_empty();
                remote.key_set(now, has_key, service).await?
            }
        };
        for key in set.candidates(algorithm, kid) {
            if let Some(claims) = token.verify_signature(key, service).await {
                return Ok(Some(claims));
            }
        }
        Ok(None)
    }
}

impl PublicKeys {
    fn new(inline: Option<String>, url: Option<String>) -> Result<Self, Fault> {
        let fault = |setting: Setting, problem| Fault::Setting { name: setting.name(), problem };
        match (inline, url) {
            (None, None) => Ok(Self::None),
            (Some(_), Some(_)) => Err(fault(Setting::JwtJwksUrl, "conflicts with JWT_JWKS: set only one of them")),
            (None, Some(url)) => RemoteKeySet::new(url)
                .map(Self::Remote)
                .ok_or(fault(Setting::JwtJwksUrl, "is not an https URL (or http, on localhost)")),
            (Some(json), None) => {
                let set = KeySet::parse(json.as_bytes()).map_err(|problem| fault(Setting::JwtJwks, problem))?;
                match (set.has_secrets(), set.is_empty()) {
                    (true, _) => Err(fault(
                        Setting::JwtJwks,
                        "contains a private or symmetric key: only public keys are allowed",
                    )),
                    (false, true) => Err(fault(Setting::JwtJwks, "contains no usable key for RS256, ES256 or EdDSA")),
                    (false, false) => Ok(Self::Inline(Rc::new(set))),
                }
            }
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Keys([redacted])")
    }
}
