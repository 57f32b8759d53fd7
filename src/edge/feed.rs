//! Delivers the change feed: starts the runs and sends the posts (contract C2 to C4).

use super::background::run_in_background;
use super::clock::{elapsed, now};
use super::d1::Connection;
use super::deadline::in_time;
use super::deployment::Deployment;
use super::events::DeliveryLine;
use crate::domain::{Fault, Receiver};
use crate::serve::feed::{
    AFTER_REPLY, Budget, Courier, DeliveryResult, EVERY_MINUTE, Pace, Post, Subscription, deliver,
};
use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;
use wasm_bindgen::{JsCast, JsValue};
use worker::js_sys::futures::JsFuture;
use worker::js_sys::global;
use worker::web_sys::{AbortController, Headers, RequestInit, RequestRedirect, Response, WorkerGlobalScope};
use worker::{Context, Delay};

/// Time within which a receiver must return a status, in seconds.
const DEADLINE: u64 = 10;

thread_local! {
    /// Belongs to the instance and not to the deployment, so that a changed setting does not reset the pace.
    static PACES: RefCell<Vec<(Receiver, Rc<Pace>)>> = const { RefCell::new(Vec::new()) };
}

/// Delivers a change that was just made: right after the reply, or as soon as a second has passed since the last
/// delivery started.
pub fn after_reply(deployment: &Rc<Deployment>, context: &Context) {
    for (at, Subscription { receiver, .. }) in deployment.feed.subscriptions.iter().enumerate() {
        let pace = pace_of(*receiver);
        if let Some(milliseconds) = pace.reserve(now()) {
            run_in_background(context, run(Rc::clone(deployment), at, AFTER_REPLY, Some((pace, milliseconds))));
        }
    }
}

/// Delivers the changes that the runs after replies could not deliver. Logs the faults in the settings.
pub async fn every_minute(deployment: &Rc<Deployment>) {
    for fault in &deployment.feed.faults {
        DeliveryLine::misconfigured(fault).write();
    }
    let subscriptions = 0..deployment.feed.subscriptions.len();
    let run = |at| Box::pin(run(Rc::clone(deployment), at, EVERY_MINUTE, None));
    let mut runs: Vec<_> = subscriptions.map(run).collect();
    // Run all of them concurrently, so that a slow receiver does not delay the others.
    poll_fn(|context| {
        runs.retain_mut(|run| run.as_mut().poll(context).is_pending());
        if runs.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Runs posts to one receiver, after an optional delay in milliseconds. Writes a log line if the run has delivered
/// something or has failed.
async fn run(deployment: Rc<Deployment>, at: usize, budget: Budget, delay: Option<(Rc<Pace>, u64)>) {
    if let Some((pace, milliseconds)) = delay {
        Delay::from(Duration::from_millis(milliseconds)).await;
        pace.start(now());
    }
    let subscriptions = &deployment.feed.subscriptions;
    let (Some(subscription), started) = (subscriptions.get(at), now()) else { return };
    let budget = budget.shared_by(subscriptions.len());
    let delivered = match deployment.database() {
        Ok(database) => deliver(subscription, &Connection::new(database, now), &Fetch, budget).await,
        Err(fault) => DeliveryResult { fault: Some(fault), ..DeliveryResult::default() },
    };
    if delivered.sent > 0 || delivered.fault.is_some() {
        DeliveryLine::new(subscription.receiver, &delivered, elapsed(started)).write();
    }
}

fn pace_of(receiver: Receiver) -> Rc<Pace> {
    PACES.with_borrow_mut(|paces| match paces.iter().find(|(known, _)| *known == receiver) {
        Some((_, pace)) => Rc::clone(pace),
        None => {
            let pace = Rc::<Pace>::default();
            paces.push((receiver, Rc::clone(&pace)));
            pace
        }
    })
}

/// The platform's `fetch`.
struct Fetch;

impl Courier for Fetch {
    async fn post(&self, url: &str, post: Post<'_>) -> Result<(), Fault> {
        let controller = AbortController::new().map_err(fault)?;
        let Some(status) = in_time(DEADLINE, status_of(url, &post, &controller)).await else {
            controller.abort();
            return Err(Fault::Timeout { service: "receiver", seconds: DEADLINE });
        };
        match status.map_err(fault)? {
            200..300 => Ok(()),
            status => Err(Fault::Receiver(format!("returned {status}"))),
        }
    }

    async fn pause(&self, milliseconds: u64) {
        Delay::from(Duration::from_millis(milliseconds)).await;
    }

    fn now(&self) -> i64 {
        now()
    }
}

/// Sends a post and returns the receiver's status. The rest of the response is not read.
async fn status_of(url: &str, post: &Post<'_>, controller: &AbortController) -> Result<u16, JsValue> {
    let headers = Headers::new()?;
    headers.set("content-type", "application/json")?;
    headers.set("webhook-id", &post.id)?;
    headers.set("webhook-timestamp", &post.timestamp.to_string())?;
    headers.set("webhook-signature", &post.signature)?;
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_headers(&headers);
    init.set_body(&JsValue::from_str(post.body));
    // Redirects are not followed: only the configured receiver may get the changes.
    init.set_redirect(RequestRedirect::Manual);
    init.set_signal(Some(&controller.signal()));
    let scope: WorkerGlobalScope = global().unchecked_into();
    let response: Response = JsFuture::from(scope.fetch_with_str_and_init(url, &init)).await?.unchecked_into();
    if let Some(body) = response.body() {
        // The stream may have been aborted already.
        let _ = JsFuture::from(body.cancel()).await;
    }
    Ok(response.status())
}

fn fault(thrown: JsValue) -> Fault {
    Fault::Receiver(worker::Error::from(thrown).to_string())
}
