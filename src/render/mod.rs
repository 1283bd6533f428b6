//! Rendering: the published report → HTML, Markdown, JSON, terminal. No renderer knows another.
//!
//! Takes [`crate::wire::v1::Report`]; all decisions, wording and rounding are in [`view`], the templates only loop and place.

mod columns;
mod data;
pub mod escape;
pub mod exports;
pub mod fleet;
pub mod flow;
pub mod html;
pub mod json;
pub mod lanes;
pub mod markdown;
mod plots;
pub mod prose;
mod svg;
pub mod terminal;
pub mod timeline;
pub mod view;
