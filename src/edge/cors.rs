use super::headers::HeaderList;
use worker::Result;
use worker::web_sys::Headers;

/// The browser origins that may read responses: `CORS_ALLOWED_ORIGINS` (contract R11).
pub enum Cors {
    /// None. The variable is not set.
    Off,
    /// Any origin: `*`.
    Any,
    /// The listed origins only.
    Listed(Vec<String>),
}

/// The outcome of checking one request against [`Cors`].
#[derive(Default)]
pub struct CorsDecision {
    /// The request's origin, whether or not it is allowed.
    origin: Option<String>,
    /// The value of `Access-Control-Allow-Origin`.
    allowed: Option<String>,
    /// Whether that value depends on the origin.
    is_listed: bool,
    /// The method that a preflight asks for.
    requested_method: Option<String>,
    /// The headers that a preflight asks for.
    requested_headers: Option<String>,
}

impl Cors {
    /// Parses a comma-separated list of origins, or `*`.
    pub fn parse(variable: &str) -> Self {
        let origins: Vec<&str> = variable.split(',').map(str::trim).filter(|origin| !origin.is_empty()).collect();
        match origins.as_slice() {
            [] => Self::Off,
            origins if origins.contains(&"*") => Self::Any,
            origins => Self::Listed(origins.iter().map(|origin| origin.trim_end_matches('/').to_owned()).collect()),
        }
    }

    /// Checks the request's origin against the allowed ones.
    pub fn check(&self, method: &str, headers: &Headers) -> Result<CorsDecision> {
        let is_options = method == "OPTIONS";
        if matches!(self, Self::Off) && !is_options {
            return Ok(CorsDecision::default());
        }
        let origin = headers.get("origin")?;
        let allowed = match self {
            Self::Off => None,
            Self::Any => origin.as_ref().map(|_| "*".to_owned()),
            Self::Listed(origins) => origin.clone().filter(|origin| origins.contains(origin)),
        };
        let requested_method = if is_options { headers.get("access-control-request-method")? } else { None };
        let requested_headers =
            if requested_method.is_some() { headers.get("access-control-request-headers")? } else { None };
        let requested_headers = requested_headers.filter(|names| is_list_of_names(names));
        Ok(CorsDecision {
            origin,
            allowed,
            is_listed: matches!(self, Self::Listed(_)),
            requested_method,
            requested_headers,
        })
    }
}

/// Returns whether the text could be a comma-separated list of header names (RFC 9110 section 5.6). Anything else must
/// not be echoed.
fn is_list_of_names(names: &str) -> bool {
    names.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~, \t".contains(&b))
}

impl CorsDecision {
    /// Returns whether the request is a preflight from an allowed origin.
    pub fn is_preflight(&self) -> bool {
        self.requested_method.is_some() && self.allowed.is_some()
    }

    /// Returns the method that a preflight asks for.
    pub fn requested_method(&self) -> Option<&str> {
        self.requested_method.as_deref()
    }

    /// Returns the origin of a preflight if that origin is not allowed.
    pub fn refused_origin(&self) -> Option<&str> {
        self.origin.as_deref().filter(|_| self.requested_method.is_some() && self.allowed.is_none())
    }

    /// Returns the headers that a preflight asks for. All of them are allowed, because a header that the worker ignores
    /// is harmless.
    pub fn requested_headers(&self) -> Option<&str> {
        self.requested_headers.as_deref()
    }

    /// Returns the headers that let the page read the response.
    pub fn headers(&self) -> HeaderList<'_> {
        let mut headers = HeaderList::new();
        if let Some(origin) = &self.allowed {
            headers.push(("access-control-allow-origin", origin.into()));
            headers
                .push(("access-control-expose-headers", "X-Request-Id, WWW-Authenticate, Allow, Retry-After".into()));
            // Browsers reject this header together with `*`, and only listed origins should be able to use credentials.
            if self.is_listed {
                headers.push(("access-control-allow-credentials", "true".into()));
            }
        }
        match (self.is_listed, self.is_preflight()) {
            (true, true) => headers.push(("vary", "Origin, Access-Control-Request-Headers".into())),
            (true, false) => headers.push(("vary", "Origin".into())),
            (false, true) => headers.push(("vary", "Access-Control-Request-Headers".into())),
            (false, false) => {}
        }
        headers
    }
}
