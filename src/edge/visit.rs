//! Routes one request and writes its log line.

use super::background::run_in_background;
use super::body::Incoming;
use super::clock::{elapsed, now};
use super::d1::Connection;
use super::deployment::Deployment;
use super::events::LeftoverLine;
use super::feed;
use super::log::Line;
use super::media::{self, MediaRequest};
use super::origin::{self, ForwardedRequest};
use super::platform::RequestPlatform;
use super::r2::AvatarBucket;
use super::request_id;
use super::respond::{CommonHeaders, Served};
use crate::domain::{ObjectKey, Url};
use crate::serve::origin::{Destination, Origin};
use crate::serve::{self, Call, Newcomer, OriginalBody, Outcome, Reply, Route};
use crate::store;
use std::rc::Rc;
use std::time::Duration;
use worker::web_sys::{Headers, Request, Response};
use worker::{Context, Delay};

/// One request, and what the platform provides with it.
pub struct Visit<'a> {
    pub deployment: &'a Rc<Deployment>,
    pub context: &'a Context,
    pub method: &'a str,
    pub url: Url<'a>,
    /// Path and query, unchanged.
    pub target: &'a str,
    pub headers: &'a Headers,
    /// Unix time in milliseconds.
    pub started: i64,
}

impl Visit<'_> {
    /// Handles the request and returns the response. The log line is written when the response is ready.
    pub async fn handle(&self, request: Request) -> worker::Result<Response> {
        let mut common = CommonHeaders::new(self.method, self.headers, &self.deployment.cors)?;
        let route = Route::of(self.url.path);
        let request_id = common.request_id.clone();
        let mut line = Line::new(&request_id, self.method, route.pattern());
        line.trace_id = request_id::trace_id(self.headers)?;
        line.version.clone_from(&self.deployment.version);
        let body = Incoming { request, headers: self.headers };
        let served = match self.destination(&route, &common)? {
            Ok(Destination::Origin(origin)) => {
                self.pass_on(&route, origin, OriginalBody::Unread(body), &mut line).await
            }
            Ok(Destination::Perfil)
                if common.cors.is_preflight()
                    && let Some(methods) = route.methods() =>
            {
                Served::Preflight(methods)
            }
            Ok(Destination::Perfil) => self.serve(&route, body, &mut line).await?,
            Ok(Destination::MissingOrigin) => Served::Reply(serve::failed(&route, serve::origin::missing_origin())),
            Err(reply) => Served::Reply(reply),
        };
        line.duration_ms = elapsed(self.started);
        common.timing = self.deployment.server_timing.then(|| line.server_timing());
        let response = respond(served, &common, &mut line)?;
        if let Some(origin) = common.cors.refused_origin() {
            line.record_refused_origin(origin);
        }
        line.write();
        Ok(response)
    }

    /// Decides where the request goes. Returns a reply if it cannot go anywhere.
    fn destination(&self, route: &Route<'_>, common: &CommonHeaders) -> worker::Result<Result<Destination<'_>, Reply>> {
        let pass_through = match &self.deployment.pass_through {
            Ok(pass_through) if pass_through.is_off() => return Ok(Ok(Destination::Perfil)),
            Ok(pass_through) => pass_through,
            // Routes that do not involve an origin work even if the setting is invalid.
            Err(_) if matches!(route, Route::Health | Route::Media(_)) => return Ok(Ok(Destination::Perfil)),
            Err(fault) => return Ok(Err(serve::failed(route, fault.clone()))),
        };
        if pass_through.has_origin() && origin::was_passed_on(self.headers)? {
            return Ok(Err(serve::origin::loop_detected()));
        }
        // If Perfil allows a page to read pictures, the origin is not asked.
        if matches!(route, Route::Media(_)) && common.cors.is_preflight() {
            return Ok(Ok(Destination::Perfil));
        }
        Ok(Ok(pass_through.destination(route, self.method, common.cors.requested_method(), self.url.path)))
    }

    async fn serve(&self, route: &Route<'_>, body: Incoming<'_>, line: &mut Line<'_>) -> worker::Result<Served> {
        let Route::Media(key) = route else { return self.reply(route, body, line).await };
        let url = format!("{}{}", self.url.origin, self.url.path);
        let conditions = media::conditions(self.headers)?;
        let request = MediaRequest { key, method: self.method, url: &url, conditions };
        let bucket = self.deployment.bucket().map(AvatarBucket::binding);
        Ok(match (media::serve(request, bucket, self.context).await, self.deployment.only_origin()) {
            (Some(served), _) => served,
            (None, Some(origin)) => self.pass_on(route, origin, OriginalBody::Unread(body), line).await,
            (None, None) => Served::Reply(serve::media::not_found()),
        })
    }

    async fn reply(&self, route: &Route<'_>, body: Incoming<'_>, line: &mut Line<'_>) -> worker::Result<Served> {
        let platform = RequestPlatform::new(self.deployment, self.context, self.headers);
        let authorization = self.headers.get("authorization")?;
        let call = Call {
            request_id: line.request_id,
            method: self.method,
            authorization: authorization.as_deref(),
            origin: self.url.origin,
            now: self.started,
        };
        let outcome = serve::handle(route, &call, &platform, body).await;
        line.record_database_cost(platform.database_cost());
        let mut reply = match outcome {
            Outcome::Reply(reply) => reply,
            Outcome::Newcomer(Newcomer { body, caller, account, origin }) => {
                line.record_caller(caller, account);
                return Ok(self.pass_on(route, &origin, body, line).await);
            }
        };
        if reply.is_recorded {
            feed::after_reply(self.deployment, self.context);
        }
        if let Some(key) = reply.replaced.take() {
            let url = format!("{}{}", call.origin, key.url_path());
            let removal = remove(Rc::clone(self.deployment), key, url, line.request_id.to_owned());
            run_in_background(self.context, removal);
        }
        Ok(Served::Reply(reply))
    }

    /// Passes the request on. Returns the origin's response, or a reply if the origin failed.
    async fn pass_on(
        &self,
        route: &Route<'_>,
        origin: &Origin,
        body: OriginalBody<Incoming<'_>>,
        line: &mut Line<'_>,
    ) -> Served {
        line.origin = true;
        let Self { method, url, target, headers, .. } = *self;
        let forwarded = ForwardedRequest { method, url, target, headers, request_id: line.request_id, body };
        match forwarded.send(origin).await {
            Ok(response) => Served::Origin(response),
            Err(fault) => Served::Reply(serve::failed(route, fault)),
        }
    }
}

fn respond(served: Served, common: &CommonHeaders, line: &mut Line<'_>) -> worker::Result<Response> {
    match served {
        Served::Preflight(methods) => {
            line.status = 204;
            common.preflight(methods)
        }
        Served::Media(media) => {
            line.status = media.status;
            common.media(media)
        }
        Served::Reply(reply) => {
            line.record_reply(&reply);
            common.reply(&reply)
        }
        Served::Origin(response) => {
            line.record_origin_status(response.status());
            Ok(response)
        }
    }
}

/// Removes a replaced object and this data center's cached copy of it, after the reply has been sent. If that fails,
/// the nightly sweep removes the object.
async fn remove(deployment: Rc<Deployment>, key: ObjectKey, url: String, request_id: String) {
    Delay::from(Duration::ZERO).await;
    let removed = async {
        let database = Connection::new(deployment.database()?, now);
        store::remove(&database, deployment.bucket()?, &[key.to_string()]).await
    };
    match removed.await {
        Ok(0) => {}
        Ok(_) => media::forget(url).await,
        Err(fault) => LeftoverLine::new(&request_id, &fault).write(),
    }
}

/// Returns the path and query of a request's URL: what follows scheme, host and port, without a fragment.
pub fn target_of<'a>(url: &'a str, origin: &str) -> &'a str {
    let target = url.strip_prefix(origin).unwrap_or("/");
    target.split('#').next().unwrap_or(target)
}

/// Splits a request's URL. The platform provides only absolute URLs.
pub fn url_of(url: &str) -> Url<'_> {
    Url::split(url).unwrap_or(Url { path: "/", ..Url::default() })
}
