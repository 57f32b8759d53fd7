//! Events, bindings, bodies with their limits, replies and the log line.
//!
//! May import `serve` and what it hands over. With the adapters of `store`, the only room that knows the platform;
//! it decides nothing about accounts.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "this room is the platform's")]

mod body;
mod cors;
mod limits;
mod log;
mod media;
mod request_id;
mod respond;
mod settings;

use crate::domain::{Fault, ObjectKey};
use crate::serve::{self, Call, Reply, Route, Services};
use crate::store::d1::Database;
use crate::store::r2::Pictures;
use crate::store::{self, Swept};
use body::Incoming;
use limits::RateLimits;
use log::{LeftoverLine, Line, SweepLine};
use media::{Asked, Served};
use respond::Frame;
use settings::Settings;
use std::time::Duration;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::web_sys::{Request as PlatformRequest, Response as PlatformResponse};
use worker::{Bucket, Context, Date, Delay, Env, Request, Response, ScheduleContext, ScheduledEvent, event};

/// The binding that holds the accounts; also named in wrangler.toml.
const DATABASE: &str = "DB";
/// The binding that holds the pictures; also named in wrangler.toml.
const BUCKET: &str = "AVATARS";

#[event(start)]
fn start() {
    console_error_panic_hook::set_once();
}

#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> worker::Result<Response> {
    let started = Date::now().as_millis();
    let method = request.inner().method();
    let visit = Visit { env, context, method: &method, started };
    // Only the platform refusing us a header or random bytes fails here.
    visit.answer(request).await.or_else(|error| {
        let mut line = Line::new("", &method, None);
        line.status = 500;
        line.duration_ms = elapsed(started);
        line.cause = Some(error.to_string());
        line.write();
        Response::error("Internal Server Error", 500)
    })
}

/// The reply to a request whose instance is gone: called by `index.js`, on a fresh one. That is made when this is called,
/// after its arguments: so none may be copied into its memory, as a text would be.
#[wasm_bindgen]
pub fn failed(request: PlatformRequest, env: Env, cause: JsValue) -> Result<PlatformResponse, JsValue> {
    let request = Request::from(request);
    let (method, path) = (request.inner().method(), request.path());
    let frame = Frame::of(request.headers(), &Settings::of(&env).cors)?;
    let route = Route::of(&path);
    let reply = serve::failed(&route, Fault::Gone(cause.as_string().unwrap_or_default()));
    let mut line = Line::new(&frame.request_id, &method, route.pattern());
    line.tell(&reply);
    line.write();
    Ok(frame.reply(reply)?.into())
}

/// The sweep of the bucket (contract M5), as often as wrangler.toml says.
#[event(scheduled)]
async fn scheduled(_: ScheduledEvent, env: Env, _: ScheduleContext) {
    let started = Date::now().as_millis();
    let mut swept = Swept::default();
    let failure = sweep(&env, started, &mut swept).await.err();
    SweepLine::new(&swept, elapsed(started), failure).write();
}

async fn sweep(env: &Env, now: u64, swept: &mut Swept) -> Result<(), Fault> {
    let grace = Settings::of(env).grace.clone()?;
    let deadline = i64::try_from(now).unwrap_or(i64::MAX).saturating_sub(grace);
    store::sweep(&database(env)?, &pictures(env)?, deadline, swept).await
}

/// One request, and what the platform hands over with it.
struct Visit<'a> {
    env: Env,
    context: Context,
    method: &'a str,
    started: u64,
}

impl Visit<'_> {
    async fn answer(&self, request: Request) -> worker::Result<Response> {
        let settings = Settings::of(&self.env);
        let path = request.path();
        let frame = Frame::of(request.headers(), &settings.cors)?;
        let route = Route::of(&path);
        let mut line = Line::new(&frame.request_id, self.method, route.pattern());
        let response = match (&route, route.methods()) {
            (_, Some(methods)) if frame.cors.is_preflight(self.method) => {
                line.status = 204;
                frame.preflight(methods)?
            }
            (Route::Picture(key), _) => match self.picture(key, &request, &path).await? {
                Served::Picture { status, headers, body } => {
                    line.status = status;
                    frame.picture(status, headers, body)?
                }
                Served::Reply(reply) => {
                    line.tell(&reply);
                    frame.reply(reply)?
                }
            },
            _ => {
                let (reply, d1_calls) = self.reply(&settings, &route, request, &frame.request_id).await?;
                line.tell(&reply);
                line.d1_calls = d1_calls;
                frame.reply(reply)?
            }
        };
        line.duration_ms = elapsed(self.started);
        line.write();
        Ok(response)
    }

    async fn picture(&self, key: &ObjectKey, request: &Request, path: &str) -> worker::Result<Served> {
        let url = format!("{}{path}", origin(&request.inner().url()));
        let conditions = media::conditions(request.headers())?;
        let asked = Asked { key, method: self.method, url: &url, conditions };
        Ok(media::serve(asked, bucket(&self.env).as_ref().map_err(Clone::clone), &self.context).await)
    }

    /// The reply, and how often the database was called for it.
    async fn reply(
        &self,
        settings: &Settings,
        route: &Route<'_>,
        request: Request,
        request_id: &str,
    ) -> worker::Result<(Reply, u32)> {
        let headers = request.headers();
        let (database, pictures) = (database(&self.env), pictures(&self.env));
        let services = Services {
            keys: settings.keys.as_ref().map_err(Clone::clone),
            database: database.as_ref().map_err(Clone::clone),
            bucket: pictures.as_ref().map_err(Clone::clone),
            limits: &RateLimits(&self.env),
            upload_limit: settings.upload_limit.clone(),
        };
        let (authorization, content_type) = (headers.get("authorization")?, headers.get("content-type")?);
        let client = headers.get("cf-connecting-ip")?;
        let url = request.inner().url();
        let call = Call {
            method: self.method,
            authorization: authorization.as_deref(),
            content_type: content_type.as_deref(),
            origin: origin(&url),
            client: client.as_deref().unwrap_or("unknown"),
            now: i64::try_from(self.started / 1000).unwrap_or(i64::MAX),
        };
        let mut reply = serve::answer(route, &call, services, Incoming(request)).await;
        if let Some(key) = reply.leftover.take() {
            let url = format!("{}{}", origin(&url), key.url_path());
            self.context.wait_until(remove(self.env.clone(), key, url, request_id.to_owned()));
        }
        let calls = database.map_or(0, |database| database.calls());
        Ok((reply, calls))
    }
}

/// Removes an object that was replaced, once the reply is out, and the copy of it that this place has. Where that
/// fails, the sweep finds it.
async fn remove(env: Env, key: ObjectKey, url: String, request_id: String) {
    Delay::from(Duration::ZERO).await;
    let removed = async { store::remove(&database(&env)?, &pictures(&env)?, &[key.to_string()]).await };
    match removed.await {
        Ok(0) => {}
        Ok(_) => media::forget(url).await,
        Err(fault) => LeftoverLine::new(&request_id, &fault).write(),
    }
}

fn database(env: &Env) -> Result<Database, Fault> {
    let problem = "is not bound to a D1 database";
    env.d1(DATABASE).map(Database::new).map_err(|_| Fault::Setting { name: DATABASE, problem })
}

fn bucket(env: &Env) -> Result<Bucket, Fault> {
    let problem = "is not bound to an R2 bucket";
    env.bucket(BUCKET).map_err(|_| Fault::Setting { name: BUCKET, problem })
}

fn pictures(env: &Env) -> Result<Pictures, Fault> {
    bucket(env).map(Pictures::new)
}

/// Scheme, host and port of a URL as the platform writes it.
fn origin(url: &str) -> &str {
    let host = url.find("://").and_then(|at| at.checked_add(3)).unwrap_or(0);
    let path = url.get(host..).and_then(|rest| rest.find('/')).and_then(|at| at.checked_add(host));
    path.and_then(|at| url.get(..at)).unwrap_or(url)
}

/// Milliseconds since; the platform's clock stands still between two waits for it.
fn elapsed(started: u64) -> u64 {
    Date::now().as_millis().saturating_sub(started)
}
