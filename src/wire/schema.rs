//! JSON Schema of the published JSON, made of the types that write it: it cannot say anything else than they do.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;

use super::v1::{Report, SignalRow};

/// Returns the schema of a report, as JSON text.
///
/// # Source
/// JSON Schema, draft 2020-12.
pub fn of_report() -> String {
    shown(generator().into_root_schema_for::<Report>(), "report")
}

/// Returns the schema of one signal, as JSON text.
pub fn of_signal() -> String {
    shown(generator().into_root_schema_for::<SignalRow>(), "signal")
}

/// What is always written is required, also where it may be null.
fn generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
}

fn shown(mut schema: schemars::Schema, what: &str) -> String {
    schema.insert(
        "$id".to_owned(),
        serde_json::Value::from(format!("urn:rootline:{what}:v1")),
    );
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}
