//! Delivery of the change feed: the receivers, and the runs of posts to them (contract C2 to C4).

mod pace;
mod run;

use super::Urls;
use crate::auth::{WebhookSecret, webhook_secret_setting};
use crate::domain::{Fault, Receiver, Setting, is_secure};
pub use pace::Pace;
pub use run::{AFTER_REPLY, Budget, Courier, DeliveryResult, EVERY_MINUTE, Post, deliver};

/// A receiver, with the URL and the secret for its posts, and whether these include password hashes.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// The receiver of the changes.
    pub receiver: Receiver,
    url: String,
    secret: WebhookSecret,
    with_hashes: bool,
}

/// The receivers of a deployment's changes.
#[derive(Debug, Default)]
pub struct Feed {
    /// All configured receivers, including those that nothing can be delivered to.
    pub receivers: Vec<Receiver>,
    /// The receivers that changes are delivered to.
    pub subscriptions: Vec<Subscription>,
    /// The problems with the settings.
    pub faults: Vec<Fault>,
}

impl Feed {
    /// Parses `CHANGES_URL`, `CHANGES_HASHES` and the secrets. A problem with one receiver does not affect the others.
    pub fn new(urls: Result<Option<Urls>, Fault>, hashes: &str, secret: impl Fn(Setting) -> Option<String>) -> Self {
        let mut feed = Self::default();
        let urls = match urls {
            Ok(Some(Urls::One(url))) => vec![(Receiver::All, url)],
            Ok(Some(Urls::Each(urls))) => {
                urls.into_iter().filter_map(|(name, url)| feed.receiver_named(&name, url)).collect()
            }
            Ok(None) => Vec::new(),
            Err(fault) => {
                feed.faults.push(fault);
                Vec::new()
            }
        };
        feed.receivers.extend(urls.iter().map(|(receiver, _)| *receiver));
        let with_hashes = match hashes.trim() {
            "" => Ok(false),
            "on" => Ok(true),
            _ => Err(fault(Setting::ChangesHashes, "is neither on nor empty, so nothing is delivered")),
        };
        match with_hashes {
            _ if urls.is_empty() => {}
            Ok(with_hashes) => {
                for (receiver, url) in urls {
                    match subscription(receiver, url, with_hashes, &secret) {
                        Ok(subscription) => feed.subscriptions.push(subscription),
                        Err(fault) => feed.faults.push(fault),
                    }
                }
            }
            Err(fault) => feed.faults.push(fault),
        }
        feed
    }

    fn receiver_named(&mut self, name: &str, url: String) -> Option<(Receiver, String)> {
        let receiver = Receiver::from_table_key(name);
        if receiver.is_none() {
            let problem = "has an entry that is not personas, seam, falcon or django";
            self.faults.push(fault(Setting::ChangesUrl, problem));
        }
        Some((receiver?, url))
    }
}

fn subscription(
    receiver: Receiver,
    url: String,
    with_hashes: bool,
    secret: impl Fn(Setting) -> Option<String>,
) -> Result<Subscription, Fault> {
    if !is_secure(&url) {
        return Err(fault(Setting::ChangesUrl, "has a URL that is not https (or http on localhost)"));
    }
    let own = webhook_secret_setting(receiver);
    let set = |setting: Setting| secret(setting).filter(|secret| !secret.is_empty()).map(|secret| (setting, secret));
    let Some((setting, secret)) = set(own).or_else(|| set(Setting::ChangesSecret)) else {
        let problem = match receiver {
            Receiver::All => "is not set, so nothing is delivered",
            Receiver::Personas | Receiver::BackEnd(_) => "is not set, and neither is CHANGES_SECRET",
        };
        return Err(fault(own, problem));
    };
    let problem = "is not whsec_ followed by the base64 of 24 to 64 bytes";
    let secret = WebhookSecret::parse(&secret).ok_or(fault(setting, problem))?;
    Ok(Subscription { receiver, url, secret, with_hashes })
}

fn fault(setting: Setting, problem: &'static str) -> Fault {
    Fault::Setting { name: setting.name(), problem }
}
