//! Facts about one row of the route table: who may call the endpoint, what it accepts and returns, and its refusals.

use super::super::dialects::every_refusal;
use super::fields::{Field, Reader};
use super::json::{Named, raw};
use super::record::Observed;
use super::refusals::{Refused, refused, reply_facts};
use perfil::domain::{BackEnd, Fault, PathId, Refusal};
use perfil::serve::{self, Endpoint, Right, Route, Update};
use serde::Serialize;
use serde_json::value::RawValue;
use std::fmt::Debug;

#[derive(Serialize)]
pub struct Facts {
    method: &'static str,
    path: &'static str,
    prefix: &'static str,
    right: &'static str,
    record: &'static str,
    back_end: Option<&'static str>,
    /// How an ID in the path is handled; `None` if the path has no ID.
    id: Option<IdFacts>,
    json: BodyFacts,
    form: Option<BodyFacts>,
    /// Whether the form's texts are also accepted as `application/x-www-form-urlencoded`.
    urlencoded: bool,
    /// The record with all optional values, and with none of them, as the endpoint returns it.
    full: Box<RawValue>,
    sparse: Box<RawValue>,
    /// The codes of all refusals that a caller can get here.
    refusals: Vec<String>,
    /// The replies to server-side failures.
    failed: Refused,
    unavailable: Refused,
}

#[derive(Serialize)]
struct IdFacts {
    /// The codes of the refusals of a text that is not a number, and of 0.
    text: Option<&'static str>,
    zero: Option<&'static str>,
    /// The reply to the text, if it reports an invalid field.
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<Refused>,
}

#[derive(Serialize)]
struct BodyFacts {
    /// The part that contains a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'static str>,
    /// The code of the refusal for a body without any field.
    nothing: Option<&'static str>,
    required: Vec<String>,
    /// The reply to an unknown field; `None` if unknown fields are ignored.
    unknown: Option<Refused>,
    fields: Named<Field>,
}

pub fn facts<R: Observed>(update: &Update, endpoint: &Endpoint<R>) -> Facts
where
    R::Change: Debug + PartialEq,
{
    let dialect = &endpoint.dialect;
    let json = body(&Reader::json(dialect), None);
    let forms = &dialect.forms;
    let form = (forms.file.is_some() || forms.urlencoded).then(|| body(&Reader::form(dialect), forms.file));
    Facts {
        method: update.pattern().split(' ').next().unwrap(),
        path: update.path(),
        prefix: update.prefix(),
        right: match endpoint.right {
            Right::Permission => "permission",
            Right::OwnRecord => "own_record",
        },
        record: R::NAME,
        back_end: dialect.back_end.map(BackEnd::name),
        id: dialect.target.map(|target| id(target, dialect.refuse)),
        full: raw(&(dialect.show)(&R::full())),
        sparse: raw(&(dialect.show)(&R::sparse())),
        refusals: refusals(endpoint, &json, form.as_ref()),
        failed: failure(update, Fault::Unexplained),
        unavailable: failure(update, Fault::Busy),
        json,
        form,
        urlencoded: forms.urlencoded,
    }
}

fn id(target: fn(&str) -> Result<PathId, Refusal>, refuse: fn(&Refusal) -> perfil::dialect::Answer) -> IdFacts {
    let code = |segment| target(segment).err().map(|refusal| refusal.code());
    let fault = target("x").err().filter(|refusal| matches!(refusal, Refusal::Invalid(_)));
    IdFacts { text: code("x"), zero: code("0"), fault: fault.map(|refusal| refused(&refusal, refuse)) }
}

fn body<R: Observed>(reader: &Reader<'_, R>, file: Option<&'static str>) -> BodyFacts
where
    R::Change: Debug + PartialEq,
{
    BodyFacts {
        file,
        nothing: reader.nothing().err().map(|refusal| refusal.code()),
        required: reader.required(),
        unknown: reader.unknown(),
        fields: reader.fields(),
    }
}

/// Returns the codes of the refusals that a caller of the endpoint can get. A new refusal does not compile until it is
/// listed here.
fn refusals<R: Observed>(endpoint: &Endpoint<R>, json: &BodyFacts, form: Option<&BodyFacts>) -> Vec<String>
where
    R::Change: Debug + PartialEq,
{
    let reader = Reader::json(&endpoint.dialect);
    let has_id = endpoint.dialect.target.is_some();
    let fields = || json.fields.0.iter();
    let uniques: Vec<&str> = fields().filter_map(|(_, field)| field.unique()).collect();
    let can_be = |refusal: &Refusal| match refusal {
        Refusal::NoToken | Refusal::BadToken | Refusal::BadAuthorization => true,
        Refusal::StaleToken { .. } => fields().any(|(_, field)| field.is_sensitive()),
        Refusal::AccountGone | Refusal::AccountInactive => true,
        Refusal::TooManyRequests | Refusal::MethodNotAllowed { .. } => true,
        Refusal::TooLarge | Refusal::TooSlow | Refusal::UnsupportedMediaType { .. } => true,
        Refusal::Malformed | Refusal::NotAnObject(_) => true,
        Refusal::MalformedForm => form.is_some(),
        Refusal::Forbidden => has_id || endpoint.right == Right::Permission,
        Refusal::NotFound { .. } => has_id || R::MAY_LACK,
        // This is for other paths than the endpoint's.
        Refusal::NoRoute => false,
        Refusal::Invalid(_) => fields().next().is_some(),
        Refusal::NothingToUpdate => json.nothing == Some(refusal.code()),
        Refusal::NoSuchRole => fields().any(|(name, _)| reader.names_a_role(name)),
        Refusal::Taken(values) => match values.as_slice() {
            [value] => uniques.contains(&super::refusals::unique(*value)),
            _ => false,
        },
    };
    let mut codes: Vec<String> = Vec::new();
    for refusal in every_refusal().iter().filter(|refusal| can_be(refusal)) {
        let name = super::refusals::named(refusal).map_or_else(|| refusal.code().to_owned(), |(name, _)| name);
        if !codes.contains(&name) {
            codes.push(name);
        }
    }
    codes
}

fn failure(update: &Update, fault: Fault) -> Refused {
    let path = update.path().replace(":id", "7");
    reply_facts(&serve::failed(&Route::of(&path), fault))
}
