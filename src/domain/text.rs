//! The rules for text. One function for each kind of value turns a client's input into a [`Text`] that may be stored.
//!
//! All of them count Unicode scalar values, and all but those for passwords trim the text first (contract R5).

use super::common_passwords::is_common;
use super::{Password, Rule, Url, is_invisible};
use std::net::{Ipv4Addr, Ipv6Addr};
use validator::{ValidateLength, ValidateNonControlCharacter};

/// Maximum length of a URL that is stored, in characters (contract P1).
const MAX_URL: u64 = 2048;

/// Text that has passed one of this module's rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(String);

impl Text {
    /// Returns the text to store.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Accepts any text of `min` to `max` characters without control characters. Text that consists only of invisible
/// characters is blank (contract R14), and too short unless `min` is 0.
pub fn line(raw: &str, min: u64, max: u64) -> Result<Text, Rule> {
    let text = raw.trim();
    check_line(text, min, max)?;
    let is_blank = text.chars().all(|c| c.is_whitespace() || is_invisible(c));
    if is_blank && min > 0 {
        return Err(Rule::TooShort { min, max });
    }
    Ok(Text(text.to_owned()))
}

fn check_line(text: &str, min: u64, max: u64) -> Result<(), Rule> {
    if !text.validate_length(Some(min), None, None) {
        return Err(Rule::TooShort { min, max });
    }
    if !text.validate_length(None, Some(max), None) {
        return Err(Rule::TooLong { min, max });
    }
    if !text.validate_non_control_character() {
        return Err(Rule::ControlCharacter);
    }
    Ok(())
}

/// Accepts an e-mail address `user@domain.tld` of at most `max` characters. The rule is HTML5's, except that letters
/// may be of any script (RFC 6531). The back ends' own validators add two requirements (contract S1, F5, D1, R16): the
/// domain must have a dot and must not be a number, and the local part must neither begin nor end with a dot.
///
/// `validator`'s own rule for e-mail addresses is not used, because the regular expressions that it depends on would
/// make up a quarter of the worker's size. The Unicode tables behind its rule for URLs would make up a tenth.
pub fn email(raw: &str, max: u64) -> Result<Text, Rule> {
    let email = line(raw, 1, max)?;
    let (user, domain) = email.0.rsplit_once('@').ok_or(Rule::Email)?;
    // Addresses that look the same must be the same, so invisible characters are refused. Some of them, the Hangul
    // fillers, count as letters (contract R14).
    if !is_email_user(user) || !is_domain_name(domain) || email.0.contains(is_invisible) {
        return Err(Rule::Email);
    }
    Ok(email)
}

/// Returns whether the text is a valid local part: non-empty words joined by dots, made of letters and digits of any
/// script and the symbols that HTML5 allows. The limit is 64 bytes, because RFC 6531 does not change the limit of RFC
/// 5321 (section 4.5.3.1.1).
fn is_email_user(user: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c);
    user.len() <= 64 && user.chars().all(allowed) && user.split('.').all(|word| !word.is_empty())
}

/// Returns whether the text has at least two labels of letters and digits of any script, the last of which is neither a
/// number nor a single character. This excludes address literals.
fn is_domain_name(domain: &str) -> bool {
    let top = domain.rsplit_once('.').map(|(_, top)| top);
    let is_top = |top: &str| top.chars().count() > 1 && top.chars().any(char::is_alphabetic);
    domain.len() <= 255 && domain.split('.').all(is_label) && top.is_some_and(is_top)
}

/// Returns whether the text consists of 1 to 63 letters, digits and dashes, with no dash at either end (RFC 1034
/// section 3.5, but of any script).
fn is_label(label: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || c == '-';
    let dash_at_an_end = label.starts_with('-') || label.ends_with('-');
    (1..=63).contains(&label.chars().count()) && label.chars().all(allowed) && !dash_at_an_end
}

/// Accepts 1 to `max` letters, digits and `_.@+-` (contract D1). Letters are those of Unicode, as in Django.
pub fn username(raw: &str, max: u64) -> Result<Text, Rule> {
    let username = line(raw, 1, max)?;
    // Names that look the same must be the same, so invisible characters are refused. Some of them, the Hangul fillers,
    // count as letters (contract R14).
    let allowed = |c: char| (c.is_alphanumeric() || "_.@+-".contains(c)) && !is_invisible(c);
    if !username.0.chars().all(allowed) {
        return Err(Rule::Username);
    }
    Ok(username)
}

/// Accepts 1 to `max` characters without white space (contract F5).
pub fn unspaced_username(raw: &str, max: u64) -> Result<Text, Rule> {
    let username = line(raw, 1, max)?;
    // Names that look the same must be the same (contract R14).
    if username.0.contains(|c: char| c.is_whitespace() || is_invisible(c)) {
        return Err(Rule::Username);
    }
    Ok(username)
}

/// Accepts an optional `+` and 6 to 15 digits, optionally separated by spaces and dashes, which are kept as sent
/// (contract P9).
pub fn phone(raw: &str) -> Result<Text, Rule> {
    let text = raw.trim();
    let number = text.strip_prefix('+').unwrap_or(text);
    let allowed = number.bytes().all(|b| b.is_ascii_digit() || b" -".contains(&b));
    let ends_are_digits =
        [number.bytes().next(), number.bytes().last()].iter().all(|end| end.is_some_and(|b| b.is_ascii_digit()));
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    // The limit on the length keeps a "telephone number" from being a page of dashes.
    if !allowed || !ends_are_digits || !(6..=15).contains(&digits) || text.len() > 40 {
        return Err(Rule::Phone);
    }
    Ok(Text(text.to_owned()))
}

/// Accepts 5 to 20 ASCII letters, digits, dots or dashes (contract P9).
pub fn national_id(raw: &str) -> Result<Text, Rule> {
    let text = raw.trim();
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b".-".contains(&b);
    if !(5..=20).contains(&text.len()) || !text.bytes().all(allowed) {
        return Err(Rule::NationalId);
    }
    Ok(Text(text.to_owned()))
}

/// Accepts an absolute `http` or `https` URL of at most 2048 characters (contract P1, P9).
pub fn url(raw: &str) -> Result<Text, Rule> {
    let text = raw.trim();
    // RFC 3986 allows none of these in a URL. Parsers tolerate them, which endangers pages that show the URL unescaped.
    let foreign = |c: char| c.is_whitespace() || "\"<>\\^`{|}".contains(c);
    if check_line(text, 1, MAX_URL).is_err() || text.contains(foreign) || !has_http_host(text) {
        return Err(Rule::Url);
    }
    Ok(Text(text.to_owned()))
}

/// Returns whether the text begins with `http://` or `https://` and a host name or IP address, optionally with a user
/// and a port (RFC 3986 section 3.2). URL parsers are more lenient than that, and each is lenient in its own way.
fn has_http_host(text: &str) -> bool {
    Url::split(text).is_some_and(|url| {
        let is_http = url.scheme.eq_ignore_ascii_case("http") || url.scheme.eq_ignore_ascii_case("https");
        is_http && is_host(url.host) && is_port(url.port)
    })
}

/// Checks an origin to which a path can be appended, such as the public origin that records may contain (contract M6),
/// and returns it without a trailing slash. Accepts what [`url`] accepts, except that a user, a path or a host of more
/// than 255 bytes is refused.
pub fn origin(raw: &str) -> Option<&str> {
    let text = raw.strip_suffix('/').unwrap_or(raw);
    let split = Url::split(text).filter(|url| url.origin == text && url.user.is_none())?;
    (split.host.len() <= 255 && url(text).is_ok()).then_some(text)
}

/// Returns whether the text is a host name or an IP address.
fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    // Underscores are not allowed in host names, but real URLs contain them.
    let labels = name.split('.').map(|label| label.replace('_', "x"));
    let is_number = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    let is_name = labels.into_iter().all(|label| is_label(&label));
    is_name && (!is_number || name.parse::<Ipv4Addr>().is_ok())
}

/// Returns whether the port is empty or a number up to 65535 (RFC 3986 section 3.2.3).
fn is_port(port: &str) -> bool {
    port.is_empty() || port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok()
}

/// Accepts the location of a picture: an `http(s)` URL or a path without `..`, of at most `max` characters (contract
/// F5).
pub fn image_path(raw: &str, max: u64) -> Result<Text, Rule> {
    let path = line(raw, 1, max)?;
    let valid = if path.0.contains("://") { url(&path.0).is_ok() } else { is_path(&path.0) };
    if !valid {
        return Err(Rule::ImagePath);
    }
    Ok(path)
}

/// Returns whether a path, absolute or relative, stays below whatever root a reader resolves it against. A scheme, a
/// host (`//host`, which is also how browsers read `/\host`), an absolute Windows path and `..` are refused, even if
/// percent-encoded.
fn is_path(path: &str) -> bool {
    let decoded = [("%2e", "."), ("%2f", "/"), ("%5c", "\\"), ("%3a", ":")]
        .iter()
        .fold(path.to_ascii_lowercase(), |path, (encoded, plain)| path.replace(encoded, plain));
    let names_a_host = ["\\", "//", "/\\"].iter().any(|start| decoded.starts_with(start));
    !names_a_host && !decoded.contains(':') && decoded.split(['/', '\\', '?', '#']).all(|segment| segment != "..")
}

/// Accepts a new password of `min` to `max` characters (contract S1). It is not trimmed, because the login services
/// compare exactly what a person types, spaces included.
pub fn password(raw: &str, min: u64, max: u64) -> Result<Password, Rule> {
    check_line(raw, min, max)?;
    Ok(Password::new(raw.to_owned()))
}

/// Like [`password`], but refuses the most common passwords (contract S7).
pub fn uncommon_password(raw: &str, min: u64, max: u64) -> Result<Password, Rule> {
    let password = password(raw, min, max)?;
    if is_common(raw) { Err(Rule::CommonPassword) } else { Ok(password) }
}
