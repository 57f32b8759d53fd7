use super::json::Named;
use super::refusals::{Refused, reply_facts};
use perfil::domain::Fault;
use perfil::serve::{self, Reply, Route, media};

pub fn health() -> Named<Refused> {
    let failed = |fault| serve::failed(&Route::of("/health"), fault);
    named([("unavailable", failed(Fault::Busy)), ("outdated", failed(Fault::Schema(String::new())))])
}

pub fn media() -> Named<Refused> {
    named([
        ("not_found", media::not_found()),
        ("method_not_allowed", media::method_not_allowed()),
        ("precondition_failed", media::precondition_failed()),
        ("unsatisfiable", media::unsatisfiable(7)),
        ("failed", media::failed(Fault::Unexplained)),
        ("unavailable", media::failed(Fault::Busy)),
    ])
}

fn named<const N: usize>(replies: [(&str, Reply); N]) -> Named<Refused> {
    Named(replies.map(|(name, reply)| (name.to_owned(), reply_facts(&reply))).into())
}
