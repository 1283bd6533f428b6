//! HTML: one self-contained page. Loads nothing; its content security policy lets it run its own script and nothing else, by hash.

use askama::Template;
use base64::Engine as _;
use sha2::{Digest, Sha256};

use super::prose::{Block, Span};
use super::view::{Titles, View, view};
use super::{data, lanes, plots};
use crate::wire::v1::Report;

const STYLE: &str = include_str!("../../reports/style.css");
const SCRIPT: &str = include_str!("../../reports/script.js");

#[derive(Template)]
#[template(path = "postmortem.html")]
struct Page<'a> {
    v: View,
    lanes: String,
    plots: String,
    data: String,
    style: &'a str,
    style_hash: String,
    script: &'a str,
    script_hash: String,
}

/// Renders the page.
///
/// # Errors
/// None that input can cause; askama's own.
pub fn render_html(report: &Report, titles: &Titles) -> Result<String, askama::Error> {
    Page {
        v: view(report, titles),
        lanes: lanes::render_lanes(report, titles),
        plots: plots::render_plots(report),
        data: data::render_data(report, titles).map_err(|e| askama::Error::Custom(e.into()))?,
        style: STYLE,
        style_hash: hash(STYLE),
        script: SCRIPT,
        script_hash: hash(SCRIPT),
    }
    .render()
}

fn hash(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text.as_bytes()))
}
