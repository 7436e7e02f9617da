use std::path::PathBuf;
use std::{fs, io};

use clap::{Args, Subcommand};
use clap_complete::Shell;

use crate::Error;
use crate::paths::new_path;
use crate::shell::grammar;

/// Generate shell completions or man pages
#[derive(Subcommand)]
#[command(after_help = "Example:\n  latent generate man man")]
pub(crate) enum Generate {
    Completions(Completions),
    Man(Man),
}

/// Print a completion script for a shell
#[derive(Args)]
#[command(after_help = "Example:\n  latent generate completions zsh > _latent")]
pub(crate) struct Completions {
    /// Shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Write a man page for each command
#[derive(Args)]
#[command(after_help = "Example:\n  latent generate man ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// Directory of the pages
    #[arg(value_parser = new_path())]
    directory: PathBuf,
}

impl Generate {
    pub(crate) fn run(&self) -> Result<(), Error> {
        match self {
            Self::Completions(Completions { shell }) => {
                let mut script = Vec::new();
                let mut command = grammar();
                clap_complete::generate(*shell, &mut command, "latent", &mut script);
                match io::Write::write_all(&mut io::stdout(), &script) {
                    // The reader, such as `head`, has seen enough.
                    Err(reason) if reason.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                    written => written.map_err(Error::Output),
                }
            }
            Self::Man(Man { directory }) => {
                let write = || {
                    fs::create_dir_all(directory)?;
                    clap_mangen::generate_to(grammar(), directory)
                };
                write().map_err(|reason| {
                    let path = directory.clone();
                    latent_training::Error::File { path, reason }.into()
                })
            }
        }
    }
}
