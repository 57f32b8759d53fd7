//! Everything that depends on the platform: events, bindings, bodies with their limits, replies, the log, and the
//! adapters for D1, R2, fetch, Web Cryptography and the rate limits.
//!
//! May import `serve`, `domain`, `auth` and `store`. It is the only module that may name `worker` and `wasm-bindgen`,
//! and it decides nothing about accounts. A call into JavaScript costs more than most of the computation here, so
//! values are reused across requests where possible, and a refused request does only the work that refusing it takes.

#![allow(clippy::disallowed_types, reason = "only this module may use the platform's types")]

mod background;
mod body;
mod clock;
mod cors;
mod d1;
mod deadline;
mod deployment;
mod event_loop;
mod events;
mod feed;
mod headers;
mod key_service;
mod limits;
mod log;
mod media;
mod origin;
mod platform;
mod r2;
mod request_id;
mod respond;
mod retention;
mod variables;
mod visit;

use crate::domain::Fault;
use crate::serve::{self, Route};
use crate::store::{self, SweepResult};
use clock::{elapsed, now};
use d1::Connection;
use deployment::Deployment;
use events::SweepLine;
use log::Line;
use respond::{CommonHeaders, internal_server_error};
use visit::{Visit, target_of, url_of};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::web_sys::{Request, Response};
use worker::{Context, Env, ScheduleContext, ScheduledEvent, event};

pub use d1::DEADLINE as DATABASE_DEADLINE;
pub use r2::DEADLINE as BUCKET_DEADLINE;

/// Makes panics log their message, which WebAssembly would otherwise lose.
#[event(start)]
fn start() {
    console_error_panic_hook::set_once();
}

#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> worker::Result<Response> {
    let started = now();
    let (method, url, headers) = (request.method(), request.url(), request.headers());
    let deployment = Deployment::of(&env);
    let split = url_of(&url);
    let visit = Visit {
        deployment: &deployment,
        context: &context,
        method: &method,
        url: split,
        target: target_of(&url, split.origin),
        headers: &headers,
        started,
    };
    // This fails only if the platform fails to provide a header or random bytes.
    visit.handle(request).await.or_else(|error| {
        let mut line = Line::new("", &method, None);
        line.status = 500;
        line.duration_ms = elapsed(started);
        line.cause = Some(error.to_string());
        line.write();
        internal_server_error()
    })
}

/// Replies to a request whose instance has crashed. `index.js` calls this on a fresh instance, which the call itself
/// creates, but only after it has passed the arguments. Therefore no argument may be of a type that is copied into the
/// instance's memory, such as a string.
#[wasm_bindgen]
pub fn failed(request: Request, env: Env, cause: JsValue) -> Result<Response, JsValue> {
    let (method, url) = (request.method(), request.url());
    let deployment = Deployment::of(&env);
    let common = CommonHeaders::new(&method, &request.headers(), &deployment.cors)?;
    let route = Route::of(url_of(&url).path);
    let reply = serve::failed(&route, Fault::Crashed(cause.as_string().unwrap_or_default()));
    let mut line = Line::new(&common.request_id, &method, route.pattern());
    line.version.clone_from(&deployment.version);
    line.record_reply(&reply);
    line.write();
    Ok(common.reply(&reply)?)
}

/// The cron expression of the event that delivers changes, as in wrangler.toml. Any other expression stands for the
/// nightly event.
const EVERY_MINUTE: &str = "* * * * *";

/// Handles scheduled events. Every minute, it delivers the change feed (contract C3). Every night, it sweeps the bucket
/// (M5) and removes old rows from the change feed (C1).
#[event(scheduled)]
async fn scheduled(event: ScheduledEvent, env: Env, _: ScheduleContext) {
    let started = now();
    let deployment = Deployment::of(&env);
    if event.cron() == EVERY_MINUTE {
        return feed::every_minute(&deployment).await;
    }
    let mut swept = SweepResult::default();
    let failure = sweep(&deployment, started, &mut swept).await.err();
    SweepLine::new(&swept, elapsed(started), failure).write();
    retention::run(&deployment).await;
}

async fn sweep(deployment: &Deployment, started: i64, swept: &mut SweepResult) -> Result<(), Fault> {
    let deadline = started.saturating_sub(deployment.grace.clone()?);
    let database = Connection::new(deployment.database()?, now);
    store::sweep(&database, deployment.bucket()?, deadline, swept).await
}
