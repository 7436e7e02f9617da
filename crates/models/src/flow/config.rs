use std::ops::Range;

use latent_distributions::{LogisticMixture, Mask};
use latent_kernels::{Activation, Shape};
use serde::{Deserialize, Serialize};

use super::preprocessing::Preprocessing;
use crate::Error;
use crate::error::{positive, refuse_too_many};

/// The shape of a [`Flow`](crate::Flow).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FlowConfig {
    /// How many couplings there are, transforming one half of the pixels and the other in turn.
    pub couplings: usize,
    /// Which pixels are a half.
    pub mask: MaskPattern,
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
    /// The base distribution: that of the latents.
    pub base: BaseDistribution,
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
pub enum MaskPattern {
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

impl MaskPattern {
    /// The half that is given first, and that which is transformed first.
    pub(super) fn of(self, image: Shape) -> Result<Mask, Error> {
        Ok(match self {
            Self::Alternating => Mask::alternating(image.elem_count())?,
            Self::Checkerboard => Mask::checkerboard(image)?,
            Self::Blocks => Mask::blocks(image.elem_count())?,
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
    /// [`Additive`](latent_distributions::Additive): it adds what a network says. Dinh et al. 2014.
    Additive,
    /// [`Affine`](latent_distributions::Affine), y = x exp(s) + t. The network of s ends with a tanh, so that every coupling multiplies
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
    /// [`ActNorm`](latent_distributions::ActNorm) on the data's side of each coupling.
    ActNorm,
}

/// The base distribution of a flow: that of the latents.
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
    /// NICE for MNIST: four additive couplings, each with five hidden layers of 1,000, a scale for each
    /// latent and a logistic prior, on pixels in the unit interval. Dinh et al. 2014, section 5.1.
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

    /// RealNVP with fully connected networks of two hidden layers of 512, on logits with λ = 10⁻⁶. Dinh
    /// et al. 2017; the preprocessing of Papamakarios et al. 2017.
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

    /// Whether there can be such a flow of images of this shape, with labels of so many classes: 0 without labels.
    ///
    /// # Errors
    /// Names the field that is impossible.
    pub fn check(&self, image: Shape, classes: usize) -> Result<(), Error> {
        /// Noise can be 0, and 0 has no logit. Models compute in 32 bits, of which this is the least number.
        const LAMBDAS: Range<f64> = f32::MIN_POSITIVE as f64..0.5;

        let pixels = image.elem_count();
        let divided = match self.mask {
            MaskPattern::Checkerboard => image.height.saturating_mul(image.width),
            MaskPattern::Alternating | MaskPattern::Blocks => pixels,
        };
        if divided < 2 {
            return Err(Error::Config {
                key: "pixels",
                value: divided.to_string(),
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
