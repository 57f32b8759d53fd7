use super::body::Incoming;
use super::clock::now;
use super::d1::{Connection, Spent};
use super::deployment::Deployment;
use super::event_loop::Timers;
use super::key_service::WebCrypto;
use super::limits::ClientLimits;
use super::r2::AvatarBucket;
use crate::auth::Keys;
use crate::domain::Fault;
use crate::serve;
use std::rc::Rc;
use worker::Context;
use worker::web_sys::Headers;

/// What the platform hands in for one request.
pub struct RequestPlatform<'a> {
    deployment: &'a Deployment,
    key_service: WebCrypto<'a>,
    event_loop: Timers,
    database: Result<Connection<'a>, Fault>,
    limits: ClientLimits<'a>,
}

impl<'a> RequestPlatform<'a> {
    /// The request's own use of what the deployment has prepared.
    pub fn new(deployment: &'a Rc<Deployment>, context: &'a Context, headers: &'a Headers) -> Self {
        Self {
            deployment,
            key_service: WebCrypto { ring: &deployment.keys, context },
            event_loop: Timers::new(),
            database: deployment.database().map(|database| Connection::new(database, now)),
            limits: ClientLimits { limits: &deployment.limits, headers },
        }
    }

    /// What the request's calls to the database have cost so far.
    pub fn spent(&self) -> Spent {
        self.database.as_ref().map(Connection::spent).unwrap_or_default()
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

    fn database(&self) -> Result<&Self::Database, Fault> {
        self.database.as_ref().map_err(Clone::clone)
    }

    fn bucket(&self) -> Result<&Self::Bucket, Fault> {
        self.deployment.bucket()
    }

    fn limits(&self) -> &Self::Limits {
        &self.limits
    }

    fn upload_limit(&self) -> Result<usize, Fault> {
        self.deployment.upload_limit.clone()
    }
}
