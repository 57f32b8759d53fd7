use super::cors::Cors;
use super::d1::Database;
use super::key_service::KeyRing;
use super::limits::RateLimits;
use super::r2::AvatarBucket;
use super::variables::Variables;
use crate::domain::{Fault, Setting};
use crate::serve::UploadLimits;
use crate::serve::feed::Feed;
use crate::serve::origin::{Origin, PassThrough};
use std::cell::RefCell;
use std::rc::Rc;
use worker::Env;

/// A deployment's variables, secrets and bindings, parsed and ready for use.
pub struct Deployment {
    /// The ID that the platform has given the deployed version.
    pub version: Option<String>,
    /// The keys that tokens are verified with.
    pub keys: Rc<KeyRing>,
    /// Maximum age of a person's authentication for a sensitive change, in seconds; `None` if it is not checked
    /// (contract A9).
    pub fresh_token_seconds: Result<Option<u32>, Fault>,
    /// Whether common passwords are refused (contract S7).
    pub blocks_common_passwords: Result<bool, Fault>,
    /// The origins whose pages may call Perfil from a browser.
    pub cors: Cors,
    /// The requests that are passed on to origins (contract X1, X6).
    pub pass_through: Result<PassThrough, Fault>,
    /// The public origin: the base of the URLs that are written into records, if it is set (contract M6).
    pub public_origin: Result<Option<String>, Fault>,
    /// The maximum size of an uploaded picture.
    pub upload_limits: Result<UploadLimits, Fault>,
    /// Minimum age of an object that the sweep removes, in milliseconds (contract M5).
    pub grace: Result<i64, Fault>,
    /// The receivers of the change feed (contract C2).
    pub feed: Feed,
    /// Number of days that rows of the change feed are kept (contract C1).
    pub keep_days: Result<u32, Fault>,
    /// Whether responses tell clients how long the database took.
    pub server_timing: bool,
    /// The rate limits for callers.
    pub limits: RateLimits,
    database: Result<Database, Fault>,
    bucket: Result<AvatarBucket, Fault>,
}

// Names of the bindings, the same as in wrangler.toml.
const DATABASE: &str = "DB";
const AVATARS: &str = "AVATARS";

thread_local! {
    static PREPARED: RefCell<Option<(Env, Rc<Deployment>)>> = const { RefCell::new(None) };
}

impl Deployment {
    /// Returns the prepared deployment. It is prepared again only when the platform passes a different `env`, because
    /// the platform may keep an instance warm while a secret is rotated.
    pub fn of(env: &Env) -> Rc<Self> {
        PREPARED.with_borrow_mut(|prepared| match prepared {
            Some((known, deployment)) if **known == **env => Rc::clone(deployment),
            _ => {
                let deployment = Rc::new(Self::prepare(env));
                *prepared = Some((env.clone(), Rc::clone(&deployment)));
                deployment
            }
        })
    }

    fn prepare(env: &Env) -> Self {
        let variables = Variables(env);
        let problem = "is not bound to a D1 database";
        let database = env.d1(DATABASE).map_err(|_| Fault::Setting { name: DATABASE, problem }).map(Database::new);
        let problem = "is not bound to an R2 bucket";
        let bucket = env.bucket(AVATARS).map_err(|_| Fault::Setting { name: AVATARS, problem }).map(AvatarBucket::new);
        Self {
            version: variables.version(),
            keys: Rc::new(KeyRing::new(variables.keys())),
            fresh_token_seconds: variables.fresh_token_seconds(),
            blocks_common_passwords: variables.blocks_common_passwords(),
            cors: Cors::parse(&variables.text(Setting::CorsAllowedOrigins).unwrap_or_default()),
            pass_through: variables.pass_through(),
            public_origin: variables.public_origin(),
            upload_limits: variables.upload_limits(),
            grace: variables.grace(),
            feed: variables.feed(),
            keep_days: variables.keep_days(),
            server_timing: variables.text(Setting::ServerTiming).is_some_and(|value| value == "on"),
            limits: RateLimits::new(env),
            database,
            bucket,
        }
    }

    /// Returns the origin for requests whose path belongs to no dialect, and for pictures that are not in the bucket.
    pub fn only_origin(&self) -> Option<&Origin> {
        self.pass_through.as_ref().ok().and_then(PassThrough::only_origin)
    }

    /// Returns the accounts database.
    pub fn database(&self) -> Result<&Database, Fault> {
        self.database.as_ref().map_err(Clone::clone)
    }

    /// Returns the bucket that stores pictures.
    pub fn bucket(&self) -> Result<&AvatarBucket, Fault> {
        self.bucket.as_ref().map_err(Clone::clone)
    }
}
