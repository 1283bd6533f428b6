//! The promise to others: the published JSON. Inner types are not serialized, so they stay free to change.
//!
//! Takes an incident; gives structs of its own. One module a version; `publish` fills it.

pub mod fleet;
pub mod human;
pub mod publish;
pub mod remedy;
pub mod roles;
pub mod schema;
pub mod v1;
