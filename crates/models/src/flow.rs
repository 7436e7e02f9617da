use std::f64::consts::LN_2;
use std::ops::Range;

use candle_core::{Result as TensorResult, Tensor};
use candle_nn::{Init, VarBuilder};
use latent_distributions::{
    ActNorm, Additive, Affine, Bijector, Chain, Coupling, Distribution, Fit, Generator, Logistic,
    LogisticMixture, Partition, Permutation, Scaling, Sigmoid, StandardNormal,
};
use latent_kernels::{Activation, dequantised_logit};
use serde::{Deserialize, Serialize};

use crate::blocks::{ROWS, in_blocks};
use crate::error::{positive, refuse_no_samples, refuse_too_many};
use crate::log_mean_exp::LogMeanExp;
use crate::{
    CLASSES, Concatenated, Condition, Conditional, Error, ImageSize, Labels, LatentModel, Loss,
    Mlp, Network, Step, Trainable,
};

/// The shape of a [`Flow`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FlowConfig {
    /// How many couplings there are, transforming one half of the pixels and the other in turn.
    pub couplings: usize,
    /// Which pixels are a half.
    pub halves: Halves,
    /// What a coupling does to each pixel.
    pub transform: Transform,
    /// Sizes of the hidden layers of the networks of each coupling.
    pub hidden: Vec<usize>,
    /// What follows each hidden layer.
    pub activation: Activation,
    /// What keeps the numbers between couplings in proportion.
    pub normalisation: Normalisation,
    /// Whether every dimension of a latent has a scale of its own, as in NICE.
    pub scaling: bool,
    /// What latents are distributed as.
    pub prior: Prior,
    /// How pixels become numbers that have a density.
    pub preprocessing: Preprocessing,
}

impl Default for FlowConfig {
    /// As [`Self::real_nvp`] with five couplings.
    fn default() -> Self {
        Self::real_nvp(5)
    }
}

/// How the pixels of an image are halved, for one half to be transformed given the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Halves {
    /// Even and odd pixels, in rows: columns of the image, where that has an even width. Dinh et al.
    /// 2014, section 5.1.
    #[default]
    Alternating,
    /// The fields of a checkerboard: all four neighbours of a pixel are in the other half. Dinh et al.
    /// 2017, section 3.4.
    Checkerboard,
    /// The upper and the lower half.
    Blocks,
}

impl Halves {
    /// The half that is given first, and that which is transformed first.
    fn partition(self, (height, width): ImageSize) -> Result<Partition, Error> {
        Ok(match self {
            Self::Alternating => Partition::alternating(height * width)?,
            Self::Checkerboard => Partition::checkerboard(height, width)?,
            Self::Blocks => Partition::halves(height * width)?,
        })
    }
}

/// What a coupling does to each number that it transforms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    expecting = "a table such as { kind = 'affine' }"
)]
pub enum Transform {
    /// [`Additive`]: it adds what a network says. Dinh et al. 2014.
    Additive,
    /// [`Affine`], y = x exp(s) + t. The network of s ends with a tanh, so that every coupling multiplies
    /// by e⁻¹ to e¹. Dinh et al. 2017, whose code also bounds s by a tanh, with a scale that is trained.
    Affine,
    /// [`LogisticMixture`]: it maps through the distribution function of a mixture. Ho et al. 2019.
    Mixture {
        /// How many logistic distributions are mixed.
        #[serde(default = "usual_components")]
        components: usize,
    },
}

/// What keeps the numbers between couplings in proportion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normalisation {
    /// Nothing.
    #[default]
    None,
    /// [`ActNorm`] on the data's side of each coupling.
    ActNorm,
}

/// What latents are distributed as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prior {
    /// The standard normal distribution.
    #[default]
    Normal,
    /// The standard logistic distribution.
    Logistic,
}

/// How a pixel of 256 levels becomes a number that has a density: uniform noise is added, u = (level +
/// noise) / 256.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    expecting = "a table such as { kind = 'logit' }"
)]
pub enum Preprocessing {
    /// It stays there: u in the unit interval.
    Unit,
    /// logit(λ + (1 − 2λ) u). Papamakarios et al. 2017, appendix E.
    Logit {
        /// λ: how far the logit keeps away from black and white, greater than 0 and less than ½.
        #[serde(default = "usual_lambda")]
        lambda: f64,
    },
}

fn usual_components() -> usize {
    4
}

fn usual_lambda() -> f64 {
    1e-6
}

impl FlowConfig {
    /// NICE for MNIST: four additive couplings, each with five hidden layers of 1,000, a scale for each
    /// latent and a logistic prior, on pixels in the unit interval. Dinh et al. 2014, section 5.1.
    pub fn nice() -> Self {
        Self {
            couplings: 4,
            halves: Halves::Alternating,
            transform: Transform::Additive,
            hidden: vec![1000; 5],
            activation: Activation::Relu,
            normalisation: Normalisation::None,
            scaling: true,
            prior: Prior::Logistic,
            preprocessing: Preprocessing::Unit,
        }
    }

    /// RealNVP with fully connected networks of two hidden layers of 512, on logits with λ = 10⁻⁶. Dinh
    /// et al. 2017; the preprocessing of Papamakarios et al. 2017.
    pub fn real_nvp(couplings: usize) -> Self {
        Self {
            couplings,
            halves: Halves::Alternating,
            transform: Transform::Affine,
            hidden: vec![512, 512],
            activation: Activation::Relu,
            normalisation: Normalisation::None,
            scaling: false,
            prior: Prior::Normal,
            preprocessing: Preprocessing::Logit { lambda: 1e-6 },
        }
    }

    /// Whether there can be such a flow of images of this size.
    ///
    /// # Errors
    /// Names the field that is impossible.
    pub fn check(&self, (height, width): ImageSize) -> Result<(), Error> {
        /// Noise can be 0, and 0 has no logit. Models compute in 32 bits, of which this is the least number.
        const LAMBDAS: Range<f64> = f32::MIN_POSITIVE as f64..0.5;

        let pixels = height.saturating_mul(width);
        if pixels < 2 {
            return Err(Error::Config {
                key: "pixels",
                value: pixels.to_string(),
                remedy: "a coupling needs 2 or more: one to transform, and one that it is given",
            });
        }
        positive("couplings", self.couplings)?;
        for &size in &self.hidden {
            positive("hidden", size)?;
        }
        let (numbers, networks) = match self.transform {
            Transform::Additive => (1, 1),
            Transform::Affine => (1, 2),
            Transform::Mixture { components } => {
                if !(1..=LogisticMixture::MOST_COMPONENTS).contains(&components) {
                    return Err(Error::Config {
                        key: "transform.components",
                        value: components.to_string(),
                        remedy: "it must be 1 to 32",
                    });
                }
                (LogisticMixture::new(components).parameters(), 1)
            }
        };
        if let Preprocessing::Logit { lambda } = self.preprocessing
            && !LAMBDAS.contains(&lambda)
        {
            return Err(Error::Config {
                key: "preprocessing.lambda",
                value: lambda.to_string(),
                remedy: "it must be at least 1.2e-38 and less than 0.5, so that black and white pixels have \
                         finite logits",
            });
        }
        let half = pixels.div_ceil(2);
        let sizes = [
            &[half.saturating_add(CLASSES)],
            &self.hidden[..],
            &[half.saturating_mul(numbers)],
        ]
        .concat();
        let weights = sizes.windows(2).fold(0, |sum: usize, pair| {
            sum.saturating_add(pair[0].saturating_mul(pair[1]))
        });
        let weights = weights.saturating_mul(networks);
        refuse_too_many(weights, "hidden", &format!("{:?}", self.hidden))?;
        let weights = weights.saturating_mul(self.couplings);
        refuse_too_many(weights, "couplings", &self.couplings)
    }
}

/// A normalizing flow of coupling layers: images have an exact density, that of latents that an
/// invertible network f maps to them. NICE and RealNVP are two, by their [`FlowConfig`].
///
/// log p(y) = log p(z) + log |det ∂z/∂y| with z = f⁻¹(y), for the numbers y that dequantised pixels become
/// by the [`Preprocessing`]. With [`Labels`] as its condition, every network sees the one-hot label:
/// log p(y|label).
pub struct Flow<C = ()> {
    pixels: usize,
    preprocessing: Preprocessing,
    bijector: Chain<C>,
    /// Variables, and what they are to begin as.
    beginnings: Vec<(Tensor, Tensor)>,
    base: Box<dyn Distribution + Send + Sync>,
}

/// A [`Flow`] that draws the digits that it is told to.
pub type ConditionalFlow = Flow<Labels>;

impl Flow {
    /// A flow of images of this size, with its variables from `builder`: `0`, `1`, … for the
    /// couplings, from the latent side to the data's, and in each `log_scale`, `translation` or
    /// `mixture` for its networks and `norm` for what normalises; `scaling` for the scales of NICE.
    ///
    /// # Errors
    /// The configuration is impossible, there are fewer than two pixels, or `builder` holds variables of
    /// other shapes.
    pub fn new(image: ImageSize, config: &FlowConfig, builder: &VarBuilder) -> Result<Self, Error> {
        Self::of(image, config, 0, |network| network, builder)
    }

    /// The same with the label in every network.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn conditional(
        image: ImageSize,
        config: &FlowConfig,
        builder: &VarBuilder,
    ) -> Result<ConditionalFlow, Error> {
        ConditionalFlow::of(image, config, CLASSES, Concatenated::new, builder)
    }
}

impl<C: Condition + 'static> Flow<C> {
    /// A flow with networks that see `told` numbers more than pixels, which `conditioned` sees to.
    fn of<N: Network<Condition = C> + 'static>(
        image: ImageSize,
        config: &FlowConfig,
        told: usize,
        conditioned: impl Fn(Mlp) -> N,
        builder: &VarBuilder,
    ) -> Result<Self, Error> {
        config.check(image)?;
        let pixels = image.0 * image.1;
        let (dtype, device) = (builder.dtype(), builder.device());
        let zeros =
            |name, builder: &VarBuilder| builder.get_with_hints(pixels, name, Init::Const(0.0));

        let mut bijectors: Vec<Box<dyn Bijector<C>>> = Vec::new();
        if config.scaling {
            bijectors.push(Box::new(Scaling::new(zeros("scaling", builder)?)));
        }
        let mut beginnings = Vec::new();
        // Couplings transform one half of a vector, and the other in turn, which the pixels are sorted
        // into last of all.
        let halves = Partition::halves(pixels)?;
        for index in 0..config.couplings {
            let builder = builder.pp(index);
            let partition = match index % 2 {
                0 => halves.clone(),
                _ => halves.clone().swapped(),
            };
            let mlp = |name, numbers: usize, last| {
                let outputs = numbers * partition.transformed();
                let sizes = [&[partition.given() + told], &config.hidden[..], &[outputs]].concat();
                Mlp::beginning_small(&sizes, config.activation, last, &builder.pp(name))
            };
            bijectors.push(match config.transform {
                Transform::Additive => {
                    let translation = conditioned(mlp("translation", 1, Activation::Identity)?);
                    let parameters =
                        move |given: &Tensor, c: &C| Ok(translation.forward(given, c)?);
                    Box::new(Coupling::new(partition, Additive, parameters))
                }
                Transform::Affine => {
                    // In ±1: unbounded, the scales of several couplings multiply to overflow.
                    let log_scale = conditioned(mlp("log_scale", 1, Activation::Tanh)?);
                    let translation = conditioned(mlp("translation", 1, Activation::Identity)?);
                    let parameters = move |given: &Tensor, c: &C| {
                        Ok((log_scale.forward(given, c)?, translation.forward(given, c)?))
                    };
                    Box::new(Coupling::new(partition, Affine, parameters))
                }
                Transform::Mixture { components } => {
                    let mixture = LogisticMixture::new(components);
                    let mlp = mlp("mixture", mixture.parameters(), Activation::Identity)?;
                    let begin = mixture.initial(partition.transformed(), dtype, device)?;
                    beginnings.extend(mlp.last_bias().map(|bias| (bias.clone(), begin)));
                    let network = conditioned(mlp);
                    let parameters = move |given: &Tensor, c: &C| Ok(network.forward(given, c)?);
                    Box::new(Coupling::new(partition, mixture, parameters))
                }
            });
            if config.normalisation == Normalisation::ActNorm {
                let builder = builder.pp("norm");
                bijectors.push(Box::new(ActNorm::new(
                    zeros("log_scale", &builder)?,
                    zeros("translation", &builder)?,
                )));
            }
        }
        let halves = config.halves.partition(image)?;
        bijectors.push(Box::new(Permutation::from_halves(&halves, device)?));

        Ok(Self {
            pixels,
            preprocessing: config.preprocessing,
            bijector: Chain::new(bijectors),
            beginnings,
            base: match config.prior {
                Prior::Normal => Box::new(StandardNormal::new(pixels, dtype, device)),
                Prior::Logistic => {
                    let zeros = Tensor::zeros(pixels, dtype, device)?;
                    Box::new(Logistic::new(zeros.clone(), zeros)?)
                }
            },
        })
    }

    /// From latents `[n, pixels]` to what the pixels become by the preprocessing, with the logarithm of
    /// the determinant `[n]`.
    pub fn forward(&self, latents: &Tensor, condition: &C) -> Result<(Tensor, Tensor), Error> {
        Ok(self.bijector.forward_and_log_det(latents, condition)?)
    }

    /// The inverse of [`Self::forward`].
    pub fn inverse(&self, data: &Tensor, condition: &C) -> Result<(Tensor, Tensor), Error> {
        Ok(self.bijector.inverse_and_log_det(data, condition)?)
    }

    /// log p(y) of preprocessed pixels y, in nats, `[n]`.
    pub fn log_prob(&self, data: &Tensor, condition: &C) -> Result<Tensor, Error> {
        let (latents, log_det) = self.inverse(data, condition)?;
        Ok((self.base.log_prob(&latents)? + log_det)?)
    }

    /// As [`Self::log_prob`], while the flow is trained.
    fn log_prob_in_training(&self, data: &Tensor, condition: &C) -> Result<Tensor, Error> {
        let (latents, log_det) = self.bijector.inverse_in_training(data, condition)?;
        Ok((self.base.log_prob(&latents)? + log_det)?)
    }

    /// Preprocessed pixels, dequantised by new noise, as [`Preprocessing::apply`].
    fn dequantised(
        &self,
        images: &Tensor,
        generator: &mut Generator,
    ) -> Result<(Tensor, Tensor), Error> {
        let noise = generator.uniform(images.shape(), images.dtype(), images.device())?;
        Ok(self.preprocessing.apply(images, &noise)?)
    }
}

impl Preprocessing {
    /// Pixels in [0, 1], `[n, d]`, with noise in [0, 1), become numbers y, with the logarithm of the
    /// determinant `[n]` of the way to them from levels 0 to 256.
    fn apply(self, images: &Tensor, noise: &Tensor) -> TensorResult<(Tensor, Tensor)> {
        match self {
            Self::Logit { lambda } => dequantised_logit(images, noise, lambda),
            Self::Unit => {
                let unit = (((images * 255.0)? + noise)? / 256.0)?;
                let (count, pixels) = images.dims2()?;
                let zeros = Tensor::zeros(count, images.dtype(), images.device())?;
                Ok((unit, (zeros - pixels as f64 * 256f64.ln())?))
            }
        }
    }

    /// Back to pixels in [0, 1], each as if it were in the middle of its level.
    fn undo(self, data: &Tensor) -> Result<Tensor, Error> {
        let unit = match self {
            Self::Unit => data.clone(),
            Self::Logit { lambda } => {
                let sigmoid = Sigmoid::new(lambda)?;
                Bijector::<()>::forward_and_log_det(&sigmoid, data, &())?.0
            }
        };
        Ok((((unit * 256.0)? - 0.5)? / 255.0)?.clamp(0.0, 1.0)?)
    }
}

impl<C: Condition + 'static> Trainable for Flow<C> {
    /// −log p(y) of preprocessed pixels y. Its parts are `log_likelihood`, the same with its sign, and
    /// `bits_per_dimension`, which counts the preprocessing in: bits per pixel of 256 levels.
    fn loss(&self, images: &Tensor, labels: &Tensor, step: &mut Step) -> Result<Loss, Error> {
        let condition = C::from_labels(labels, images.dtype())?;
        let (data, log_det) = self.dequantised(images, &mut step.generator)?;
        let log_likelihood = if step.is_training() {
            self.log_prob_in_training(&data, &condition)?
        } else {
            self.log_prob(&data, &condition)?
        };
        let nats_to_bits = -1.0 / (LN_2 * self.pixels as f64);
        let bits_per_dimension = ((log_likelihood.detach() + log_det)? * nats_to_bits)?;
        let parts = vec![
            ("log_likelihood", log_likelihood.clone()),
            ("bits_per_dimension", bits_per_dimension),
        ];
        Ok(Loss {
            objective: log_likelihood.neg()?,
            parts,
        })
    }

    fn begin(
        &self,
        images: &Tensor,
        labels: &Tensor,
        generator: &mut Generator,
    ) -> Result<(), Error> {
        for (variable, beginning) in &self.beginnings {
            variable.slice_set(beginning, 0, 0)?;
        }
        let condition = C::from_labels(labels, images.dtype())?;
        let (data, _) = self.dequantised(images, generator)?;
        self.bijector.fit(&data, &condition, Fit::Initial)?;
        Ok(())
    }
}

impl<C: Condition + 'static> LatentModel for Flow<C> {
    type Condition = C;

    fn latent_size(&self) -> usize {
        self.pixels
    }

    /// Each pixel in the middle of its level.
    fn encode(&self, images: &Tensor, condition: &C) -> Result<Tensor, Error> {
        in_blocks(images.dim(0)?, ROWS, 0, |first, count| {
            let images = images.narrow(0, first, count)?;
            let middle = (images.zeros_like()? + 0.5)?;
            let (data, _) = self.preprocessing.apply(&images, &middle)?;
            Ok(self.inverse(&data, &condition.narrow(first, count)?)?.0)
        })
    }

    fn encode_sample(
        &self,
        images: &Tensor,
        condition: &C,
        generator: &mut Generator,
    ) -> Result<Tensor, Error> {
        in_blocks(images.dim(0)?, ROWS, 0, |first, count| {
            let (data, _) = self.dequantised(&images.narrow(0, first, count)?, generator)?;
            Ok(self.inverse(&data, &condition.narrow(first, count)?)?.0)
        })
    }

    fn decode(&self, latents: &Tensor, condition: &C) -> Result<Tensor, Error> {
        in_blocks(latents.dim(0)?, ROWS, 0, |first, count| {
            let latents = latents.narrow(0, first, count)?;
            let (data, _) = self.forward(&latents, &condition.narrow(first, count)?)?;
            self.preprocessing.undo(&data)
        })
    }

    fn decode_sample(
        &self,
        latents: &Tensor,
        condition: &C,
        _: &mut Generator,
    ) -> Result<Tensor, Error> {
        self.decode(latents, condition)
    }

    fn sample_prior(&self, count: usize, generator: &mut Generator) -> Result<Tensor, Error> {
        Ok(self.base.sample(&[count], generator)?)
    }

    /// Of images with 256 levels: log ∫ p(x + u) du over the noise u that dequantises them, by draws
    /// of it. Theis et al. 2016, section 3.1.
    fn log_likelihood(
        &self,
        images: &Tensor,
        condition: &C,
        samples: usize,
        generator: &mut Generator,
    ) -> Result<Tensor, Error> {
        refuse_no_samples(samples)?;
        let mut mean = LogMeanExp::new(images.dim(0)?);
        for _ in 0..samples {
            let values = in_blocks(images.dim(0)?, ROWS, 0, |first, count| {
                let images = images.narrow(0, first, count)?;
                let (data, log_det) = self.dequantised(&images, generator)?;
                let log_prob = self.log_prob(&data, &condition.narrow(first, count)?)?;
                Ok((log_prob + log_det)?)
            })?;
            mean.add(&values.unsqueeze(0)?)?;
        }
        Ok(mean.finish(images.dtype(), images.device())?)
    }
}

impl Conditional for ConditionalFlow {}
