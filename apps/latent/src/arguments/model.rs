//! The argument that names a trained model.

use std::path::{Path, PathBuf};

use clap::Args;
use latent_hub::{Fetched, Hub, HubFile, Progress};
use latent_training::{Model, load_model};

use crate::paths::path;
use crate::progress::Counting;
use crate::{Context, Error, pretrained};

/// A trained model.
#[derive(Args)]
pub(crate) struct ModelArgument {
    #[arg(
        value_parser = path(),
        help = "Run directory, .safetensors file, pretrained model (`latent models list`), or \
        hf://owner/repository/file.safetensors on a hub"
    )]
    model: PathBuf,
}

impl From<PathBuf> for ModelArgument {
    fn from(model: PathBuf) -> Self {
        Self { model }
    }
}

impl ModelArgument {
    pub(crate) fn path(&self) -> &Path {
        &self.model
    }

    pub(crate) fn load(&self, context: &Context) -> Result<Model, Error> {
        let path = &self.model;
        let Some(name) = path.to_str().filter(|_| !path.exists()) else {
            return load_model(path, &context.device)
                .map_err(|error| Error::of_weights(path, error));
        };
        if name.starts_with(HubFile::SCHEME) {
            let path = fetched(&Hub::from_env()?, &name.parse()?, context)?;
            return Ok(load_model(&path, &context.device)?);
        }
        if let Some(model) = pretrained::load(name, context)? {
            return Ok(model);
        }
        Ok(load_model(path, &context.device)?)
    }
}

/// Fetches a file from a hub, with a progress bar.
pub(crate) fn fetched(hub: &Hub, file: &HubFile, context: &Context) -> Result<PathBuf, Error> {
    watched(&file.to_string(), context, |watch| hub.fetch(file, watch))
}

/// Runs `fetch` with a progress bar.
pub(crate) fn watched<E: Into<Error>>(
    file: &str,
    context: &Context,
    fetch: impl FnOnce(&mut dyn FnMut(Progress)) -> Result<Fetched, E>,
) -> Result<PathBuf, Error> {
    let mut bar = None;
    let fetched = fetch(&mut |progress| {
        bar.get_or_insert_with(|| Counting::bytes(progress.total, context))
            .reached(progress.received as usize);
    })
    .map_err(E::into)?;
    drop(bar);
    if let Some(reason) = fetched.unchecked {
        context.warn(&format!(
            "{file} is taken from the cache and may be out of date: {reason}"
        ));
    }
    Ok(fetched.path)
}
