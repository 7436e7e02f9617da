use std::collections::BTreeMap;

use candle_core::{Result as TensorResult, Tensor};
use candle_nn::VarBuilder;
use latent_distributions::Generator;
use latent_kernels::Shape;
use serde::{Deserialize, Serialize};

use crate::{
    BaseDistribution, Conditional, ConvolutionalVaeConfig, Error, Flow, FlowConfig, Labels,
    LadderVae, LadderVaeConfig, LatentModel, Likelihood, Loss, LossContext, MultiScaleConfig,
    Objective, Preprocessing, Trainable, Vae, VaeConfig,
};

/// The variables of a model by name.
pub type Variables = BTreeMap<String, Tensor>;

/// The configuration of any model of this crate. When serialised, `kind` names the variant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ModelConfig {
    /// The fully connected [`Vae`].
    Vae(VaeConfig),
    /// The fully connected [`ConditionalVae`](crate::ConditionalVae).
    ConditionalVae(VaeConfig),
    /// The [`ConvolutionalVae`](crate::ConvolutionalVae).
    ConvolutionalVae(ConvolutionalVaeConfig),
    /// The [`ConditionalConvolutionalVae`](crate::ConditionalConvolutionalVae).
    ConditionalConvolutionalVae(ConvolutionalVaeConfig),
    /// The [`LadderVae`].
    LadderVae(LadderVaeConfig),
    /// The [`ConditionalLadderVae`](crate::ConditionalLadderVae).
    ConditionalLadderVae(LadderVaeConfig),
    /// The [`Flow`].
    Flow(FlowConfig),
    /// The [`ConditionalFlow`](crate::ConditionalFlow).
    ConditionalFlow(FlowConfig),
    /// The convolutional multi-scale [`Flow`].
    MultiScaleFlow(MultiScaleConfig),
    /// The convolutional multi-scale [`ConditionalFlow`](crate::ConditionalFlow).
    ConditionalMultiScaleFlow(MultiScaleConfig),
}

impl ModelConfig {
    /// Builds the model for images of this shape, with variables from `builder`. Unconditional models ignore the number
    /// of classes.
    ///
    /// # Errors
    /// Those of [`Self::check`], or `builder` contains variables of other shapes.
    pub fn build(
        &self,
        image: Shape,
        classes: usize,
        builder: &VarBuilder,
    ) -> Result<AnyModel, Error> {
        self.check(image, classes)?;
        let pixels = image.elem_count();
        Ok(match self {
            Self::Vae(config) => AnyModel::unconditional(Vae::new(pixels, config, builder)?),
            Self::ConditionalVae(config) => AnyModel::Conditional(Box::new(Vae::conditional(
                pixels, classes, config, builder,
            )?)),
            Self::ConvolutionalVae(config) => {
                AnyModel::unconditional(Vae::convolutional(image, config, builder)?)
            }
            Self::ConditionalConvolutionalVae(config) => AnyModel::Conditional(Box::new(
                Vae::conditional_convolutional(image, classes, config, builder)?,
            )),
            Self::LadderVae(config) => {
                AnyModel::unconditional(LadderVae::new(image, config, builder)?)
            }
            Self::ConditionalLadderVae(config) => AnyModel::Conditional(Box::new(
                LadderVae::conditional(image, classes, config, builder)?,
            )),
            Self::Flow(config) => AnyModel::unconditional(Flow::new(image, config, builder)?),
            Self::ConditionalFlow(config) => AnyModel::Conditional(Box::new(Flow::conditional(
                image, classes, config, builder,
            )?)),
            Self::MultiScaleFlow(config) => {
                AnyModel::unconditional(Flow::multi_scale(image, config, builder)?)
            }
            Self::ConditionalMultiScaleFlow(config) => AnyModel::Conditional(Box::new(
                Flow::conditional_multi_scale(image, classes, config, builder)?,
            )),
        })
    }

    /// Converts variables from the layout of this crate to that of PyTorch's layers.
    ///
    /// Only convolutional models have variables that differ. PyTorch's `Flatten` orders the values of an image by
    /// channel, height, width; this crate orders them by height, width, channel, which needs no copy.
    ///
    /// # Errors
    /// Those of [`Self::check`], or a variable has another shape than the model's.
    pub fn in_pytorch_order(&self, image: Shape, variables: Variables) -> Result<Variables, Error> {
        self.reordered(
            image,
            variables,
            |variable, before, [height, width, channels]| {
                let parts = variable.reshape((before, height, width, channels, ()))?;
                parts.permute((0, 3, 1, 2, 4))
            },
        )
    }

    /// Converts variables from the layout of PyTorch's layers to that of this crate: the inverse of
    /// [`Self::in_pytorch_order`].
    ///
    /// # Errors
    /// Those of [`Self::in_pytorch_order`].
    pub fn in_own_order(&self, image: Shape, variables: Variables) -> Result<Variables, Error> {
        self.reordered(
            image,
            variables,
            |variable, before, [height, width, channels]| {
                let parts = variable.reshape((before, channels, height, width, ()))?;
                parts.permute((0, 2, 3, 1, 4))
            },
        )
    }

    /// Applies `moved` to each variable that has a dimension of height × width × channels.
    fn reordered(
        &self,
        image: Shape,
        mut variables: Variables,
        moved: impl Fn(&Tensor, usize, [usize; 3]) -> TensorResult<Tensor>,
    ) -> Result<Variables, Error> {
        self.check(image, 0)?;
        let flattened = match self {
            Self::ConvolutionalVae(config) | Self::ConditionalConvolutionalVae(config) => {
                config.networks.flattened(image)
            }
            Self::LadderVae(config) | Self::ConditionalLadderVae(config) => {
                config.networks.flattened(image)
            }
            Self::ConditionalMultiScaleFlow(config) => config.flattened(image),
            _ => Vec::new(),
        };
        for (name, before, shape) in flattened {
            if let Some(variable) = variables.get_mut(&name) {
                let moved = moved(variable, before, shape)?.contiguous()?;
                *variable = moved.reshape(variable.dims())?;
            }
        }
        Ok(variables)
    }

    /// The number of latent dimensions, for images of this shape.
    pub fn latent_size(&self, image: Shape) -> usize {
        match self {
            Self::Flow(_) | Self::ConditionalFlow(_) => image.elem_count(),
            Self::MultiScaleFlow(config) | Self::ConditionalMultiScaleFlow(config) => {
                config.padded(image).elem_count()
            }
            Self::Vae(config) | Self::ConditionalVae(config) => config.latent_size,
            Self::ConvolutionalVae(config) | Self::ConditionalConvolutionalVae(config) => {
                config.networks.latent_size
            }
            Self::LadderVae(config) | Self::ConditionalLadderVae(config) => {
                let levels = config.networks.levels(image, config.latent_channels);
                levels.iter().sum()
            }
        }
    }

    /// Whether the model is conditional on class labels.
    pub fn is_conditional(&self) -> bool {
        matches!(
            self,
            Self::ConditionalVae(_)
                | Self::ConditionalConvolutionalVae(_)
                | Self::ConditionalLadderVae(_)
                | Self::ConditionalFlow(_)
                | Self::ConditionalMultiScaleFlow(_)
        )
    }

    /// The preprocessing of a flow; `None` for a VAE.
    pub fn preprocessing(&self) -> Option<Preprocessing> {
        match self {
            Self::Flow(config) | Self::ConditionalFlow(config) => Some(config.preprocessing),
            Self::MultiScaleFlow(config) | Self::ConditionalMultiScaleFlow(config) => {
                Some(config.preprocessing)
            }
            _ => None,
        }
    }

    /// The likelihood of a VAE; `None` for a flow.
    pub fn likelihood(&self) -> Option<Likelihood> {
        match self {
            Self::Vae(config) | Self::ConditionalVae(config) => Some(config.likelihood),
            Self::ConvolutionalVae(config) | Self::ConditionalConvolutionalVae(config) => {
                Some(config.likelihood)
            }
            Self::LadderVae(config) | Self::ConditionalLadderVae(config) => Some(config.likelihood),
            _ => None,
        }
    }

    /// Sets the likelihood of a VAE; nothing changes for a flow.
    pub fn set_likelihood(&mut self, likelihood: Likelihood) {
        match self {
            Self::Vae(config) | Self::ConditionalVae(config) => config.likelihood = likelihood,
            Self::ConvolutionalVae(config) | Self::ConditionalConvolutionalVae(config) => {
                config.likelihood = likelihood;
            }
            Self::LadderVae(config) | Self::ConditionalLadderVae(config) => {
                config.likelihood = likelihood;
            }
            _ => {}
        }
    }

    /// The training objective of a VAE; `None` for a flow.
    pub fn objective(&self) -> Option<&Objective> {
        match self {
            Self::Vae(config) | Self::ConditionalVae(config) => Some(&config.objective),
            Self::ConvolutionalVae(config) | Self::ConditionalConvolutionalVae(config) => {
                Some(&config.objective)
            }
            Self::LadderVae(config) | Self::ConditionalLadderVae(config) => Some(&config.objective),
            _ => None,
        }
    }

    /// Whether the encoder is invertible and the density exact: true for flows.
    pub fn is_exact(&self) -> bool {
        self.likelihood().is_none()
    }

    /// Whether the prior of the latents is N(0, I): not for a flow with a logistic base distribution.
    pub fn has_standard_normal_prior(&self) -> bool {
        match self {
            Self::Vae(_)
            | Self::ConditionalVae(_)
            | Self::ConvolutionalVae(_)
            | Self::ConditionalConvolutionalVae(_)
            | Self::LadderVae(_)
            | Self::ConditionalLadderVae(_) => true,
            Self::Flow(config) | Self::ConditionalFlow(config) => {
                config.base == BaseDistribution::Normal
            }
            Self::MultiScaleFlow(config) | Self::ConditionalMultiScaleFlow(config) => {
                config.base == BaseDistribution::Normal
            }
        }
    }

    /// Checks that the model can be built for images of this shape and, if it is conditional, this number of classes.
    ///
    /// # Errors
    /// [`Error::Config`] for the first invalid field.
    pub fn check(&self, image: Shape, classes: usize) -> Result<(), Error> {
        let classes = if self.is_conditional() { classes } else { 0 };
        match self {
            Self::Vae(config) | Self::ConditionalVae(config) => config.check(image.elem_count()),
            Self::ConvolutionalVae(config) | Self::ConditionalConvolutionalVae(config) => {
                config.check(image, classes)
            }
            Self::LadderVae(config) | Self::ConditionalLadderVae(config) => {
                config.check(image, classes)
            }
            Self::Flow(config) | Self::ConditionalFlow(config) => config.check(image, classes),
            Self::MultiScaleFlow(config) | Self::ConditionalMultiScaleFlow(config) => {
                config.check(image, classes)
            }
        }
    }
}

/// A model whose kind is known only at run time, for example from a file.
///
/// As a [`LatentModel`], it always takes labels; an unconditional model ignores them. It does not implement
/// [`Conditional`], so that label operations on an unconditional model do not compile: use [`Self::conditional`].
///
/// ```compile_fail,E0277
/// # use latent_models::{AnyModel, Conditional, Error, Generator};
/// # use candle_core::Tensor;
/// fn draw<M: Conditional>(model: &M) -> Result<Tensor, Error> {
///     model.sample_conditional(&[3, 1, 4], &mut Generator::new(1))
/// }
/// fn draw_of_any(model: &AnyModel) -> Result<Tensor, Error> {
///     draw(model)
/// }
/// ```
pub enum AnyModel {
    /// A model of p(x).
    Unconditional(Box<dyn LatentModel<Condition = ()>>),
    /// A model of p(x|y).
    Conditional(Box<dyn Conditional>),
}

impl AnyModel {
    fn unconditional(model: impl LatentModel<Condition = ()> + 'static) -> Self {
        Self::Unconditional(Box::new(model))
    }

    /// The conditional model.
    ///
    /// # Errors
    /// [`Error::NotConditional`] if it is unconditional.
    pub fn conditional(&self) -> Result<&dyn Conditional, Error> {
        match self {
            Self::Unconditional(_) => Err(Error::NotConditional),
            Self::Conditional(model) => Ok(&**model),
        }
    }
}

/// Calls the same method of either variant, with `()` or the labels as the condition.
macro_rules! of_either {
    ($any:expr, $labels:expr, $model:ident, $condition:ident => $call:expr) => {
        match $any {
            AnyModel::Unconditional($model) => {
                let $condition = &();
                $call
            }
            AnyModel::Conditional($model) => {
                let $condition = $labels;
                $call
            }
        }
    };
}

impl Trainable for AnyModel {
    fn loss(
        &self,
        images: &Tensor,
        labels: &Tensor,
        context: &mut LossContext,
    ) -> Result<Loss, Error> {
        of_either!(self, labels, model, _condition => model.loss(images, labels, context))
    }

    fn samples_after(&self, epochs: f64) -> usize {
        of_either!(self, &(), model, _condition => model.samples_after(epochs))
    }

    fn initialise(
        &self,
        images: &Tensor,
        labels: &Tensor,
        generator: &mut Generator,
    ) -> Result<(), Error> {
        of_either!(self, labels, model, _condition => model.initialise(images, labels, generator))
    }
}

impl LatentModel for AnyModel {
    type Condition = Labels;

    fn latent_size(&self) -> usize {
        of_either!(self, &(), model, _condition => model.latent_size())
    }

    fn levels(&self) -> Vec<usize> {
        of_either!(self, &(), model, _condition => model.levels())
    }

    fn classes(&self) -> Option<usize> {
        of_either!(self, &(), model, _condition => model.classes())
    }

    fn encode(&self, images: &Tensor, labels: &Labels) -> Result<Tensor, Error> {
        of_either!(self, labels, model, condition => model.encode(images, condition))
    }

    fn encode_sample(
        &self,
        images: &Tensor,
        labels: &Labels,
        generator: &mut Generator,
    ) -> Result<Tensor, Error> {
        of_either!(self, labels, model, condition => {
            model.encode_sample(images, condition, generator)
        })
    }

    fn kl_by_dimension(&self, images: &Tensor, labels: &Labels) -> Result<Option<Tensor>, Error> {
        of_either!(self, labels, model, condition => model.kl_by_dimension(images, condition))
    }

    fn decoder_latents(&self, latents: &Tensor, labels: &Labels) -> Result<Tensor, Error> {
        of_either!(self, labels, model, condition => model.decoder_latents(latents, condition))
    }

    fn prior_log_prob(&self, latents: &Tensor, labels: &Labels) -> Result<Option<Tensor>, Error> {
        of_either!(self, labels, model, condition => model.prior_log_prob(latents, condition))
    }

    fn decode(&self, latents: &Tensor, labels: &Labels) -> Result<Tensor, Error> {
        of_either!(self, labels, model, condition => model.decode(latents, condition))
    }

    fn decode_sample(
        &self,
        latents: &Tensor,
        labels: &Labels,
        generator: &mut Generator,
    ) -> Result<Tensor, Error> {
        of_either!(self, labels, model, condition => {
            model.decode_sample(latents, condition, generator)
        })
    }

    fn sample_prior(&self, count: usize, generator: &mut Generator) -> Result<Tensor, Error> {
        of_either!(self, &(), model, _condition => model.sample_prior(count, generator))
    }

    fn log_likelihood(
        &self,
        images: &Tensor,
        labels: &Labels,
        samples: usize,
        generator: &mut Generator,
    ) -> Result<Tensor, Error> {
        of_either!(self, labels, model, condition => {
            model.log_likelihood(images, condition, samples, generator)
        })
    }
}
