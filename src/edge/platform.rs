use super::body::Incoming;
use super::clock::now;
use super::d1::{Connection, DatabaseCost};
use super::deployment::Deployment;
use super::event_loop::Timers;
use super::key_service::WebCrypto;
use super::limits::ClientLimits;
use super::r2::AvatarBucket;
use crate::auth::Keys;
use crate::domain::Fault;
use crate::serve::origin::PassThrough;
use crate::serve::{self, Health, InFlight, KnownAccounts, UploadLimits};
use std::rc::Rc;
use worker::Context;
use worker::web_sys::Headers;

/// The platform's services for one request.
pub struct RequestPlatform<'a> {
    deployment: &'a Deployment,
    key_service: WebCrypto<'a>,
    event_loop: Timers,
    database: Result<Connection<'a>, Fault>,
    health: Rc<Health>,
    in_flight: Rc<InFlight>,
    known: Rc<KnownAccounts>,
    limits: ClientLimits<'a>,
}

thread_local! {
    // These belong to the instance and not to the deployment, because a change of settings does not clear its memory.
    static HEALTH: Rc<Health> = Rc::default();
    static KNOWN: Rc<KnownAccounts> = Rc::default();
    static IN_FLIGHT: Rc<InFlight> = Rc::new(InFlight::new());
}

impl<'a> RequestPlatform<'a> {
    /// Creates the services of one request from a prepared deployment.
    pub fn new(deployment: &'a Rc<Deployment>, context: &'a Context, headers: &'a Headers) -> Self {
        Self {
            deployment,
            key_service: WebCrypto { ring: &deployment.keys, context },
            event_loop: Timers::new(),
            database: deployment.database().map(|database| Connection::new(database, now)),
            health: HEALTH.with(Rc::clone),
            in_flight: IN_FLIGHT.with(Rc::clone),
            known: KNOWN.with(Rc::clone),
            limits: ClientLimits { limits: &deployment.limits, headers },
        }
    }

    /// Returns the cost of the request's calls to the database so far.
    pub fn database_cost(&self) -> DatabaseCost {
        self.database.as_ref().map(Connection::cost).unwrap_or_default()
    }
}

impl<'a> serve::Platform for RequestPlatform<'a> {
    type KeyService = WebCrypto<'a>;
    type EventLoop = Timers;
    type Database = Connection<'a>;
    type Bucket = AvatarBucket;
    type Limits = ClientLimits<'a>;
    type Body = Incoming<'a>;

    fn keys(&self) -> Result<&Keys, Fault> {
        self.deployment.keys.keys.as_ref().map_err(Clone::clone)
    }

    fn key_service(&self) -> &Self::KeyService {
        &self.key_service
    }

    fn event_loop(&self) -> &Self::EventLoop {
        &self.event_loop
    }

    fn fresh_token_seconds(&self) -> Result<Option<u32>, Fault> {
        self.deployment.fresh_token_seconds.clone()
    }

    fn blocks_common_passwords(&self) -> Result<bool, Fault> {
        self.deployment.blocks_common_passwords.clone()
    }

    fn database(&self) -> Result<&Self::Database, Fault> {
        self.database.as_ref().map_err(Clone::clone)
    }

    fn bucket(&self) -> Result<&Self::Bucket, Fault> {
        self.deployment.bucket()
    }

    fn health(&self) -> &Health {
        &self.health
    }

    fn known(&self) -> &KnownAccounts {
        &self.known
    }

    fn in_flight(&self) -> &InFlight {
        &self.in_flight
    }

    fn limits(&self) -> &Self::Limits {
        &self.limits
    }

    fn pass_through(&self) -> Result<&PassThrough, Fault> {
        self.deployment.pass_through.as_ref().map_err(Clone::clone)
    }

    fn public_origin(&self) -> Result<Option<&str>, Fault> {
        self.deployment.public_origin.as_ref().map(Option::as_deref).map_err(Clone::clone)
    }

    fn upload_limits(&self) -> Result<UploadLimits, Fault> {
        self.deployment.upload_limits.clone()
    }
}
