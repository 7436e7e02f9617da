use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use latent_datasets::{
    Dataset, Shape, Source, from_parquet, has_idx_files, idx_from_directory, mnist_from_directory,
    save_idx,
};
use latent_hub::{Hub, HubFile, RepositoryKind};
use latent_training::thousands;
use latent_visualisation::{ImageGrid, text_image};
use serde_json::json;

use crate::arguments::{DataArguments, Shown, fetched};
use crate::paths::{new_path, picture_path};
use crate::shell::{CommandLine, next};
use crate::{Context, Error};

/// Show, describe or download data sets
#[derive(Subcommand)]
#[command(after_help = "Example:\n  latent data info")]
pub(crate) enum Data {
    Show(Show),
    Info(Info),
    Fetch(Fetch),
}

/// Show one image in the terminal
#[derive(Args)]
#[command(after_help = "Example:\n  latent data show --index 7")]
pub(crate) struct Show {
    /// Number of the image, from 0
    #[arg(long, value_name = "I", default_value_t = 0)]
    index: usize,
    /// Split of the data
    #[arg(long, value_enum, default_value_t = Split::Train)]
    split: Split,
    #[command(flatten)]
    data: DataArguments,
    /// Also write the image to a file: .png, .svg, or .npy for the numbers
    #[arg(short, long, value_name = "FILE", value_parser = picture_path())]
    output: Option<PathBuf>,
}

/// Class counts and pixel statistics of a data set
#[derive(Args)]
#[command(after_help = "Example:\n  latent data info --data synthetic")]
pub(crate) struct Info {
    #[command(flatten)]
    data: DataArguments,
}

/// Download a data set from the Hugging Face hub to where the other commands find it
///
/// Uses the settings `HF_ENDPOINT`, `HF_HOME`, `HF_TOKEN` and `HF_HUB_OFFLINE`.
#[derive(Args)]
#[command(after_help = "Example:\n  latent data fetch")]
pub(crate) struct Fetch {
    /// Data set
    #[arg(value_enum, default_value_t = Published::Mnist)]
    name: Published,
    /// Directory of its four files [default: latent/mnist or latent/fashion-mnist in the user's data directory]
    #[arg(short, long, value_name = "DIRECTORY", value_parser = new_path())]
    output: Option<PathBuf>,
    /// Replace an existing data set
    #[arg(long)]
    overwrite: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Published {
    Mnist,
    #[value(alias = "fashion_mnist")]
    FashionMnist,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Split {
    Train,
    Test,
}

impl Data {
    pub(crate) fn show(&self, context: &Context) -> Result<Option<Shown>, Error> {
        match self {
            Self::Show(command) => command.show(context).map(Some),
            Self::Info(command) => command.show(context).map(Some),
            Self::Fetch(command) => command.run(context).map(|()| None),
        }
    }
}

impl Show {
    fn show(&self, context: &Context) -> Result<Shown, Error> {
        let splits = self.data.load(Source::Auto, context)?.splits;
        let (data, split) = match self.split {
            Split::Train => (splits.train, "train"),
            Split::Test => (splits.test, "test"),
        };
        let Some(image) = data.image(self.index) else {
            return Err(latent_datasets::Error::NoSuchImage {
                index: self.index,
                len: data.len(),
            }
            .into());
        };
        let label = data.labels().get(self.index).copied();
        let name = label.map(|label| class_name(&data, label));
        let Shape {
            channels,
            height,
            width,
        } = data.shape();
        // A terminal has no colours.
        let grey: Vec<u8> = image
            .chunks_exact(channels)
            .map(|pixel| {
                (pixel.iter().map(|&level| usize::from(level)).sum::<usize>() / channels) as u8
            })
            .collect();
        let words = format!(
            "image {} of {} ({split}){}\n{}",
            self.index,
            splits.name,
            name.as_ref()
                .map(|name| format!(": {name}"))
                .unwrap_or_default(),
            text_image(&grey, width)
        );
        let pixels: Vec<f32> = image
            .iter()
            .map(|&pixel| f32::from(pixel) / 255.0)
            .collect();
        let picture = ImageGrid::new(pixels, [1, height, width, channels])?.cell_titles(name);
        let object = json!({
            "data": splits.name, "split": split, "index": self.index, "label": label, "pixels": image,
        });
        Ok(Shown {
            picture: Some(Box::new(picture)),
            path: self.output.clone(),
            words,
            object,
        })
    }
}

impl Info {
    fn show(&self, context: &Context) -> Result<Shown, Error> {
        let loaded = self.data.load(Source::Auto, context)?;
        let splits = loaded.splits;
        let mut words = vec![splits.name.clone()];
        let mut object = json!({ "data": splits.name, "findings": loaded.findings });
        for (name, data) in [("train", &splits.train), ("test", &splits.test)] {
            words.push(describe(name, data));
            let pixels = data.pixel_statistics();
            object[name] = json!({
                "images": data.len(), "height": data.shape().height, "width": data.shape().width,
                "images_by_digit": data.counts_by_class(), "checksum": data.checksum(),
                "pixels": { "mean": pixels.mean, "standard_deviation": pixels.standard_deviation, "zero": pixels.zero_fraction },
            });
        }
        Ok(Shown::measured(words.join("\n"), object))
    }
}

/// The name of a class, or its number.
fn class_name(data: &Dataset, label: u8) -> String {
    let name = data.class_names().get(usize::from(label));
    name.cloned().unwrap_or_else(|| label.to_string())
}

fn describe(name: &str, data: &Dataset) -> String {
    let pixels = data.pixel_statistics();
    let counts: Vec<String> = data
        .counts_by_class()
        .iter()
        .enumerate()
        .map(|(label, count)| format!("{}: {count}", class_name(data, label as u8)))
        .collect();
    let counts = if data.is_labelled() {
        format!("images by class  {}", counts.join("  "))
    } else {
        "no labels".to_owned()
    };
    format!(
        "{name}: {} images of {} × {} pixels\n  {}\n  pixels in [0, 1]  mean {:.4}, standard deviation {:.4}, {:.1} % are 0\n  SHA-256 {}",
        thousands(data.len()),
        data.shape().height,
        data.shape().width,
        counts,
        pixels.mean,
        pixels.standard_deviation,
        100.0 * pixels.zero_fraction,
        data.checksum(),
    )
}

impl Published {
    /// Owner and name of the repository on the hub, and the directory in it.
    fn repository(self) -> (&'static str, &'static str) {
        match self {
            Self::Mnist => ("ylecun/mnist", "mnist"),
            Self::FashionMnist => ("zalando-datasets/fashion_mnist", "fashion_mnist"),
        }
    }

    fn directory(self) -> Result<PathBuf, Error> {
        match self {
            // The directory where `--data mnist` searches.
            Self::Mnist => latent_datasets::user_directory(),
            Self::FashionMnist => latent_datasets::user_directory()
                .map(|directory| directory.with_file_name("fashion-mnist")),
        }
        .ok_or(Error::NoDataDirectory)
    }
}

impl Fetch {
    fn run(&self, context: &Context) -> Result<(), Error> {
        let directory = self
            .output
            .clone()
            .map_or_else(|| self.name.directory(), Ok)?;
        if has_idx_files(&directory) && !self.overwrite {
            return Err(Error::DataExist(directory));
        }
        let hub = Hub::from_env()?;
        let (repository, folder) = self.name.repository();
        let part = |split: &str| -> Result<PathBuf, Error> {
            let path = format!("{folder}/{split}-00000-of-00001.parquet");
            let file = HubFile::new(RepositoryKind::Dataset, repository, "main", &path)?;
            fetched(&hub, &file, context)
        };
        let (train, test) = (part("train")?, part("test")?);
        // The hub's checksum is right, but the file may still be another data set.
        let wrong = |error| Error::WrongData {
            repository,
            cached: train.clone(),
            error: Box::new(error),
        };
        let splits = from_parquet(folder, &train, &test).map_err(wrong)?;
        save_idx(&splits, &directory, |whole| match self.name {
            // MNIST is verified by its checksums, whatever the hub is.
            Published::Mnist => mnist_from_directory(whole).map(|_| ()),
            Published::FashionMnist => idx_from_directory(whole).map(|_| ()),
        })
        .map_err(wrong)?;
        let (train, test) = (splits.train.len(), splits.test.len());
        let mut command = CommandLine::new("train vae-2d");
        if self.name == Published::FashionMnist {
            command = command.option("--data", "idx");
        }
        // In its default directory, MNIST is found without an option.
        if self.output.is_some() || self.name == Published::FashionMnist {
            command = command.option("--data-dir", &directory);
        }
        let words = format!(
            "{}: {} training images and {} test images in {}\n{}",
            splits.name,
            thousands(train),
            thousands(test),
            directory.display(),
            next(&[command]),
        );
        let object = json!({
            "data": splits.name, "directory": directory.display().to_string(),
            "train": train, "test": test,
        });
        context.result(&words, &object)
    }
}
