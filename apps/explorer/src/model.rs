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

use crate::{Error, SIDE};

/// Pixels of an image.
const PIXELS: usize = SIDE * SIDE;

/// Draws of z for the likelihood of a drawing under a label, as `latent classify` takes: of 4,000 MNIST test
/// images it tells 97.5 %, and with three draws 97.2 %.
const DRAWS: usize = 10;

/// A trained model, opened from the bytes of its file.
///
/// Images go in as 784 grey levels, row by row, 0 for paper and 255 for ink, and come out as as many numbers in
/// [0, 1]. `digit` is what a conditional model is told that an image shows; any other ignores it.
#[wasm_bindgen]
pub struct Model(latent_training::Model);

/// An interpolation between two images: the images of a path through the latent space, and their latents.
#[wasm_bindgen(getter_with_clone)]
#[derive(Clone, Debug)]
pub struct Interpolation {
    /// `[steps, 784]`
    pub images: Vec<f32>,
    /// `[steps, latent_size]`
    pub latents: Vec<f32>,
}

/// Samples of a model.
#[wasm_bindgen]
#[derive(Clone, Debug)]
pub struct Samples(ImageFigure);

#[wasm_bindgen]
impl Samples {
    /// The images, `[n, 784]`.
    #[wasm_bindgen(getter)]
    pub fn images(&self) -> Vec<f32> {
        self.0.grid.images().to_vec()
    }

    /// The picture that `latent sample` draws of them.
    ///
    /// # Errors
    /// It is too large to be encoded.
    pub fn png(&self) -> Result<Vec<u8>, Error> {
        Ok(self.0.render(Format::Png)?)
    }
}

#[wasm_bindgen]
impl Model {
    /// Opens the bytes of a `.safetensors` file, which errors call `name`.
    ///
    /// # Errors
    /// The bytes are no such file, its weights are not those that its description asks for, or its images
    /// have another size than the page's.
    #[wasm_bindgen(constructor)]
    pub fn open(name: &str, bytes: &[u8]) -> Result<Self, Error> {
        let model = parse_model(bytes, FilePath::new(name), &Device::Cpu)?;
        let shape = model.metadata.data.shape;
        if shape != Shape::grey(SIDE, SIDE) {
            let name = name.to_owned();
            return Err(Error::ImageShape { name, shape });
        }
        Ok(Self(model))
    }

    /// How many dimensions a latent has.
    #[wasm_bindgen(getter, js_name = latentSize)]
    pub fn latent_size(&self) -> usize {
        self.0.model.latent_size()
    }

    /// Whether the model draws the digit that it is told to.
    #[wasm_bindgen(getter, js_name = isConditional)]
    pub fn is_conditional(&self) -> bool {
        self.0.model.conditional().is_ok()
    }

    /// What a course would call such a model.
    #[wasm_bindgen(getter)]
    pub fn family(&self) -> String {
        let flow = |transform: &Transform| match transform {
            Transform::Additive => "NICE",
            Transform::Affine => "RealNVP",
            Transform::Mixture { .. } => "mixture flow",
        };
        match &self.0.metadata.experiment.model {
            ModelConfig::Vae(_) | ModelConfig::ConvolutionalVae(_) => "VAE".to_owned(),
            ModelConfig::Flow(config) => flow(&config.transform).to_owned(),
            ModelConfig::ConditionalFlow(config) => {
                format!("conditional {}", flow(&config.transform))
            }
            _ => "conditional VAE".to_owned(),
        }
    }

    /// The latent that stands for an image.
    ///
    /// # Errors
    /// The image does not have 784 pixels, or there is no such digit.
    pub fn encode(&self, image: &[u8], digit: u8) -> Result<Vec<f32>, Error> {
        let latent = self
            .0
            .model
            .encode(&pixels(image)?, &self.0.labels(&[digit])?)?;
        Ok(numbers(&latent)?)
    }

    /// The image of a latent.
    ///
    /// # Errors
    /// The latent does not have the model's size, or there is no such digit.
    pub fn decode(&self, latent: &[f32], digit: u8) -> Result<Vec<f32>, Error> {
        let expected = self.latent_size();
        refuse_other("latent of this model", latent.len(), expected)?;
        let latent = Tensor::from_slice(latent, (1, expected), &Device::Cpu)?;
        Ok(numbers(
            &self.0.model.decode(&latent, &self.0.labels(&[digit])?)?,
        )?)
    }

    /// log p(y|x) of each digit y by Bayes' rule, of a conditional model: a number for each class, −∞ for a digit
    /// that was not seen in training. The noise is the same in every call, so that the same drawing gets the same answer.
    ///
    /// # Errors
    /// The image does not have 784 pixels, or the model is not conditional.
    #[wasm_bindgen(js_name = classLogProbabilities)]
    pub fn class_log_posterior(&self, image: &[u8]) -> Result<Vec<f32>, Error> {
        let model = self.0.model.conditional()?;
        let generator = &mut Generator::stream(1, "likelihood", 0, 0);
        let seen = &self.0.metadata.data.classes_present;
        let found = model.class_log_posterior(&pixels(image)?, seen, DRAWS, generator)?;
        let mut all = vec![f32::NEG_INFINITY; self.classes()];
        for (&class, log) in seen.iter().zip(numbers(&found)?) {
            all[usize::from(class)] = log;
        }
        Ok(all)
    }

    /// Analogies: the latent of the image, which shows `digit`, decoded with each label, `[classes, 784]`; blank
    /// for a label that was not seen in training.
    ///
    /// # Errors
    /// The image does not have 784 pixels, there is no such digit, or the model is not conditional.
    pub fn analogies(&self, image: &[u8], digit: u8) -> Result<Vec<f32>, Error> {
        let drawing = self.drawings(&[(image, digit)])?;
        let options = AnalogyOptions {
            // As drawings are.
            binarise: Some(false),
            ..AnalogyOptions::default()
        };
        let figure = analogies(&self.0, &drawing, &options)?;
        // The first image is the drawing.
        let decoded = figure.grid.images().chunks_exact(PIXELS).skip(1);
        let mut all = vec![0.0; self.classes() * PIXELS];
        for (&class, image) in self.0.metadata.data.classes_present.iter().zip(decoded) {
            let start = usize::from(class) * PIXELS;
            all[start..start + PIXELS].copy_from_slice(image);
        }
        Ok(all)
    }

    /// The interpolation between two images, each with the digit that it shows, in `steps` steps along a path:
    /// `linear`, `sinusoidal` or `spherical`.
    ///
    /// # Errors
    /// An image does not have 784 pixels, there is no such digit or path, or there are fewer than two steps or
    /// too many.
    pub fn interpolate(
        &self,
        path: &str,
        start: &[u8],
        start_digit: u8,
        end: &[u8],
        end_digit: u8,
        steps: usize,
    ) -> Result<Interpolation, Error> {
        let path = match path {
            "linear" => Path::Linear,
            "sinusoidal" => Path::Sinusoidal,
            "spherical" => Path::Spherical,
            other => return Err(Error::Path(other.to_owned())),
        };
        refuse_many(steps)?;
        let ends = self.drawings(&[(start, start_digit), (end, end_digit)])?;
        let options = InterpolationOptions {
            pairs: Pairs::First(1),
            steps,
            path,
            // As drawings are.
            binarise: Some(false),
            ..InterpolationOptions::default()
        };
        let figure = interpolations(&self.0, &ends, &options)?;
        Ok(Interpolation {
            images: figure.grid.images().to_vec(),
            latents: numbers(&figure.latents)?,
        })
    }

    /// New images, those of `latent sample` with the same seed: `count` of each of the digits, or `count` of a
    /// model that is not conditional.
    ///
    /// # Errors
    /// There is no such digit, or there are too many images.
    pub fn sample(
        &self,
        digits: &[u8],
        count: usize,
        temperature: f64,
        seed: u32,
    ) -> Result<Samples, Error> {
        let labels = self.is_conditional().then(|| digits.to_vec());
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
    /// What its file says about it.
    pub fn metadata(&self) -> &ModelMetadata {
        &self.0.metadata
    }

    /// The model itself.
    pub fn model(&self) -> &AnyModel {
        &self.0.model
    }

    /// How many classes its labels tell apart.
    fn classes(&self) -> usize {
        self.0.metadata.data.classes
    }

    /// Drawings, each with the digit that it shows, as a data set.
    fn drawings(&self, drawings: &[(&[u8], u8)]) -> Result<Dataset, Error> {
        let (mut images, mut digits) = (Vec::new(), Vec::new());
        for (image, digit) in drawings {
            refuse_other("image", image.len(), PIXELS)?;
            images.extend_from_slice(image);
            digits.push(*digit);
        }
        self.0.labels(&digits)?;
        let (shape, classes) = (Shape::grey(SIDE, SIDE), self.classes());
        Ok(Dataset::new(shape, classes, images, digits).map_err(latent_figures::Error::from)?)
    }
}

/// Grey levels as a batch of one image.
fn pixels(image: &[u8]) -> Result<Tensor, Error> {
    refuse_other("image", image.len(), PIXELS)?;
    let levels = image.iter().map(|&level| f32::from(level) / 255.0);
    Ok(Tensor::from_iter(levels, &Device::Cpu)?.reshape((1, PIXELS))?)
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
    const MOST: usize = 1000;
    if images > MOST {
        return Err(Error::TooMany(images));
    }
    Ok(())
}
