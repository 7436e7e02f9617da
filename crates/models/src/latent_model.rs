use candle_core::Tensor;
use latent_distributions::Generator;

use crate::Error;

/// What a model is trained by, for a batch of n images.
#[derive(Clone, Debug)]
pub struct Loss {
    /// What training minimises, `[n]`: nats per image.
    pub objective: Tensor,
    /// What it is made of and measured by, each `[n]` in nats per image, by name: `elbo`,
    /// `reconstruction` and `kl` for a VAE.
    pub parts: Vec<(&'static str, Tensor)>,
}

/// Anything that can be trained on labelled images.
pub trait Trainable {
    /// The loss on `images` `[n, pixels]` with their `labels` `[n]` (u32), which a model that is
    /// not conditional ignores.
    fn loss_on(
        &self,
        images: &Tensor,
        labels: &Tensor,
        generator: &mut Generator,
    ) -> Result<Loss, Error>;
}

/// What a model's draws depend on beside the latents: `()` for an unconditional model.
pub trait Condition: Sized {
    /// The condition that belongs to images with these labels, `[n]` (u32).
    fn from_labels(labels: &Tensor) -> Result<Self, Error>;
}

impl Condition for () {
    fn from_labels(_: &Tensor) -> Result<Self, Error> {
        Ok(())
    }
}

/// A model of images x through latents z, the same for every family: p(x) = ∫ p(x|z) p(z) dz.
///
/// Everything that draws from, walks through or looks into a latent space is written against this
/// trait, once for all models. Images are `[n, pixels]` in [0, 1], latents `[n, latent_size]`.
/// Conditional models take their labels through [`Self::Condition`]; for all others it is `()`, and
/// their code mentions no label.
pub trait LatentModel: Send + Sync {
    /// What the model is conditioned on.
    type Condition: Condition;

    /// How many dimensions a latent has.
    fn latent_size(&self) -> usize;

    /// The training loss and its named parts.
    fn loss(
        &self,
        images: &Tensor,
        condition: &Self::Condition,
        generator: &mut Generator,
    ) -> Result<Loss, Error>;

    /// The latents that stand for the images: the mean of q(z|x), or the exact inverse of a flow.
    fn encode(&self, images: &Tensor, condition: &Self::Condition) -> Result<Tensor, Error>;

    /// A draw from q(z|x); equal to [`Self::encode`] where the encoding is exact.
    fn encode_sample(
        &self,
        images: &Tensor,
        condition: &Self::Condition,
        generator: &mut Generator,
    ) -> Result<Tensor, Error>;

    /// The mean image of p(x|z).
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
}

impl<M: LatentModel + ?Sized> Trainable for M {
    fn loss_on(
        &self,
        images: &Tensor,
        labels: &Tensor,
        generator: &mut Generator,
    ) -> Result<Loss, Error> {
        self.loss(images, &M::Condition::from_labels(labels)?, generator)
    }
}
