/// A URL split into its parts as RFC 3986 (section 3) defines them. Nothing is decoded and no part is checked: each
/// caller checks the parts that it relies on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Url<'a> {
    /// The part before `://`.
    pub scheme: &'a str,
    /// The part before an `@`, if there is one: a user name, perhaps with a password.
    pub user: Option<&'a str>,
    /// A name or an address; an IPv6 address includes its brackets.
    pub host: &'a str,
    /// The part after the host's colon; empty if there is none.
    pub port: &'a str,
    /// Scheme, user, host and port as written: everything before the path.
    pub origin: &'a str,
    /// The path without query and fragment; `/` if there is none.
    pub path: &'a str,
}

impl<'a> Url<'a> {
    /// Splits `scheme://user@host:port/path?query#fragment`. Returns `None` for text without `://`.
    pub fn split(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at_checked(end)?;
        let origin = text.strip_suffix(rest)?;
        let path = match rest.split(['?', '#']).next() {
            None | Some("") => "/",
            Some(path) => path,
        };
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        let (host, port) = split_port(host);
        Some(Self { scheme, user, host, port, origin, path })
    }
}

/// Splits a host from its port. Colons within the brackets of an IPv6 address are part of the address.
fn split_port(host: &str) -> (&str, &str) {
    let address = host.rfind(']').unwrap_or(0);
    let colon = host.get(address..).and_then(|rest| rest.find(':')).and_then(|at| at.checked_add(address));
    let parts = colon.and_then(|colon| host.split_at_checked(colon));
    parts.map_or((host, ""), |(host, port)| (host, port.strip_prefix(':').unwrap_or(port)))
}

/// Returns whether the text is an `https` URL, or an `http` URL of this machine for development. The check is strict,
/// so that no URL parser can read the URL differently.
pub fn is_secure(text: &str) -> bool {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let is_local = |host| ["localhost", "127.0.0.1", "[::1]"].contains(&host);
    let is_digits = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    is_plain
        && Url::split(text).is_some_and(|url| {
            let is_private = url.scheme == "http" && is_local(url.host) && is_digits(url.port);
            (url.scheme == "https" || is_private) && url.user.is_none() && !url.host.is_empty()
        })
}
