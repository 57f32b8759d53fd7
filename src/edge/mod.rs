//! Events, bindings, bodies with their limits, replies and the log line.
//!
//! May import `serve` and what it hands over. With the adapters of `store`, the only room that knows the platform;
//! it decides nothing about accounts. Every call into JavaScript costs more than most of what is computed here: what
//! can be kept from one request to the next is, and what a refused request has no need of is not fetched.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "this room is the platform's")]

mod body;
mod cors;
mod deployment;
mod keys;
mod limits;
mod log;
mod media;
mod request_id;
mod respond;

use crate::domain::{Fault, ObjectKey};
use crate::serve::{self, Call, Reply, Route, Services};
use crate::store::d1::{Database, Spent};
use crate::store::{self, Swept};
use body::Incoming;
use deployment::Deployment;
use keys::Verifier;
use limits::ClientLimits;
use log::{LeftoverLine, Line, SweepLine};
use media::{Asked, Served};
use respond::{Frame, internal_server_error};
use std::rc::Rc;
use std::time::Duration;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::js_sys::Date;
use worker::web_sys::{Headers, Request, Response};
use worker::{Context, Delay, Env, ScheduleContext, ScheduledEvent, event};

#[event(start)]
fn start() {
    console_error_panic_hook::set_once();
}

#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> worker::Result<Response> {
    let started = now();
    let (method, url, headers) = (request.method(), request.url(), request.headers());
    let visit = Visit {
        deployment: Deployment::of(&env),
        context,
        method: &method,
        url: Url::parse(&url),
        headers: &headers,
        started,
    };
    // Only the platform refusing us a header or random bytes fails here.
    visit.answer(request).await.or_else(|error| {
        let mut line = Line::new("", &method, None);
        line.status = 500;
        line.duration_ms = elapsed(started);
        line.cause = Some(error.to_string());
        line.write();
        internal_server_error()
    })
}

/// The reply to a request whose instance is gone: called by `index.js`, on a fresh one. That is made when this is called,
/// after its arguments: so none may be copied into its memory, as a text would be.
#[wasm_bindgen]
pub fn failed(request: Request, env: Env, cause: JsValue) -> Result<Response, JsValue> {
    let (method, url) = (request.method(), request.url());
    let frame = Frame::of(&request.headers(), &Deployment::of(&env).cors)?;
    let route = Route::of(Url::parse(&url).path);
    let reply = serve::failed(&route, Fault::Gone(cause.as_string().unwrap_or_default()));
    let mut line = Line::new(&frame.request_id, &method, route.pattern());
    line.tell(&reply);
    line.write();
    Ok(frame.reply(&reply)?)
}

/// The sweep of the bucket (contract M5), as often as wrangler.toml says.
#[event(scheduled)]
async fn scheduled(_: ScheduledEvent, env: Env, _: ScheduleContext) {
    let started = now();
    let mut swept = Swept::default();
    let failure = sweep(&Deployment::of(&env), started, &mut swept).await.err();
    SweepLine::new(&swept, elapsed(started), failure).write();
}

async fn sweep(deployment: &Deployment, started: i64, swept: &mut Swept) -> Result<(), Fault> {
    let deadline = started.saturating_sub(deployment.grace.clone()?);
    let database = Database::new(deployment.database()?, now);
    store::sweep(&database, deployment.pictures()?, deadline, swept).await
}

/// What a request is answered with.
enum Outcome {
    /// To a browser that asks what it may send: these methods.
    Preflight(&'static str),
    Served(Served),
}

/// One request, and what the platform hands over with it.
struct Visit<'a> {
    deployment: Rc<Deployment>,
    context: Context,
    method: &'a str,
    url: Url<'a>,
    headers: &'a Headers,
    started: i64,
}

impl Visit<'_> {
    async fn answer(&self, request: Request) -> worker::Result<Response> {
        let mut frame = Frame::of(self.headers, &self.deployment.cors)?;
        let route = Route::of(self.url.path);
        let request_id = frame.request_id.clone();
        let mut line = Line::new(&request_id, self.method, route.pattern());
        let outcome = match (&route, route.methods()) {
            (_, Some(methods)) if frame.cors.is_preflight(self.method) => Outcome::Preflight(methods),
            (Route::Picture(key), _) => Outcome::Served(self.picture(key).await?),
            _ => {
                let (reply, spent) = self.reply(&route, request, &request_id).await?;
                line.spend(spent);
                Outcome::Served(Served::Reply(reply))
            }
        };
        line.duration_ms = elapsed(self.started);
        frame.timing = self.deployment.server_timing.then(|| line.server_timing());
        let response = match outcome {
            Outcome::Preflight(methods) => {
                line.status = 204;
                frame.preflight(methods)?
            }
            Outcome::Served(Served::Picture(picture)) => {
                line.status = picture.status;
                frame.picture(picture)?
            }
            Outcome::Served(Served::Reply(reply)) => {
                line.tell(&reply);
                frame.reply(&reply)?
            }
        };
        line.write();
        Ok(response)
    }

    async fn picture(&self, key: &ObjectKey) -> worker::Result<Served> {
        let url = format!("{}{}", self.url.origin, self.url.path);
        let conditions = media::conditions(self.headers)?;
        let asked = Asked { key, method: self.method, url: &url, conditions };
        Ok(media::serve(asked, self.deployment.bucket(), &self.context).await)
    }

    /// The reply, and what was asked of the database for it.
    async fn reply(&self, route: &Route<'_>, request: Request, request_id: &str) -> worker::Result<(Reply, Spent)> {
        let deployment = &self.deployment;
        let database = deployment.database().map(|accounts| Database::new(accounts, now));
        let services = Services {
            keys: deployment.keys.as_ref().map_err(Clone::clone),
            platform: &Verifier { deployment, context: &self.context },
            database: database.as_ref().map_err(Clone::clone),
            bucket: deployment.pictures(),
            limits: &ClientLimits { limits: &deployment.limits, headers: self.headers },
            upload_limit: deployment.upload_limit.clone(),
        };
        let authorization = self.headers.get("authorization")?;
        let call = Call {
            method: self.method,
            authorization: authorization.as_deref(),
            origin: self.url.origin,
            now: self.started.div_euclid(1000),
        };
        let body = Incoming { request, headers: self.headers };
        let mut reply = serve::answer(route, &call, services, body).await;
        if let Some(key) = reply.leftover.take() {
            let url = format!("{}{}", self.url.origin, key.url_path());
            let removal = remove(Rc::clone(deployment), key, url, request_id.to_owned());
            self.context.wait_until(removal);
        }
        let spent = database.map(|database| database.spent()).unwrap_or_default();
        Ok((reply, spent))
    }
}

/// Removes an object that was replaced, once the reply is out, and the copy of it that this place has. Where that
/// fails, the sweep finds it.
async fn remove(deployment: Rc<Deployment>, key: ObjectKey, url: String, request_id: String) {
    Delay::from(Duration::ZERO).await;
    let removed = async {
        let database = Database::new(deployment.database()?, now);
        store::remove(&database, deployment.pictures()?, &[key.to_string()]).await
    };
    match removed.await {
        Ok(0) => {}
        Ok(_) => media::forget(url).await,
        Err(fault) => LeftoverLine::new(&request_id, &fault).write(),
    }
}

/// A URL as the platform writes it.
struct Url<'a> {
    /// Scheme, host and port.
    origin: &'a str,
    /// Still percent-encoded, without query and fragment.
    path: &'a str,
}

impl<'a> Url<'a> {
    fn parse(url: &'a str) -> Self {
        let host = url.find("://").and_then(|at| at.checked_add(3)).unwrap_or(0);
        let path = url.get(host..).and_then(|rest| rest.find('/')).and_then(|at| at.checked_add(host));
        let (origin, path) = path.and_then(|at| url.split_at_checked(at)).unwrap_or((url, "/"));
        Self { origin, path: path.split(['?', '#']).next().unwrap_or(path) }
    }
}

/// Milliseconds of Unix time; the platform's clock stands still between two waits for it.
#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "a whole number of 53 bits")]
fn now() -> i64 {
    Date::now() as i64
}

/// Milliseconds since.
fn elapsed(started: i64) -> u64 {
    now().saturating_sub(started).try_into().unwrap_or(0)
}
