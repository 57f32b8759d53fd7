//! Decides which requests are passed on to the back ends behind Perfil (contract X1, X2, X6).

use super::{Reply, Route, UPDATES, Update, Urls, media, route};
use crate::domain::text as rules;
use crate::domain::{Fault, Setting, is_secure};
use percent_encoding::percent_decode_str;

/// The origin of a back end behind Perfil: its scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// Parses an `https` URL (or `http` on localhost) without a path, query or user name.
    pub fn parse(url: &str) -> Option<Self> {
        let origin = rules::origin(url)?;
        is_secure(origin).then(|| Self(origin.to_owned()))
    }

    /// Returns the URL of a path and its query at this origin. No path can change the host.
    pub fn url(&self, path_and_query: &str) -> String {
        let Self(origin) = self;
        let slash = if path_and_query.starts_with('/') { "" } else { "/" };
        format!("{origin}{slash}{path_and_query}")
    }
}

#[derive(Debug, Default)]
enum Origins {
    #[default]
    None,
    One(Origin),
    Each(Vec<(&'static str, Origin)>),
}

/// The origins of a deployment, and the updates that it leaves to them.
#[derive(Debug, Default)]
pub struct PassThrough {
    origins: Origins,
    /// The patterns of the updates that are left to their origins.
    left_to_origins: Vec<&'static str>,
}

/// The destination of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination<'a> {
    /// Perfil handles the request.
    Perfil,
    /// An origin handles the request.
    Origin(&'a Origin),
    /// The request is an update that `TAKE_OVER` leaves to an origin, but no origin is configured for it.
    MissingOrigin,
}

impl PassThrough {
    /// Parses `ORIGIN` and `TAKE_OVER`.
    pub fn new(origin: Option<Urls>, take_over: &str) -> Result<Self, Fault> {
        let origins = match origin {
            None => Origins::None,
            Some(Urls::One(url)) => Origins::One(parse(&url)?),
            Some(Urls::Each(urls)) => {
                let each = |(name, url): (String, String)| Ok((dialect(&name)?, parse(&url)?));
                Origins::Each(urls.into_iter().map(each).collect::<Result<_, Fault>>()?)
            }
        };
        Ok(Self { origins, left_to_origins: unlisted_updates(take_over)? })
    }

    /// Returns whether Perfil handles every request.
    pub fn is_off(&self) -> bool {
        !self.has_origin() && self.left_to_origins.is_empty()
    }

    /// Returns whether any origin is configured.
    pub fn has_origin(&self) -> bool {
        !matches!(self.origins, Origins::None)
    }

    /// Returns the origin for requests whose paths belong to no dialect.
    pub fn only_origin(&self) -> Option<&Origin> {
        match &self.origins {
            Origins::One(origin) => Some(origin),
            Origins::None | Origins::Each(_) => None,
        }
    }

    /// Returns the origin of the dialect with this name.
    pub fn origin(&self, dialect: &str) -> Option<&Origin> {
        match &self.origins {
            Origins::None => None,
            Origins::One(origin) => Some(origin),
            Origins::Each(origins) => origins.iter().find(|(name, _)| *name == dialect).map(|(_, origin)| origin),
        }
    }

    /// Returns the destination of a request, which depends on its method and path alone. `preflight_method` is the
    /// method that a browser's preflight asks about.
    pub fn destination(
        &self,
        route: &Route<'_>,
        method: &str,
        preflight_method: Option<&str>,
        path: &str,
    ) -> Destination<'_> {
        let requested = preflight_method.unwrap_or(method);
        let origin = match route {
            Route::Account(update) if self.handles(update.endpoint.pattern, requested) => None,
            Route::Persona(update) if self.handles(update.endpoint.pattern, requested) => None,
            Route::Account(update) => return self.origin_destination(update.endpoint.dialect.name, requested),
            Route::Persona(update) => return self.origin_destination(update.endpoint.dialect.name, requested),
            Route::Health => None,
            // Not `requested`: the origin may allow a preflight that Perfil does not.
            Route::Media(_) if media::accepts(method) => None,
            Route::Unknown(_) if requested == route::METHOD && self.resembles_handled_update(path) => None,
            Route::Unknown(Some(update)) => self.origin(update.dialect()),
            Route::Media(_) | Route::Unknown(None) => self.only_origin(),
        };
        origin.map_or(Destination::Perfil, Destination::Origin)
    }

    /// Returns the destination of an update that is left to its origin, or of another method on the path of an update.
    fn origin_destination(&self, dialect: &str, method: &str) -> Destination<'_> {
        match self.origin(dialect) {
            Some(origin) => Destination::Origin(origin),
            None if method == route::METHOD => Destination::MissingOrigin,
            None => Destination::Perfil,
        }
    }

    fn is_left_to_origin(&self, pattern: &str) -> bool {
        self.left_to_origins.contains(&pattern)
    }

    fn handles(&self, pattern: &str, method: &str) -> bool {
        method == route::METHOD && !self.is_left_to_origin(pattern)
    }

    /// Returns whether a server that is less strict about paths could read this path as the path of an update that
    /// Perfil handles. Spelling a path in another way must not bypass Perfil's checks.
    fn resembles_handled_update(&self, path: &str) -> bool {
        let path = normalized(path);
        UPDATES.iter().any(|update| !self.is_left_to_origin(update.pattern()) && update.resembles(&path))
    }
}

/// Decodes a path, and removes empty and dot segments and the characters that URL parsers drop.
fn normalized(path: &str) -> String {
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    let kept: String = decoded.chars().filter(|c| !c.is_ascii_control() && *c != ' ').collect();
    let mut segments: Vec<&str> = Vec::new();
    for segment in kept.split(['/', '\\']) {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    format!("/{}", segments.join("/"))
}

fn parse(url: &str) -> Result<Origin, Fault> {
    let problem = "must be an https URL (or http on localhost) without a user name, path or query";
    Origin::parse(url.trim()).ok_or(fault(Setting::Origin, problem))
}

fn dialect(name: &str) -> Result<&'static str, Fault> {
    let mut names = UPDATES.iter().map(Update::dialect);
    let problem = "has an entry that is not personas, seam, falcon or django";
    names.find(|known| *known == name).ok_or(fault(Setting::Origin, problem))
}

/// Returns the patterns of the updates that `TAKE_OVER` does not list.
fn unlisted_updates(take_over: &str) -> Result<Vec<&'static str>, Fault> {
    let patterns = UPDATES.iter().map(Update::pattern);
    let listed: Vec<&str> = match take_over.trim() {
        "" => return Ok(Vec::new()),
        "none" => Vec::new(),
        list => list.split(',').map(str::trim).collect(),
    };
    if listed.iter().any(|entry| !patterns.clone().any(|pattern| pattern == *entry)) {
        let problem = "has an entry that is neither an endpoint (such as PUT /users) nor the word none";
        return Err(fault(Setting::TakeOver, problem));
    }
    Ok(patterns.filter(|pattern| !listed.contains(pattern)).collect())
}

fn fault(setting: Setting, problem: &'static str) -> Fault {
    Fault::Setting { name: setting.name(), problem }
}

/// Returns the fault of an update that has no destination.
pub fn missing_origin() -> Fault {
    fault(Setting::TakeOver, "omits an endpoint for which ORIGIN has no URL")
}

/// Returns the reply to a request that has already been passed on once.
pub fn loop_detected() -> Reply {
    let title = "Loop Detected: the origin leads back to this service";
    Reply { fault: Some(Fault::Loop), ..Reply::problem(508, title) }
}
