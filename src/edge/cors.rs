use super::headers::HeaderList;
use worker::Result;
use worker::web_sys::Headers;

/// Which browser origins may read answers: `CORS_ALLOWED_ORIGINS` (contract R11).
pub enum Cors {
    /// The variable is not set: none.
    Off,
    /// `*`
    Any,
    /// The origins listed.
    Listed(Vec<String>),
}

/// What [`Cors`] says to one request.
pub struct CorsAnswer {
    allowed: Option<String>,
    varies: bool,
    asks_for_method: bool,
}

impl Cors {
    /// Parses origins separated by commas, or `*`.
    pub fn parse(variable: &str) -> Self {
        let origins: Vec<&str> = variable.split(',').map(str::trim).filter(|origin| !origin.is_empty()).collect();
        match origins.as_slice() {
            [] => Self::Off,
            origins if origins.contains(&"*") => Self::Any,
            origins => Self::Listed(origins.iter().map(|origin| origin.trim_end_matches('/').to_owned()).collect()),
        }
    }

    /// Compares the request's origin with those that are allowed.
    pub fn answer(&self, headers: &Headers) -> Result<CorsAnswer> {
        if matches!(self, Self::Off) {
            return Ok(CorsAnswer { allowed: None, varies: false, asks_for_method: false });
        }
        let origin = headers.get("origin")?;
        let allowed = match self {
            Self::Off => None,
            Self::Any => origin.map(|_| "*".to_owned()),
            Self::Listed(origins) => origin.filter(|origin| origins.contains(origin)),
        };
        let asks_for_method = headers.has("access-control-request-method")?;
        let varies = matches!(self, Self::Listed(_));
        Ok(CorsAnswer { allowed, varies, asks_for_method })
    }
}

impl CorsAnswer {
    /// Whether a browser asks, from an origin that is allowed, what it may send.
    pub fn is_preflight(&self, method: &str) -> bool {
        method == "OPTIONS" && self.asks_for_method && self.allowed.is_some()
    }

    /// The headers that let the page read the answer.
    pub fn headers(&self) -> HeaderList<'_> {
        let mut headers = HeaderList::new();
        if let Some(origin) = &self.allowed {
            headers.push(("access-control-allow-origin", origin.into()));
            headers
                .push(("access-control-expose-headers", "X-Request-Id, WWW-Authenticate, Allow, Retry-After".into()));
        }
        if self.varies {
            headers.push(("vary", "Origin".into()));
        }
        headers
    }
}
