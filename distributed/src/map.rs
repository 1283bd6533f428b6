//! The function that executors run: the path of an incident in, what a fleet keeps of it out.
//!
//! A scalar function, not an operator of our own: it travels by its name, and the engine slices the plan around it as any other. It is volatile, so
//! that nobody computes it beforehand or once for two rows. Its value is one line of JSON (who did it, and the state) and the packed report behind it.

use std::hash::{Hash, Hasher};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use datafusion::arrow::array::{Array, BinaryBuilder, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use rootline::batch::load::{Candidate, State};
use rootline::cli::{MapStep, Mapped};

/// Name of the function in SQL.
pub const NAME: &str = "read_incident";

/// The function, as it is registered with scheduler, executors and client.
pub fn function() -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::new_from_impl(ReadIncident {
        signature: Signature::exact(vec![DataType::Utf8, DataType::Utf8], Volatility::Volatile),
    }))
}

#[derive(Debug)]
struct ReadIncident {
    signature: Signature,
}

impl PartialEq for ReadIncident {
    fn eq(&self, _: &ReadIncident) -> bool {
        true
    }
}

impl Eq for ReadIncident {}

impl Hash for ReadIncident {
    fn hash<H: Hasher>(&self, state: &mut H) {
        NAME.hash(state);
    }
}

/// Grammars are loaded once a process.
fn step() -> Result<&'static MapStep> {
    static STEP: OnceLock<std::result::Result<MapStep, String>> = OnceLock::new();
    STEP.get_or_init(|| MapStep::new().map_err(|e| e.to_string()))
        .as_ref()
        .map_err(|e| DataFusionError::Execution(e.clone()))
}

impl ScalarUDFImpl for ReadIncident {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Binary)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let text = |place: usize| {
            arrays[place]
                .as_any()
                .downcast_ref::<StringArray>()
                .ok_or_else(|| DataFusionError::Execution(format!("{NAME} takes text")))
        };
        let (ids, paths) = (text(0)?, text(1)?);
        let mut values = BinaryBuilder::new();
        for row in 0..rows {
            let candidate = Candidate {
                id: ids.value(row).to_owned(),
                path: PathBuf::from(paths.value(row)),
            };
            values.append_value(pack(&step()?.read(&candidate)?));
        }
        Ok(ColumnarValue::Array(Arc::new(values.finish())))
    }
}

fn pack((state, report): &Mapped) -> Vec<u8> {
    let head = serde_json::json!({ "worker": std::process::id(), "state": state });
    let mut bytes = head.to_string().into_bytes();
    bytes.push(b'\n');
    bytes.extend(report.as_deref().unwrap_or_default());
    bytes
}

/// Takes apart what the function gave: process id of the executor, state, packed report.
pub fn unpack(bytes: &[u8]) -> Result<(u64, Mapped)> {
    let wrong = |what: &str| DataFusionError::Execution(format!("no value of {NAME}: {what}"));
    let end = bytes
        .iter()
        .position(|b| *b == b'\n')
        .ok_or_else(|| wrong("no line"))?;
    let head: serde_json::Value =
        serde_json::from_slice(&bytes[..end]).map_err(|e| wrong(&e.to_string()))?;
    let state: State =
        serde_json::from_value(head["state"].clone()).map_err(|e| wrong(&e.to_string()))?;
    let report = &bytes[end + 1..];
    let worker = head["worker"].as_u64().unwrap_or_default();
    Ok((
        worker,
        (state, (!report.is_empty()).then(|| report.to_vec())),
    ))
}
