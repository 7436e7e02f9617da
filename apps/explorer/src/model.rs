use std::path::Path as FilePath;

use candle_core::{DType, Device, IndexOp, Tensor};
use latent_distributions::Generator;
use latent_models::latent_space::Path;
use latent_models::{AnyModel, Labels, LatentModel, ModelConfig, Shape, Transform};
use latent_training::{ModelMetadata, parse_model};
use latent_visualisation::{Format, ImageGrid, Picture};
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
pub struct Model {
    model: AnyModel,
    metadata: ModelMetadata,
}

/// Images on the way from one to another, and their latents.
#[wasm_bindgen(getter_with_clone)]
#[derive(Clone, Debug)]
pub struct Way {
    /// `[steps, 784]`
    pub images: Vec<f32>,
    /// `[steps, latent_size]`
    pub latents: Vec<f32>,
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
        let (model, metadata) = (model.model, model.metadata);
        Ok(Self { model, metadata })
    }

    /// How many dimensions a latent has.
    #[wasm_bindgen(getter, js_name = latentSize)]
    pub fn latent_size(&self) -> usize {
        self.model.latent_size()
    }

    /// Whether the model draws the digit that it is told to.
    #[wasm_bindgen(getter, js_name = isConditional)]
    pub fn is_conditional(&self) -> bool {
        self.model.conditional().is_ok()
    }

    /// What a course would call such a model.
    #[wasm_bindgen(getter)]
    pub fn family(&self) -> String {
        let flow = |transform: &Transform| match transform {
            Transform::Additive => "NICE",
            Transform::Affine => "RealNVP",
            Transform::Mixture { .. } => "mixture flow",
        };
        match &self.metadata.experiment.model {
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
            .model
            .encode(&pixels(image)?, &self.labels(&[digit])?)?;
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
            &self.model.decode(&latent, &self.labels(&[digit])?)?,
        )?)
    }

    /// log p(y|x) of each digit y by Bayes' rule, of a conditional model: a number for each class, −∞ for a digit that was
    /// not seen in training. The noise is the same in
    /// every call, so that the same drawing is told the same.
    ///
    /// # Errors
    /// The image does not have 784 pixels, or the model is not conditional.
    #[wasm_bindgen(js_name = classLogProbabilities)]
    pub fn class_log_probabilities(&self, image: &[u8]) -> Result<Vec<f32>, Error> {
        let model = self.model.conditional()?;
        let generator = &mut Generator::stream(1, "likelihood", 0, 0);
        let seen = &self.metadata.data.classes_present;
        let found = model.class_log_probabilities(&pixels(image)?, seen, DRAWS, generator)?;
        let mut all = vec![f32::NEG_INFINITY; self.classes()];
        for (&class, log) in seen.iter().zip(numbers(&found)?) {
            all[usize::from(class)] = log;
        }
        Ok(all)
    }

    /// The image, which shows `digit`, in its own style as each of the digits: `[classes, 784]`, blank for a
    /// digit that was not seen in training.
    ///
    /// # Errors
    /// The image does not have 784 pixels, there is no such digit, or the model is not conditional.
    pub fn restyle(&self, image: &[u8], digit: u8) -> Result<Vec<f32>, Error> {
        let model = self.model.conditional()?;
        let seen = &self.metadata.data.classes_present;
        let labels = self.labels(&[digit])?;
        let styled = numbers(&model.restyle(&pixels(image)?, &labels, seen)?)?;
        let mut all = vec![0.0; self.classes() * PIXELS];
        for (&class, image) in seen.iter().zip(styled.chunks_exact(PIXELS)) {
            let start = usize::from(class) * PIXELS;
            all[start..start + PIXELS].copy_from_slice(image);
        }
        Ok(all)
    }

    /// The way between two images, each with the digit that it shows, in `steps` steps along a path: `linear`,
    /// `sinusoidal` or `spherical`.
    ///
    /// # Errors
    /// An image does not have 784 pixels, there is no such digit or path, or there are fewer than two steps or
    /// too many.
    pub fn between(
        &self,
        path: &str,
        start: &[u8],
        start_digit: u8,
        end: &[u8],
        end_digit: u8,
        steps: usize,
    ) -> Result<Way, Error> {
        let path = match path {
            "linear" => Path::Linear,
            "sinusoidal" => Path::Sinusoidal,
            "spherical" => Path::Spherical,
            other => return Err(Error::Path(other.to_owned())),
        };
        refuse_many(steps)?;
        let digits = [start_digit, end_digit];
        let ends = Tensor::cat(&[pixels(start)?, pixels(end)?], 0)?;
        let ends = self.model.encode(&ends, &self.labels(&digits)?)?;
        let latents = path.between(&ends.i(0)?, &ends.i(1)?, steps)?;
        let labels = Labels::between(digits, steps, self.classes(), DType::F32, &Device::Cpu)?;
        Ok(Way {
            images: numbers(&self.model.decode(&latents, &labels)?)?,
            latents: numbers(&latents)?,
        })
    }

    /// New images, those of `latent sample` with the same seed: `count` of each of the digits, or `count` of a
    /// model that is told none.
    ///
    /// # Errors
    /// There is no such digit, or there are too many images.
    pub fn sample(
        &self,
        digits: &[u8],
        count: usize,
        temperature: f64,
        seed: u32,
    ) -> Result<Vec<f32>, Error> {
        let told = self.labels(&self.told(digits, count)?)?;
        let mut generator = Generator::stream(seed.into(), "sample", 0, 0);
        let prior = self
            .model
            .sample_prior(told.one_hot().dim(0)?, &mut generator)?;
        Ok(numbers(
            &self.model.decode(&(prior * temperature)?, &told)?,
        )?)
    }

    /// The PNG of images that [`Self::sample`] drew with these arguments.
    ///
    /// # Errors
    /// The images are not as many.
    pub fn picture(&self, images: &[f32], digits: &[u8], count: usize) -> Result<Vec<u8>, Error> {
        let told = self.told(digits, count)?;
        refuse_other("grid of images", images.len(), told.len() * PIXELS)?;
        let square = (told.len() as f64).sqrt().ceil() as usize;
        let grid = ImageGrid::new(images, [told.len(), SIDE, SIDE])?;
        let grid = if !self.is_conditional() {
            grid.columns(square)
        } else if count > 1 {
            grid.columns(count)
                .row_labels(digits.iter().map(ToString::to_string))
        } else {
            grid.columns(square.max(told.len().min(self.classes())))
                .cell_titles(told.iter().map(ToString::to_string))
        };
        Ok(grid.render(Format::Png)?)
    }

    /// Labels as the model takes them; of a conditional model, those that it saw in training.
    fn labels(&self, digits: &[u8]) -> Result<Labels, Error> {
        let labels = Labels::new(digits, self.classes(), DType::F32, &Device::Cpu)?;
        if self.is_conditional() {
            self.metadata.data.check_seen(digits)?;
        }
        Ok(labels)
    }

    /// How many classes its labels tell apart.
    fn classes(&self) -> usize {
        self.metadata.data.classes
    }

    /// What each image of a sample is told to show.
    fn told(&self, digits: &[u8], count: usize) -> Result<Vec<u8>, Error> {
        let digits = if self.is_conditional() { digits } else { &[0] };
        refuse_many(digits.len().saturating_mul(count))?;
        let each = digits.iter().flat_map(|&digit| vec![digit; count]);
        Ok(each.collect())
    }
}

impl Model {
    /// What its file says about it.
    pub fn metadata(&self) -> &ModelMetadata {
        &self.metadata
    }

    /// The model itself.
    pub fn model(&self) -> &AnyModel {
        &self.model
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
