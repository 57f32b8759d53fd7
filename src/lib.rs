//! Perfil: the profile-update API of several existing back ends, as one Cloudflare Worker.
//!
//! The rooms, from the inside out; each may use those above it, none calls back down the list:
//!
//! | room | what lives there |
//! | --- | --- |
//! | [`picture`] | bytes to a picture without its metadata, or why not |
//! | [`domain`] | what an account, a persona, a change, a rule and a refusal are |
//! | [`auth`] | bearer text to [`domain::Actor`]; password to bcrypt hash |
//! | [`dialect`] | one file for each back end's way of spelling a change, a record and a refusal |
//! | [`store`] | the SQL, its parameters and rows, and the D1 adapter |
//! | [`serve`] | the route table, and the one flow that every update takes |
//! | [`edge`] | events, bindings, bodies, replies and the log: the room that knows the platform |

pub mod auth;
pub mod dialect;
pub mod domain;
pub mod edge;
pub mod picture;
pub mod serve;
pub mod store;
