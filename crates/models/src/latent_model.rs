use candle_core::{DType, Device, Tensor};
use latent_distributions::Generator;

use crate::error::most_probable;
use crate::{Error, Labels, LogMeanExp};

/// What a model is trained by, for a batch of n images.
#[derive(Clone, Debug)]
pub struct Loss {
    /// What training minimises, `[n]`: nats per image.
    pub objective: Tensor,
    /// What it is made of and measured by, each `[n]`, by name: `elbo`, `reconstruction` and `kl` in
    /// nats per image for a VAE.
    pub parts: Vec<(&'static str, Tensor)>,
}

/// What a loss depends on besides the images: noise, and how far training is.
#[derive(Clone, Debug)]
pub struct LossContext {
    /// What random draws come from.
    pub generator: Generator,
    /// Epochs of training that are done, with fractions; infinite for a finished model.
    pub epochs: f64,
    is_training: bool,
}

impl LossContext {
    /// A step of training after so many epochs.
    pub fn training(generator: Generator, epochs: f64) -> Self {
        Self {
            generator,
            epochs,
            is_training: true,
        }
    }

    /// A measurement of a finished model: all that changes in the course of training is as in the end.
    pub fn evaluation(generator: Generator) -> Self {
        Self::evaluation_after(generator, f64::INFINITY)
    }

    /// A measurement after so many epochs of training. What it costs is as it is then, and what it means
    /// as in the end, so that the figures of a training can be compared.
    pub fn evaluation_after(generator: Generator, epochs: f64) -> Self {
        Self {
            generator,
            epochs,
            is_training: false,
        }
    }

    /// Whether this is a step of training.
    pub fn is_training(&self) -> bool {
        self.is_training
    }
}

/// Anything that can be trained on labelled images.
pub trait Trainable {
    /// The loss on `images` `[n, pixels]` in [0, 1] with their `labels` `[n]` (u32), which a model
    /// that is not conditional ignores.
    ///
    /// # Errors
    /// The images do not have the model's size, or a label is not one of its classes.
    fn loss(
        &self,
        images: &Tensor,
        labels: &Tensor,
        context: &mut LossContext,
    ) -> Result<Loss, Error>;

    /// Draws of z for each image in the loss after so many epochs. By another number of draws a loss is
    /// another bound, and no figure to compare with; 1 of a model that draws none.
    fn samples_after(&self, _epochs: f64) -> usize {
        1
    }

    /// Gives variables that are to begin as suits the data their values, from so many images as can be
    /// looked at at once. Most models have none.
    ///
    /// # Errors
    /// As [`Self::loss`].
    fn initialise(&self, _: &Tensor, _: &Tensor, _: &mut Generator) -> Result<(), Error> {
        Ok(())
    }
}

/// A model of images x through latents z, the same for every family: p(x) = ∫ p(x|z) p(z) dz.
///
/// Everything that draws from, walks through or looks into a latent space is written against this
/// trait, once for all models. Images are `[n, pixels]` in [0, 1], latents `[n, latent_size]`.
/// A conditional model takes what it is conditioned on as [`Self::Condition`]; for all others that
/// is `()`, and their code mentions no label.
pub trait LatentModel: Trainable + Send + Sync {
    /// What the model is conditioned on.
    type Condition;

    /// How many dimensions a latent has.
    fn latent_size(&self) -> usize;

    /// How many classes the labels of a conditional model tell apart: the width of its [`Labels`]. `None` of a model
    /// that takes no labels.
    fn classes(&self) -> Option<usize> {
        None
    }

    /// The latents that stand for the images: the mean of q(z|x), or the exact inverse of a flow.
    fn encode(&self, images: &Tensor, condition: &Self::Condition) -> Result<Tensor, Error>;

    /// A draw from q(z|x); equal to [`Self::encode`] where the encoding is exact.
    fn encode_sample(
        &self,
        images: &Tensor,
        condition: &Self::Condition,
        generator: &mut Generator,
    ) -> Result<Tensor, Error>;

    /// KL(q(z|x) ‖ p(z)) of each dimension of the latents, `[n, latent_size]`, nats: how much each says of
    /// an image. `None` where the encoding is exact, and so no distribution, and where the dimensions are not
    /// independent in p(z).
    fn kl_by_dimension(
        &self,
        _images: &Tensor,
        _condition: &Self::Condition,
    ) -> Result<Option<Tensor>, Error> {
        Ok(None)
    }

    /// The image that stands for p(x|z): its mean, or the location of a likelihood of 256 levels.
    fn decode(&self, latents: &Tensor, condition: &Self::Condition) -> Result<Tensor, Error>;

    /// A draw of the pixels from p(x|z); equal to [`Self::decode`] where decoding is exact.
    fn decode_sample(
        &self,
        latents: &Tensor,
        condition: &Self::Condition,
        generator: &mut Generator,
    ) -> Result<Tensor, Error>;

    /// `count` latents drawn from the prior p(z).
    fn sample_prior(&self, count: usize, generator: &mut Generator) -> Result<Tensor, Error>;

    /// An estimate of log p(x), or log p(x|y) of a conditional model, by `samples` draws for each image:
    /// `[n]`, nats. It is a lower bound on average, and meets the logarithm as the draws become many.
    ///
    /// # Errors
    /// There are no draws.
    fn log_likelihood(
        &self,
        images: &Tensor,
        condition: &Self::Condition,
        samples: usize,
        generator: &mut Generator,
    ) -> Result<Tensor, Error>;

    /// `count` new images: latents from the prior, and the mean image of each.
    fn sample(
        &self,
        count: usize,
        condition: &Self::Condition,
        generator: &mut Generator,
    ) -> Result<Tensor, Error> {
        self.decode(&self.sample_prior(count, generator)?, condition)
    }
}

/// What a model of p(x|y), conditional on labels, can do beyond any other. For a model of one's own that has
/// [`LatentModel::classes`], `impl Conditional for …` without any method gives all of it.
pub trait Conditional: LatentModel<Condition = Labels> {
    /// New images of these digits, `[digits, pixels]`.
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
    /// A digit is not one of the classes.
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

    /// Each image with the labels `classes`, `[n, classes, pixels]`: the latent stays and the label is
    /// changed.
    ///
    /// # Errors
    /// There are no classes, or one is not the model's.
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

    /// log p(y|x) of each label y of `classes`, `[n, classes]`, by Bayes' rule from
    /// [`LatentModel::log_likelihood`] under each of them, all being as likely before.
    ///
    /// # Errors
    /// There are no draws or no classes, or a class is not the model's.
    fn class_log_posterior(
        &self,
        images: &Tensor,
        classes: &[u8],
        samples: usize,
        generator: &mut Generator,
    ) -> Result<Tensor, Error> {
        let known = known_classes(self)?;
        let start = generator.clone();
        let count = images.dim(0)?;
        let mut marginal = LogMeanExp::new(count);
        let mut likelihoods = Vec::with_capacity(classes.len());
        for &digit in classes {
            let labels = Labels::all(digit, count, known, images.dtype(), images.device())?;
            // The same noise for every digit: what differs is the digit.
            generator.clone_from(&start);
            let likelihood = self.log_likelihood(images, &labels, samples, generator)?;
            marginal.add(&likelihood.unsqueeze(0)?)?;
            likelihoods.push(likelihood.to_device(&Device::Cpu)?.to_dtype(DType::F64)?);
        }
        // log p(y|x) = log p(x|y) − log p(x) − log of the number of classes, in 64 bits, and only the
        // difference, which is near 0 where it matters, is rounded.
        let marginal = marginal.finish(DType::F64, &Device::Cpu)?;
        let normaliser = (marginal + (classes.len() as f64).ln())?.unsqueeze(1)?;
        let posterior = Tensor::stack(&likelihoods, 1)?.broadcast_sub(&normaliser)?;
        Ok(posterior
            .to_dtype(images.dtype())?
            .to_device(images.device())?)
    }

    /// The most probable of `classes` for each image, `[n]` (u32), by [`Self::class_log_posterior`].
    ///
    /// # Errors
    /// There are no draws or no classes, a class is not the model's, or a likelihood is infinite or no number.
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

/// How many classes a conditional model tells apart.
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

    /// p(x|y) as it is given for each class, for one image.
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
            // Sixteenths, which 32-bit floats hold exactly up to 2²⁰.
            let likelihoods = std::array::from_fn(|y| magnitude + (y * y % 7) as f64 / 16.0);
            let image = Tensor::zeros((1, 1), DType::F32, &Device::Cpu)?;
            let posterior = Given(likelihoods)
                .class_log_posterior(&image, &ALL, 1, &mut Generator::new(1))?
                .to_vec2::<f32>()?;
            let total: f64 = likelihoods.iter().map(|l| (l - magnitude).exp()).sum();
            for (found, likelihood) in posterior[0].iter().zip(likelihoods) {
                let expected = likelihood - magnitude - total.ln();
                // Rounded to 32 bits once; in 64 bits nothing is lost that 32 would show.
                let bound = rounding(SINGLE, 1, expected);
                assert!((f64::from(*found) - expected).abs() <= bound, "{magnitude}");
            }
        }
        Ok(())
    }
}
