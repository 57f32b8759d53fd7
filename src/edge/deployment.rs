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

/// What a deployment hands to the worker, prepared for use: variables, secrets and bindings.
pub struct Deployment {
    /// The id of the deployed version, as the platform names it.
    pub version: Option<String>,
    /// The keys that tokens are verified with.
    pub keys: Rc<KeyRing>,
    /// How long ago a person may have authenticated to make a sensitive change, if that matters (contract A9).
    pub fresh_token_seconds: Result<Option<u32>, Fault>,
    /// Whether common passwords are refused (contract S7).
    pub blocks_common_passwords: Result<bool, Fault>,
    /// Who may call from a browser.
    pub cors: Cors,
    /// What is passed on to origins (contract X1, X6).
    pub pass_through: Result<PassThrough, Fault>,
    /// What our own URLs begin with, where it is set (contract M6).
    pub public_origin: Result<Option<String>, Fault>,
    /// The largest picture that may be uploaded.
    pub upload_limits: Result<UploadLimits, Fault>,
    /// How old an object must be that is swept away, in milliseconds (contract M5).
    pub grace: Result<i64, Fault>,
    /// To whom the changes are delivered (contract C2).
    pub feed: Feed,
    /// How many days the rows of the change feed are kept (contract C1).
    pub keep_days: Result<u32, Fault>,
    /// Whether clients are told how long the database took.
    pub server_timing: bool,
    /// How often somebody may ask.
    pub limits: RateLimits,
    database: Result<Database, Fault>,
    bucket: Result<AvatarBucket, Fault>,
}

// The bindings, as wrangler.toml names them too.
const DATABASE: &str = "DB";
const AVATARS: &str = "AVATARS";

thread_local! {
    static PREPARED: RefCell<Option<(Env, Rc<Deployment>)>> = const { RefCell::new(None) };
}

impl Deployment {
    /// Prepared once, and again when the platform hands over another `env`: it may keep an instance warm while a
    /// secret is rotated.
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

    /// Where the requests go whose paths are no dialect's, and whose pictures are not here.
    pub fn only_origin(&self) -> Option<&Origin> {
        self.pass_through.as_ref().ok().and_then(PassThrough::only_origin)
    }

    /// The database of the accounts.
    pub fn database(&self) -> Result<&Database, Fault> {
        self.database.as_ref().map_err(Clone::clone)
    }

    /// The bucket of the pictures.
    pub fn bucket(&self) -> Result<&AvatarBucket, Fault> {
        self.bucket.as_ref().map_err(Clone::clone)
    }
}
