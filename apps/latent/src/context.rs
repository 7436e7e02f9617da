//! The context of a command: device and output.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use candle_core::Device;
use clap::{Args, ValueEnum};
use latent_datasets::{Finding, ImageOptions, Loaded, Source};
use serde_json::Value;

use crate::shell::program;
use crate::terminal::Output;
use crate::{Error, terminal};

/// Global options.
#[derive(Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Globals {
    /// Device to compute on
    #[arg(long, global = true, value_enum, default_value_t = DeviceName::Cpu)]
    device: DeviceName,
    /// Print the result as one JSON object on stdout
    #[arg(long, global = true)]
    json: bool,
    /// Print only results and errors
    #[arg(long, short, global = true)]
    quiet: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum DeviceName {
    Cpu,
    Cuda,
    Metal,
}

/// Results are printed on stdout, as text or as one JSON object, and everything else on stderr.
pub(crate) struct Context {
    pub(crate) device: Device,
    pub(crate) quiet: bool,
    /// Whether warnings are suppressed, too.
    silent: bool,
    json: bool,
    /// The last loaded data set, if it is kept for later commands.
    data: Option<RefCell<Option<Kept>>>,
}

/// A data set with the requested and the actual source.
struct Kept {
    sources: [Source; 2],
    path: Option<PathBuf>,
    images: ImageOptions,
    loaded: Loaded,
}

impl Context {
    pub(crate) fn new(globals: &Globals) -> Result<Self, Error> {
        let unusable = |device| {
            move |reason: candle_core::Error| {
                // The first line is the reason; a backtrace may follow.
                let reason = reason.to_string();
                let reason = reason.lines().next().unwrap_or_default().to_owned();
                Error::Device { device, reason }
            }
        };
        let device = match globals.device {
            DeviceName::Cpu => Device::Cpu,
            DeviceName::Cuda => Device::new_cuda(0).map_err(unusable("cuda"))?,
            DeviceName::Metal => Device::new_metal(0).map_err(unusable("metal"))?,
        };
        Ok(Self {
            device,
            quiet: globals.quiet || globals.json,
            silent: globals.quiet,
            json: globals.json,
            data: None,
        })
    }

    /// The context for several commands on the same data, which are then loaded only once.
    pub(crate) fn keeping_data(&self) -> Self {
        Self {
            device: self.device.clone(),
            quiet: self.quiet,
            silent: self.silent,
            json: self.json,
            data: Some(RefCell::new(None)),
        }
    }

    /// Loads a data set and prints its origin.
    pub(crate) fn load(
        &self,
        source: Source,
        path: Option<&Path>,
        images: &ImageOptions,
    ) -> Result<Loaded, Error> {
        if let Some(kept) = &self.data
            && let Some(kept) = &*kept.borrow()
            && kept.sources.contains(&source)
            && kept.path.as_deref() == path
            && kept.images == *images
        {
            return Ok(kept.loaded.clone());
        }
        let loaded = latent_datasets::load(source, path, images).map_err(|error| match error {
            // Only MNIST can be fetched.
            latent_datasets::Error::NotFound { looked_in, .. }
                if matches!(source, Source::Auto | Source::Mnist) && path.is_none() =>
            {
                Error::NoMnist(looked_in)
            }
            error => error.into(),
        })?;
        self.say(&match (source, loaded.source) {
            (Source::Auto, Source::Synthetic) => format!(
                "data: synthetic digits (MNIST not found; run `{} data fetch`)",
                program()
            ),
            _ => format!("data: {}", loaded.note),
        });
        for detail in &loaded.details {
            self.say(&format!("note: {detail}"));
        }
        for finding in &loaded.findings {
            self.warn(&advice(*finding));
        }
        if let Some(kept) = &self.data {
            kept.replace(Some(Kept {
                sources: [source, loaded.source],
                path: path.map(Path::to_owned),
                images: *images,
                loaded: loaded.clone(),
            }));
        }
        Ok(loaded)
    }

    /// Prints a progress message, unless `--quiet` or `--json` is given.
    pub(crate) fn say(&self, words: &str) {
        if !self.quiet {
            terminal::say(words);
        }
    }

    /// Prints a warning, unless `--quiet` is given.
    pub(crate) fn warn(&self, words: &str) {
        if !self.silent {
            terminal::say(&format!("warning: {words}"));
        }
    }

    /// Prints the result: the text, or with `--json` the object.
    ///
    /// # Errors
    /// Writing failed for another reason than a closed pipe.
    pub(crate) fn result(&self, words: &str, object: &Value) -> Result<(), Error> {
        let output = if self.json {
            Output::Json(object)
        } else {
            Output::Words(words)
        };
        terminal::result(&output).map_err(Error::Output)
    }
}

/// The warning for images that are probably stored wrongly, with the remedy.
fn advice(finding: Finding) -> String {
    match finding {
        Finding::Dark { brightest } => format!(
            "the brightest pixel of the training images is {brightest} of 255, so that all of them are nearly \
             black; store black as 0 and white as 255"
        ),
        Finding::Inverted => {
            "the training images are dark on a bright background, and models here are made for bright strokes on \
             black; store 255 minus each pixel, or use `--invert`"
                .to_owned()
        }
        Finding::Transposed => {
            "the digits of the training images look transposed, as they are in EMNIST's files; exchange rows and \
             columns of each image"
                .to_owned()
        }
        _ => format!("the training images: {finding:?}"),
    }
}
