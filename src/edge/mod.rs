//! Events, bindings, bodies with their limits, replies and the log line.
//!
//! May import `serve` and what it hands over. With the adapters of `store`, the only room that knows the platform;
//! it decides nothing about accounts.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "this room is the platform's")]

mod body;
mod cors;
mod log;
mod request_id;
mod respond;
mod settings;

use crate::domain::Fault;
use crate::serve::{self, Call, Route, Services};
use crate::store::d1::Database;
use settings::Settings;
use worker::{Context, Date, Env, Request, Response, event};

/// The binding that holds the accounts; also named in wrangler.toml.
const DATABASE: &str = "DB";

#[event(start)]
fn start() {
    console_error_panic_hook::set_once();
}

#[event(fetch)]
async fn fetch(request: Request, env: Env, _: Context) -> worker::Result<Response> {
    let started = Date::now().as_millis();
    let method = request.inner().method();
    let answered = answer(request, &method, &env, started).await;
    // Only the platform refusing us a header or random bytes comes here.
    answered.or_else(|error| {
        let mut line = log::Line::new("", &method, None, 500);
        line.duration_ms = elapsed(started);
        line.cause = Some(error.to_string());
        line.write();
        Response::error("Internal Server Error", 500)
    })
}

async fn answer(request: Request, method: &str, env: &Env, started: u64) -> worker::Result<Response> {
    let settings = Settings::of(env);
    let headers = request.headers();
    let path = request.path();
    let request_id = request_id::of(headers)?;
    let cors = settings.cors.answer(headers)?;
    let route = Route::of(&path);
    if let Some(methods) = route.methods().filter(|_| cors.is_preflight(method)) {
        log::Line::new(&request_id, method, route.pattern(), 204).write();
        return respond::preflight(methods, &request_id, &cors);
    }

    let database = env
        .d1(DATABASE)
        .map(Database::new)
        .map_err(|_| Fault::Setting { name: DATABASE, problem: "is not bound to a D1 database" });
    let services = Services {
        keys: settings.keys.as_ref().map_err(Clone::clone),
        database: database.as_ref().map_err(Clone::clone),
    };
    let authorization = headers.get("authorization")?;
    let content_type = headers.get("content-type")?;
    let call = Call {
        method,
        path: &path,
        authorization: authorization.as_deref(),
        content_type: content_type.as_deref(),
        now: i64::try_from(started / 1000).unwrap_or(i64::MAX),
    };
    let read_body = async |limit| body::read(request, limit).await;
    let mut reply = serve::answer(&route, &call, services, read_body).await;
    let response = respond::with(&mut reply, &request_id, &cors)?;
    log::Line {
        duration_ms: elapsed(started),
        d1_calls: database.map_or(0, |database| database.calls()),
        account: reply.account,
        code: reply.code,
        cause: reply.fault.map(|fault| fault.to_string()),
        ..log::Line::new(&request_id, method, route.pattern(), reply.answer.status)
    }
    .write();
    Ok(response)
}

/// Milliseconds since; the platform's clock stands still between two waits for it.
fn elapsed(started: u64) -> u64 {
    Date::now().as_millis().saturating_sub(started)
}
