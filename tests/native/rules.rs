use perfil::domain::{Id, PathId, Rule, is_invisible, text};
use proptest::prelude::*;

fn accepts<T>(result: Result<T, Rule>) -> bool {
    result.is_ok()
}

#[test]
fn text_is_trimmed_and_counted_in_scalar_values() {
    assert_eq!(text::line("  José \u{2003}", 1, 4).unwrap().as_str(), "José");
    assert_eq!(text::line("👩‍🚀", 1, 3).unwrap().as_str(), "👩‍🚀");
    assert_eq!(text::line("👩‍🚀", 1, 2), Err(Rule::TooLong { min: 1, max: 2 }));
    assert_eq!(text::line(" \t ", 1, 2), Err(Rule::TooShort { min: 1, max: 2 }));
    assert_eq!(text::line("a\0b", 1, 9), Err(Rule::ControlCharacter));
    assert_eq!(text::line("a\u{85}b", 1, 9), Err(Rule::ControlCharacter));
}

#[test]
fn an_e_mail_address_has_a_user_and_a_domain_with_a_dot() {
    for good in [
        "a@b.co",
        "first.last+tag@sub.example.com",
        "a@ñandú.es",
        "josé@example.com",
        "o'brien.ñ@example.com",
        "名前@例え.テスト",
        "пётр@почта.рф",
    ] {
        assert!(accepts(text::email(good, 254)), "{good}");
    }
    for bad in [
        "",
        "a",
        "@b.co",
        "a@",
        "a@b",
        "a@b.",
        "a@.co",
        "a b@c.de",
        "a@b c.de",
        "a@[127.0.0.1]",
        "a@b@c.de",
        "a@-b.co",
        ".a@b.co",
        "a.@b.co",
        "a..b@c.de",
        "a@1.2.3.4",
        "a@b.1",
        "a@b.c",
        "a@ex\u{200b}ample.com",
        "a@b\u{feff}c.co",
        "a@😀.co",
        "a\u{3164}b@example.com",
        "jose\u{301}@example.com",
        "a\u{a0}b@example.com",
        "a😀@example.com",
        ".é@b.co",
        "é..é@b.co",
        "a“b@example.com",
    ] {
        assert!(!accepts(text::email(bad, 254)), "{bad}");
    }
}

#[test]
fn the_user_of_an_e_mail_address_has_at_most_64_bytes() {
    assert!(accepts(text::email(&format!("{}@example.com", "é".repeat(32)), 254)));
    assert!(accepts(text::email(&format!("{}@example.com", "a".repeat(64)), 254)));
    assert!(!accepts(text::email(&format!("{}a@example.com", "é".repeat(32)), 254)));
}

#[test]
fn a_user_name_in_falcon_is_any_text_without_white_space() {
    for good in ["o'brien1", "j", "jane#1<b>", "José😀", "名前/x", &"𠮷".repeat(150)] {
        assert!(accepts(text::unspaced_username(good, 150)), "{good}");
    }
    for bad in
        ["", " ", "jane doe", "jane\u{a0}doe", "jane\u{3000}doe", "jane\u{200b}", "\u{3164}", "a\0b", "👩\u{200d}👧"]
    {
        assert!(!accepts(text::unspaced_username(bad, 150)), "{bad}");
    }
    assert!(!accepts(text::unspaced_username(&"𠮷".repeat(151), 150)));
}

#[test]
fn a_telephone_number_has_6_to_15_digits_and_may_be_grouped() {
    for good in ["123456", "+123456789012345", "+57 300-123-4567", "1-2-3-4-5-6"] {
        assert!(accepts(text::phone(good)), "{good}");
    }
    for bad in [
        "",
        "+",
        "12345",
        "+1234567890123456",
        "++123456",
        "+ 123456",
        "-123456",
        "123456-",
        "12a456",
        "(57)3001234",
        "１２３４５６",
    ] {
        assert!(!accepts(text::phone(bad)), "{bad}");
    }
    let dashes = format!("1{}23456", "-".repeat(100));
    assert!(!accepts(text::phone(&dashes)));
}

#[test]
fn a_top_level_domain_is_not_a_number_in_any_digits() {
    for bad in ["a@b.12", "a@b.１２", "a@b.①②"] {
        assert!(!accepts(text::email(bad, 254)), "{bad}");
    }
    assert!(accepts(text::email("a@b.x2", 254)));
}

#[test]
fn a_url_is_absolute_and_http_or_https() {
    for good in [
        "http://a",
        "https://example.com/a.jpg?x=1#y",
        "HTTPS://EXAMPLE.COM/é",
        "https://u:p@h.co:8443/",
        "https://ñandú.example./a",
        "https://my_bucket.example.com/a",
        "https://192.0.2.1:80/a",
        "https://[2001:db8::1]/a",
        "https://[::1]:8443",
        "https://e.com:",
    ] {
        assert!(accepts(text::url(good)), "{good}");
    }
    for bad in [
        "",
        "a.jpg",
        "//a/b",
        "ftp://a/b",
        "javascript:alert(1)",
        "http:a",
        "http://",
        "https:///a",
        "https:\\\\a",
        "https://a b",
        "http://[",
        "data:,a",
        "https://./",
        "https://-/",
        "https://?a",
        "https://e.com/\"><script>",
        "https://e.com/a|b",
        "https://e.com:65536/",
        "https://e.com:+80/",
        "https://e.com:80:80/",
        "https://192.0.2.256/",
        "https://1/",
        "https://[::1/",
        "https://[::1]80/",
        "https://[e.com]/",
        "https://e..com/",
        "https://-e.com/",
        "https://u@/a",
    ] {
        assert!(!accepts(text::url(bad)), "{bad}");
    }
    let longest = format!("https://e.co/{}", "a".repeat(2048 - 13));
    assert!(accepts(text::url(&longest)));
    assert!(!accepts(text::url(&format!("{longest}a"))));
}

#[test]
fn an_image_path_stays_below_its_root() {
    for good in [
        "profile-pictures/default.jpg",
        "a.jpg",
        "a/..b/c",
        "https://example.com/a.jpg",
        "...",
        "/path/to/image.jpg",
        "/a",
        "/",
        "%2fa",
        "a//b",
    ] {
        assert!(accepts(text::image_path(good, 255)), "{good}");
    }
    for bad in [
        "",
        "//host/a.jpg",
        "//",
        "/\\host",
        "\\\\host",
        "%2f/host",
        "/%2Fhost",
        "/%5chost",
        "/../a",
        "/a/../b",
        "/a/%2e%2E",
        "/..",
        "/c:/a",
        "../a.jpg",
        "a/../b",
        "a/..",
        "..",
        "\\a",
        "a\\..\\b",
        "%2e%2e/a",
        "a/%2E./b",
        "a%2f..%2fb",
        "c:/a",
        "c%3a/a",
        "..?x",
        "a/..#x",
        "ftp://a/b",
        "javascript:alert(1)",
    ] {
        assert!(!accepts(text::image_path(bad, 255)), "{bad}");
    }
}

#[test]
fn a_password_is_kept_as_typed() {
    assert_eq!(text::password("  abc  ", 6, 100).unwrap().reveal(), b"  abc  ");
    assert!(accepts(text::password(&"é".repeat(100), 6, 100)));
    assert!(!accepts(text::password(&"é".repeat(101), 6, 100)));
    assert!(!accepts(text::password("abc\0def", 6, 100)));
}

#[test]
fn an_id_has_at_most_53_bits_but_a_path_may_contain_a_larger_number() {
    assert_eq!(Id::parse("9007199254740991").map(Id::get), Some(9_007_199_254_740_991));
    for none in ["9007199254740992", "99999999999999999999", "0", "000", "-1", "+1", "1.5", "", " 1", "１", "%00"] {
        assert_eq!(Id::parse(none), None, "{none}");
    }
    let beyond = PathId::parse("99999999999999999999").unwrap();
    assert_eq!((beyond.get(), beyond.digits()), (0, "99999999999999999999"));
    assert_eq!(PathId::parse("007").unwrap().get(), 7);
    assert_eq!(PathId::parse("000").unwrap().get(), 0);
}

proptest! {
    #[test]
    fn no_rule_panics_and_every_accepted_text_is_accepted_again(raw in any::<String>()) {
        for rule in [
            |raw: &str| text::line(raw, 1, 100),
            |raw: &str| text::email(raw, 254),
            |raw: &str| text::username(raw, 150),
            |raw: &str| text::unspaced_username(raw, 150),
            |raw: &str| text::phone(raw),
            |raw: &str| text::national_id(raw),
            |raw: &str| text::url(raw),
            |raw: &str| text::image_path(raw, 255),
        ] {
            if let Ok(first) = rule(&raw) {
                let again = rule(first.as_str());
                prop_assert_eq!(again, Ok(first));
            }
        }
        let _ = text::password(&raw, 6, 100);
        let _ = (Id::parse(&raw), PathId::parse(&raw));
    }

    #[test]
    fn accepted_text_has_no_control_characters_and_no_surrounding_space(raw in "[ \\t\u{0}-\u{9f}a-zé]{0,20}") {
        if let Ok(text) = text::line(&raw, 1, 100) {
            prop_assert!(!text.as_str().chars().any(char::is_control));
            prop_assert_eq!(text.as_str(), text.as_str().trim());
        }
    }

    #[test]
    fn every_id_in_range_is_parsed_from_its_text(value in 1_i64..=9_007_199_254_740_991) {
        prop_assert_eq!(Id::parse(&value.to_string()).map(Id::get), Some(value));
    }
}

#[test]
fn the_invisible_characters_are_those_of_unicode() {
    use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
    use icu_properties::{CodePointMapData, CodePointSetData};
    let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    let category = CodePointMapData::<GeneralCategory>::new();
    for character in '\0'..=char::MAX {
        let hidden = [GeneralCategory::Format, GeneralCategory::PrivateUse].contains(&category.get(character));
        let expected = hidden || ignorable.contains(character);
        assert_eq!(is_invisible(character), expected, "U+{:04X}", u32::from(character));
    }
}

#[test]
fn invisible_characters_are_refused_in_user_names_and_addresses_and_blank_in_other_text() {
    for hidden in
        ['\u{3164}', '\u{115F}', '\u{FFA0}', '\u{200B}', '\u{200D}', '\u{2060}', '\u{202E}', '\u{E000}', '\u{AD}']
    {
        assert_eq!(text::username(&format!("luis{hidden}_p"), 150), Err(Rule::Username), "{hidden:?}");
        let unspaced = text::unspaced_username(&format!("luis{hidden}_p"), 150);
        assert_eq!(unspaced, Err(Rule::Username), "{hidden:?}");
        assert_eq!(text::email(&format!("luis@exa{hidden}mple.com"), 254), Err(Rule::Email), "{hidden:?}");
        assert_eq!(text::email(&format!("luis{hidden}@example.com"), 254), Err(Rule::Email), "{hidden:?}");
        assert!(text::line(&format!("Luis{hidden} P"), 1, 100).is_ok(), "{hidden:?}");
        let blank = format!("{hidden} {hidden}");
        assert!(matches!(text::line(&blank, 1, 100), Err(Rule::TooShort { .. })), "{hidden:?}");
    }
    assert_eq!(
        text::line("👩\u{200D}👧 می\u{200C}خواهم ❤\u{FE0F}", 1, 100).unwrap().as_str(),
        "👩\u{200D}👧 می\u{200C}خواهم ❤\u{FE0F}"
    );
}
