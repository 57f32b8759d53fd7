//! One request: which way it takes, and what is logged of it.

use super::body::Incoming;
use super::clock::{elapsed, now};
use super::d1::Connection;
use super::deployment::Deployment;
use super::log::{LeftoverLine, Line};
use super::media::{self, Asked};
use super::platform::RequestPlatform;
use super::r2::AvatarBucket;
use super::respond::{Frame, Served};
use crate::domain::{ObjectKey, Url};
use crate::serve::{self, Call, Reply, Route};
use crate::store;
use std::rc::Rc;
use std::time::Duration;
use worker::web_sys::{Headers, Request, Response};
use worker::{Context, Delay};

/// One request, and what the platform hands over with it.
pub struct Visit<'a> {
    pub deployment: &'a Rc<Deployment>,
    pub context: &'a Context,
    pub method: &'a str,
    pub url: Url<'a>,
    pub headers: &'a Headers,
    /// In milliseconds of Unix time.
    pub started: i64,
}

impl Visit<'_> {
    /// The response. Its line in the log is written when it is ready.
    pub async fn answer(&self, request: Request) -> worker::Result<Response> {
        let mut frame = Frame::of(self.method, self.headers, &self.deployment.cors)?;
        let route = Route::of(self.url.path);
        let request_id = frame.request_id.clone();
        let mut line = Line::new(&request_id, self.method, route.pattern());
        let served = match (&route, route.methods()) {
            (_, Some(methods)) if frame.cors.is_preflight() => Served::Preflight(methods),
            (Route::Media(key), _) => self.media(key).await?,
            _ => Served::Reply(self.reply(&route, request, &mut line).await?),
        };
        line.duration_ms = elapsed(self.started);
        frame.timing = self.deployment.server_timing.then(|| line.server_timing());
        let response = match served {
            Served::Preflight(methods) => {
                line.status = 204;
                frame.preflight(methods)?
            }
            Served::Media(media) => {
                line.status = media.status;
                frame.media(media)?
            }
            Served::Reply(reply) => {
                line.tell(&reply);
                frame.reply(&reply)?
            }
        };
        if let Some(origin) = frame.cors.refused_origin() {
            line.refuse_origin(origin);
        }
        line.write();
        Ok(response)
    }

    async fn media(&self, key: &ObjectKey) -> worker::Result<Served> {
        let url = format!("{}{}", self.url.origin, self.url.path);
        let conditions = media::conditions(self.headers)?;
        let asked = Asked { key, method: self.method, url: &url, conditions };
        let bucket = self.deployment.bucket().map(AvatarBucket::binding);
        Ok(media::serve(asked, bucket, self.context).await)
    }

    async fn reply(&self, route: &Route<'_>, request: Request, line: &mut Line<'_>) -> worker::Result<Reply> {
        let platform = RequestPlatform::new(self.deployment, self.context, self.headers);
        let authorization = self.headers.get("authorization")?;
        let call = Call {
            method: self.method,
            authorization: authorization.as_deref(),
            origin: self.url.origin,
            now: self.started,
        };
        let body = Incoming { request, headers: self.headers };
        let mut reply = serve::answer(route, &call, &platform, body).await;
        if let Some(key) = reply.leftover.take() {
            let url = format!("{}{}", call.origin, key.url_path());
            let removal = remove(Rc::clone(self.deployment), key, url, line.request_id.to_owned());
            self.context.wait_until(removal);
        }
        line.spend(platform.spent());
        Ok(reply)
    }
}

/// Removes an object that was replaced, once the reply is out, and this location's cached copy of it. If that fails,
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

/// A request's URL. The platform hands over absolute ones alone.
pub fn url_of(url: &str) -> Url<'_> {
    Url::split(url).unwrap_or(Url { path: "/", ..Url::default() })
}
