use perfil::dialect::{Answer, Dialect, Object, Part, django, falcon, personas, seam};
use perfil::domain::{Change, DEFAULT_MAX_PIXELS, Field, InvalidField, JsonKind, Record, Refusal, Rule, Unique};
use proptest::prelude::*;
use serde_json::Value;
use std::fmt::Debug;

fn read<R: Record>(dialect: &Dialect<R>, body: &[u8]) -> Result<R::Change, Refusal> {
    Object::parse(body).and_then(|object| (dialect.read)(object))
}

/// Every rule that a field can break.
pub fn every_rule() -> Vec<Rule> {
    let bounds = (2, 100);
    let rules = vec![
        Rule::Required,
        Rule::NotNull,
        Rule::Text,
        Rule::Number,
        Rule::TooShort { min: bounds.0, max: bounds.1 },
        Rule::TooLong { min: bounds.0, max: bounds.1 },
        Rule::ControlCharacter,
        Rule::CommonPassword,
        Rule::Email,
        Rule::Username,
        Rule::Phone,
        Rule::NationalId,
        Rule::Url,
        Rule::ImagePath,
        Rule::File,
        Rule::NotEmpty,
        Rule::Image,
        Rule::PathNumber,
        Rule::Unknown,
    ];
    // A new rule does not compile until it is named here. Add it to the list above as well.
    for rule in &rules {
        match rule {
            Rule::Required | Rule::NotNull | Rule::Text | Rule::Number | Rule::TooShort { .. } => {}
            Rule::TooLong { .. } | Rule::ControlCharacter | Rule::Email | Rule::Username | Rule::Phone => {}
            Rule::NationalId | Rule::Url | Rule::ImagePath | Rule::File | Rule::NotEmpty | Rule::Image => {}
            Rule::CommonPassword | Rule::PathNumber | Rule::Unknown => {}
        }
    }
    rules
}

pub fn every_refusal() -> Vec<Refusal> {
    let rules = every_rule();
    let kinds = [JsonKind::Null, JsonKind::Bool, JsonKind::Integer, JsonKind::Float, JsonKind::Text, JsonKind::List];
    let mut all = vec![
        Refusal::NoToken,
        Refusal::BadToken,
        Refusal::StaleToken { max_age: 300 },
        Refusal::BadAuthorization,
        Refusal::AccountGone,
        Refusal::AccountInactive,
        Refusal::Forbidden,
        Refusal::NotFound { id: "7".into() },
        Refusal::NoRoute,
        Refusal::MethodNotAllowed { method: "GET".into() },
        Refusal::TooManyRequests,
        Refusal::TooLarge,
        Refusal::TooSlow,
        Refusal::UnsupportedMediaType { given: "text/plain; \"x\"\\".into() },
        Refusal::Malformed,
        Refusal::MalformedForm,
        Refusal::NothingToUpdate,
        Refusal::NoSuchRole,
        Refusal::Invalid(rules.iter().map(|rule| InvalidField::new("a\"b", *rule)).collect()),
        Refusal::Taken(vec![Unique::Username]),
        Refusal::Taken(vec![Unique::Email]),
        Refusal::Taken(vec![Unique::Dni]),
        Refusal::Taken(vec![Unique::Username, Unique::Email, Unique::Dni]),
    ];
    all.extend(kinds.map(Refusal::NotAnObject));
    all.extend(rules.iter().map(|rule| Refusal::invalid("email", *rule)));
    // A new refusal does not compile until it is named here. Add it to the list above as well.
    for refusal in &all {
        match refusal {
            Refusal::StaleToken { .. } | Refusal::BadAuthorization => {}
            Refusal::AccountGone | Refusal::AccountInactive => {}
            Refusal::NoToken | Refusal::BadToken | Refusal::Forbidden | Refusal::NotFound { .. } => {}
            Refusal::NoRoute | Refusal::MethodNotAllowed { .. } | Refusal::TooManyRequests | Refusal::TooLarge => {}
            Refusal::TooSlow | Refusal::UnsupportedMediaType { .. } | Refusal::Malformed => {}
            Refusal::MalformedForm | Refusal::NotAnObject(_) | Refusal::Invalid(_) | Refusal::NothingToUpdate => {}
            Refusal::NoSuchRole | Refusal::Taken(_) => {}
        }
    }
    all
}

/// The body has a phrase for the status, which comes from another table.
#[test]
fn falcon_labels_no_refusal_as_an_internal_error() {
    for refusal in every_refusal() {
        let body: Value = serde_json::from_str(&falcon::refuse(&refusal).body).unwrap();
        assert_ne!(body["error"], "Internal Server Error", "{refusal:?}");
    }
}

#[test]
fn falcons_message_is_a_list_only_for_faults_of_fields() {
    for refusal in every_refusal() {
        let body: Value = serde_json::from_str(&falcon::refuse(&refusal).body).unwrap();
        assert_eq!(body["message"].is_array(), matches!(refusal, Refusal::Invalid(_)), "{refusal:?}");
    }
}

fn assert_client_error(answer: &Answer, refusal: &Refusal) {
    assert!((400..500).contains(&answer.status), "{refusal:?}: {answer:?}");
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert!(body.is_object(), "{refusal:?}: {answer:?}");
}

#[test]
fn every_dialect_turns_every_refusal_into_a_4xx_with_a_json_object() {
    for refusal in every_refusal() {
        for refuse in [django::refuse, falcon::refuse, personas::refuse, seam::refuse] {
            assert_client_error(&refuse(&refusal), &refusal);
        }
    }
}

#[test]
fn every_dialect_has_its_own_message_for_a_server_side_failure() {
    for (fail, body) in [
        (personas::FOTO.fail, r#"{"message":"Error al actualizar foto"}"#),
        (personas::ME.fail, r#"{"message":"Error al actualizar perfil"}"#),
        (seam::USER.fail, r#"{"success":false,"message":"Error interno del servidor","data":null}"#),
        (falcon::USERS.fail, r#"{"message":"Internal server error","error":"Internal Server Error","statusCode":500}"#),
        (django::PROFILE.fail, r#"{"error":"Internal server error"}"#),
    ] {
        assert_eq!(fail(500), Answer { status: 500, body: body.to_owned() });
    }
}

fn check_absent_is_empty<R: Record>(dialect: &Dialect<R>)
where
    R::Change: Debug + PartialEq,
{
    assert_eq!(read(dialect, b""), read(dialect, b"{}"));
    assert!(
        read(dialect, b"{}").map_or_else(|refusal| refusal == Refusal::NothingToUpdate, |change| change.is_empty())
    );
}

#[test]
fn an_absent_body_is_the_same_as_an_empty_object() {
    check_absent_is_empty(&django::PROFILE);
    check_absent_is_empty(&falcon::USERS);
    check_absent_is_empty(&seam::USER);
    check_absent_is_empty(&personas::ME);
}

#[test]
fn null_clears_what_may_be_empty_and_nothing_else() {
    let cleared = read(&personas::ME, br#"{"telefono": null, "foto_url": null}"#).unwrap();
    assert_eq!((cleared.telefono, cleared.foto_url), (Field::Clear, Field::Clear));
    let cleared = read(&django::PROFILE, br#"{"number_phone": null, "avatar": null}"#).unwrap();
    assert_eq!((cleared.number_phone, cleared.image), (Field::Clear, Field::Clear));
    let refused = read(&seam::USER, br#"{"email": null}"#);
    assert_eq!(refused, Err(Refusal::invalid("email", Rule::NotNull)));
}

#[test]
fn numbers_become_the_text_that_python_would_print() {
    for (number, text) in [
        ("5559876543", "5559876543"),
        ("-0", "0"),
        ("1.50", "1.5"),
        ("1.0", "1.0"),
        ("-0.0", "-0.0"),
        ("1e2", "100.0"),
        ("1e15", "1000000000000000.0"),
        ("1e16", "1e+16"),
        ("1.5e300", "1.5e+300"),
        ("0.0001", "0.0001"),
        ("0.00001", "1e-05"),
        ("12345678901234567890123", "12345678901234567890123"),
    ] {
        let body = format!("{{\"first_name\": {number}}}");
        let change = read(&django::PROFILE, body.as_bytes()).unwrap();
        assert_eq!(change.first_name.unwrap().as_str(), text, "{number}");
    }
}

#[test]
fn a_byte_order_mark_before_the_body_is_ignored() {
    let object = Object::parse("\u{feff}{\"a\":\"\u{feff}b\"}".as_bytes()).unwrap();
    assert!(object.get("a") == Some(&perfil::dialect::Value::Text("\u{feff}b".to_owned())));
    assert_eq!(Object::parse("\u{feff}[]".as_bytes()).unwrap_err(), Refusal::NotAnObject(JsonKind::List));
}

#[test]
fn json_that_two_parsers_could_read_differently_is_malformed() {
    let deep = |levels: usize| format!("{{\"x\": {}{}}}", "[".repeat(levels), "]".repeat(levels));
    for body in [
        "{",
        "}",
        "{\"a\":1,}",
        "{'a':1}",
        "{\"a\":1}x",
        "{\"a\":1} {}",
        "nul",
        "[1,]",
        "\u{feff}",
        "\u{feff}\u{feff}{}",
        " \u{feff}{}",
        "{\u{feff}}",
        " ",
        "{\"a\":01}",
        "{\"a\":NaN}",
        "{\"a\":1e999}",
        "{\"a\":[-1e999]}",
        "{\"a\":1,\"a\":1}",
        "{\"a\":1,\"\\u0061\":2}",
        "{\"x\":{\"a\":1,\"a\":2}}",
        "{\"x\":[{\"a\":1,\"a\":2}]}",
        "{\"x\":\"\\ud800\"}",
        "{\"x\":\"a\nb\"}",
        &deep(200),
        &"[".repeat(60_000),
    ] {
        assert_eq!(Object::parse(body.as_bytes()).unwrap_err(), Refusal::Malformed, "{:.40}", body);
    }
    assert_eq!(Object::parse(b"{\"a\":\"\xff\"}").unwrap_err(), Refusal::Malformed);
    assert!(Object::parse(deep(100).as_bytes()).is_ok());
}

#[test]
fn the_refusal_of_a_body_that_is_not_an_object_names_its_type() {
    for (body, kind) in [
        ("null", JsonKind::Null),
        ("true", JsonKind::Bool),
        ("-1", JsonKind::Integer),
        ("1e3", JsonKind::Float),
        (" \"x\" ", JsonKind::Text),
        ("[{}]", JsonKind::List),
    ] {
        assert_eq!(Object::parse(body.as_bytes()).unwrap_err(), Refusal::NotAnObject(kind), "{body}");
    }
}

fn form<R: Record>(dialect: &Dialect<R>, parts: &[(&str, Part)]) -> Result<R::Change, Refusal> {
    let parts = parts.iter().map(|(name, part)| ((*name).to_owned(), part.clone())).collect();
    Object::from_form(parts, &dialect.forms, DEFAULT_MAX_PIXELS).and_then(dialect.read)
}

fn text_part(text: &str) -> Part {
    Part::Text(text.to_owned())
}

#[test]
fn a_form_is_read_like_json_except_for_what_a_form_cannot_express() {
    let change =
        form(&django::PROFILE, &[("first_name", text_part(" Ana ")), ("number_phone", text_part(""))]).unwrap();
    assert_eq!(change.first_name.unwrap().as_str(), "Ana");
    assert!(matches!(change.number_phone, Field::Set(text) if text.as_str().is_empty()));
    assert!(form(&django::PROFILE, &[("is_staff", text_part("1"))]).unwrap().is_empty());
    let blank = form(&django::PROFILE, &[("username", text_part("")), ("avatar", Part::File(Vec::new()))]).unwrap_err();
    let faults = vec![
        InvalidField::new("username", Rule::TooShort { min: 1, max: 150 }),
        InvalidField::new("avatar", Rule::NotEmpty),
    ];
    assert_eq!(blank, Refusal::Invalid(faults));
    let file = form(&django::PROFILE, &[("first_name", Part::File(b"Ana".to_vec()))]);
    assert_eq!(file, Err(Refusal::invalid("first_name", Rule::Text)));
}

#[test]
fn of_parts_with_the_same_name_django_takes_the_last_and_others_refuse_the_form() {
    let duplicated =
        [("first_name", text_part("Ana")), ("email", text_part("a@b.co")), ("first_name", text_part("Eva"))];
    let change = form(&django::PROFILE, &duplicated).unwrap();
    assert_eq!((change.first_name.unwrap().as_str(), change.email.unwrap().as_str()), ("Eva", "a@b.co"));
    let duplicated = [("foto", text_part("Ana")), ("foto", text_part("Eva"))];
    assert_eq!(form(&personas::FOTO, &duplicated), Err(Refusal::MalformedForm));
}

#[test]
fn a_blank_file_input_is_ignored_by_django_and_an_empty_file_for_others() {
    for blank in [Part::NoFile, text_part("")] {
        assert!(form(&django::PROFILE, &[("avatar", blank.clone())]).unwrap().is_empty());
        let foto = form(&personas::FOTO, &[("foto", blank.clone())]);
        assert_eq!(foto, Err(Refusal::invalid("foto", Rule::NotEmpty)));
        let picture = std::fs::read(super::project("tests/fixtures/pictures/grey.jpg")).unwrap();
        let change = form(&django::PROFILE, &[("avatar", Part::File(picture)), ("avatar", blank)]).unwrap();
        assert!(change.upload.is_some());
    }
    assert!(form(&django::PROFILE, &[("first_name", Part::NoFile)]).unwrap().is_empty());
    assert_eq!(read(&django::PROFILE, br#"{"avatar": ""}"#), Err(Refusal::invalid("avatar", Rule::File)));
}

#[test]
fn names_and_the_telephone_number_of_django_may_be_blank() {
    let change = read(&django::PROFILE, br#"{"first_name": "", "last_name": " ", "number_phone": ""}"#).unwrap();
    assert_eq!((change.first_name.unwrap().as_str(), change.last_name.unwrap().as_str()), ("", ""));
    assert!(matches!(change.number_phone, Field::Set(text) if text.as_str().is_empty()));
}

#[test]
fn a_picture_must_be_a_file_that_contains_a_picture() {
    for (part, rule) in [
        (text_part("x"), Rule::File),
        (Part::File(Vec::new()), Rule::NotEmpty),
        (Part::File(b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_vec()), Rule::Image),
    ] {
        let avatar = form(&django::PROFILE, &[("avatar", part.clone())]);
        assert_eq!(avatar, Err(Refusal::invalid("avatar", rule)));
        let foto = form(&personas::FOTO, &[("foto", part)]);
        assert_eq!(foto, Err(Refusal::invalid("foto", rule)));
    }
    let elsewhere = form(&personas::FOTO, &[("foto_url", text_part("https://example.com/a.jpg"))]);
    assert_eq!(elsewhere, Err(Refusal::invalid("foto", Rule::Required)));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        body in prop_oneof![
            any::<Vec<u8>>(),
            "[{][\"a-z0-9:,\\[\\]{}\\\\ -]{0,60}".prop_map(String::into_bytes),
        ],
    ) {
        let _ = (read(&django::PROFILE, &body), read(&falcon::USERS, &body), read(&seam::USER, &body));
        let _ = (read(&personas::ME, &body), read(&personas::FOTO, &body));
    }

    #[test]
    fn arbitrary_objects_are_read_or_refused_in_every_dialect(
        name in "email|name|username|full_name|roleId|password|telefono|dni|foto_url|avatar|number_phone|image_path|x",
        value in prop_oneof![
            any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
            any::<f64>().prop_filter("JSON has no such number", |n| n.is_finite()).prop_map(|n| n.to_string()),
            any::<i64>().prop_map(|n| n.to_string()),
            "null|true|\\[\\]|\\{\\}|\\[1, \\{\"a\": null\\}\\]",
        ],
    ) {
        let body = format!("{{\"{name}\": {value}}}");
        let refusals = [
            read(&django::PROFILE, body.as_bytes()).err(),
            read(&falcon::USERS, body.as_bytes()).err(),
            read(&seam::USER, body.as_bytes()).err(),
            read(&personas::ME, body.as_bytes()).err(),
            read(&personas::FOTO, body.as_bytes()).err(),
        ];
        for refusal in refusals.into_iter().flatten() {
            prop_assert!(matches!(refusal, Refusal::Invalid(_) | Refusal::NothingToUpdate), "{body}: {refusal:?}");
        }
    }

    #[test]
    fn a_json_object_is_read_like_serde_json_reads_it(
        names in prop::collection::btree_map("[a-z]{1,6}", any::<String>(), 0..6),
    ) {
        let body = serde_json::to_string(&names).unwrap();
        let object = Object::parse(body.as_bytes()).unwrap();
        for (name, value) in &names {
            prop_assert_eq!(object.get(name), Some(&perfil::dialect::Value::Text(value.clone())));
        }
        prop_assert_eq!(object.names().count(), names.len());
    }
}
