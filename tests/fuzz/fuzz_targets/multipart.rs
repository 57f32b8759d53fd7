//! Parsing of a form's bytes into parts. The first byte selects the `Content-Type`, the wanted file and its limit. The
//! rest is the body.
#![no_main]

use libfuzzer_sys::fuzz_target;
use perfil::dialect::Part;
use perfil::domain::Refusal;
use perfil::serve::form;
use perfil::serve::media_type;
use perfil_fuzz::assert_is_rendered;

/// Values of `Content-Type`, with the boundary in each.
const TYPES: [(&str, &str); 8] = [
    ("multipart/form-data; boundary=b", "b"),
    ("multipart/form-data;boundary=\"b\"", "b"),
    ("Multipart/Form-Data; charset=utf-8; BOUNDARY=b", "b"),
    ("multipart/form-data; boundary=--", "--"),
    ("multipart/form-data; boundary=\"a b\"", "a b"),
    ("multipart/form-data; boundary='()+_,-./:=?", "'()+_,-./:=?"),
    ("multipart/form-data; boundary=----WebKitFormBoundaryAaB03x", "----WebKitFormBoundaryAaB03x"),
    (
        "multipart/form-data; boundary=0123456789012345678901234567890123456789012345678901234567890123456789",
        "0123456789012345678901234567890123456789012345678901234567890123456789",
    ),
];

fuzz_target!(|data: &[u8]| {
    let Some((choice, body)) = data.split_first() else { return };
    let (content_type, expected) = TYPES[usize::from(choice % 8)];
    let boundary = media_type::boundary(content_type).unwrap();
    assert_eq!(boundary, expected);
    any_boundary(&String::from_utf8_lossy(body));
    let file = if choice & 8 == 0 { "avatar" } else { "foto" };
    let limit = if choice & 16 == 0 { 16 } else { 16 * 1024 };
    match form::parse(body.to_vec(), boundary, file, limit) {
        Ok(parts) => {
            let mut form = body;
            while let Some(rest) = form.strip_prefix(b"\r\n") {
                form = rest;
            }
            assert!(form.starts_with(format!("--{boundary}").as_bytes()));
            check(&parts, body, file, limit);
            let fresh = fresh_boundary(&parts);
            let again = form::parse(write(&parts, &fresh), &fresh, file, limit);
            assert_eq!(again.as_ref(), Ok(&parts), "rewritten with the boundary {fresh}");
        }
        Err(refusal) => {
            assert!(matches!(refusal, Refusal::MalformedForm | Refusal::TooLarge), "{refusal:?}");
            assert_is_rendered(&refusal);
        }
    }
});

/// RFC 2046, section 5.1.1.
fn any_boundary(content_type: &str) {
    let Some(boundary) = media_type::boundary(content_type) else { return };
    let allowed = |c: char| c.is_ascii_alphanumeric() || "'()+_,-./:=? ".contains(c);
    assert!((1..=70).contains(&boundary.len()) && boundary.chars().all(allowed), "{content_type:?}");
    assert!(content_type.contains(boundary) && content_type.to_ascii_lowercase().contains("boundary"));
}

/// Every part is a piece of the body, only the last file of the wanted name has content, and the limits hold.
fn check(parts: &[(String, Part)], body: &[u8], file: &str, limit: usize) {
    assert!(parts.len() <= 64);
    let is_file = |part: &Part| matches!(part, Part::File(_));
    let wanted = parts.iter().rposition(|(name, part)| name == file && is_file(part));
    for (at, (name, part)) in parts.iter().enumerate() {
        match part {
            // A String is always UTF-8. What matters is that no byte was replaced.
            Part::Text(text) => assert!(contains(body, text.as_bytes()), "{name:?} is not what was sent"),
            Part::File(bytes) => {
                assert!(bytes.is_empty() || wanted == Some(at), "{name:?} has content");
                assert!(bytes.len() <= limit && contains(body, bytes), "{name:?} is not what was sent");
            }
            Part::NoFile => assert!(contains(&body.to_ascii_lowercase(), b"filename"), "{name:?} has no file name"),
        }
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    part.is_empty() || bytes.windows(part.len()).any(|window| window == part)
}

fn fresh_boundary(parts: &[(String, Part)]) -> String {
    let is_free = |boundary: &String| {
        parts.iter().all(|(_, part)| match part {
            Part::Text(text) => !contains(text.as_bytes(), boundary.as_bytes()),
            Part::File(bytes) => !contains(bytes, boundary.as_bytes()),
            Part::NoFile => true,
        })
    };
    (0..).map(|number| format!("fresh{number}")).find(is_free).unwrap()
}

/// Writes a form in the shortest way, so that no part's headers exceed their limit.
fn write(parts: &[(String, Part)], boundary: &str) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, part) in parts {
        // Only a quoted name can have a semicolon or surrounding space, and only an unquoted one a literal %22.
        let is_plain = name.trim_ascii() == name && !name.starts_with('"') && !name.contains(';');
        let name = if is_plain { name.clone() } else { format!("\"{}\"", name.replace('"', "\\\"")) };
        let (filename, content) = match part {
            Part::Text(text) => ("", text.as_bytes()),
            Part::File(bytes) => (";filename=x", bytes.as_slice()),
            Part::NoFile => (";filename=\"\"", &b""[..]),
        };
        let head = format!("--{boundary}\r\nContent-Disposition:form-data;name={name}{filename}\r\n\r\n");
        body.extend([head.as_bytes(), content, b"\r\n"].concat());
    }
    body.extend(format!("--{boundary}--").as_bytes());
    body
}
