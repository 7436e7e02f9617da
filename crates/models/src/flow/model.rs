use std::f64::consts::LN_2;

use candle_core::Tensor;
use candle_nn::{Init, VarBuilder};
use latent_distributions::{
    ActNorm, Additive, Affine, Bijector, Chain, Coupling, Distribution, Generator, Logistic,
    LogisticMixture, Mask, Permutation, Scaling, StandardNormal,
};
use latent_kernels::{Activation, Shape, categorical_log_likelihood};

use super::config::{BaseDistribution, FlowConfig, Normalisation, Transform};
use super::dequantisation::Dequantiser;
use super::preprocessing::Preprocessing;
use crate::blocks::{ROWS, in_blocks};
use crate::error::{positive, refuse_no_samples};
use crate::log_mean_exp::LogMeanExp;
use crate::{
    Condition, Conditional, Error, Labels, LatentModel, Loss, LossContext, Mlp, Trainable,
};

/// A normalizing flow of coupling layers, such as NICE or RealNVP ([`FlowConfig`]), with an exact density.
///
/// log p(y) = log p(z) + log |det ∂z/∂y| with z = f⁻¹(y), where y are the pixels after [`Preprocessing`] and f is the
/// chain of couplings. With the condition [`Labels`], the one-hot label is concatenated to the input of every network,
/// and the density is p(y|label).
pub struct Flow<C = ()> {
    image: Shape,
    /// The shape of the images with black pixels at the right and the bottom, of which the density is.
    padded: Shape,
    classes: Option<usize>,
    preprocessing: Preprocessing,
    dequantiser: Dequantiser,
    bijector: Chain<C>,
    /// Variables with the initial values that [`Trainable::initialise`] sets.
    initial_values: Vec<(Tensor, Tensor)>,
    base: Box<dyn Distribution + Send + Sync>,
    classification_weight: f64,
}

/// What a [`Flow`] is built from.
pub(super) struct Parts<C> {
    pub(super) image: Shape,
    pub(super) padded: Shape,
    pub(super) classes: Option<usize>,
    pub(super) preprocessing: Preprocessing,
    pub(super) dequantiser: Dequantiser,
    pub(super) bijector: Chain<C>,
    pub(super) initial_values: Vec<(Tensor, Tensor)>,
    pub(super) base: BaseDistribution,
    pub(super) classification_weight: f64,
}

/// A [`Flow`] that is conditional on labels.
pub type ConditionalFlow = Flow<Labels>;

impl Flow {
    /// Builds a flow for images of this shape.
    ///
    /// The variables from `builder` are named `0`, `1`, … for the couplings, from the latent side to the data side.
    /// Below these are the networks `log_scale`, `translation` or `mixture`, and `norm` for the normalisation. `scaling`
    /// are the scales of NICE.
    ///
    /// # Errors
    /// Those of [`FlowConfig::check`], or `builder` contains variables of other shapes.
    pub fn new(image: Shape, config: &FlowConfig, builder: &VarBuilder) -> Result<Self, Error> {
        Self::of(image, None, config, builder)
    }

    /// Builds a flow that is conditional on labels of `classes` classes.
    ///
    /// # Errors
    /// Those of [`Self::new`], or `classes` is 0.
    pub fn conditional(
        image: Shape,
        classes: usize,
        config: &FlowConfig,
        builder: &VarBuilder,
    ) -> Result<ConditionalFlow, Error> {
        positive("classes", classes)?;
        ConditionalFlow::of(image, Some(classes), config, builder)
    }
}

impl<C: Condition + 'static> Flow<C> {
    /// Builds a flow, conditional on labels of `classes` classes if there are any.
    fn of(
        image: Shape,
        classes: Option<usize>,
        config: &FlowConfig,
        builder: &VarBuilder,
    ) -> Result<Self, Error> {
        let beside = classes.unwrap_or(0);
        let conditioned = |network| C::concatenated(network, beside);
        config.check(image, beside)?;
        let pixels = image.elem_count();
        let (dtype, device) = (builder.dtype(), builder.device());
        let zeros =
            |name, builder: &VarBuilder| builder.get_with_hints(pixels, name, Init::Const(0.0));

        let mut bijectors: Vec<Box<dyn Bijector<C>>> = Vec::new();
        if config.scaling {
            bijectors.push(Box::new(Scaling::new(zeros("scaling", builder)?)));
        }
        let mut initial_values = Vec::new();
        // Couplings transform the two halves of the vector alternately. The last bijector is the permutation from these
        // halves to the pixels of the mask.
        let blocks = Mask::blocks(pixels)?;
        for index in 0..config.couplings {
            let builder = builder.pp(index);
            let mask = match index % 2 {
                0 => blocks.clone(),
                _ => blocks.clone().swapped(),
            };
            let mlp = |name, numbers: usize, last| {
                let outputs = numbers * mask.transformed();
                let sizes = [&[mask.given() + beside], &config.hidden[..], &[outputs]].concat();
                Mlp::small_last(&sizes, config.activation, last, &builder.pp(name))
            };
            bijectors.push(match config.transform {
                Transform::Additive => {
                    let translation = conditioned(mlp("translation", 1, Activation::Identity)?);
                    let parameters =
                        move |given: &Tensor, c: &C| Ok(translation.forward(given, c)?);
                    Box::new(Coupling::new(mask, Additive, parameters))
                }
                Transform::Affine => {
                    // Bounded to ±1: the product of unbounded scales of several couplings would overflow.
                    let log_scale = conditioned(mlp("log_scale", 1, Activation::Tanh)?);
                    let translation = conditioned(mlp("translation", 1, Activation::Identity)?);
                    let parameters = move |given: &Tensor, c: &C| {
                        Ok((log_scale.forward(given, c)?, translation.forward(given, c)?))
                    };
                    Box::new(Coupling::new(mask, Affine, parameters))
                }
                Transform::Mixture { components } => {
                    let mixture = LogisticMixture::new(components);
                    let mlp = mlp("mixture", mixture.parameters(), Activation::Identity)?;
                    let initial = mixture.initial(mask.transformed(), dtype, device)?;
                    initial_values.extend(mlp.last_bias().map(|bias| (bias.clone(), initial)));
                    let network = conditioned(mlp);
                    let parameters = move |given: &Tensor, c: &C| Ok(network.forward(given, c)?);
                    Box::new(Coupling::new(mask, mixture, parameters))
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
        let mask = config.mask.of(image)?;
        bijectors.push(Box::new(Permutation::from_mask(&mask, device)?));

        let parts = Parts {
            image,
            padded: image,
            classes,
            preprocessing: config.preprocessing,
            dequantiser: Dequantiser::Uniform,
            bijector: Chain::new(bijectors),
            initial_values,
            base: config.base,
            classification_weight: 0.0,
        };
        Self::with_parts(parts, builder)
    }

    pub(super) fn with_parts(parts: Parts<C>, builder: &VarBuilder) -> Result<Self, Error> {
        let (dtype, device) = (builder.dtype(), builder.device());
        let size = parts.padded.elem_count();
        Ok(Self {
            image: parts.image,
            padded: parts.padded,
            classes: parts.classes,
            preprocessing: parts.preprocessing,
            dequantiser: parts.dequantiser,
            bijector: parts.bijector,
            initial_values: parts.initial_values,
            base: match parts.base {
                BaseDistribution::Normal => Box::new(StandardNormal::new(size, dtype, device)),
                BaseDistribution::Logistic => {
                    let zeros = Tensor::zeros(size, dtype, device)?;
                    Box::new(Logistic::new(zeros.clone(), zeros)?)
                }
            },
            classification_weight: parts.classification_weight,
        })
    }

    /// Maps latents `[n, d]` to preprocessed pixels y, `[n, d]`, with log |det ∂y/∂z|, `[n]`. The size d is the number of pixels,
    /// of the padded image in a multi-scale flow.
    pub fn forward(&self, latents: &Tensor, condition: &C) -> Result<(Tensor, Tensor), Error> {
        Ok(self.bijector.forward_and_log_det(latents, condition)?)
    }

    /// Maps preprocessed pixels y, `[n, d]`, to latents `[n, d]`, with log |det ∂z/∂y|, `[n]`.
    pub fn inverse(&self, data: &Tensor, condition: &C) -> Result<(Tensor, Tensor), Error> {
        Ok(self.bijector.inverse_and_log_det(data, condition)?)
    }

    /// The log-density log p(y) of preprocessed pixels y, `[n]`, in nats.
    pub fn log_prob(&self, data: &Tensor, condition: &C) -> Result<Tensor, Error> {
        let (latents, log_det) = self.inverse(data, condition)?;
        Ok((self.base.log_prob(&latents)? + log_det)?)
    }

    /// Images `[n, pixels]` with black pixels at the right and the bottom.
    fn pad(&self, images: &Tensor) -> Result<Tensor, Error> {
        let (image, padded) = (self.image, self.padded);
        if image == padded {
            return Ok(images.clone());
        }
        let count = images.dim(0)?;
        let pixels = images.reshape((count, image.height, image.width, image.channels))?;
        let pixels = pixels.pad_with_zeros(1, 0, padded.height - image.height)?;
        let pixels = pixels.pad_with_zeros(2, 0, padded.width - image.width)?;
        Ok(pixels.reshape((count, padded.elem_count()))?)
    }

    /// The inverse of [`Self::pad`].
    fn crop(&self, images: &Tensor) -> Result<Tensor, Error> {
        let (image, padded) = (self.image, self.padded);
        if image == padded {
            return Ok(images.clone());
        }
        let count = images.dim(0)?;
        let pixels = images.reshape((count, padded.height, padded.width, padded.channels))?;
        let pixels = pixels
            .narrow(1, 0, image.height)?
            .narrow(2, 0, image.width)?;
        Ok(pixels.reshape((count, image.elem_count()))?)
    }

    /// [`Self::log_prob`] under each condition.
    fn log_prob_under_each(&self, data: &Tensor, conditions: &[C]) -> Result<Vec<Tensor>, Error> {
        let results = self.bijector.inverse_under_each(data, conditions)?;
        let of = |(latents, log_det)| Ok((self.base.log_prob(&latents)? + log_det)?);
        results.into_iter().map(of).collect()
    }

    /// Preprocesses images with new dequantisation noise.
    fn dequantised(
        &self,
        images: &Tensor,
        generator: &mut Generator,
    ) -> Result<Dequantised, Error> {
        let images = self.pad(images)?;
        let (noise, log_noise) = self.dequantiser.noise(&images, generator)?;
        let (data, log_det) = self.preprocessing.apply(&images, &noise)?;
        Ok(Dequantised {
            data,
            log_det,
            log_noise,
        })
    }
}

impl Dequantised {
    /// log p(y) − log q(u|x) for log p(y), `[n]`.
    fn without_noise(&self, log_prob: &Tensor) -> Result<Tensor, Error> {
        Ok(match &self.log_noise {
            None => log_prob.clone(),
            Some(log_noise) => (log_prob - log_noise)?,
        })
    }

    /// The log-density of the pixels in [0, 256], a bound on log P(x), for log p(y), `[n]`.
    fn of_levels(&self, log_prob: &Tensor) -> Result<Tensor, Error> {
        Ok((self.without_noise(log_prob)? + &self.log_det)?)
    }
}

/// Images after [`Preprocessing`] with dequantisation noise u.
struct Dequantised {
    /// The preprocessed pixels y, `[n, d]`.
    data: Tensor,
    /// The log-determinant of the map from levels in [0, 256] to y, `[n]`.
    log_det: Tensor,
    /// log q(u|x), `[n]`; `None` if it is 0.
    log_noise: Option<Tensor>,
}

impl<C: Condition + 'static> Trainable for Flow<C> {
    /// −log p(y) of the preprocessed pixels y. The parts are `log_density`, log p(y), and `bits_per_dimension`, the
    /// negative log-density of the dequantised pixels in [0, 256] divided by the number of pixels and log 2: an upper bound of
    /// that of the 256-level pixels. With variational dequantisation, log p(y) − log q(u|x) takes the place of log p(y).
    fn loss(
        &self,
        images: &Tensor,
        labels: &Tensor,
        context: &mut LossContext,
    ) -> Result<Loss, Error> {
        let condition = C::from_labels(labels, self.classes, images.dtype())?;
        let dequantised = self.dequantised(images, &mut context.generator)?;
        let mut log_posterior = None;
        let log_prob = match self.classes {
            Some(_) if self.classification_weight > 0.0 => {
                let (count, dtype) = (images.dim(0)?, images.dtype());
                let conditions = C::of_each_class(self.classes, count, dtype, images.device())?;
                let each = self.log_prob_under_each(&dequantised.data, &conditions)?;
                let each = Tensor::stack(&each, 1)?;
                log_posterior = Some(categorical_log_likelihood(&each, labels)?);
                each.gather(&labels.unsqueeze(1)?, 1)?.squeeze(1)?
            }
            _ => self.log_prob(&dequantised.data, &condition)?,
        };
        let log_density = dequantised.without_noise(&log_prob)?;
        let nats_to_bits = -1.0 / (LN_2 * self.image.elem_count() as f64);
        let of_levels = dequantised.of_levels(&log_prob)?.detach();
        let mut parts = vec![
            ("log_density", log_density.clone()),
            ("bits_per_dimension", (of_levels * nats_to_bits)?),
        ];
        let mut objective = log_density.neg()?;
        if let Some(log_posterior) = log_posterior {
            objective = (objective - (&log_posterior * self.classification_weight)?)?;
            parts.push(("label_log_posterior", log_posterior));
        }
        Ok(Loss { objective, parts })
    }

    fn initialise(
        &self,
        images: &Tensor,
        labels: &Tensor,
        generator: &mut Generator,
    ) -> Result<(), Error> {
        for (variable, value) in &self.initial_values {
            variable.slice_set(value, 0, 0)?;
        }
        let condition = C::from_labels(labels, self.classes, images.dtype())?;
        let data = self.dequantised(images, generator)?.data;
        self.bijector.initialise(&data, &condition)?;
        Ok(())
    }
}

impl<C: Condition + 'static> LatentModel for Flow<C> {
    type Condition = C;

    fn latent_size(&self) -> usize {
        self.padded.elem_count()
    }

    fn classes(&self) -> Option<usize> {
        self.classes
    }

    /// Without noise: each pixel is taken as the middle of its level.
    fn encode(&self, images: &Tensor, condition: &C) -> Result<Tensor, Error> {
        in_blocks(images.dim(0)?, ROWS, 0, |first, count| {
            let images = self.pad(&images.narrow(0, first, count)?)?;
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
            let data = self
                .dequantised(&images.narrow(0, first, count)?, generator)?
                .data;
            Ok(self.inverse(&data, &condition.narrow(first, count)?)?.0)
        })
    }

    fn decode(&self, latents: &Tensor, condition: &C) -> Result<Tensor, Error> {
        in_blocks(latents.dim(0)?, ROWS, 0, |first, count| {
            let latents = latents.narrow(0, first, count)?;
            let (data, _) = self.forward(&latents, &condition.narrow(first, count)?)?;
            self.crop(&self.preprocessing.undo(&data)?)
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

    /// Estimates the log-probability of the 256-level pixels, log ∫ p(x + u) du, by importance sampling of the dequantisation
    /// noise u from q(u|x). Theis et al. 2016, section 3.1.
    fn log_likelihood(
        &self,
        images: &Tensor,
        condition: &C,
        samples: usize,
        generator: &mut Generator,
    ) -> Result<Tensor, Error> {
        let condition = std::slice::from_ref(condition);
        let each = self.log_likelihood_under_each(images, condition, samples, generator)?;
        each.into_iter().next().ok_or(Error::NotConditional)
    }

    fn log_likelihood_under_each(
        &self,
        images: &Tensor,
        conditions: &[C],
        samples: usize,
        generator: &mut Generator,
    ) -> Result<Vec<Tensor>, Error> {
        refuse_no_samples(samples)?;
        let total = images.dim(0)?;
        let mut means: Vec<_> = conditions.iter().map(|_| LogMeanExp::new(total)).collect();
        for _ in 0..samples {
            // [conditions, n]
            let values = in_blocks(total, ROWS, 1, |first, count| {
                let images = images.narrow(0, first, count)?;
                let narrow = |condition: &C| condition.narrow(first, count);
                let conditions: Vec<C> = conditions.iter().map(narrow).collect::<Result<_, _>>()?;
                let dequantised = self.dequantised(&images, generator)?;
                let each = self.log_prob_under_each(&dequantised.data, &conditions)?;
                let each = each.iter().map(|log_prob| dequantised.of_levels(log_prob));
                Ok(Tensor::stack(&each.collect::<Result<Vec<_>, _>>()?, 0)?)
            })?;
            for (index, mean) in means.iter_mut().enumerate() {
                mean.add(&values.narrow(0, index, 1)?)?;
            }
        }
        let (dtype, device) = (images.dtype(), images.device());
        let finish = |mean: LogMeanExp| Ok(mean.finish(dtype, device)?);
        means.into_iter().map(finish).collect()
    }
}

impl Conditional for ConditionalFlow {}
