//! The options that name pictures to use instead of the images of a data set.

use std::path::{Path, PathBuf};

use clap::Args;
use latent_datasets::{
    Dataset, DrawingOptions, ImageOptions, Shape, Size, Source, Splits, decode_picture,
    prepare_drawing,
};
use latent_figures::Split;
use latent_training::{Model, ModelData, classify};

use super::{Class, DataArguments, labels_of};
use crate::paths::path;
use crate::{Context, Error};

/// Pictures to use instead of the test images.
#[derive(Args)]
pub(crate) struct InputArguments {
    /// Pictures to use instead of the test images: PNG, JPEG, GIF, BMP or WebP
    #[arg(long, help_heading = "Pictures", value_name = "FILE", num_args = 1.., value_parser = path())]
    input: Vec<PathBuf>,
    /// Labels of the pictures, for a conditional model [default: the most probable of each]
    #[arg(long, help_heading = "Pictures", value_name = "LIST", value_delimiter = ',', value_parser = Class::parse, requires = "input")]
    input_labels: Vec<Class>,
    /// Keep a bright background: by default it is inverted for a model of digits
    #[arg(long, help_heading = "Pictures", requires = "input")]
    no_invert: bool,
    /// Keep the place and size of strokes: by default they are centred and scaled for a model of digits
    #[arg(long, help_heading = "Pictures", requires = "input")]
    no_centre: bool,
}

impl InputArguments {
    /// Whether pictures are named.
    pub(crate) fn is_given(&self) -> bool {
        !self.input.is_empty()
    }

    /// What titles call the images.
    pub(crate) fn split(&self) -> Split {
        if self.is_given() {
            Split::None
        } else {
            Split::Test
        }
    }

    /// The pictures, if some are named, otherwise the data set that `data` selects, for a trained model. The pictures
    /// are the test images; there are no training images with them.
    pub(crate) fn load_for(
        &self,
        model: &Model,
        data: &DataArguments,
        context: &Context,
    ) -> Result<ModelData, Error> {
        if self.is_given() {
            self.pictures(model, context)
        } else {
            data.load_for(model, context)
        }
    }

    /// The named pictures, without labels.
    pub(crate) fn images(&self, model: &Model, context: &Context) -> Result<Dataset, Error> {
        let (mut pixels, mut names) = (Vec::new(), Vec::new());
        for path in &self.input {
            let (prepared, steps) = self.prepared(path, model)?;
            context.say(&format!("{}: {}", path.display(), steps.join(", ")));
            pixels.extend(prepared);
            names.push(path.display().to_string());
        }
        Ok(Dataset::unlabelled(model.metadata.data.shape, pixels)?.with_names(names)?)
    }

    /// The named pictures as test images, with labels if the model needs them.
    fn pictures(&self, model: &Model, context: &Context) -> Result<ModelData, Error> {
        let record = &model.metadata.data;
        let images = self.images(model, context)?;
        let labels = self.labels(&images, model, context)?;
        let images = if labels.is_empty() {
            images
        } else {
            let labelled = Dataset::new(
                record.shape,
                record.classes,
                images.images().to_vec(),
                labels,
            )?;
            let labelled = labelled.with_names(images.names().to_vec())?;
            if record.class_names.is_empty() {
                labelled
            } else {
                labelled.with_class_names(record.class_names.clone())?
            }
        };
        let splits = Splits {
            name: "pictures".to_owned(),
            train: images.clone().truncated(0),
            validation: None,
            test: images,
        };
        Ok(ModelData::new(model, splits)?)
    }

    /// The pixels of a picture for the model, and what was done to them.
    fn prepared(&self, path: &Path, model: &Model) -> Result<(Vec<u8>, Vec<String>), Error> {
        let (shape, config) = (model.metadata.data.shape, &model.metadata.experiment.data);
        let Shape {
            channels,
            height,
            width,
        } = shape;
        let is_of_digits = matches!(
            config.source,
            Source::Auto | Source::Mnist | Source::Idx | Source::Synthetic
        );
        if is_of_digits && channels == 1 {
            let picture = decode_picture(path, &ImageOptions::default())?;
            let options = DrawingOptions {
                invert: !self.no_invert && !config.images.invert,
                centre: !self.no_centre,
            };
            let conversions = picture.conversions.iter().map(ToString::to_string);
            let mut said: Vec<String> = conversions.collect();
            let prepared = prepare_drawing(&picture, (height, width), options)
                .ok_or_else(|| Error::NoStrokes {
                    path: path.to_owned(),
                    remedy: if self.no_invert {
                        "leave out `--no-invert`, or use the whole picture as it is with `--no-centre`"
                    } else {
                        "`--no-centre` uses the whole picture as it is"
                    },
                })?;
            said.extend(prepared.steps.iter().map(ToString::to_string));
            return Ok((prepared.pixels, said));
        }
        // As the training images.
        let options = ImageOptions {
            size: Some(Size {
                height: height as u32,
                width: width as u32,
            }),
            grey: channels == 1,
            invert: config.images.invert,
        };
        let picture = decode_picture(path, &options)?;
        let mut said: Vec<String> = picture
            .conversions
            .iter()
            .map(ToString::to_string)
            .collect();
        let mut pixels = if channels == 1 {
            picture.pixels
        } else {
            picture.into_colour()
        };
        if options.invert {
            for pixel in &mut pixels {
                *pixel = u8::MAX - *pixel;
            }
            said.push("inverted".to_owned());
        }
        if said.is_empty() {
            said.push("as it is".to_owned());
        }
        Ok((pixels, said))
    }

    /// The labels of the pictures: the given ones, or for a conditional model the most probable ones.
    fn labels(&self, images: &Dataset, model: &Model, context: &Context) -> Result<Vec<u8>, Error> {
        /// Draws for the likelihood of an image under a label.
        const DRAWS: usize = 10;
        let record = &model.metadata.data;
        if !self.input_labels.is_empty() {
            if self.input_labels.len() != self.input.len() {
                return Err(Error::InputLabels {
                    pictures: self.input.len(),
                    labels: self.input_labels.len(),
                });
            }
            let labels = labels_of(&self.input_labels, model)?;
            record.check_seen(&labels)?;
            return Ok(labels);
        }
        let Ok(conditional) = model.model.conditional() else {
            return Ok(Vec::new());
        };
        let batching = model.batching(model.metadata.experiment.seed);
        let classes = &record.classes_present;
        let labels = classify(
            conditional,
            images,
            classes,
            DRAWS,
            &batching,
            &context.device,
            |_| (),
        )?;
        for (name, &label) in images.names().iter().zip(&labels) {
            let label = record.class_name(label);
            context.say(&format!(
                "{name}: taken for {label} (`--input-labels` gives another label)"
            ));
        }
        Ok(labels)
    }
}
