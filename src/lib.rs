//! Perfil: the profile-update API of several existing back ends, as one Cloudflare Worker.
//!
//! The modules, from the innermost to the outermost. Each may import only modules listed above it, except that `auth`,
//! `dialect` and `store` do not import one another:
//!
//! | module | contents |
//! | --- | --- |
//! | [`picture`] | validation of uploaded pictures, and removal of their metadata |
//! | [`domain`] | accounts, personas, changes, rules and refusals |
//! | [`auth`] | bearer tokens to a [`domain::Actor`]; passwords to bcrypt hashes |
//! | [`dialect`] | one file for each back end's format of changes, records and refusals |
//! | [`store`] | the SQL, its parameters, and the interpretation of its rows |
//! | [`serve`] | the route table, and the control flow that all updates share |
//! | [`edge`] | events, bindings, bodies, replies and the log; the only module that knows the platform |

pub mod auth;
pub mod dialect;
pub mod domain;
pub mod edge;
pub mod picture;
pub mod serve;
pub mod store;
