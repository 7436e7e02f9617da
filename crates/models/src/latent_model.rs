use candle_core::{DType, Device, Tensor};
use latent_distributions::Generator;

use crate::error::most_probable;
use crate::{Error, Labels, LogMeanExp};

/// The loss of a batch of n images, with its parts and other metrics.
#[derive(Clone, Debug)]
pub struct Loss {
    /// The value that training minimises, `[n]`, nats per image.
    pub objective: Tensor,
    /// Parts of the loss and other metrics by name, each `[n]`: for a VAE `elbo`, `reconstruction` and `kl`, nats per
    /// image.
    pub parts: Vec<(&'static str, Tensor)>,
}

/// The context of a loss besides the images: random generator, progress of training, training or evaluation.
#[derive(Clone, Debug)]
pub struct LossContext {
    /// The generator of all random draws.
    pub generator: Generator,
    /// The number of epochs of training (fractional) so far; infinite for a finished model.
    pub epochs: f64,
    is_training: bool,
}

impl LossContext {
    /// The context of a training step after `epochs` (fractional) epochs.
    pub fn training(generator: Generator, epochs: f64) -> Self {
        Self {
            generator,
            epochs,
            is_training: true,
        }
    }

    /// The context of the evaluation of a finished model, with all schedules at their end.
    pub fn evaluation(generator: Generator) -> Self {
        Self::evaluation_after(generator, f64::INFINITY)
    }

    /// The context of an evaluation during training, after `epochs` (fractional) epochs.
    ///
    /// The number of draws is that of the epoch; the KL weight is the final one, so that metrics are comparable
    /// between epochs.
    pub fn evaluation_after(generator: Generator, epochs: f64) -> Self {
        Self {
            generator,
            epochs,
            is_training: false,
        }
    }

    /// Whether this is a training step.
    pub fn is_training(&self) -> bool {
        self.is_training
    }
}

/// A model that can be trained on labelled images.
pub trait Trainable {
    /// Computes the loss of `images` `[n, pixels]` in [0, 1] with `labels` `[n]` (u32). Unconditional models ignore the
    /// labels.
    ///
    /// # Errors
    /// The images do not have the model's size, or a label is not one of its classes.
    fn loss(
        &self,
        images: &Tensor,
        labels: &Tensor,
        context: &mut LossContext,
    ) -> Result<Loss, Error>;

    /// The number of draws of z for each image in the loss after `epochs` (fractional) epochs; 1 for models without
    /// draws.
    ///
    /// Losses with different numbers of draws are different bounds and not comparable.
    fn samples_after(&self, _epochs: f64) -> usize {
        1
    }

    /// Data-dependent initialisation from one large batch of images, labels and noise. By default, nothing.
    ///
    /// # Errors
    /// Those of [`Self::loss`].
    fn initialise(&self, _: &Tensor, _: &Tensor, _: &mut Generator) -> Result<(), Error> {
        Ok(())
    }
}

/// A latent-variable model of images, p(x) = ∫ p(x|z) p(z) dz: encode, decode, sample, and log-likelihood.
///
/// Sampling, interpolation and evaluation work with any implementation. Images are `[n, pixels]` in [0, 1], latents
/// `[n, latent_size]`. The condition is [`Labels`] for a conditional model and `()` for any other.
///
/// The latents of a VAE with a flow prior z = f(u) are u ([`FlowPrior`](crate::FlowPrior)): those of an image are f⁻¹ of the
/// mean of q(z|x) or of a draw from it.
pub trait LatentModel: Trainable + Send + Sync {
    /// The type of the condition.
    type Condition;

    /// The number of latent dimensions.
    fn latent_size(&self) -> usize;

    /// The number of latents of each level of a hierarchical model, from the top; their sum is [`Self::latent_size`].
    ///
    /// The latents of a level are drawn given those of the levels above it. Other models have one level.
    fn levels(&self) -> Vec<usize> {
        vec![self.latent_size()]
    }

    /// The number of classes of the labels of a conditional model; `None` for an unconditional model.
    fn classes(&self) -> Option<usize> {
        None
    }

    /// Encodes images deterministically, `[n, latent_size]`: the mean of q(z|x), or the inverse of a flow.
    fn encode(&self, images: &Tensor, condition: &Self::Condition) -> Result<Tensor, Error>;

    /// Encodes images with noise, `[n, latent_size]`: a draw from q(z|x), or the inverse of a flow with dequantisation
    /// noise.
    fn encode_sample(
        &self,
        images: &Tensor,
        condition: &Self::Condition,
        generator: &mut Generator,
    ) -> Result<Tensor, Error>;

    /// KL(q(z|x) ‖ p(z)) of each latent dimension, `[n, latent_size]`, in nats.
    ///
    /// The result is `None` for flows, which have no q(z|x), and if the dimensions are not independent under p(z).
    fn kl_by_dimension(
        &self,
        _images: &Tensor,
        _condition: &Self::Condition,
    ) -> Result<Option<Tensor>, Error> {
        Ok(None)
    }

    /// The latents z that the decoder receives, `[n, latent_size]`: f(u) of the latents u of a model whose prior is a flow, and
    /// the latents themselves of any other.
    fn decoder_latents(
        &self,
        latents: &Tensor,
        _condition: &Self::Condition,
    ) -> Result<Tensor, Error> {
        Ok(latents.clone())
    }

    /// The density of the prior at [`Self::decoder_latents`], log p(z) or log p(z|y), `[n]`, in nats.
    ///
    /// The result is `None` for flows, which have no decoder, and for hierarchical models, whose decoder receives several
    /// levels of latents.
    fn prior_log_prob(
        &self,
        _decoder_latents: &Tensor,
        _condition: &Self::Condition,
    ) -> Result<Option<Tensor>, Error> {
        Ok(None)
    }

    /// Decodes latents without noise, `[n, pixels]`: the mean of p(x|z), or the location of a discretised logistic
    /// likelihood.
    fn decode(&self, latents: &Tensor, condition: &Self::Condition) -> Result<Tensor, Error>;

    /// Samples pixels from p(x|z), `[n, pixels]`; equal to [`Self::decode`] for flows.
    fn decode_sample(
        &self,
        latents: &Tensor,
        condition: &Self::Condition,
        generator: &mut Generator,
    ) -> Result<Tensor, Error>;

    /// Draws `count` latents from the prior p(z), `[count, latent_size]`.
    fn sample_prior(&self, count: usize, generator: &mut Generator) -> Result<Tensor, Error>;

    /// Estimates log p(x), or log p(x|y) for a conditional model, with `samples` draws for each image: `[n]`, in nats.
    ///
    /// The estimate is a lower bound in expectation and converges to log p(x) with the number of draws.
    ///
    /// # Errors
    /// [`Error::NoSamples`] if `samples` is 0.
    fn log_likelihood(
        &self,
        images: &Tensor,
        condition: &Self::Condition,
        samples: usize,
        generator: &mut Generator,
    ) -> Result<Tensor, Error>;

    /// [`Self::log_likelihood`] under each of several conditions, with the same random numbers for each, which reduces the
    /// variance of differences.
    ///
    /// # Errors
    /// Those of [`Self::log_likelihood`].
    fn log_likelihood_under_each(
        &self,
        images: &Tensor,
        conditions: &[Self::Condition],
        samples: usize,
        generator: &mut Generator,
    ) -> Result<Vec<Tensor>, Error> {
        let start = generator.clone();
        let under = |condition| {
            generator.clone_from(&start);
            self.log_likelihood(images, condition, samples, generator)
        };
        conditions.iter().map(under).collect()
    }

    /// Samples `count` images, `[count, pixels]`: decodes latents from the prior, without noise of the pixels.
    fn sample(
        &self,
        count: usize,
        condition: &Self::Condition,
        generator: &mut Generator,
    ) -> Result<Tensor, Error> {
        self.decode(&self.sample_prior(count, generator)?, condition)
    }
}

/// A model p(x|y) that is conditional on labels: class-conditional samples, style transfer, and generative
/// classification.
///
/// All methods have default implementations, so an empty `impl Conditional for …` is enough for a model with
/// [`LatentModel::classes`].
pub trait Conditional: LatentModel<Condition = Labels> {
    /// Samples one image of each label in `digits`, `[digits, pixels]`.
    ///
    /// ```
    /// # use candle_core::Device;
    /// # use latent_distributions::Generator;
    /// # use latent_models::{Conditional, Parameters, Vae, VaeConfig};
    /// # fn main() -> Result<(), latent_models::Error> {
    /// # let config = VaeConfig { hidden: vec![8], ..VaeConfig::default() };
    /// # let builder = Parameters::seeded(1, &Device::Cpu).builder();
    /// let model = Vae::conditional(784, 10, &config, &builder)?;
    /// let images = model.sample_conditional(&[3, 1, 4], &mut Generator::new(1))?;
    /// assert_eq!(images.dims(), [3, 784]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// A label is not one of the classes.
    fn sample_conditional(
        &self,
        digits: &[u8],
        generator: &mut Generator,
    ) -> Result<Tensor, Error> {
        let latents = self.sample_prior(digits.len(), generator)?;
        let classes = known_classes(self)?;
        let labels = Labels::new(digits, classes, latents.dtype(), latents.device())?;
        self.decode(&latents, &labels)
    }

    /// Decodes the latent of each image with every label in `classes`, `[n, classes, pixels]` (style transfer).
    ///
    /// # Errors
    /// `classes` is empty, or a label is not one of the model's classes.
    fn transfer_style(
        &self,
        images: &Tensor,
        labels: &Labels,
        classes: &[u8],
    ) -> Result<Tensor, Error> {
        let known = known_classes(self)?;
        let latents = self.encode(images, labels)?;
        let (count, dtype, device) = (latents.dim(0)?, latents.dtype(), latents.device());
        let as_digit = |digit| {
            let labels = Labels::all(digit, count, known, dtype, device)?;
            self.decode(&latents, &labels)
        };
        let images = classes
            .iter()
            .copied()
            .map(as_digit)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Tensor::stack(&images, 1)?)
    }

    /// The log-posterior log p(y|x) of each label y in `classes`, `[n, classes]`, by Bayes' rule from
    /// [`LatentModel::log_likelihood`], with a uniform prior over `classes`.
    ///
    /// # Errors
    /// `samples` is 0, `classes` is empty, or a label is not one of the model's classes.
    fn class_log_posterior(
        &self,
        images: &Tensor,
        classes: &[u8],
        samples: usize,
        generator: &mut Generator,
    ) -> Result<Tensor, Error> {
        let known = known_classes(self)?;
        let count = images.dim(0)?;
        let labels = |&class| Labels::all(class, count, known, images.dtype(), images.device());
        let labels: Vec<_> = classes.iter().map(labels).collect::<Result<_, _>>()?;
        let mut marginal = LogMeanExp::new(count);
        let mut likelihoods = Vec::with_capacity(classes.len());
        for likelihood in self.log_likelihood_under_each(images, &labels, samples, generator)? {
            marginal.add(&likelihood.unsqueeze(0)?)?;
            likelihoods.push(likelihood.to_device(&Device::Cpu)?.to_dtype(DType::F64)?);
        }
        // log p(y|x) = log p(x|y) − log p(x) − log(number of classes). Only this difference, which is near 0 for
        // probable labels, is rounded to 32 bits.
        let marginal = marginal.finish(DType::F64, &Device::Cpu)?;
        let normaliser = (marginal + (classes.len() as f64).ln())?.unsqueeze(1)?;
        let posterior = Tensor::stack(&likelihoods, 1)?.broadcast_sub(&normaliser)?;
        Ok(posterior
            .to_dtype(images.dtype())?
            .to_device(images.device())?)
    }

    /// Classifies images: the label in `classes` with the highest [`Self::class_log_posterior`], `[n]` (u32).
    ///
    /// # Errors
    /// Those of [`Self::class_log_posterior`], or [`Error::NotFinite`].
    fn classify(
        &self,
        images: &Tensor,
        classes: &[u8],
        samples: usize,
        generator: &mut Generator,
    ) -> Result<Tensor, Error> {
        let posterior = self.class_log_posterior(images, classes, samples, generator)?;
        let places = most_probable(&posterior, "the likelihood of an image")?;
        let labels: Vec<u32> = classes.iter().map(|&class| class.into()).collect();
        let labels = Tensor::new(labels, places.device())?;
        Ok(labels.index_select(&places, 0)?)
    }
}

/// The number of classes of a conditional model.
fn known_classes<M: LatentModel + ?Sized>(model: &M) -> Result<usize, Error> {
    model.classes().ok_or(Error::NotConditional)
}

#[cfg(test)]
mod tests {
    use latent_tolerance::{SINGLE, rounding};

    use super::*;

    const CLASSES: usize = 10;

    /// All labels.
    const ALL: [u8; CLASSES] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

    /// A model with given values of log p(x|y) for each class.
    struct Given([f64; CLASSES]);

    impl Trainable for Given {
        fn loss(&self, _: &Tensor, _: &Tensor, _: &mut LossContext) -> Result<Loss, Error> {
            unreachable!("nothing is trained")
        }
    }

    impl LatentModel for Given {
        type Condition = Labels;

        fn latent_size(&self) -> usize {
            1
        }

        fn classes(&self) -> Option<usize> {
            Some(CLASSES)
        }

        fn encode(&self, _: &Tensor, _: &Labels) -> Result<Tensor, Error> {
            unreachable!("nothing is encoded")
        }

        fn encode_sample(
            &self,
            _: &Tensor,
            _: &Labels,
            _: &mut Generator,
        ) -> Result<Tensor, Error> {
            unreachable!("nothing is encoded")
        }

        fn decode(&self, _: &Tensor, _: &Labels) -> Result<Tensor, Error> {
            unreachable!("nothing is decoded")
        }

        fn decode_sample(
            &self,
            _: &Tensor,
            _: &Labels,
            _: &mut Generator,
        ) -> Result<Tensor, Error> {
            unreachable!("nothing is decoded")
        }

        fn sample_prior(&self, _: usize, _: &mut Generator) -> Result<Tensor, Error> {
            unreachable!("nothing is drawn")
        }

        fn log_likelihood(
            &self,
            images: &Tensor,
            labels: &Labels,
            _: usize,
            _: &mut Generator,
        ) -> Result<Tensor, Error> {
            let given = Tensor::new(&[self.0], images.device())?.to_dtype(images.dtype())?;
            Ok((given * labels.one_hot())?.sum(1)?)
        }
    }

    impl Conditional for Given {}

    #[test]
    fn class_posteriors_sum_to_one_at_any_magnitude() -> Result<(), Error> {
        for magnitude in [0.0, 1e3, 1e5, -1e6] {
            // Multiples of 1/16 are exact in 32-bit floats up to 2²⁰.
            let likelihoods = std::array::from_fn(|y| magnitude + (y * y % 7) as f64 / 16.0);
            let image = Tensor::zeros((1, 1), DType::F32, &Device::Cpu)?;
            let posterior = Given(likelihoods)
                .class_log_posterior(&image, &ALL, 1, &mut Generator::new(1))?
                .to_vec2::<f32>()?;
            let total: f64 = likelihoods.iter().map(|l| (l - magnitude).exp()).sum();
            for (found, likelihood) in posterior[0].iter().zip(likelihoods) {
                let expected = likelihood - magnitude - total.ln();
                // The only relevant rounding is the final one to 32 bits.
                let bound = rounding(SINGLE, 1, expected);
                assert!((f64::from(*found) - expected).abs() <= bound, "{magnitude}");
            }
        }
        Ok(())
    }
}
