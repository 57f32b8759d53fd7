//! Properties that hold for any input and that no other file here checks: for each parser, something beyond "it does
//! not panic". The fuzz targets in tests/fuzz check the same with many more inputs.

use super::tokens::{NOW, NoKeyService, keys, signed, verify_by};
use perfil::auth::BearerToken;
use perfil::dialect::{Dialect, Object, Part, django, falcon, personas, seam};
use perfil::domain::{BackEnd, DEFAULT_MAX_PIXELS, Id, ObjectKey, PathId, Picture, Record, Refusal, Rule, text};
use perfil::serve::media::{Conditions, Selection};
use perfil::serve::media_type;
use proptest::prelude::*;
use proptest::{sample::subsequence, test_runner::Config};
use serde_json::{Map, Value, json};
use std::fmt::Debug;

fn read<R: Record>(dialect: &Dialect<R>, body: &str) -> Result<R::Change, Refusal> {
    Object::parse(body.as_bytes()).and_then(dialect.read)
}

/// A JSON object with these fields in this order.
fn object(fields: &[(String, Value)]) -> String {
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{}: {value}", json!(name))).collect();
    format!("{{{}}}", fields.join(", "))
}

/// The same text with every character escaped.
fn escaped(body: &str) -> String {
    let value: Map<String, Value> = serde_json::from_str(body).unwrap();
    let quoted = |text: &str| {
        let units: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        format!("\"{units}\"")
    };
    let fields: Vec<String> = value
        .iter()
        .map(|(name, value)| {
            format!("\n{}\t: {} ", quoted(name), value.as_str().map_or_else(|| value.to_string(), quoted))
        })
        .collect();
    format!(" {{{}}}\r\n", fields.join(","))
}

/// Any field of any dialect, with a value that may or may not be valid for it.
fn field() -> impl Strategy<Value = (String, Value)> {
    let names = "nombres|apellidos|telefono|dni|foto_url|full_name|email|roleId|password|name|username|image_path\
        |first_name|last_name|number_phone|avatar";
    let text = prop_oneof![
        "[A-Za-zé ]{1,12}",
        "[a-z]{1,6}(\\.[a-z]{1,6})?@[a-z]{1,6}\\.[a-z]{2,4}",
        "\\+?[0-9]{6,15}",
        "https?://[a-z]{1,8}\\.[a-z]{2,3}/[a-z./]{0,9}",
        "[a-z./\\\\%2e]{1,12}",
        ".{0,8}",
    ];
    (
        names,
        prop_oneof![8 => text.prop_map(Value::from), 1 => Just(Value::Null), 1 => any::<u32>().prop_map(Value::from)],
    )
}

/// Fields with distinct names.
fn fields() -> impl Strategy<Value = Vec<(String, Value)>> {
    prop::collection::vec(field(), 0..6).prop_map(|fields| {
        let mut distinct: Vec<(String, Value)> = Vec::new();
        for (name, value) in fields {
            if distinct.iter().all(|(other, _)| *other != name) {
                distinct.push((name, value));
            }
        }
        distinct
    })
}

fn check_spelling<R: Record>(dialect: &Dialect<R>, fields: &[(String, Value)]) -> Result<(), TestCaseError>
where
    R::Change: Debug + PartialEq,
{
    let (body, reversed) = (object(fields), fields.iter().rev().cloned().collect::<Vec<_>>());
    let change = read(dialect, &body);
    let again = read(dialect, &object(&reversed));
    prop_assert_eq!(again.as_ref().ok(), change.as_ref().ok(), "reversed: {}", body);
    prop_assert_eq!(read(dialect, &escaped(&body)).ok(), change.ok(), "escaped: {}", body);
    Ok(())
}

fn check_unknown_field<R: Record>(dialect: &Dialect<R>, fields: &[(String, Value)]) -> Result<(), TestCaseError>
where
    R::Change: Debug + PartialEq,
{
    let more = [fields, &[("is_staff".to_owned(), json!({"a": [true]}))]].concat();
    prop_assert_eq!(read(dialect, &object(&more)), read(dialect, &object(fields)));
    Ok(())
}

/// Texts in a form are the same change as in JSON.
fn check_form<R: Record>(dialect: &Dialect<R>, fields: &[(String, Value)]) -> Result<(), TestCaseError>
where
    R::Change: Debug + PartialEq,
{
    let texts: Vec<(String, Value)> =
        fields.iter().filter(|(_, value)| value.as_str().is_some_and(|text| !text.is_empty())).cloned().collect();
    let part = |(name, value): &(String, Value)| (name.clone(), Part::Text(value.as_str().unwrap().to_owned()));
    let form =
        Object::from_form(texts.iter().map(part).collect(), &dialect.forms, DEFAULT_MAX_PIXELS).and_then(dialect.read);
    prop_assert_eq!(form, read(dialect, &object(&texts)));
    Ok(())
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        any::<String>().prop_map(Part::Text),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Part::File),
        Just(Part::File(std::fs::read(super::project("tests/fixtures/pictures/grey.jpg")).unwrap())),
        Just(Part::NoFile),
    ]
}

fn check_parts<R: Record>(dialect: &Dialect<R>, parts: &[(String, Part)]) -> Result<(), TestCaseError> {
    let forms = &dialect.forms;
    let mut files = parts.iter().filter(|(name, _)| forms.file == Some(name));
    let counts =
        |part: &Part| !forms.django_semantics || !matches!(part, Part::NoFile) && *part != Part::Text("".into());
    let file = files.rfind(|(_, part)| counts(part));
    let picture = match file {
        Some((_, Part::File(bytes))) => Picture::parse(bytes.clone(), DEFAULT_MAX_PIXELS).ok(),
        _ => None,
    };
    let names: std::collections::BTreeSet<&str> = parts.iter().map(|(name, _)| name.as_str()).collect();
    let change = Object::from_form(parts.to_vec(), forms, DEFAULT_MAX_PIXELS).and_then(dialect.read);
    if names.len() < parts.len() && !forms.django_semantics {
        prop_assert_eq!(change.err(), Some(Refusal::MalformedForm));
    } else if let Ok(change) = change {
        prop_assert_eq!(perfil::domain::Change::upload(&change), picture.as_ref());
        prop_assert!(file.is_none() || picture.is_some(), "a file that is not a picture was ignored");
    }
    Ok(())
}

/// A claim, and whether a valid token can have it.
fn claim() -> impl Strategy<Value = (&'static str, Value, bool)> {
    let at = -120..120_i64;
    prop_oneof![
        at.clone().prop_map(|at| ("exp", json!(NOW + at), at > -60)),
        at.clone().prop_map(|at| ("nbf", json!(NOW + at), at <= 60)),
        at.clone().prop_map(|at| ("auth_time", json!(NOW + at), true)),
        at.prop_map(|at| ("iat", json!(NOW + at), at <= 60)),
        "access|refresh|Access|".prop_map(|kind| ("type", json!(kind), kind == "access")),
        "access|refresh|Access|".prop_map(|kind| ("token_type", json!(kind), kind == "access")),
        (40..44_i64).prop_map(|id| ("user_id", json!(id), id == 42)),
        "4[0-4]|042|x".prop_map(|id| ("idUser", json!(id), id == "42" || id == "042")),
        prop::option::of(40..44_i64).prop_map(|id| ("profile", json!({"id": id}), id == Some(42))),
        Just(("profile", json!({}), true)),
        "[a-z]{1,4}".prop_map(|role| ("roleName", json!(role), true)),
    ]
}

proptest! {
    #![proptest_config(Config { cases: 128, failure_persistence: None, ..Config::default() })]

    #[test]
    fn the_order_and_spelling_of_fields_do_not_matter(fields in fields()) {
        check_spelling(&personas::FOTO, &fields)?;
        check_spelling(&personas::ME, &fields)?;
        check_spelling(&seam::USER, &fields)?;
        check_spelling(&falcon::USERS, &fields)?;
        check_spelling(&django::PROFILE, &fields)?;
    }

    #[test]
    fn an_unknown_field_is_ignored_except_by_falcon_which_refuses_it(fields in fields()) {
        check_unknown_field(&personas::FOTO, &fields)?;
        check_unknown_field(&personas::ME, &fields)?;
        check_unknown_field(&seam::USER, &fields)?;
        check_unknown_field(&django::PROFILE, &fields)?;
        let more = [fields, vec![("is_staff".to_owned(), json!(true))]].concat();
        let Err(Refusal::Invalid(faults)) = read(&falcon::USERS, &object(&more)) else { panic!("{more:?}") };
        prop_assert!(faults.iter().any(|fault| fault.field == "is_staff" && fault.rule == Rule::Unknown));
    }

    #[test]
    fn texts_in_a_form_are_read_like_texts_in_json(fields in fields()) {
        check_form(&personas::ME, &fields)?;
        check_form(&seam::USER, &fields)?;
        check_form(&falcon::USERS, &fields)?;
        check_form(&django::PROFILE, &fields)?;
    }

    #[test]
    fn the_picture_of_any_form_is_read_or_refused(
        parts in prop::collection::vec(("avatar|foto|first_name|email|x|", part()), 0..4),
    ) {
        check_parts(&django::PROFILE, &parts)?;
        check_parts(&personas::FOTO, &parts)?;
    }

    #[test]
    fn a_token_is_valid_if_and_only_if_each_of_its_claims_is(claims in prop::collection::vec(claim(), 0..5)) {
        let mut all = Map::from_iter([("sub".to_owned(), json!("42")), ("exp".to_owned(), json!(NOW + 60))]);
        let mut good = std::collections::BTreeMap::new();
        for (name, value, is_good) in claims {
            all.insert(name.to_owned(), value);
            good.insert(name, is_good);
        }
        let layouts = [("idUser", BackEnd::Seam), ("profile", BackEnd::Falcon), ("user_id", BackEnd::Django)];
        let claimed: Vec<_> = layouts.into_iter().filter(|(name, _)| good.contains_key(name)).collect();
        let is_good = good.values().all(|good| *good) && claimed.len() < 2;
        let actor = verify_by(&keys(), &signed(all.clone().into()), &NoKeyService);
        prop_assert_eq!(actor.is_ok(), is_good, "{:?}", all);
        if let Ok(actor) = actor {
            let back_end = claimed.first().map(|(_, back_end)| *back_end);
            prop_assert_eq!((actor.subject().back_end(), actor.subject().id().get()), (back_end, 42));
            let time = |name| all.get(name).and_then(Value::as_i64);
            prop_assert_eq!(actor.issued_at(), time("iat"));
            let authenticated_at = time("auth_time").or(time("iat")).filter(|at| *at <= NOW + 60);
            prop_assert_eq!(actor.authenticated_at(), authenticated_at);
        }
    }

    #[test]
    fn a_bearer_header_is_the_scheme_a_space_and_one_word(
        scheme in prop_oneof!["[Bb][Ee][Aa][Rr][Ee][Rr]", "[A-Za-z]{0,8}", "\\PC{0,8}"],
        between in "[ \\t]{0,3}",
        token in "\\PC{0,20}",
    ) {
        let header = format!("{scheme}{between}{token}");
        let expected = header.trim_matches([' ', '\t']).split_once(' ').is_some_and(|(scheme, token)| {
            let words = token.split([' ', '\t']).filter(|word| !word.is_empty()).count();
            scheme.eq_ignore_ascii_case("bearer") && words == 1
        });
        prop_assert_eq!(BearerToken::parse(Some(&header)).is_ok(), expected, "{:?}", header);
    }

    #[test]
    fn valid_texts_are_accepted_with_white_space_around_them(
        email in "[a-z0-9_+-]{1,8}(\\.[a-z0-9]{1,8}){0,2}@([a-z0-9]{1,8}\\.){1,3}[a-z]{2,6}",
        username in "[a-zA-Z0-9ñé_.@+-]{1,150}",
        phone in "\\+?[0-9]([ -]{0,2}[0-9]){5,12}",
        dni in "[A-Za-z0-9.-]{5,20}",
        url in "(http|HTTPS)://([a-z0-9]{1,8}\\.){1,3}[a-z]{2,6}(:[1-9][0-9]{0,3})?\
            (/[a-zé0-9_~%.-]{0,9}){0,3}(\\?[a-z=&]{0,9})?",
        path in "[a-z0-9_]{1,9}(/[a-z0-9_-]{1,9}){0,3}\\.(jpg|png)",
        around in "[ \\t\\r\\n\u{3000}]{0,3}",
    ) {
        for (good, accepted) in [
            (&email, text::email(&format!("{around}{email}{around}"), 254)),
            (&username, text::username(&format!("{around}{username}{around}"), 150)),
            (&phone, text::phone(&format!("{around}{phone}{around}"))),
            (&dni, text::national_id(&format!("{around}{dni}{around}"))),
            (&url, text::url(&format!("{around}{url}{around}"))),
            (&path, text::image_path(&format!("{around}{path}{around}"), 255)),
            (&url, text::image_path(&format!("{around}{url}{around}"), 255)),
        ] {
            prop_assert_eq!(accepted.as_ref().map(|text| text.as_str()), Ok(good.as_str()));
        }
    }

    #[test]
    fn an_image_path_with_a_parent_segment_is_refused_in_any_spelling(
        before in "([a-z.]{1,4}[/\\\\]){0,3}",
        dots in "(\\.|%2e|%2E){2}",
        after in "([/\\\\]|%2f|%5C)[a-z/]{0,9}|",
    ) {
        prop_assert_eq!(text::image_path(&format!("{before}{dots}{after}"), 255), Err(Rule::ImagePath));
    }

    #[test]
    fn an_id_in_a_path_consists_of_digits_only(
        segment in prop_oneof!["[0-9]{1,25}", "[0-9a-z%+ -]{0,5}", "\\PC{0,5}"],
    ) {
        let is_number = !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_digit());
        let value = segment.parse::<i64>().ok().filter(|_| is_number).filter(|value| (1..1 << 53).contains(value));
        prop_assert_eq!(Id::parse(&segment).map(Id::get), value);
        let named = PathId::parse(&segment);
        prop_assert_eq!(named.is_some(), is_number);
        if let Some(named) = named {
            prop_assert_eq!((named.get(), named.digits()), (value.unwrap_or(0), segment.as_str()));
        }
    }

    #[test]
    fn a_key_can_be_put_into_a_path_unchanged(
        key in "(avatars/)?([a-zA-Z0-9._-]{0,5}/){0,3}[a-zA-Z0-9._é%?#-]{0,6}\\.(jpg|jpeg|png|gif|webp|svg)",
        owner in 1..20_i64,
    ) {
        let Some(parsed) = ObjectKey::parse(&key) else {
            let plain = key.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/".contains(&b));
            let odd = key.split('/').any(|part| matches!(part, "" | "." | ".."));
            prop_assert!(!plain || odd || !key.starts_with("avatars/") || key.ends_with(".svg"), "{}", key);
            return Ok(());
        };
        prop_assert_eq!((parsed.as_str(), parsed.url_path()), (key.as_str(), format!("/media/{key}")));
        prop_assert!(!key.contains("//") && !key.contains("/../") && !key.contains(['%', '?', '#']));
        let is_own = key.starts_with(&format!("avatars/{owner}/"));
        prop_assert_eq!(parsed.belongs_to(Id::new(owner).unwrap()), is_own);
    }

    #[test]
    fn a_range_selects_the_positions_that_it_names(first in 0..12_u64, last in 0..12_u64, size in 0..12_u64) {
        let (from_first, to_last, at_end) =
            (|at: &u64| first <= *at, |at: &u64| *at <= last, |at: &u64| at + last >= size);
        let positions = |is_named: &dyn Fn(&u64) -> bool| (0..size).filter(is_named).collect::<Vec<_>>();
        for (range, named) in [
            (format!("bytes={first}-{last}"), positions(&|at| from_first(at) && to_last(at))),
            (format!("bytes={first}-"), positions(&from_first)),
            (format!("bytes=-{last}"), positions(&at_end)),
        ] {
            let conditions = Conditions { range: Some(range.clone()), ..Conditions::default() };
            let is_ignored = range == format!("bytes={first}-{last}") && first > last;
            let is_all_of_nothing = range.starts_with("bytes=-") && size == 0 && last > 0;
            let expected = match named.first() {
                _ if is_ignored || is_all_of_nothing => Selection::Full,
                None => Selection::Unsatisfiable,
                Some(first) => Selection::Part { first: *first, length: named.len().try_into().unwrap() },
            };
            prop_assert_eq!(conditions.select("GET", "\"x\"", size), expected, "{} of {}", range, size);
        }
    }

    #[test]
    fn a_media_type_is_recognized_in_any_case_and_with_any_parameters(
        parts in subsequence(
            vec!["application/", "vnd.api", "json", "multipart/", "form-data", "+json", "text/plain"],
            0..4,
        ),
        upper in any::<bool>(),
        parameters in "( ?; ?[a-z]{0,8}=[a-z0-9/+\"-]{0,8}){0,2}",
    ) {
        let essence = parts.concat();
        let sent = if upper { essence.to_uppercase() } else { essence.clone() };
        let sent = format!(" {sent}{parameters}");
        let is_suffixed = |subtype: &str| subtype.len() > 5 && subtype.ends_with("+json");
        let suffixed = essence.split_once('/').is_some_and(|(_, subtype)| is_suffixed(subtype));
        prop_assert_eq!(media_type::is_json(&sent), essence == "application/json" || suffixed, "{}", sent);
        prop_assert_eq!(media_type::is_form(&sent), essence == "multipart/form-data", "{}", sent);
    }
}
