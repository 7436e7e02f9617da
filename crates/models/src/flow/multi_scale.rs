use candle_core::Tensor;
use candle_nn::{Init, VarBuilder};
use latent_distributions::{
    ActNorm, Bijector, Chain, FactorOut, InvertibleLinear, LogisticMixture, Mask, Permutation,
    Pixelwise,
};
use latent_kernels::{Activation, Shape};
use serde::{Deserialize, Serialize};

use super::config::{BaseDistribution, Transform};
use super::dequantisation::Dequantisation;
use super::model::{ConditionalFlow, Flow, Parts};
use super::preprocessing::Preprocessing;
use crate::error::{positive, refuse_too_many, refuse_too_many_blocks};
use crate::networks::{Condition, ResidualNetwork, ResidualNetworkSizes};
use crate::{Error, Labels};

/// The configuration of a convolutional multi-scale flow: Dinh et al. 2017, section 3.6 and figure 4; the steps are those of
/// Kingma & Dhariwal 2018 (Glow), figure 2.
///
/// From data to latents, each level squeezes the image (2×2 pixels become one pixel with four times the channels) and applies
/// steps: activation normalisation by channel, an invertible 1×1 convolution, and a coupling of the two parts of the channels.
/// The part that the last coupling of a level transforms is factored out, so that this coupling is its learned prior; the
/// other part is the image of the next level. The last level factors out nothing.
///
/// An image whose sides the levels cannot halve is padded with black pixels at the right and the bottom. The density is then
/// that of the padded image: a lower bound for the image, which the model reaches as far as it learns that these pixels are
/// black.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MultiScaleConfig {
    /// The number of steps of each level, each with a coupling, from the data to the latents.
    pub couplings: Vec<usize>,
    /// The transformation in a coupling.
    pub transform: Transform,
    /// The channels of the hidden layers of the coupling networks.
    pub channels: usize,
    /// The number of [`ResidualBlock`](crate::ResidualBlock)s of each coupling network.
    pub blocks: usize,
    /// The activation of the coupling networks.
    pub activation: Activation,
    /// The base distribution: the distribution of the latents.
    pub base: BaseDistribution,
    /// The preprocessing of pixels: the logit.
    pub preprocessing: Preprocessing,
    /// The dequantisation noise.
    pub dequantisation: Dequantisation,
    /// In a conditional flow, the number of the last levels whose networks depend on the label; all levels if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conditional_levels: Option<usize>,
    /// In a conditional flow, the weight w of the classification in the loss −log p(y|label) − w log p(label|y), where
    /// p(label|y) follows by Bayes' rule from all labels with equal probabilities.
    #[serde(skip_serializing_if = "is_zero")]
    pub classification_weight: f64,
}

impl Default for MultiScaleConfig {
    /// Two levels of four couplings by mixtures of four logistics, whose networks have one residual block of 32 channels.
    fn default() -> Self {
        Self {
            couplings: vec![4, 4],
            transform: Transform::Mixture { components: 4 },
            channels: 32,
            blocks: 1,
            activation: Activation::Silu,
            base: BaseDistribution::Logistic,
            preprocessing: Preprocessing::Logit { lambda: 1e-6 },
            dequantisation: Dequantisation::default(),
            conditional_levels: None,
            classification_weight: 0.0,
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(weight: &f64) -> bool {
    *weight == 0.0
}

/// The largest number of levels: no image that fits into memory can be halved more often.
const LEVELS: usize = 16;

impl MultiScaleConfig {
    /// Checks that the flow can be built for images of this shape and labels of `classes` classes (0 without labels).
    ///
    /// # Errors
    /// [`Error::Config`] for the first invalid field.
    pub fn check(&self, image: Shape, classes: usize) -> Result<(), Error> {
        positive("image channels", image.channels)?;
        positive("image height", image.height)?;
        positive("image width", image.width)?;
        positive("couplings", self.levels())?;
        if self.levels() > LEVELS {
            return Err(Error::Config {
                key: "couplings",
                value: format!("a list of {}", self.levels()),
                remedy: "each level halves the image: use 16 or fewer",
            });
        }
        for &couplings in &self.couplings {
            positive("couplings", couplings)?;
        }
        positive("channels", self.channels)?;
        refuse_too_many_blocks(self.blocks)?;
        self.transform.check()?;
        self.preprocessing.check()?;
        self.dequantisation.check()?;
        if let Some(levels) = self.conditional_levels
            && !(1..=self.levels()).contains(&levels)
        {
            return Err(Error::Config {
                key: "conditional_levels",
                value: levels.to_string(),
                remedy: "it must be 1 to the number of levels",
            });
        }
        let weight = self.classification_weight;
        if !weight.is_finite() || weight < 0.0 {
            return Err(Error::Config {
                key: "classification_weight",
                value: weight.to_string(),
                remedy: "it must be 0 or a positive number",
            });
        }
        let padded = self.padded(image);
        refuse_too_many(
            padded.elem_count(),
            "couplings",
            &format!("{:?}", self.couplings),
        )?;
        let steps = self
            .couplings
            .iter()
            .fold(0, |sum: usize, &steps| sum.saturating_add(steps));
        // The first level has the most pixels, for the maps of labels; the last has the most channels.
        let (first, last) = (
            self.squeezed(image, 0),
            self.squeezed(image, self.levels() - 1),
        );
        let maps = (first.height * first.width)
            .saturating_mul(self.channels)
            .saturating_mul(classes);
        let convolutions = self.channels.saturating_mul(9).saturating_mul(
            last.channels
                .saturating_add(self.channels.saturating_mul(2 * self.blocks)),
        );
        let outputs = (last.channels.saturating_mul(self.channels))
            .saturating_mul(self.transform.parameters());
        let weights = maps.saturating_add(convolutions).saturating_add(outputs);
        refuse_too_many(weights, "channels", &self.channels)?;
        refuse_too_many(
            weights.saturating_mul(steps),
            "couplings",
            &format!("{:?}", self.couplings),
        )
    }

    /// The number of levels.
    fn levels(&self) -> usize {
        self.couplings.len()
    }

    /// The shape of the image with sides that can be halved by every level.
    pub(crate) fn padded(&self, image: Shape) -> Shape {
        let multiple = 1 << self.levels();
        Shape {
            height: image.height.next_multiple_of(multiple),
            width: image.width.next_multiple_of(multiple),
            ..image
        }
    }

    /// The variables with a dimension of height × width × channels: the name, the number of elements in the
    /// preceding dimensions, and height, width and channels.
    pub(crate) fn flattened(&self, image: Shape) -> Vec<(String, usize, [usize; 3])> {
        let mut variables = Vec::new();
        for (level, &steps) in self.couplings.iter().enumerate() {
            let Shape { height, width, .. } = self.squeezed(image, level);
            for step in 0..steps {
                for variable in ["weight", "bias"] {
                    let name = format!("levels.{level}.{step}.first.labels.{variable}");
                    variables.push((name, 1, [height, width, self.channels]));
                }
            }
        }
        variables
    }

    /// The shape of the squeezed image of a level.
    fn squeezed(&self, image: Shape, level: usize) -> Shape {
        let padded = self.padded(image);
        Shape {
            // Each level has four times the channels, half of which go to the next.
            channels: (padded.channels * 4) << level,
            height: padded.height >> (level + 1),
            width: padded.width >> (level + 1),
        }
    }
}

impl Flow {
    /// Builds a convolutional multi-scale flow for images of this shape.
    ///
    /// The variables from `builder` are named `levels.L.S` for step S of level L, both counted from the data. Below these
    /// are `norm`, `linear` and the coupling network, `first`, `blocks` and `last`; below `dequantisation.S` are those of
    /// variational dequantisation.
    ///
    /// # Errors
    /// Those of [`MultiScaleConfig::check`], or `builder` contains variables of other shapes.
    pub fn multi_scale(
        image: Shape,
        config: &MultiScaleConfig,
        builder: &VarBuilder,
    ) -> Result<Self, Error> {
        Self::with_levels(image, None, config, builder)
    }

    /// Builds a convolutional multi-scale flow that is conditional on labels of `classes` classes.
    ///
    /// # Errors
    /// Those of [`Self::multi_scale`], or `classes` is 0.
    pub fn conditional_multi_scale(
        image: Shape,
        classes: usize,
        config: &MultiScaleConfig,
        builder: &VarBuilder,
    ) -> Result<ConditionalFlow, Error> {
        positive("classes", classes)?;
        Flow::<Labels>::with_levels(image, Some(classes), config, builder)
    }
}

impl<C: Condition + 'static> Flow<C> {
    fn with_levels(
        image: Shape,
        classes: Option<usize>,
        config: &MultiScaleConfig,
        builder: &VarBuilder,
    ) -> Result<Self, Error> {
        config.check(image, classes.unwrap_or(0))?;
        let mut levels = Levels {
            image,
            classes,
            config,
            builder: builder.pp("levels"),
            initial_values: Vec::new(),
        };
        let bijector = levels.from(0)?;
        let padded = config.padded(image);
        let parts = Parts {
            image,
            padded,
            classes,
            preprocessing: config.preprocessing,
            dequantiser: config
                .dequantisation
                .build(padded, &builder.pp("dequantisation"))?,
            bijector,
            initial_values: levels.initial_values,
            base: config.base,
            classification_weight: config.classification_weight,
        };
        Self::with_parts(parts, builder)
    }
}

/// The levels of a flow while it is built.
struct Levels<'a> {
    image: Shape,
    classes: Option<usize>,
    config: &'a MultiScaleConfig,
    builder: VarBuilder<'a>,
    initial_values: Vec<(Tensor, Tensor)>,
}

impl Levels<'_> {
    /// This level and those after it.
    fn from<C: Condition + 'static>(&mut self, level: usize) -> Result<Chain<C>, Error> {
        let config = self.config;
        let squeezed = config.squeezed(self.image, level);
        let mask = Mask::channels(squeezed)?;
        let mut bijectors: Vec<Box<dyn Bijector<C>>> = Vec::new();
        if level + 1 < config.levels() {
            let next: Chain<C> = self.from(level + 1)?;
            bijectors.push(Box::new(FactorOut::new(mask.clone(), next)));
        }
        for step in (0..config.couplings[level]).rev() {
            self.step(squeezed, &mask, level, step, &mut bijectors)?;
        }
        let image = Shape {
            channels: squeezed.channels / 4,
            height: squeezed.height * 2,
            width: squeezed.width * 2,
        };
        let device = self.builder.device();
        bijectors.push(Box::new(Permutation::squeeze(image, device)?));
        Ok(Chain::new(bijectors))
    }

    /// Adds a step: from data to latents, activation normalisation, an invertible 1×1 convolution and a coupling.
    fn step<C: Condition + 'static>(
        &mut self,
        image: Shape,
        mask: &Mask,
        level: usize,
        step: usize,
        bijectors: &mut Vec<Box<dyn Bijector<C>>>,
    ) -> Result<(), Error> {
        let (config, channels) = (self.config, image.channels);
        let builder = self.builder.pp(level).pp(step);
        let zeros = |shape: &[usize], name, of: &str| {
            builder.pp(of).get_with_hints(shape, name, Init::Const(0.0))
        };
        let pixels = image.height * image.width;
        let part_channels = [mask.given() / pixels, mask.transformed() / pixels];
        let sizes = ResidualNetworkSizes {
            input: Shape {
                channels: part_channels[0],
                ..image
            },
            hidden: config.channels,
            blocks: config.blocks,
            images: config.transform.parameters(),
            channels: part_channels[1],
            activation: config.activation,
        };
        let conditional = config.conditional_levels.unwrap_or(config.levels());
        let classes = self
            .classes
            .filter(|_| level + conditional >= config.levels());
        let network = ResidualNetwork::<C>::new(sizes, classes, &builder)?;
        if let Transform::Mixture { components } = config.transform {
            let bias = network.last_bias();
            let mixture = LogisticMixture::new(components);
            let initial = mixture.initial(part_channels[1], bias.dtype(), bias.device())?;
            self.initial_values.push((bias.clone(), initial));
        }
        bijectors.push(config.transform.coupling(mask.clone(), Box::new(network)));
        let square = [channels, channels];
        let linear = InvertibleLinear::new(
            zeros(&square, "lower", "linear")?,
            zeros(&square, "upper", "linear")?,
            zeros(&[channels], "log_diagonal", "linear")?,
        );
        bijectors.push(Box::new(Pixelwise::new(image, linear)));
        let norm = ActNorm::new(
            zeros(&[channels], "log_scale", "norm")?,
            zeros(&[channels], "translation", "norm")?,
        );
        bijectors.push(Box::new(Pixelwise::new(image, norm)));
        Ok(())
    }
}
