//! The models of the page with the images that they were tested on.

use std::error::Error;
use std::fs;
use std::path::Path;

use latent_datasets::Dataset;
use latent_explorer::Model;
use latent_training::{ModelData, Run, load_model};

use crate::set::Set;

/// A model of the page.
pub(crate) struct OwnModel {
    pub(crate) name: String,
    /// How the model is named on the command line.
    pub(crate) argument: String,
    pub(crate) model: Model,
    pub(crate) bytes: Vec<u8>,
    /// The test images, if they were found.
    pub(crate) test: Option<Dataset>,
    /// Why they were not found.
    pub(crate) missing: Option<String>,
}

impl OwnModel {
    /// A model whose test images are at hand.
    pub(crate) fn pretrained(name: &str, model: Model, bytes: Vec<u8>, test: Dataset) -> Self {
        Self {
            name: name.to_owned(),
            argument: name.to_owned(),
            model,
            bytes,
            test: Some(test),
            missing: None,
        }
    }

    /// Opens a run or a model file. Only a run knows where its images are.
    pub(crate) fn open(path: &Path) -> Result<Self, Box<dyn Error>> {
        let run = path.is_dir().then(|| Run::open(path)).transpose()?;
        let file = run
            .as_ref()
            .map_or_else(|| path.to_owned(), Run::model_path);
        let bytes = fs::read(&file).map_err(|reason| format!("{}: {reason}", file.display()))?;
        let model = Model::open(&file.display().to_string(), &bytes)?;
        let name = if run.is_some() {
            path.file_name()
        } else {
            path.file_stem()
        };
        let found = match &run {
            Some(run) => test_images(run, path),
            None => Err("a model file does not name its images: give its run".into()),
        };
        let (test, missing) = match found {
            Ok(test) => (Some(test), None),
            Err(reason) => (None, Some(reason.to_string())),
        };
        Ok(Self {
            name: name.unwrap_or_default().to_string_lossy().into_owned(),
            argument: path.display().to_string(),
            model,
            bytes,
            test,
            missing,
        })
    }

    /// The place of the model's data set among `sets`; a new one is added, and its examples are written to the page.
    pub(crate) fn place_among(
        &self,
        sets: &mut Vec<Set>,
        out: &Path,
    ) -> Result<usize, Box<dyn Error>> {
        let known = sets.iter().position(|set| set.is_of(&self.model));
        if let Some(place) = known {
            return Ok(place);
        }
        sets.push(Set::new(&self.model, self.test.as_ref(), sets.len(), out)?);
        Ok(sets.len() - 1)
    }
}

/// The test images of a run, from the path of its data.
fn test_images(run: &Run, path: &Path) -> Result<Dataset, Box<dyn Error>> {
    let config = run.experiment()?.data;
    let stored = run.data()?.and_then(|data| data.directory);
    let place = stored.map(|stored| {
        // The absolute path may have changed if the whole directory was moved.
        let places = [stored.resolved.clone(), stored.given];
        let found = places.into_iter().find(|place| config.source.is_at(place));
        found.unwrap_or(stored.resolved)
    });
    let loaded = latent_datasets::load(config.source, place.as_deref(), &config.images)?;
    // Only to compare the images with those of training.
    let model = load_model(path, &candle_core::Device::Cpu)?;
    let data = ModelData::new(&model, loaded.splits)?;
    match &data.difference {
        Some(difference) => Err(format!("its images were {}", difference.trained).into()),
        None => Ok(data.test()),
    }
}
