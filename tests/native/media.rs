//! Conditional and range requests as specified in RFC 9110 (contract M4).

use perfil::serve::media::{Conditions, Selection};
use proptest::prelude::*;

const TAG: &str = "\"abc\"";

fn with(set: impl FnOnce(&mut Conditions)) -> Conditions {
    let mut conditions = Conditions::default();
    set(&mut conditions);
    conditions
}

fn none_match(tags: &str) -> Selection {
    with(|conditions| conditions.if_none_match = Some(tags.to_owned())).select("GET", TAG, 10)
}

fn range(range: &str, size: u64) -> Selection {
    with(|conditions| conditions.range = Some(range.to_owned())).select("GET", TAG, size)
}

#[test]
fn if_none_match_compares_tags_weakly() {
    for tags in [TAG, "*", " * ", "W/\"abc\"", "\"x\", \"abc\"", "\"a,b\",W/\"abc\"", ",, \"abc\" ,", "\"\",\"abc\""] {
        assert_eq!(none_match(tags), Selection::NotModified, "{tags}");
    }
    for tags in
        ["", "abc", "\"abc", "abc\"", "\"ABC\"", "w/\"abc\"", "\"x,\"abc\"\"", "'abc'", "\"x\" y, \"abc\"", "**"]
    {
        assert_eq!(none_match(tags), Selection::Full, "{tags}");
    }
}

#[test]
fn if_match_accepts_no_weak_tag() {
    let if_match = |tags: &str| with(|conditions| conditions.if_match = Some(tags.to_owned())).select("GET", TAG, 10);
    assert_eq!(if_match("\"x\", \"abc\""), Selection::Full);
    assert_eq!(if_match("*"), Selection::Full);
    assert_eq!(if_match("W/\"abc\""), Selection::PreconditionFailed);
    assert_eq!(if_match(""), Selection::PreconditionFailed);
}

#[test]
fn a_range_is_cut_to_the_size_of_the_picture() {
    let part = |first, length| Selection::Part { first, length };
    for (header, selection) in [
        ("bytes=0-0", part(0, 1)),
        ("bytes=2-4", part(2, 3)),
        ("BYTES=7-", part(7, 3)),
        ("bytes=-3", part(7, 3)),
        ("bytes=-99", part(0, 10)),
        ("bytes=5-99999999999999999999999", part(5, 5)),
        ("bytes=10-", Selection::Unsatisfiable),
        ("bytes=99999999999999999999999-", Selection::Unsatisfiable),
        ("bytes=-0", Selection::Unsatisfiable),
        ("bytes=3-2", Selection::Full),
        ("bytes=0-1,3-4", Selection::Full),
        ("bytes= 0-1", Selection::Full),
        ("bytes=+0-1", Selection::Full),
        ("bytes=-", Selection::Full),
        ("items=0-1", Selection::Full),
        ("bytes", Selection::Full),
    ] {
        assert_eq!(range(header, 10), selection, "{header}");
    }
    assert_eq!(range("bytes=-1", 0), Selection::Full);
    assert_eq!(range("bytes=0-", 0), Selection::Unsatisfiable);
}

#[test]
fn if_range_accepts_only_the_same_strong_tag() {
    let if_range = |tag: &str| Conditions {
        if_range: Some(tag.to_owned()),
        range: Some("bytes=0-1".to_owned()),
        ..Conditions::default()
    };
    assert_eq!(if_range(TAG).select("GET", TAG, 10), Selection::Part { first: 0, length: 2 });
    for other in ["W/\"abc\"", "\"x\"", "*", "\"abc\", \"abc\"", "Sat, 21 Nov 2026 00:00:00 GMT", ""] {
        assert_eq!(if_range(other).select("GET", TAG, 10), Selection::Full, "{other}");
    }
}

proptest! {
    #[test]
    fn any_headers_select_an_existing_part(
        headers in prop::array::uniform4(prop::option::of("(bytes=)?[0-9]{0,3}-[0-9]{0,3}|[W/\",* a-c]{0,12}|.{0,20}")),
        size in 0..200u64,
    ) {
        let [if_match, if_none_match, if_range, range] = headers;
        let conditions = Conditions { if_match, if_none_match, if_range, range };
        if let Selection::Part { first, length } = conditions.select("GET", TAG, size) {
            prop_assert!(length > 0 && first + length <= size);
        }
        let headed = conditions.select("HEAD", TAG, size);
        prop_assert!(matches!(headed, Selection::Full | Selection::NotModified | Selection::PreconditionFailed));
    }

    #[test]
    fn a_tag_anywhere_in_a_list_of_others_is_found(
        before in prop::collection::vec("(W/)?\"[a-z,]{0,5}\"", 0..4),
        after in prop::collection::vec("(W/)?\"[a-z,]{0,5}\"", 0..4),
    ) {
        let tags = [before, vec!["\"!\"".to_owned()], after].concat().join(", ");
        let conditions = with(|conditions| conditions.if_none_match = Some(tags.clone()));
        prop_assert_eq!(conditions.select("GET", "\"!\"", 10), Selection::NotModified, "{}", tags);
    }
}
