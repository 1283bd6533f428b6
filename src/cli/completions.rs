//! `rootline completions`: the completions of a shell, for the user to load.

use std::process::ExitCode;

use clap::Args;
use clap_complete::Shell;

use super::{Failure, args, print_raw};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bash        rootline completions bash > ~/.local/share/bash-completion/completions/rootline
  zsh         rootline completions zsh > \"${fpath[1]}/_rootline\"
  fish        rootline completions fish > ~/.config/fish/completions/rootline.fish
  PowerShell  rootline completions powershell >> $PROFILE")]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(super) shell: Shell,
}

pub(super) fn run(command: &CompletionsArgs) -> Result<ExitCode, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(command.shell, &mut args::command(), "rootline", &mut text);
    print_raw(&String::from_utf8_lossy(&text))?;
    Ok(ExitCode::SUCCESS)
}
