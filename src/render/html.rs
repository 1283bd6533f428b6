//! HTML: one self-contained page. Loads nothing, runs nothing; its content security policy says so.

use askama::Template;
use base64::Engine as _;
use sha2::{Digest, Sha256};

use super::view::{View, view};
use super::{lanes, view::Titles};
use crate::wire::v1::Report;

const STYLE: &str = include_str!("../../reports/style.css");

#[derive(Template)]
#[template(path = "postmortem.html")]
struct Page<'a> {
    v: View,
    lanes: String,
    style: &'a str,
    style_hash: String,
}

/// Renders the page.
///
/// # Errors
/// None that input can cause; askama's own.
pub fn render_html(report: &Report, titles: &Titles) -> Result<String, askama::Error> {
    let style_hash =
        base64::engine::general_purpose::STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    Page {
        v: view(report, titles),
        lanes: lanes::render_lanes(report, titles),
        style: STYLE,
        style_hash,
    }
    .render()
}
