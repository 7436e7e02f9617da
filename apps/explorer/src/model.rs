use std::path::Path as FilePath;

use candle_core::{DType, Device, Tensor};
use latent_datasets::Dataset;
use latent_distributions::Generator;
use latent_figures::{
    AnalogyOptions, Format, ImageFigure, InterpolationOptions, Pairs, Path, Picture, SampleOptions,
    analogies, interpolations, samples,
};
use latent_models::{AnyModel, LatentModel, ModelConfig, Shape, Transform};
use latent_training::{ModelMetadata, parse_model};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::Error;
use crate::image::is_drawing;

/// The number of draws of z for the likelihood under a label, the default of `latent classify`. The accuracy on 4,000
/// MNIST test images is 97.5 %; with three draws, 97.2 %.
const DRAWS: usize = 10;

/// A trained model for the page.
///
/// Images are [`height`](Self::height) × [`width`](Self::width) × [`channels`](Self::channels) values, called *pixels* below, in
/// the order `[row, column, channel]`. Those of input images are levels from 0 to 255, those of output images are in
/// [0, 1]. `label` is the label of an image for a conditional model; other models ignore it, and images without labels have
/// the label 0.
#[wasm_bindgen]
pub struct Model(latent_training::Model);

/// An interpolation between two images: the decoded images and their latents.
#[wasm_bindgen(getter_with_clone)]
#[derive(Clone, Debug)]
pub struct Interpolation {
    /// The decoded images, `[steps, pixels]`.
    pub images: Vec<f32>,
    /// The interpolated latents, `[steps, latent_size]`.
    pub latents: Vec<f32>,
}

/// Samples from a model.
#[wasm_bindgen]
#[derive(Clone, Debug)]
pub struct Samples(ImageFigure);

#[wasm_bindgen]
impl Samples {
    /// The images, `[n, pixels]`.
    #[wasm_bindgen(getter)]
    pub fn images(&self) -> Vec<f32> {
        self.0.grid.images().to_vec()
    }

    /// The samples as a PNG, the figure of `latent sample`.
    ///
    /// # Errors
    /// The figure is too large to be encoded.
    pub fn png(&self) -> Result<Vec<u8>, Error> {
        Ok(self.0.render(Format::Png)?)
    }
}

#[wasm_bindgen]
impl Model {
    /// Loads a model from the bytes of its `.safetensors` file. Errors name the file `name`.
    ///
    /// # Errors
    /// The bytes are not a model file, or the images are neither grey nor in red, green and blue.
    #[wasm_bindgen(constructor)]
    pub fn open(name: &str, bytes: &[u8]) -> Result<Self, Error> {
        let model = parse_model(bytes, FilePath::new(name), &Device::Cpu)?;
        let shape = model.metadata.data.shape;
        if ![1, 3].contains(&shape.channels) {
            let name = name.to_owned();
            return Err(Error::Channels { name, shape });
        }
        Ok(Self(model))
    }

    /// The height of an image in pixels.
    #[wasm_bindgen(getter)]
    pub fn height(&self) -> usize {
        self.shape().height
    }

    /// The width of an image in pixels.
    #[wasm_bindgen(getter)]
    pub fn width(&self) -> usize {
        self.shape().width
    }

    /// The number of values of a pixel: 1 for grey, 3 for red, green and blue.
    #[wasm_bindgen(getter)]
    pub fn channels(&self) -> usize {
        self.shape().channels
    }

    /// The names of all classes, in the order of their labels: numbers if they have none, nothing for images without labels.
    #[wasm_bindgen(getter, js_name = classNames)]
    pub fn class_names(&self) -> Vec<String> {
        let data = &self.0.metadata.data;
        let names = (0..=u8::MAX).take(data.classes);
        names.map(|label| data.class_name(label)).collect()
    }

    /// The labels that training images have, in ascending order; nothing for images without labels.
    #[wasm_bindgen(getter, js_name = classesPresent)]
    pub fn classes_present(&self) -> Vec<u8> {
        self.0.metadata.data.classes_present.clone()
    }

    /// Whether the training images have labels.
    #[wasm_bindgen(getter, js_name = isLabelled)]
    pub fn is_labelled(&self) -> bool {
        self.classes() > 0
    }

    /// Whether the images are MNIST's or the built-in digits.
    #[wasm_bindgen(getter, js_name = isOfDigits)]
    pub fn is_of_digits(&self) -> bool {
        let data = &self.0.metadata.data;
        let is_named = ["mnist", "synthetic"].contains(&data.name.as_str());
        is_named && data.classes == 10 && data.class_names.is_empty() && self.is_drawing()
    }

    /// Whether drawings are scaled and centred like MNIST's ([`draw_image`](crate::draw_image)).
    #[wasm_bindgen(getter, js_name = isDrawing)]
    pub fn is_drawing(&self) -> bool {
        is_drawing(self.height(), self.width(), self.channels())
    }

    /// Whether the latent represents an image exactly, as that of a flow, which has one dimension for each pixel.
    #[wasm_bindgen(getter, js_name = isExact)]
    pub fn is_exact(&self) -> bool {
        self.0.metadata.experiment.model.is_exact()
    }

    /// The number of latent dimensions.
    #[wasm_bindgen(getter, js_name = latentSize)]
    pub fn latent_size(&self) -> usize {
        self.0.model.latent_size()
    }

    /// Whether the model is conditional on the label.
    #[wasm_bindgen(getter, js_name = isConditional)]
    pub fn is_conditional(&self) -> bool {
        self.0.model.conditional().is_ok()
    }

    /// The kind of model as text, such as "conditional VAE" or "RealNVP".
    #[wasm_bindgen(getter)]
    pub fn family(&self) -> String {
        let config = &self.0.metadata.experiment.model;
        let family = match config {
            ModelConfig::LadderVae(_) | ModelConfig::ConditionalLadderVae(_) => "ladder VAE",
            ModelConfig::MultiScaleFlow(_) | ModelConfig::ConditionalMultiScaleFlow(_) => {
                "multi-scale flow"
            }
            ModelConfig::Flow(config) | ModelConfig::ConditionalFlow(config) => {
                match config.transform {
                    Transform::Additive => "NICE",
                    Transform::Affine => "RealNVP",
                    Transform::Mixture { .. } => "mixture flow",
                }
            }
            _ => "VAE",
        };
        if config.is_conditional() {
            format!("conditional {family}")
        } else {
            family.to_owned()
        }
    }

    /// Encodes an image, `[latent_size]`.
    ///
    /// # Errors
    /// The image does not have the model's shape, or `label` is not a label of the model.
    pub fn encode(&self, image: &[u8], label: u8) -> Result<Vec<f32>, Error> {
        let latent = self
            .0
            .model
            .encode(&self.batch(image)?, &self.0.labels(&[label])?)?;
        Ok(numbers(&latent)?)
    }

    /// Decodes a latent, `[pixels]`.
    ///
    /// # Errors
    /// The latent does not have the model's size, or `label` is not a label of the model.
    pub fn decode(&self, latent: &[f32], label: u8) -> Result<Vec<f32>, Error> {
        let expected = self.latent_size();
        refuse_other("latent", latent.len(), expected)?;
        let latent = Tensor::from_slice(latent, (1, expected), &Device::Cpu)?;
        Ok(numbers(
            &self.0.model.decode(&latent, &self.0.labels(&[label])?)?,
        )?)
    }

    /// The log-posterior log p(y|x) of each label y under a conditional model, by Bayes' rule, `[classes]`; −∞ for a label
    /// without training images. The noise is the same in every call, so the result is reproducible.
    ///
    /// # Errors
    /// The image does not have the model's shape, or the model is not conditional.
    #[wasm_bindgen(js_name = classLogPosterior)]
    pub fn class_log_posterior(&self, image: &[u8]) -> Result<Vec<f32>, Error> {
        let model = self.0.model.conditional()?;
        let generator = &mut Generator::stream(1, "likelihood", 0, 0);
        let seen = &self.0.metadata.data.classes_present;
        let found = model.class_log_posterior(&self.batch(image)?, seen, DRAWS, generator)?;
        let mut all = vec![f32::NEG_INFINITY; self.classes()];
        for (&class, log) in seen.iter().zip(numbers(&found)?) {
            all[usize::from(class)] = log;
        }
        Ok(all)
    }

    /// Style transfer: the latent of an image of this label, decoded with each label, `[classes, pixels]`; blank for a label
    /// without training images.
    ///
    /// # Errors
    /// The image does not have the model's shape, `label` is not a label of the model, or the model is not conditional.
    pub fn analogies(&self, image: &[u8], label: u8) -> Result<Vec<f32>, Error> {
        let drawing = self.drawings(&[(image, label)])?;
        let options = AnalogyOptions {
            // The page shows grey levels.
            binarise: Some(false),
            ..AnalogyOptions::default()
        };
        let figure = analogies(&self.0, &drawing, &options)?;
        // The first image is the drawing.
        let pixels = self.pixels();
        let decoded = figure.grid.images().chunks_exact(pixels).skip(1);
        let mut all = vec![0.0; self.classes() * pixels];
        for (&class, image) in self.0.metadata.data.classes_present.iter().zip(decoded) {
            let start = usize::from(class) * pixels;
            all[start..start + pixels].copy_from_slice(image);
        }
        Ok(all)
    }

    /// Interpolates between two images with their labels in `steps` steps. `path` is `linear`, `arc` or
    /// `slerp`.
    ///
    /// # Errors
    /// An image does not have the model's shape, a label or the method does not exist, or `steps` is less than 2 or more than
    /// 1,000.
    pub fn interpolate(
        &self,
        path: &str,
        start: &[u8],
        start_label: u8,
        end: &[u8],
        end_label: u8,
        steps: usize,
    ) -> Result<Interpolation, Error> {
        let path = match path {
            "linear" => Path::Linear,
            "arc" => Path::Arc,
            "slerp" => Path::Slerp,
            other => return Err(Error::Path(other.to_owned())),
        };
        refuse_many(steps)?;
        let ends = self.drawings(&[(start, start_label), (end, end_label)])?;
        let options = InterpolationOptions {
            pairs: Pairs::First(1),
            steps,
            path,
            // The page shows grey levels.
            binarise: Some(false),
            ..InterpolationOptions::default()
        };
        let figure = interpolations(&self.0, &ends, &options)?;
        Ok(Interpolation {
            images: figure.grid.images().to_vec(),
            latents: numbers(&figure.latents)?,
        })
    }

    /// Samples images: `count` of each label in `labels`, or `count` in total from an unconditional model. They are those
    /// of `latent sample` with the same seed.
    ///
    /// # Errors
    /// A label does not exist, or there are more than 1,000 images.
    pub fn sample(
        &self,
        labels: &[u8],
        count: usize,
        temperature: f64,
        seed: u32,
    ) -> Result<Samples, Error> {
        let labels = self.is_conditional().then(|| labels.to_vec());
        refuse_many(labels.as_ref().map_or(1, Vec::len).saturating_mul(count))?;
        let options = SampleOptions {
            labels,
            count: Some(count),
            temperature,
            seed: Some(seed.into()),
            ..SampleOptions::default()
        };
        Ok(Samples(samples(&self.0, &options)?))
    }
}

impl Model {
    /// The metadata of the model file.
    pub fn metadata(&self) -> &ModelMetadata {
        &self.0.metadata
    }

    /// The loaded model.
    pub fn model(&self) -> &AnyModel {
        &self.0.model
    }

    /// The number of classes.
    fn classes(&self) -> usize {
        self.0.metadata.data.classes
    }

    fn shape(&self) -> Shape {
        self.0.metadata.data.shape
    }

    /// The number of values of an image.
    fn pixels(&self) -> usize {
        self.shape().elem_count()
    }

    /// Drawings with their labels as a data set.
    fn drawings(&self, drawings: &[(&[u8], u8)]) -> Result<Dataset, Error> {
        let (mut images, mut labels) = (Vec::new(), Vec::new());
        for (image, label) in drawings {
            refuse_other("image", image.len(), self.pixels())?;
            images.extend_from_slice(image);
            labels.push(*label);
        }
        self.0.labels(&labels)?;
        let dataset = if self.is_labelled() {
            Dataset::new(self.shape(), self.classes(), images, labels)
        } else {
            Dataset::unlabelled(self.shape(), images)
        };
        Ok(dataset.map_err(latent_figures::Error::from)?)
    }

    /// An image as a batch, `[1, pixels]`, of values in [0, 1].
    fn batch(&self, image: &[u8]) -> Result<Tensor, Error> {
        refuse_other("image", image.len(), self.pixels())?;
        let levels = image.iter().map(|&level| f32::from(level) / 255.0);
        Ok(Tensor::from_iter(levels, &Device::Cpu)?.reshape((1, image.len()))?)
    }
}

fn numbers(tensor: &Tensor) -> candle_core::Result<Vec<f32>> {
    tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()
}

fn refuse_other(what: &'static str, found: usize, expected: usize) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    Err(Error::Count {
        what,
        found,
        expected,
    })
}

fn refuse_many(images: usize) -> Result<(), Error> {
    const MAX: usize = 1000;
    if images > MAX {
        return Err(Error::TooMany(images));
    }
    Ok(())
}
