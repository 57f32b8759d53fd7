//! Forms with any parts. The first byte selects the dialect that reads them. Each part consists of a byte for its kind,
//! one for its name, two for its length, and its bytes. Pictures are the project's fixtures, because mutated pictures,
//! as in the target `picture`, are hardly ever accepted.
#![no_main]

use libfuzzer_sys::fuzz_target;
use perfil::dialect::{Dialect, Object, Part, Value, django, falcon, personas, seam};
use perfil::domain::{Change, DEFAULT_MAX_PIXELS, Picture, Record, Refusal, Rule};
use perfil_fuzz::assert_is_rendered;
use perfil_fuzz::changes::{self, Effect, FieldEffects};
use perfil_fuzz::json::Json;
use std::fmt::Debug;

const NAMES: [&str; 20] = [
    "avatar",
    "foto",
    "foto_url",
    "username",
    "email",
    "first_name",
    "last_name",
    "number_phone",
    "nombres",
    "apellidos",
    "telefono",
    "dni",
    "full_name",
    "roleId",
    "password",
    "name",
    "image_path",
    "is_staff",
    "",
    "avatar ",
];

const PICTURES: [&[u8]; 4] = [
    include_bytes!("../../fixtures/pictures/grey.jpg"),
    include_bytes!("../../fixtures/pictures/palette.png"),
    include_bytes!("../../fixtures/pictures/still.gif"),
    include_bytes!("../../fixtures/pictures/simple.webp"),
];

fuzz_target!(|data: &[u8]| {
    let Some((dialect, rest)) = data.split_first() else { return };
    let parts = parts(rest);
    match dialect % 5 {
        0 => check(&personas::FOTO, parts, changes::foto),
        1 => check(&personas::ME, parts, changes::persona),
        2 => check(&seam::USER, parts, changes::seam),
        3 => check(&falcon::USERS, parts, changes::falcon),
        _ => check(&django::PROFILE, parts, changes::django),
    }
});

fn parts(mut rest: &[u8]) -> Vec<(String, Part)> {
    let mut parts = Vec::new();
    while let Some(([kind, name, low, high], after)) = rest.split_first_chunk::<4>() {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(after.len());
        let (bytes, after) = after.split_at(length);
        let part = match kind % 9 {
            0..=3 => Part::Text(String::from_utf8_lossy(bytes).into_owned()),
            4 => Part::File(bytes.to_vec()),
            5 => Part::File([PICTURES[usize::from(kind / 8) % 4], bytes].concat()),
            6 => Part::File(PICTURES[usize::from(kind / 8) % 4].to_vec()),
            7 => Part::File(Vec::new()),
            _ => Part::NoFile,
        };
        parts.push((NAMES[usize::from(*name) % NAMES.len()].to_owned(), part));
        rest = after;
    }
    parts
}

fn find<'a>(parts: &'a [(String, Part)], name: &str) -> Option<&'a Part> {
    parts.iter().find(|(part, _)| part == name).map(|(_, part)| part)
}

/// D9: returns the parts of a form that count if the last one of each name does, and an empty file part does not.
fn last_of_each(parts: &[(String, Part)], file: Option<&str>) -> Vec<(String, Part)> {
    let counts = |(name, part): &&(String, Part)| match part {
        Part::NoFile => false,
        Part::Text(text) => file != Some(name.as_str()) || !text.is_empty(),
        Part::File(_) => true,
    };
    let counted: Vec<&(String, Part)> = parts.iter().filter(counts).collect();
    let is_last = |at: usize| counted[at + 1..].iter().all(|(name, _)| *name != counted[at].0);
    (0..counted.len()).filter(|at| is_last(*at)).map(|at| counted[at].clone()).collect()
}

fn check<R: Record>(dialect: &Dialect<R>, parts: Vec<(String, Part)>, effects_of: fn(&R::Change) -> FieldEffects)
where
    R::Change: Debug + Default + PartialEq,
{
    let object = Object::from_form(parts.clone(), &dialect.forms, DEFAULT_MAX_PIXELS);
    let parts = if dialect.forms.django_semantics { last_of_each(&parts, dialect.forms.file) } else { parts };
    let has_duplicates = (0..parts.len()).any(|at| parts[..at].iter().any(|(name, _)| *name == parts[at].0));
    assert_eq!(object.as_ref().err(), has_duplicates.then_some(&Refusal::MalformedForm));
    let Ok(object) = object else { return assert_is_rendered(&Refusal::MalformedForm) };
    assert!(object.is_form() && object.names().eq(parts.iter().map(|(name, _)| name.as_str())));
    for (name, part) in &parts {
        let is_same = match (object.get(name), part) {
            (Some(Value::Text(read)), Part::Text(sent)) => read == sent,
            (Some(Value::File(read)), Part::File(sent)) => read == sent,
            (Some(Value::File(read)), Part::NoFile) => read.is_empty(),
            _ => false,
        };
        assert!(is_same, "{name}");
    }
    let change = (dialect.read)(object);
    if let Err(refusal) = &change {
        assert_is_rendered(refusal);
        assert_eq!((dialect.refuse)(refusal).status, 400);
    }
    upload(dialect, &parts, &change);
    fields(dialect, &parts, &change, effects_of);
    as_json(dialect, &parts, &change);
}

/// P5, D5, M1: a picture is read only from the part that may contain one, and is accepted as by [`Picture::parse`].
fn upload<R: Record>(dialect: &Dialect<R>, parts: &[(String, Part)], change: &Result<R::Change, Refusal>) {
    let part = dialect.forms.file.and_then(|file| find(parts, file));
    let picture = match part {
        Some(Part::File(bytes)) => Picture::parse(bytes.clone(), DEFAULT_MAX_PIXELS).ok(),
        _ => None,
    };
    match change {
        Ok(change) => assert_eq!(change.upload(), picture.as_ref()),
        Err(Refusal::Invalid(faults)) => {
            let of_file = faults.iter().find(|fault| dialect.forms.file == Some(fault.field.as_str()));
            let reported = of_file.map(|fault| fault.rule);
            let expected = match part {
                Some(Part::Text(text)) if !text.is_empty() => Some(Rule::File),
                Some(Part::File(bytes)) if !bytes.is_empty() => Some(Rule::Image).filter(|_| picture.is_none()),
                Some(_) => Some(Rule::NotEmpty),
                None => reported.filter(|rule| *rule == Rule::Required),
            };
            assert_eq!(reported, expected);
        }
        Err(refusal) => assert_eq!(*refusal, Refusal::NothingToUpdate),
    }
}

/// R4, R5: every text follows its rule; a form has no null.
fn fields<R: Record>(
    dialect: &Dialect<R>,
    parts: &[(String, Part)],
    change: &Result<R::Change, Refusal>,
    effects_of: fn(&R::Change) -> FieldEffects,
) {
    let Ok(change) = change else { return };
    for field in effects_of(change) {
        match find(parts, field.name) {
            Some(Part::Text(text)) if dialect.forms.file != Some("foto") => {
                changes::assert_follows(&field, Some(&Json::Text(text.clone())));
            }
            // From a form, the photo's endpoint reads only the photo.
            _ => assert_eq!(field.effect, Effect::Keep, "{}", field.name),
        }
    }
}

/// Texts in a form are read like texts in JSON.
fn as_json<R: Record>(dialect: &Dialect<R>, parts: &[(String, Part)], change: &Result<R::Change, Refusal>)
where
    R::Change: Debug + PartialEq,
{
    let texts = parts.iter().map(|(name, part)| match part {
        Part::Text(text) => Some((name.clone(), Json::Text(text.clone()))),
        _ => None,
    });
    let Some(texts) = texts.collect::<Option<Vec<_>>>() else { return };
    if dialect.forms.file != Some("foto") {
        let body = Json::Object(texts).write();
        assert_eq!(Object::parse(body.as_bytes()).and_then(dialect.read), *change);
    }
}
