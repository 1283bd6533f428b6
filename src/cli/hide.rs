//! `--redact` and `--redact-key`: what is hidden from every output, beside secrets.
//!
//! An incident's own file cannot set them: who sends a bundle does not decide what its reader shows.

use clap::{Args, ValueEnum};

use crate::redact::Options;

const HEADING: &str = "What is hidden";

#[derive(Debug, Default, Args)]
pub(super) struct Redact {
    /// Hide more than secrets, several with commas; `none` alone hides nothing
    ///
    /// Secrets are hidden in every output unless `none` is given: tokens, passwords, keys, logins of registries, cookies, values of
    /// Secret objects. Each value stands behind one pseudonym; byte ranges and hashes are those of the original.
    #[arg(long, value_name = "KINDS", value_delimiter = ',', env = "ROOTLINE_REDACT", hide_env_values = true, help_heading = HEADING)]
    redact: Vec<Hide>,
    /// Makes pseudonyms the same in all runs with this key; without it they come from the input
    #[arg(long, value_name = "KEY", env = "ROOTLINE_REDACT_KEY", hide_env_values = true, help_heading = HEADING)]
    redact_key: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Hide {
    /// IP addresses
    Ips,
    /// E-mail addresses
    Emails,
    /// Names of nodes and hosts
    Hosts,
    /// Names of accounts
    Names,
    /// Nothing at all, not even secrets
    None,
}

impl Redact {
    /// Returns what is to be hidden. Who asks for nothing and for something is taken at the second word.
    pub(super) fn options(&self) -> Options {
        let asked = |kind: Hide| self.redact.contains(&kind);
        Options {
            secrets: !(asked(Hide::None) && self.redact.iter().all(|kind| *kind == Hide::None)),
            ips: asked(Hide::Ips),
            emails: asked(Hide::Emails),
            hosts: asked(Hide::Hosts),
            names: asked(Hide::Names),
            key: self.redact_key.clone(),
        }
    }
}
