use latent_distributions::Mask;
use latent_kernels::{Activation, Shape};
use serde::{Deserialize, Serialize};

use super::preprocessing::Preprocessing;
use crate::Error;
use crate::error::{positive, refuse_too_many};

/// The configuration of a [`Flow`](crate::Flow).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FlowConfig {
    /// The number of coupling layers. They transform the two parts of the mask alternately.
    pub couplings: usize,
    /// The mask: the partition of the pixels into two parts.
    pub mask: MaskPattern,
    /// The transformation in a coupling layer.
    pub transform: Transform,
    /// The sizes of the hidden layers of the coupling networks.
    pub hidden: Vec<usize>,
    /// The activation after each hidden layer.
    pub activation: Activation,
    /// The normalisation between couplings.
    pub normalisation: Normalisation,
    /// Whether each latent dimension has a learned scale, as in NICE.
    pub scaling: bool,
    /// The base distribution: the distribution of the latents.
    pub base: BaseDistribution,
    /// The preprocessing of pixels: dequantisation and logit.
    pub preprocessing: Preprocessing,
}

impl Default for FlowConfig {
    /// [`Self::real_nvp`] with five couplings.
    fn default() -> Self {
        Self::real_nvp(5)
    }
}

/// The partition of the pixels of an image into two parts, one of which a coupling transforms given the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MaskPattern {
    /// Pixels with even and odd indices, in row order; in an image of even width these are columns. Dinh et al. 2014,
    /// section 5.1.
    #[default]
    Alternating,
    /// The two colours of a checkerboard: the four neighbours of a pixel are in the other part. Dinh et al. 2017,
    /// section 3.4.
    Checkerboard,
    /// The upper and the lower half of the image.
    Blocks,
}

impl MaskPattern {
    /// The mask of the first coupling: the pixels that are given and those that are transformed.
    pub(super) fn of(self, image: Shape) -> Result<Mask, Error> {
        Ok(match self {
            Self::Alternating => Mask::alternating(image.elem_count())?,
            Self::Checkerboard => Mask::checkerboard(image)?,
            Self::Blocks => Mask::blocks(image.elem_count())?,
        })
    }
}

/// The elementwise transformation of a coupling layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    expecting = "a table such as { kind = 'affine' }"
)]
pub enum Transform {
    /// [`Additive`](latent_distributions::Additive), y = x + t. Dinh et al. 2014.
    Additive,
    /// [`Affine`](latent_distributions::Affine), y = x exp(s) + t. Dinh et al. 2017.
    ///
    /// The network of s ends with a tanh, so a coupling scales by e⁻¹ to e. (The code of the paper has a tanh with a
    /// trained factor.)
    Affine,
    /// [`LogisticMixture`](latent_distributions::LogisticMixture): the cumulative distribution function of a mixture of
    /// logistics. Ho et al. 2019.
    Mixture {
        /// The number of components of the mixture, 1 to 32.
        #[serde(default = "usual_components")]
        components: usize,
    },
}

/// The normalisation between couplings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normalisation {
    /// No normalisation.
    #[default]
    None,
    /// [`ActNorm`](latent_distributions::ActNorm) on the data side of each coupling. Kingma & Dhariwal 2018.
    ActNorm,
}

/// The base distribution of a flow: the distribution of the latents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BaseDistribution {
    /// The standard normal distribution.
    #[default]
    Normal,
    /// The standard logistic distribution.
    Logistic,
}

fn usual_components() -> usize {
    4
}

impl FlowConfig {
    /// NICE for MNIST: four additive couplings with five hidden layers of 1,000 units, a learned scale of each latent
    /// dimension, a logistic base distribution, and pixels in [0, 1]. Dinh et al. 2014, section 5.1.
    pub fn nice() -> Self {
        Self {
            couplings: 4,
            mask: MaskPattern::Alternating,
            transform: Transform::Additive,
            hidden: vec![1000; 5],
            activation: Activation::Relu,
            normalisation: Normalisation::None,
            scaling: true,
            base: BaseDistribution::Logistic,
            preprocessing: Preprocessing::Unit,
        }
    }

    /// RealNVP with two hidden layers of 512 units in each network, on logits of pixels with λ = 10⁻⁶. Dinh et al. 2017;
    /// the preprocessing is that of Papamakarios et al. 2017.
    pub fn real_nvp(couplings: usize) -> Self {
        Self {
            couplings,
            mask: MaskPattern::Alternating,
            transform: Transform::Affine,
            hidden: vec![512, 512],
            activation: Activation::Relu,
            normalisation: Normalisation::None,
            scaling: false,
            base: BaseDistribution::Normal,
            preprocessing: Preprocessing::Logit { lambda: 1e-6 },
        }
    }

    /// Checks that the flow can be built for images of this shape and labels of `classes` classes (0 without labels).
    ///
    /// # Errors
    /// [`Error::Config`] for the first invalid field.
    pub fn check(&self, image: Shape, classes: usize) -> Result<(), Error> {
        let pixels = image.elem_count();
        let divided = match self.mask {
            MaskPattern::Checkerboard => image.height.saturating_mul(image.width),
            MaskPattern::Alternating | MaskPattern::Blocks => pixels,
        };
        if divided < 2 {
            return Err(Error::Config {
                key: "pixels",
                value: divided.to_string(),
                remedy: "a coupling needs 2 or more: one is transformed given the other",
            });
        }
        positive("couplings", self.couplings)?;
        for &size in &self.hidden {
            positive("hidden", size)?;
        }
        self.transform.check()?;
        self.preprocessing.check()?;
        let (numbers, networks) = match self.transform {
            // s and t have their own networks.
            Transform::Affine => (1, 2),
            transform => (transform.parameters(), 1),
        };
        let half = pixels.div_ceil(2);
        let sizes = [
            &[half.saturating_add(classes)],
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
