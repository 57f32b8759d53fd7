use super::cors::Cors;
use crate::auth::{self, Keys};
use crate::domain::Fault;
use std::cell::OnceCell;
use std::rc::Rc;
use worker::Env;

/// What the variables and secrets of a deployment say, read and prepared once for each instance: they can't change
/// while it lives.
pub struct Settings {
    /// The keys that tokens are verified with, or why there are none.
    pub keys: Result<Keys, Fault>,
    /// Who may call from a browser.
    pub cors: Cors,
}

thread_local! {
    static SETTINGS: OnceCell<Rc<Settings>> = const { OnceCell::new() };
}

impl Settings {
    /// The instance's settings.
    pub fn of(env: &Env) -> Rc<Self> {
        SETTINGS.with(|settings| Rc::clone(settings.get_or_init(|| Rc::new(Self::read(env)))))
    }

    fn read(env: &Env) -> Self {
        let variable = |name| env.var(name).ok().map(|value| value.to_string());
        let keys = Keys::new(auth::Settings {
            secret: variable("JWT_SECRET"),
            previous_secret: variable("JWT_SECRET_PREVIOUS"),
            issuer: variable("JWT_ISSUER"),
            audience: variable("JWT_AUDIENCE"),
        });
        let cors = Cors::parse(&variable("CORS_ALLOWED_ORIGINS").unwrap_or_default());
        Self { keys, cors }
    }
}
