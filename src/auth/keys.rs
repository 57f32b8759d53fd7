use super::KeyService;
use super::jwk::Algorithm;
use super::key_set::KeySet;
use super::remote::Remote;
use super::secrets::{self, Secret};
use super::subject::{BareSub, Signer, Vouching};
use super::token::{BearerToken, Demands, Opened, SignedClaims};
use crate::domain::{Actor, Failure, Fault, Refusal, Setting};
use jwt_compact::alg::Hs256Key;
use std::fmt;
use std::rc::Rc;

/// The variables that say which tokens are good. An empty text counts as not set.
#[derive(Default)]
pub struct Settings {
    /// `JWT_SECRET` and those of the back ends; see [`secrets::secret_settings`].
    pub secrets: Vec<(Signer, Secret)>,
    /// `JWT_SUB`: whose number a bare `sub` is, where no back end's own secret says so.
    pub bare_sub: Option<String>,
    /// `JWT_JWKS`: the public keys of those who sign with private ones.
    pub key_set: Option<String>,
    /// `JWT_JWKS_URL`: where these keys are fetched.
    pub key_set_url: Option<String>,
    /// `JWT_ISSUER`: what `iss` must be.
    pub issuer: Option<String>,
    /// `JWT_AUDIENCE`: what `aud` must be or hold.
    pub audience: Option<String>,
}

/// The prepared keys and demands that tokens are checked against. Made once for each instance of the worker.
pub struct Keys {
    /// The secrets that tokens are signed with, and whose they are.
    secrets: Vec<(Signer, Hs256Key)>,
    public: Public,
    demands: Demands,
}

/// Where the public keys are.
enum Public {
    None,
    Here(Rc<KeySet>),
    There(Remote),
}

impl Keys {
    /// Refuses to be made without any key, and from a short secret: a weak key is never verified with (contract A2).
    pub fn new(settings: Settings) -> Result<Self, Fault> {
        let set = |value: Option<String>| value.filter(|text| !text.is_empty());
        let public = Public::new(set(settings.key_set), set(settings.key_set_url))?;
        let secrets = secrets::prepare(settings.secrets)?;
        if secrets.is_empty() && matches!(public, Public::None) {
            return Err(Fault::Setting {
                name: Setting::JwtSecret.name(),
                problem: "is not set (wrangler secret put JWT_SECRET; locally, npm run dev makes one)",
            });
        }
        let problem = "is not account, seam, falcon, django or none";
        let bare_sub = BareSub::parse(&set(settings.bare_sub).unwrap_or_else(|| "account".to_owned()))
            .ok_or(Fault::Setting { name: Setting::JwtSub.name(), problem })?;
        let own = secrets.iter().filter_map(|(signer, _)| signer.back_end());
        let vouching = Vouching { bare_sub, with_own_secret: own.collect() };
        let demands = Demands { issuer: set(settings.issuer), audience: set(settings.audience), vouching };
        Ok(Self { secrets, public, demands })
    }

    /// Verifies a token's form, algorithm, signature and claims (contract A2–A6); `now` is in Unix seconds.
    /// Whether the account is there and active is the database's to say (contract A7).
    ///
    /// Fails where the keys that it takes were never there to be fetched.
    pub async fn verify(&self, token: BearerToken<'_>, now: i64, service: &impl KeyService) -> Result<Actor, Failure> {
        let token = token.open().ok_or(Refusal::BadToken)?;
        let claims = match Algorithm::named(token.algorithm()) {
            // What is not HS256 either is refused by jwt-compact.
            None => self.secrets.iter().find_map(|(signer, key)| token.signed_with(key, *signer)),
            // Apart, so that the many that are HS256 do not carry the room for it along.
            Some(algorithm) => Box::pin(self.signed_by_owner(&token, algorithm, now, service)).await?,
        };
        Ok(claims.and_then(|claims| self.demands.judge(&claims, now)).ok_or(Refusal::BadToken)?)
    }

    /// Hands over what came of a fetch that [`KeyService::fetch`] has begun. An error is for the log.
    pub fn receive(&self, answer: Result<Vec<u8>, Fault>) -> Result<(), Fault> {
        match &self.public {
            Public::There(remote) => remote.receive(answer),
            Public::None | Public::Here(_) => Ok(()),
        }
    }

    async fn signed_by_owner(
        &self,
        token: &Opened<'_>,
        algorithm: Algorithm,
        now: i64,
        service: &impl KeyService,
    ) -> Result<Option<SignedClaims>, Fault> {
        let kid = token.key_id();
        let set = match &self.public {
            Public::None => return Ok(None),
            Public::Here(set) => Rc::clone(set),
            Public::There(remote) => {
                let knows = |set: &KeySet| !set.candidates(algorithm, kid).is_empty();
                remote.set(now, knows, service).await?
            }
        };
        for key in set.candidates(algorithm, kid) {
            if let Some(claims) = token.signed_by(key, service).await {
                return Ok(Some(claims));
            }
        }
        Ok(None)
    }
}

impl Public {
    fn new(here: Option<String>, url: Option<String>) -> Result<Self, Fault> {
        let fault = |setting: Setting, problem| Fault::Setting { name: setting.name(), problem };
        match (here, url) {
            (None, None) => Ok(Self::None),
            (Some(_), Some(_)) => Err(fault(Setting::JwtJwksUrl, "is set beside JWT_JWKS: only one of them can be")),
            (None, Some(url)) => Remote::new(url)
                .map(Self::There)
                .ok_or(fault(Setting::JwtJwksUrl, "is no https URL (or http, on localhost)")),
            (Some(json), None) => {
                let set = KeySet::parse(json.as_bytes()).map_err(|problem| fault(Setting::JwtJwks, problem))?;
                match (set.has_secrets(), set.is_empty()) {
                    (true, _) => {
                        Err(fault(Setting::JwtJwks, "holds a private or a shared key: it takes public ones alone"))
                    }
                    (false, true) => {
                        Err(fault(Setting::JwtJwks, "holds no key for RS256, ES256 or EdDSA that may be used"))
                    }
                    (false, false) => Ok(Self::Here(Rc::new(set))),
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
