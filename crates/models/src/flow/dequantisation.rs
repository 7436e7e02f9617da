use candle_core::Tensor;
use candle_nn::VarBuilder;
use latent_distributions::{
    Bijector, Chain, Distribution, Generator, Logistic, Mask, Permutation, Sigmoid,
};
use latent_kernels::{Activation, Shape, concat};
use serde::{Deserialize, Serialize};

use super::config::Transform;
use crate::Error;
use crate::error::{positive, refuse_too_many, refuse_too_many_blocks};
use crate::networks::{Network, ResidualNetwork, ResidualNetworkSizes};

/// The distribution q(u|x) of the noise u in [0, 1) that is added to the levels x of pixels, so that they have a density.
///
/// log P(x) ≥ E[log p(x + u) − log q(u|x)]: Theis et al. 2016, section 3.1, for uniform noise, where log q is 0; Ho et al. 2019
/// (Flow++), equation 12.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    expecting = "a table such as { kind = 'uniform' }"
)]
#[non_exhaustive]
pub enum Dequantisation {
    /// Uniform noise.
    #[default]
    Uniform,
    /// Noise by a flow that is trained with the model.
    Variational(VariationalDequantisation),
}

/// The configuration of variational dequantisation: u = sigmoid(g(ε, x)), where g is a chain of affine couplings of the squeezed
/// image, whose networks have the image x as a second input. Ho et al. 2019, section 3.1.
///
/// ε has the standard logistic distribution: if g is the identity, the noise is uniform. (The paper has normal ε, whose q(u|x)
/// vanishes so fast at 0 and 1 that estimates by importance sampling have an infinite variance.)
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VariationalDequantisation {
    /// The number of couplings.
    pub couplings: usize,
    /// The channels of the hidden layers of the coupling networks.
    pub channels: usize,
    /// The number of [`ResidualBlock`](crate::ResidualBlock)s of each coupling network.
    pub blocks: usize,
    /// The activation of the coupling networks.
    pub activation: Activation,
}

impl Default for VariationalDequantisation {
    /// Four couplings, whose networks have one residual block of 16 channels, with [`Activation::Silu`].
    fn default() -> Self {
        Self {
            couplings: 4,
            channels: 16,
            blocks: 1,
            activation: Activation::Silu,
        }
    }
}

impl Dequantisation {
    /// Checks that the networks can be built.
    pub(super) fn check(&self) -> Result<(), Error> {
        let Self::Variational(config) = self else {
            return Ok(());
        };
        positive("dequantisation.couplings", config.couplings)?;
        positive("dequantisation.channels", config.channels)?;
        refuse_too_many_blocks(config.blocks)?;
        let weights = config
            .channels
            .saturating_mul(config.channels)
            .saturating_mul(18);
        let weights = weights.saturating_mul(config.blocks + 1);
        refuse_too_many(
            weights.saturating_mul(config.couplings),
            "dequantisation.channels",
            &config.channels,
        )
    }

    /// Builds q(u|x) for images of this shape, whose sides are even.
    pub(super) fn build(&self, image: Shape, builder: &VarBuilder) -> Result<Dequantiser, Error> {
        let Self::Variational(config) = self else {
            return Ok(Dequantiser::Uniform);
        };
        let (dtype, device) = (builder.dtype(), builder.device());
        let squeezed = Shape {
            channels: image.channels * 4,
            height: image.height / 2,
            width: image.width / 2,
        };
        let mut bijectors: Vec<Box<dyn Bijector<Tensor>>> = Vec::new();
        for index in 0..config.couplings {
            let mask = match index % 2 {
                0 => Mask::channels(squeezed)?,
                _ => Mask::channels(squeezed)?.swapped(),
            };
            let pixels = squeezed.height * squeezed.width;
            let (given, transformed) = (mask.given() / pixels, mask.transformed() / pixels);
            let sizes = ResidualNetworkSizes {
                input: Shape {
                    channels: given + squeezed.channels,
                    ..squeezed
                },
                hidden: config.channels,
                blocks: config.blocks,
                images: Transform::Affine.parameters(),
                channels: transformed,
                activation: config.activation,
            };
            let network = ResidualNetwork::<()>::new(sizes, None, &builder.pp(index))?;
            let beside = move |given_part: &Tensor, image: &Tensor| {
                let count = image.dim(0)?;
                let part = given_part.reshape((count, pixels, given))?;
                let image = image.reshape((count, pixels, squeezed.channels))?;
                let both = concat(&part, &image)?.reshape((count, ()))?;
                Ok(network.forward(&both, &())?)
            };
            bijectors.push(Transform::Affine.coupling_by(mask, beside));
        }
        bijectors.push(Box::new(Permutation::squeeze(image, device)?));
        let zeros = Tensor::zeros(image.elem_count(), dtype, device)?;
        Ok(Dequantiser::Variational {
            base: Logistic::new(zeros.clone(), zeros)?,
            squeeze: Permutation::squeeze(image, device)?,
            bijector: Chain::new(bijectors),
        })
    }
}

/// The distribution q(u|x) with its variables.
pub(super) enum Dequantiser {
    Uniform,
    Variational {
        base: Logistic,
        squeeze: Permutation,
        /// From ε to the logits of u, given the squeezed image.
        bijector: Chain<Tensor>,
    },
}

impl Dequantiser {
    /// Draws u for images `[n, d]` of pixels in [0, 1], with log q(u|x), `[n]`; no log q if it is 0.
    pub(super) fn noise(
        &self,
        images: &Tensor,
        generator: &mut Generator,
    ) -> Result<(Tensor, Option<Tensor>), Error> {
        match self {
            Self::Uniform => {
                let noise = generator.uniform(images.shape(), images.dtype(), images.device())?;
                Ok((noise, None))
            }
            Self::Variational {
                base,
                squeeze,
                bijector,
            } => {
                let centred = images.affine(2.0, -1.0)?;
                let (image, _) = squeeze.inverse_and_log_det(&centred, &())?;
                let noise = base.sample(&[images.dim(0)?], generator)?;
                let (logits, log_det) = bijector.forward_and_log_det(&noise, &image)?;
                let (noise_in_bin, slope) = Sigmoid::new(0.0)?.forward_and_log_det(&logits, &())?;
                let log_q = ((base.log_prob(&noise)? - log_det)? - slope)?;
                Ok((noise_in_bin, Some(log_q)))
            }
        }
    }
}
