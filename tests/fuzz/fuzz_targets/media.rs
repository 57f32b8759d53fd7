//! Conditional and range requests, and media types. The first byte selects the headers, and the next eight bytes are
//! the size. The rest contains the headers, one per line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use perfil::serve::media::{Conditions, Selection};
use perfil::serve::media_type;

const TAG: &str = "\"abc\"";

fuzz_target!(|data: &[u8]| {
    let Some(([flags, size @ ..], lines)) = data.split_first_chunk::<9>() else { return };
    let text = String::from_utf8_lossy(lines);
    types(&text);
    let mut lines = text.split('\n').map(str::to_owned);
    let mut header = |bit: u8| lines.next().filter(|_| flags & bit != 0);
    let (if_match, if_none_match, if_range, range) = (header(1), header(2), header(4), header(8));
    let conditions = Conditions { if_match, if_none_match, if_range, range };
    // Sizes that pictures may have, or any size at all.
    let size = u64::from_le_bytes(*size) >> if flags & 0x10 != 0 { 0 } else { 44 };
    for method in ["GET", "HEAD"] {
        let selection = conditions.select(method, TAG, size);
        assert_eq!(selection, model(&conditions, method, size), "{method} {size} {conditions:?}");
        if let Selection::Part { first, length } = selection {
            assert!(length > 0 && first.checked_add(length).is_some_and(|end| end <= size) && method == "GET");
        }
    }
});

/// RFC 9110, section 13.2.2.
fn model(conditions: &Conditions, method: &str, size: u64) -> Selection {
    let any = |list: &str| list.trim() == "*";
    if let Some(list) = &conditions.if_match
        && !any(list)
        && !tags(list).iter().any(|(weak, tag)| !weak && tag == TAG)
    {
        return Selection::PreconditionFailed;
    }
    if let Some(list) = &conditions.if_none_match
        && (any(list) || tags(list).iter().any(|(_, tag)| tag == TAG))
    {
        return Selection::NotModified;
    }
    let is_same = conditions.if_range.as_ref().is_none_or(|tag| tag.trim() == TAG);
    match conditions.range.as_ref().filter(|_| is_same && method == "GET").and_then(|range| bytes(range)) {
        None => Selection::Full,
        // The last bytes of an empty picture are all of it.
        Some((None, Some(1..))) if size == 0 => Selection::Full,
        Some(range) => part(range, size.into()).unwrap_or(Selection::Unsatisfiable),
    }
}

/// Section 8.8.3: whether each tag is weak, and its text with the quotes. Anything that is not a tag ends the list.
fn tags(list: &str) -> Vec<(bool, String)> {
    let mut chars = list.chars().peekable();
    let mut tags = Vec::new();
    loop {
        while chars.next_if(|c| matches!(c, ' ' | '\t' | ',')).is_some() {}
        let is_weak = chars.next_if_eq(&'W').is_some();
        if is_weak && chars.next() != Some('/') || chars.next() != Some('"') {
            return tags;
        }
        let mut text = String::new();
        loop {
            match chars.next() {
                None => return tags,
                Some('"') => break,
                Some(c) => text.push(c),
            }
        }
        tags.push((is_weak, format!("\"{text}\"")));
    }
}

/// Section 14.1.2: the first and the last position, or only the number of bytes at the end.
fn bytes(range: &str) -> Option<(Option<u128>, Option<u128>)> {
    let (unit, range) = range.trim().split_once('=')?;
    let (first, last) = range.split_once('-')?;
    let number = |digits: &str| match digits {
        "" => Some(None),
        _ if !digits.bytes().all(|b| b.is_ascii_digit()) => None,
        // All larger numbers are equally far beyond the end.
        _ => Some(Some(digits.parse().unwrap_or(u128::MAX).min(u64::MAX.into()))),
    };
    let (first, last) = (number(first)?, number(last)?);
    let is_range = match (first, last) {
        (None, None) => false,
        (Some(first), Some(last)) => first <= last,
        _ => true,
    };
    (unit.eq_ignore_ascii_case("bytes") && is_range).then_some((first, last))
}

fn part((first, last): (Option<u128>, Option<u128>), size: u128) -> Option<Selection> {
    let (start, end) = match (first, last) {
        (None, Some(count)) => (size.saturating_sub(count), size),
        (first, None) => (first?, size),
        (Some(first), Some(last)) => (first, size.min(last + 1)),
    };
    let length = u64::try_from(end.checked_sub(start).filter(|length| *length > 0)?).ok()?;
    Some(Selection::Part { first: u64::try_from(start).ok()?, length })
}

/// R2: the media type decides, in any case and with any parameters.
fn types(text: &str) {
    let (json, form) = (media_type::is_json(text), media_type::is_form(text));
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let subtype = essence.split_once('/').filter(|(kind, _)| !kind.is_empty()).map(|(_, subtype)| subtype);
    let is_suffixed = subtype.is_some_and(|subtype| subtype.len() > 5 && subtype.ends_with("+json"));
    assert_eq!(json, essence == "application/json" || is_suffixed, "{text:?}");
    assert_eq!(form, essence == "multipart/form-data", "{text:?}");
    for same in [format!("{text}; charset=utf-8"), text.to_ascii_uppercase(), format!("\t{text}")] {
        assert_eq!((media_type::is_json(&same), media_type::is_form(&same)), (json, form), "{same:?}");
    }
}
