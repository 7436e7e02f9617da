use candle_core::Tensor;
use latent_distributions::Generator;

use crate::Error;

/// What a model is trained by, for a batch of n images.
#[derive(Clone, Debug)]
pub struct Loss {
    /// What training minimises, `[n]`: nats per image.
    pub objective: Tensor,
    /// What it is made of and measured by, each `[n]`, by name: `elbo`, `reconstruction` and `kl` in
    /// nats per image for a VAE.
    pub parts: Vec<(&'static str, Tensor)>,
}

/// Anything that can be trained on labelled images.
pub trait Trainable {
    /// The loss on `images` `[n, pixels]` in [0, 1] with their `labels` `[n]` (u32), which a model
    /// that is not conditional ignores.
    fn loss(
        &self,
        images: &Tensor,
        labels: &Tensor,
        generator: &mut Generator,
    ) -> Result<Loss, Error>;
}

impl<M: Trainable + ?Sized> Trainable for Box<M> {
    fn loss(
        &self,
        images: &Tensor,
        labels: &Tensor,
        generator: &mut Generator,
    ) -> Result<Loss, Error> {
        (**self).loss(images, labels, generator)
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
