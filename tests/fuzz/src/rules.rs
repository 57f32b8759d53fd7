//! An independent implementation of the contract's rules for text: each is a condition that an accepted text must meet.

use perfil::domain::is_invisible;
use url::{Host, Url};

/// R5, R14: trimmed, within the limits in scalar values, without control characters, and with a visible character
/// unless it may be blank. Unicode defines which characters are visible; a native test compares `is_invisible` with its
/// tables.
pub fn is_line(text: &str, min: usize, max: usize) -> bool {
    let is_blank = text.chars().all(|c| c.is_whitespace() || is_invisible(c));
    text.trim() == text && is_within(text, min, max) && (min == 0 || !is_blank)
}

/// S1: as typed.
pub fn is_within(text: &str, min: usize, max: usize) -> bool {
    let count = text.chars().count();
    min <= count && count <= max && !text.chars().any(char::is_control)
}

/// P9: an optional `+`, 6 to 15 digits, and spaces and dashes between them; at most 40 characters.
pub fn is_phone(text: &str) -> bool {
    let chars: Vec<char> = text.strip_prefix('+').unwrap_or(text).chars().collect();
    let digits = chars.iter().filter(|c| ('0'..='9').contains(*c)).count();
    let others = chars.iter().filter(|c| **c == ' ' || **c == '-').count();
    let is_digit = |c: Option<&char>| c.is_some_and(|c| c.is_ascii_digit());
    (6..=15).contains(&digits)
        && digits + others == chars.len()
        && is_digit(chars.first())
        && is_digit(chars.last())
        && text.chars().count() <= 40
}

/// P9
pub fn is_national_id(text: &str) -> bool {
    let allowed = |c: char| matches!(c, '0'..='9' | 'A'..='Z' | 'a'..='z' | '.' | '-');
    (5..=20).contains(&text.chars().count()) && text.chars().all(allowed)
}

/// F5
pub fn is_unspaced_username(text: &str, max: usize) -> bool {
    is_line(text, 1, max) && !text.chars().any(|c| c.is_whitespace() || is_invisible(c))
}

/// D1
pub fn is_username(text: &str, max: usize) -> bool {
    let allowed = |c: char| matches!(c, '_' | '.' | '@' | '+' | '-') || c.is_alphanumeric();
    is_line(text, 1, max) && text.chars().all(|c| allowed(c) && !is_invisible(c))
}

/// S1, F5, D1: a necessary condition for an e-mail address, but not a sufficient one.
pub fn can_be_email(text: &str, max: usize) -> bool {
    let Some((user, domain)) = text.split_once('@') else { return false };
    let user_char = |c: char| c.is_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c);
    let words = user.split('.').all(|word| !word.is_empty());
    let labels: Vec<&str> = domain.split('.').collect();
    let is_label = |label: &&str| {
        let chars = label.chars().all(|c| c == '-' || c.is_alphanumeric());
        chars && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
    };
    let top_is_a_word = labels.last().is_some_and(|top| top.chars().any(char::is_alphabetic));
    is_line(text, 3, max)
        && !text.chars().any(is_invisible)
        && user.len() <= 64
        && top_is_a_word
        && user.chars().all(user_char)
        && words
        && labels.len() > 1
        && labels.iter().all(is_label)
}

/// P1, P9: an `http(s)` URL in which a browser finds the same host as a person does.
pub fn can_be_url(text: &str) -> bool {
    let foreign = |c: char| c.is_whitespace() || matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}');
    let lower = text.to_ascii_lowercase();
    let Some(rest) = lower.strip_prefix("http://").or_else(|| lower.strip_prefix("https://")) else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => host,
    };
    let is_same_host = match Url::parse(text) {
        Ok(url) => {
            let is_host = Host::parse(host).is_ok_and(|host| url.host().is_some_and(|other| other.to_owned() == host));
            matches!(url.scheme(), "http" | "https") && is_host
        }
        // Names that DNS can't represent, and numbers that aren't decimal. Such links lead nowhere and are allowed.
        Err(_) => !host.is_ascii() || host.split('.').any(|label| label.starts_with("xn--") || label.starts_with("0x")),
    };
    is_line(text, 8, 2048) && !text.contains(foreign) && is_same_host
}

/// F5: an `http(s)` URL, or an absolute or relative path that can't be resolved to a place outside its root.
pub fn can_be_image_path(text: &str, max: usize) -> bool {
    if !is_line(text, 1, max) {
        return false;
    }
    if text.contains("://") {
        return can_be_url(text);
    }
    let is_absolute = text.starts_with('/');
    let root = if is_absolute { "/" } else { "/below/" };
    let base = Url::parse("https://media.example/below/").unwrap();
    let in_browser = base.join(text).is_ok_and(|url| {
        url.scheme() == "https" && url.host_str() == Some("media.example") && url.path().starts_with(root)
    });
    let decoded = decode(text);
    let in_files = [text.as_bytes(), &decoded].iter().all(|path| {
        let mut parts = path.split(|b| matches!(b, b'/' | b'\\'));
        let is_host = matches!(path, [b'/' | b'\\', b'/' | b'\\', ..]) || path.first() == Some(&b'\\');
        !is_host && parts.all(|part| part != b"..") && !path.contains(&b':')
    });
    in_browser && in_files
}

/// Decodes percent escapes, once.
fn decode(text: &str) -> Vec<u8> {
    let (mut decoded, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((byte, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let escaped = hex.filter(|hex| *byte == b'%' && hex.bytes().all(|b| b.is_ascii_hexdigit()));
        match escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(value) => {
                decoded.push(value);
                rest = &after[2..];
            }
            None => {
                decoded.push(*byte);
                rest = after;
            }
        }
    }
    decoded
}
