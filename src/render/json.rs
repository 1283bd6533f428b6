//! JSON: the published report as it is.

use crate::wire::v1::{Report, SignalRow};

/// Returns a report as one line of JSON.
///
/// # Errors
/// None that input can cause; serde's own.
pub fn render_report(report: &Report) -> Result<String, serde_json::Error> {
    serde_json::to_string(report).map(|mut text| {
        text.push('\n');
        text
    })
}

/// Returns signals as one JSON object a line.
///
/// # Errors
/// None that input can cause; serde's own.
pub fn render_signals(signals: &[SignalRow]) -> Result<String, serde_json::Error> {
    let mut text = String::new();
    for signal in signals {
        text.push_str(&serde_json::to_string(signal)?);
        text.push('\n');
    }
    Ok(text)
}
