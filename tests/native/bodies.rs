//! Parsing of forms, and the limits on the memory that bodies hold at the same time (contract R2, R3, R12).

use perfil::dialect::Part;
use perfil::domain::{Failure, Fault, Id, Refusal, Subject};
use perfil::serve::in_flight::{InFlight, Kind, seconds_for};
use perfil::serve::{form, media_type, urlencoded};
use proptest::prelude::*;

const LIMIT: usize = 1000;

fn parse(body: &[u8]) -> Result<Vec<(String, Part)>, Refusal> {
    form::parse(body.to_vec(), "x", "avatar", LIMIT)
}

/// A part with these `Content-Disposition` parameters.
fn part(parameters: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("--x\r\nContent-Disposition: form-data; {parameters}\r\n\r\n");
    [head.as_bytes(), content, b"\r\n"].concat()
}

fn form_body(parts: &[Vec<u8>]) -> Vec<u8> {
    [&parts.concat(), &b"--x--\r\n"[..]].concat()
}

fn text(name: &str, content: &str) -> (String, Part) {
    (name.to_owned(), Part::Text(content.to_owned()))
}

fn file(name: &str, content: &[u8]) -> (String, Part) {
    (name.to_owned(), Part::File(content.to_vec()))
}

#[test]
fn every_text_is_returned_but_only_the_wanted_file_has_its_bytes() {
    let parts = [
        part("name=\"first_name\"", b"Ana"),
        part("name=\"avatar\"; filename=\"a.png\"", b"\x89PNG\r\n--"),
        part("name=other; filename=\"b.png\"", b"bytes"),
        part("name=\"empty\"", b""),
    ];
    let expected = [text("first_name", "Ana"), file("avatar", b"\x89PNG\r\n--"), file("other", b""), text("empty", "")];
    assert_eq!(parse(&form_body(&parts)).unwrap(), expected);
    assert_eq!(parse(b"--x--").unwrap(), []);
}

#[test]
fn a_blank_file_input_differs_from_an_empty_text_and_an_empty_file() {
    let blank_input = form_body(&[part("name=\"avatar\"; filename=\"\"", b"")]);
    assert_eq!(parse(&blank_input).unwrap(), [("avatar".to_owned(), Part::NoFile)]);
    assert_eq!(parse(&form_body(&[part("name=\"avatar\"", b"")])).unwrap(), [text("avatar", "")]);
    let empty = form_body(&[part("name=\"avatar\"; filename=\"a.png\"", b"")]);
    assert_eq!(parse(&empty).unwrap(), [file("avatar", b"")]);
}

#[test]
fn of_two_files_with_the_wanted_name_only_the_last_one_has_its_bytes() {
    let picture = |content: &[u8]| part("name=\"avatar\"; filename=\"a.png\"", content);
    let parts = parse(&form_body(&[picture(b"first"), part("name=\"a\"", b"b"), picture(b"second")])).unwrap();
    assert_eq!(parts, [file("avatar", b""), text("a", "b"), file("avatar", b"second")]);
}

#[test]
fn parameters_are_read_as_clients_write_them() {
    for (parameters, expected) in [
        ("name=\"a%22b\"", text("a\"b", "c")),
        ("name=\"a\\\"b\"", text("a\"b", "c")),
        ("NAME=\"á\"", text("á", "c")),
        ("filename=\"C:\\x\\y.png\"; name=\"avatar\"", file("avatar", b"c")),
        ("name=\"avatar\"; filename=a.png", file("avatar", b"c")),
        ("name=\"avatar\"; filename*=utf-8''%c3%a1.png", file("avatar", b"c")),
        ("name=\"avatar\"; filename=\"a;b=c\"", file("avatar", b"c")),
        ("name=\"avatar\"; filename=\"\"", text("avatar", "c")),
        ("name=\"avatar\"; filename=\"\"; filename*=utf-8''a.png", file("avatar", b"c")),
    ] {
        assert_eq!(parse(&form_body(&[part(parameters, b"c")])).unwrap(), [expected], "{parameters}");
    }
    let several =
        b"--x \t\r\ncontent-type: text/plain\r\ncontent-disposition:form-data;name=\"a\"\r\n\r\nb\r\n--x--epilogue";
    assert_eq!(parse(several).unwrap(), [text("a", "b")]);
}

#[test]
fn line_breaks_before_the_first_boundary_are_ignored() {
    let good = form_body(&[part("name=\"a\"", b"b")]);
    for breaks in [&b"\r\n"[..], b"\r\n\r\n"] {
        assert_eq!(parse(&[breaks, &good].concat()).unwrap(), [text("a", "b")], "{breaks:?}");
    }
}

#[test]
fn a_form_that_two_parsers_could_read_differently_is_malformed() {
    let good = form_body(&[part("name=\"a\"", b"b")]);
    for end in 0..good.len() - 4 {
        assert_eq!(parse(&good[..end]), Err(Refusal::MalformedForm), "cut off after {end}");
    }
    for body in [
        [b"preamble\r\n", &good[..]].concat(),
        [b"\r\npreamble\r\n", &good[..]].concat(),
        [b"\n", &good[..]].concat(),
        b"\r\n".to_vec(),
        form_body(&[part("name=\"a\"; name=\"b\"", b"c")]),
        form_body(&[part("filename=\"b\"", b"c")]),
        form_body(&[part("name=\"a", b"c")]),
        form_body(&[part("name=\"a\"b", b"c")]),
        form_body(&[part("name", b"c")]),
        form_body(&[part("name=\"\u{e9}\"", b"c").iter().copied().filter(|b| *b != 0xa9).collect()]),
        form_body(&[part("name=\"a\"", b"\xff")]),
        form_body(&[part("name=\"a\"\r\nContent-Disposition: form-data; name=\"b\"", b"c")]),
        form_body(&[part("name=\"a\"\r\nno colon", b"c")]),
        b"--x\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nb\r\n--x--".to_vec(),
        b"--x\r\n\r\nb\r\n--x--".to_vec(),
        b"--xy\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--x--".to_vec(),
    ] {
        assert_eq!(parse(&body), Err(Refusal::MalformedForm), "{}", String::from_utf8_lossy(&body));
    }
}

#[test]
fn a_form_that_exceeds_a_limit_is_too_large() {
    let picture = |size: usize| part("name=\"avatar\"; filename=\"a\"", &vec![b'a'; size]);
    assert!(parse(&form_body(&[picture(LIMIT)])).is_ok());
    for body in [
        form_body(&[picture(LIMIT + 1)]),
        form_body(&[part("name=\"a\"", &vec![b'a'; form::OVERHEAD])]),
        form_body(&[part("name=\"a\"; filename=\"b\"", &vec![b'a'; form::OVERHEAD])]),
        form_body(&vec![part("name=\"a\"", b""); 65]),
        form_body(&[part(&format!("name=\"a\"\r\nX-Pad: {}", "a".repeat(9000)), b"")]),
        [b"--x\r\n".to_vec(), vec![b'a'; 9000]].concat(),
    ] {
        assert_eq!(parse(&body), Err(Refusal::TooLarge));
    }
}

#[test]
fn a_url_encoded_form_is_read_as_browsers_write_it() {
    for (body, expected) in [
        ("", vec![]),
        ("&&", vec![]),
        ("a=b", vec![text("a", "b")]),
        ("a=b+c%2Bd%26&e=%C3%a9", vec![text("a", "b c+d&"), text("e", "é")]),
        ("a=b=c&a", vec![text("a", "b=c"), text("a", "")]),
        ("=a&%61+b=é", vec![text("", "a"), text("a b", "é")]),
    ] {
        assert_eq!(urlencoded::parse(body.as_bytes()).unwrap(), expected, "{body}");
    }
    for bad in ["%", "a=%", "a=%4", "a=%4g", "a=%%41", "a=%ff", "a=%ed%a0%80", "a=%+1", "%c3=a"] {
        assert_eq!(urlencoded::parse(bad.as_bytes()), Err(Refusal::MalformedForm), "{bad}");
    }
    assert_eq!(urlencoded::parse(b"a=\xff"), Err(Refusal::MalformedForm));
    assert_eq!(urlencoded::parse("a&".repeat(64).as_bytes()).unwrap().len(), 64);
    assert_eq!(urlencoded::parse("a&".repeat(65).as_bytes()), Err(Refusal::TooLarge));
}

#[test]
fn a_boundary_must_be_valid_by_rfc_2046() {
    let form = |parameter: &str| media_type::boundary(&format!("multipart/form-data; {parameter}")).map(str::to_owned);
    assert_eq!(
        form("boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW").unwrap(),
        "----WebKitFormBoundary7MA4YWxkTrZu0gW"
    );
    assert_eq!(form("charset=utf-8; BOUNDARY=\"a b'()+_,-./:=?\"").unwrap(), "a b'()+_,-./:=?");
    for bad in ["", "boundary=", "boundary=\"a", "boundary=é", "boundary=a; boundary=b", "boundary=\"a\\\"b\""] {
        assert_eq!(form(bad), None, "{bad}");
    }
    assert_eq!(form(&format!("boundary={}", "a".repeat(71))), None);
}

fn account(id: i64) -> Subject {
    Subject::Account(Id::new(id).unwrap())
}

const MIB: usize = 1024 * 1024;

#[test]
fn memory_for_bodies_is_limited_per_account_and_per_instance() {
    let all = InFlight::new();
    let reserve = |number, bytes| all.reserve(Kind::Upload, account(number), bytes, 0);
    let open: Vec<_> = [1, 1, 2, 2].map(|account| reserve(account, 10 * MIB).unwrap()).into();
    assert!(matches!(reserve(1, 2 * MIB), Err(Failure::Refused(Refusal::TooManyRequests))));
    assert!(matches!(reserve(3, 2 * MIB), Err(Failure::Fault(Fault::Full))));
    let json = all.reserve(Kind::Json, account(3), 64 * 1024, 0);
    assert!(json.is_ok(), "JSON has its own limit");
    drop(open);
    assert!(reserve(3, 10 * MIB).is_ok());
}

#[test]
fn a_reservation_that_is_never_released_expires_alone() {
    let all = InFlight::new();
    let lost: Vec<_> = (1..5).map(|number| all.reserve(Kind::Upload, account(number), 10 * MIB, 0).unwrap()).collect();
    let later = i64::try_from(seconds_for(10 * MIB)).unwrap() + 120;
    assert!(all.reserve(Kind::Upload, account(5), 10 * MIB, later - 1).is_err());
    let kept: Vec<_> =
        (1..5).map(|number| all.reserve(Kind::Upload, account(number), 10 * MIB, later).unwrap()).collect();
    drop(lost);
    assert!(all.reserve(Kind::Upload, account(5), 10 * MIB, later).is_err(), "what is lost was counted off twice");
    drop(kept);
    assert!(all.reserve(Kind::Upload, account(5), 10 * MIB, later).is_ok());
}

proptest! {
    #[test]
    fn any_fields_survive_url_encoding(fields in prop::collection::vec((any::<String>(), any::<String>()), 0..64)) {
        let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
        let body: Vec<_> = fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        let expected: Vec<_> = fields.iter().map(|(name, value)| text(name, value)).collect();
        prop_assert_eq!(urlencoded::parse(body.join("&").as_bytes()).unwrap(), expected);
    }

    #[test]
    fn no_bytes_panic_as_a_form(
        mut bytes in prop::collection::vec(any::<u8>(), 0..200),
        pieces in prop::collection::vec(0..6_usize, 0..12),
    ) {
        const PIECES: [&[u8]; 6] = [b"--x", b"\r\n", b"--x--", b"Content-Disposition: form-data", b"; name=\"", b"\""];
        for (at, piece) in pieces.into_iter().enumerate() {
            let at = (at * 17) % (bytes.len() + 1);
            bytes.splice(at..at, PIECES[piece].iter().copied());
        }
        let _ = parse(&bytes);
    }

    #[test]
    fn a_generated_form_is_parsed_into_its_fields(
        texts in prop::collection::btree_map("[a-z_]{1,8}", "[^\\r]{0,30}", 0..5),
        picture in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        // A delimiter inside the content would end the part.
        prop_assume!(!picture.windows(5).any(|window| window == b"\r\n--x"));
        let written = |(name, content): (&String, &String)| part(&format!("name=\"{name}\""), content.as_bytes());
        let mut parts: Vec<_> = texts.iter().map(written).collect();
        parts.push(part("name=\"avatar\"; filename=\"a\"", &picture));
        let mut expected: Vec<_> = texts.iter().map(|(name, content)| text(name, content)).collect();
        expected.push(file("avatar", &picture));
        prop_assert_eq!(parse(&form_body(&parts)).unwrap(), expected);
    }
}
