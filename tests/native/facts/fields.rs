//! Facts about each field of an endpoint's body, found by sending values to the endpoint's dialect.

use super::super::{files, read};
use super::json::Named;
use super::record::{Observed, sets_password};
use super::refusals::{Refused, broken, name_of, unique};
use perfil::dialect::{Dialect, Object, Part};
use perfil::domain::{Change, DEFAULT_MAX_PIXELS, Refusal, Rule, Unique};
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeSet;
use std::fmt::Debug;

/// A field name that is unknown to every dialect.
pub const UNKNOWN: &str = "{field}";
/// A length that no field accepts.
const ENDLESS: usize = 5000;

#[derive(Serialize)]
pub struct Field {
    /// The accepted JSON types.
    types: Vec<&'static str>,
    /// The effect of `null` in JSON, and of an empty text in a form: `clears`, or the name of the rule that it breaks.
    empty: &'static str,
    /// The name of the rule for its format (`unspaced_username` if user names may contain any sign); `line` if any text
    /// is accepted, `password` if in addition the text is not trimmed, and `none` if only null is accepted.
    format: &'static str,
    /// The minimum and maximum number of characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<[usize; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unique: Option<&'static str>,
    /// Whether a change may require a token from a recent authentication.
    #[serde(skip_serializing_if = "is_false")]
    sensitive: bool,
    /// The reply for each rule that it can break.
    faults: Named<Refused>,
}

impl Field {
    /// The name of the unique value that another account may already have.
    pub fn unique(&self) -> Option<&'static str> {
        self.unique
    }

    /// Whether a change may require a token from a recent authentication.
    pub fn is_sensitive(&self) -> bool {
        self.sensitive
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// Reads bodies of one type, JSON or a form, with the dialect of one endpoint.
pub struct Reader<'a, R: Observed> {
    dialect: &'a Dialect<R>,
    is_form: bool,
}

type Read<R> = Result<<R as perfil::domain::Record>::Change, Refusal>;

impl<'a, R: Observed> Reader<'a, R>
where
    R::Change: Debug + PartialEq,
{
    pub fn json(dialect: &'a Dialect<R>) -> Self {
        Self { dialect, is_form: false }
    }

    pub fn form(dialect: &'a Dialect<R>) -> Self {
        Self { dialect, is_form: true }
    }

    pub fn nothing(&self) -> Read<R> {
        if self.is_form { self.parts(Vec::new()) } else { self.body("{}") }
    }

    fn body(&self, body: &str) -> Read<R> {
        Object::parse(body.as_bytes()).and_then(|object| self.object(object))
    }

    fn parts(&self, parts: Vec<(String, Part)>) -> Read<R> {
        Object::from_form(parts, &self.dialect.forms, DEFAULT_MAX_PIXELS).and_then(|object| self.object(object))
    }

    /// Reads the object with all optional checks turned on, because their replies are documented as well.
    fn object(&self, object: Object<'_>) -> Read<R> {
        (self.dialect.read)(object.blocking_common_passwords(true))
    }

    /// Reads a body with this text in one field.
    fn text(&self, name: &str, text: &str) -> Read<R> {
        if self.is_form {
            return self.parts(vec![(name.to_owned(), Part::Text(text.to_owned()))]);
        }
        self.body(&json!({ name: text }).to_string())
    }

    fn file(&self, name: &str, bytes: &[u8]) -> Read<R> {
        self.parts(vec![(name.to_owned(), Part::File(bytes.to_vec()))])
    }

    fn value(&self, name: &str, value: &str) -> Read<R> {
        self.body(&format!("{{{}: {value}}}", json!(name)))
    }

    /// Returns the reply to an unknown field, if it is refused.
    pub fn unknown(&self) -> Option<Refused> {
        let refused = self.text(UNKNOWN, "x").err()?;
        let Refusal::Invalid(faults) = refused else { return None };
        let fault = faults.into_iter().find(|fault| fault.field == UNKNOWN)?;
        Some(broken(UNKNOWN, fault.rule, self.dialect.refuse))
    }

    /// Returns the fields that a body must have.
    pub fn required(&self) -> Vec<String> {
        let Err(Refusal::Invalid(faults)) = self.nothing() else { return Vec::new() };
        faults.into_iter().map(|fault| fault.field).collect()
    }

    /// Returns every field that is read, in the order in which their faults are reported.
    ///
    /// The source code of a dialect contains the names of its fields, so every word in the dialects' files is tried as
    /// a field name. A word is a field if some value in it is treated differently from the same value in an unknown
    /// field.
    pub fn fields(&self) -> Named<Field> {
        let sources: Vec<String> = files("src/dialect", ".rs").iter().map(|file| read(file)).collect();
        let words = sources.iter().flat_map(|source| source.split(|c: char| !c.is_alphanumeric() && c != '_'));
        let candidates: BTreeSet<&str> = words.filter(|word| !word.is_empty()).collect();
        let known: Vec<&str> = candidates.into_iter().filter(|name| self.is_known(name)).collect();
        let mut ordered = self.in_order(&known);
        assert!(known.iter().all(|name| ordered.contains(&(*name).to_owned())), "{known:?} {ordered:?}");
        Named(ordered.drain(..).map(|name| (name.clone(), self.field(&name))).collect())
    }

    fn is_known(&self, name: &str) -> bool {
        let renamed = |refusal: Refusal| match refusal {
            Refusal::Invalid(mut faults) => {
                faults
                    .iter_mut()
                    .filter(|fault| fault.field == UNKNOWN)
                    .for_each(|fault| name.clone_into(&mut fault.field));
                Refusal::Invalid(faults)
            }
            other => other,
        };
        let is_other = |tried: Read<R>, unknown: Read<R>| tried != unknown.map_err(renamed);
        if self.is_form {
            return is_other(self.text(name, "x"), self.text(UNKNOWN, "x"))
                || is_other(self.file(name, b""), self.file(UNKNOWN, b""));
        }
        ["null", "true", "1", "\"x\"", "[]"]
            .iter()
            .any(|value| is_other(self.value(name, value), self.value(UNKNOWN, value)))
    }

    /// Orders the fields by a refusal that names all of them: a list of objects is invalid for every field.
    fn in_order(&self, names: &[&str]) -> Vec<String> {
        let all = if self.is_form {
            self.parts(names.iter().map(|name| ((*name).to_owned(), self.wrong_part(name))).collect())
        } else {
            let fields: Vec<String> = names.iter().map(|name| format!("{}: [{{}}]", json!(name))).collect();
            self.body(&format!("{{{}}}", fields.join(", ")))
        };
        let Err(Refusal::Invalid(faults)) = all else { panic!("a body that consists of lists was accepted") };
        faults.into_iter().map(|fault| fault.field).collect()
    }

    fn wrong_part(&self, name: &str) -> Part {
        if self.dialect.forms.file == Some(name) { Part::Text("x".to_owned()) } else { Part::File(Vec::new()) }
    }

    fn field(&self, name: &str) -> Field {
        let nothing = self.nothing().ok();
        let empty = if self.is_form { self.text(name, "") } else { self.value(name, "null") };
        let length = self.length(name);
        let rules = self.rules(name);
        let types = self.types(name, length);
        let format = match rules.iter().map(|rule| name_of(*rule)).find(|rule| FORMATS.contains(rule)) {
            // falcon accepts more characters in a user name than django does.
            Some("username") if self.text(name, "o'brien1").is_ok() => "unspaced_username",
            Some(rule) => rule,
            None if types.is_empty() => "none",
            None if self.sets_password(name, length) => "password",
            None => "line",
        };
        let faults = rules.iter().map(|rule| (name_of(*rule).to_owned(), broken(name, *rule, self.dialect.refuse)));
        Field {
            types,
            empty: match empty {
                Ok(change) if R::clears(&change) => "clears",
                Ok(change) if Some(&change) == nothing.as_ref() => "ignored",
                Ok(_) => "accepted",
                Err(refusal) => rule_of(&refusal, name).map_or("refused", name_of),
            },
            format,
            length,
            unique: self.unique_value(name, length).map(unique),
            sensitive: self.change(name, length).is_some_and(|change| change.is_sensitive()),
            faults: Named(faults.collect()),
        }
    }

    fn types(&self, name: &str, length: Option<[usize; 2]>) -> Vec<&'static str> {
        let mut types = Vec::new();
        if length.is_some() {
            types.push("string");
        }
        if self.is_form {
            if self.file(name, PICTURE).is_ok() {
                types.push("file");
            }
            return types;
        }
        let accepted = |values: &[&str]| values.iter().any(|value| self.value(name, value).is_ok());
        // Integers that could be an ID or a telephone number, and numbers with a fraction or an exponent.
        let all = [("integer", &["7", "33914651"][..]), ("number", &["1.5", "1e30"]), ("boolean", &["true"])];
        types.extend(all.iter().filter(|(_, values)| accepted(values)).map(|(name, _)| *name));
        let all = [("array", &["[]", "[\"x\"]"][..]), ("object", &["{}"])];
        types.extend(all.iter().filter(|(_, values)| accepted(values)).map(|(name, _)| *name));
        types
    }

    /// Returns an accepted text of this length, if there is one.
    fn accepted(&self, name: &str, length: usize) -> Option<String> {
        let sets = |change: R::Change| !is_nothing(self, &change) && !R::clears(&change);
        examples(length).into_iter().find(|text| self.text(name, text).is_ok_and(sets))
    }

    /// Returns the lengths of the shortest and the longest accepted text.
    fn length(&self, name: &str) -> Option<[usize; 2]> {
        let min = (0..100).find(|length| self.accepted(name, *length).is_some())?;
        let (mut max, mut beyond) = (min, ENDLESS);
        assert!(self.accepted(name, beyond).is_none(), "{name} accepts texts of any length");
        while beyond - max > 1 {
            let middle = usize::midpoint(max, beyond);
            if self.accepted(name, middle).is_some() { max = middle } else { beyond = middle }
        }
        Some([min, max])
    }

    fn change(&self, name: &str, length: Option<[usize; 2]>) -> Option<R::Change> {
        let [min, _] = length?;
        self.text(name, &self.accepted(name, min)?).ok()
    }

    fn sets_password(&self, name: &str, length: Option<[usize; 2]>) -> bool {
        self.change(name, length).is_some_and(|change| sets_password::<R>(&change))
    }

    fn unique_value(&self, name: &str, length: Option<[usize; 2]>) -> Option<Unique> {
        R::unique(&self.change(name, length)?).first().copied()
    }

    /// Checks whether a value of the field can name a role.
    pub fn names_a_role(&self, name: &str) -> bool {
        self.value(name, "7").is_ok_and(|change| R::names_a_role(&change))
    }

    /// Returns every rule that the field was observed to break.
    fn rules(&self, name: &str) -> Vec<Rule> {
        let endless = "a".repeat(ENDLESS);
        let long = examples(300).into_iter().chain(examples(3000));
        let texts = ["", " ", "a", "a b", "!", "..", "a/../b", "\u{0}", "aaaaaa\u{0}a", "1", "123456", &endless]
            .map(str::to_owned);
        let mut refused: Vec<Read<R>> = texts.into_iter().chain(long).map(|text| self.text(name, &text)).collect();
        if self.is_form {
            refused.push(self.nothing());
            refused.extend([&b""[..], b"x"].map(|bytes| self.file(name, bytes)));
        } else {
            refused.push(self.nothing());
            refused.extend(["null", "true", "1", "1.5", "[]", "{}"].map(|value| self.value(name, value)));
        }
        let mut rules: Vec<Rule> = Vec::new();
        for rule in refused.iter().filter_map(|read| rule_of(read.as_ref().err()?, name)) {
            if !rules.contains(&rule) {
                rules.push(rule);
            }
        }
        // In the order of the list of all rules.
        let names: Vec<&str> = super::super::dialects::every_rule().into_iter().map(name_of).collect();
        rules.sort_by_key(|rule| names.iter().position(|name| *name == name_of(*rule)));
        rules
    }
}

const FORMATS: [&str; 8] = ["number", "email", "username", "phone", "national_id", "url", "image_path", "image"];
const PICTURE: &[u8] = include_bytes!("../../fixtures/pictures/grey.jpg");

fn is_nothing<R: Observed>(reader: &Reader<'_, R>, change: &R::Change) -> bool
where
    R::Change: Debug + PartialEq,
{
    reader.nothing().as_ref() == Ok(change)
}

fn rule_of(refusal: &Refusal, name: &str) -> Option<Rule> {
    let Refusal::Invalid(faults) = refusal else { return None };
    faults.iter().find(|fault| fault.field == name).map(|fault| fault.rule)
}

/// Returns texts of this length: for each format one that is valid, if a text of this length can be.
fn examples(length: usize) -> Vec<String> {
    let filled = |start: &str, end: &str| {
        let between = length.checked_sub(start.len() + end.len())?;
        Some(format!("{start}{}{end}", "a".repeat(between)))
    };
    let phone = length.checked_sub(6).map(|between| format!("11111{}1", "-".repeat(between)));
    let url = filled("https://example.com/", "").or_else(|| filled("http://", ""));
    [filled("", ""), phone, url, email(length)].into_iter().flatten().collect()
}

/// Returns an e-mail address of this length, with at most 64 characters before the @ and labels of at most 63 after it.
fn email(length: usize) -> Option<String> {
    let user = length.checked_sub(6)?.clamp(1, 64);
    let mut rest = length.checked_sub(user + 1 + ".cc".len())?;
    let mut domain = String::new();
    while rest > 63 {
        let label = (rest - 2).min(63);
        domain += &"b".repeat(label);
        domain.push('.');
        rest -= label + 1;
    }
    (rest > 0).then(|| format!("{}@{domain}{}.cc", "a".repeat(user), "b".repeat(rest)))
}
