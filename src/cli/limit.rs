//! `--limit`: how much is read before the rest is left.

use clap::Args;

use crate::model::Limits;

#[derive(Debug, Args)]
pub(super) struct Limit {
    /// Read more or less of hostile or huge files than usual; may be given several times
    ///
    /// Whatever stops at a limit is named in the report. NAME is one of: file-bytes (64 GiB), total-bytes (1024 GiB; beyond it there is
    /// no report), ratio (1200 bytes out of one, in files above 256 MiB), members (200000 of an archive), nesting (3 archives in each
    /// other), memory-bytes (1 GiB for compressed archives), document-bytes (1 GiB), line-bytes (1 MiB), signals (2000000),
    /// evidence-bytes (64 KiB of a record are quoted), file-seconds (0: none; what is read then depends on the machine).
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse, env = "ROOTLINE_LIMIT", value_delimiter = ',', hide_env_values = true, help_heading = "How the input is read")]
    limit: Vec<String>,
}

impl Limit {
    /// Returns the limits in force.
    pub(super) fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        for text in &self.limit {
            // What is wrong with it was said when the arguments were read.
            let _ = limits.set(text);
        }
        limits
    }
}

fn parse(text: &str) -> Result<String, String> {
    Limits::default().set(text).map(|()| text.to_owned())
}
