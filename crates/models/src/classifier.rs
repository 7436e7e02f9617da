use candle_core::{D, DType, Tensor};
use candle_nn::VarBuilder;
use latent_kernels::{Activation, categorical_log_likelihood};

use crate::blocks::{ROWS, in_blocks};
use crate::error::{most_probable, positive};
use crate::{Error, Loss, LossContext, Mlp, Trainable};

/// The configuration of a [`Classifier`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassifierConfig {
    /// The sizes of the hidden layers.
    pub hidden: Vec<usize>,
    /// The number of classes.
    pub classes: usize,
}

impl Default for ClassifierConfig {
    /// One hidden layer of 256 units and ten classes.
    fn default() -> Self {
        Self {
            hidden: vec![256],
            classes: 10,
        }
    }
}

/// An image classifier: an MLP with ReLU and softmax, for the sample accuracy of conditional models.
#[derive(Clone, Debug)]
pub struct Classifier(Mlp);

impl Classifier {
    /// Builds a classifier for images of `pixels` values, with variables from `builder`.
    ///
    /// # Errors
    /// A layer has size 0, or `builder` contains variables of other shapes.
    pub fn new(
        pixels: usize,
        config: &ClassifierConfig,
        builder: &VarBuilder,
    ) -> Result<Self, Error> {
        positive("pixels", pixels)?;
        positive("classes", config.classes)?;
        config
            .hidden
            .iter()
            .try_for_each(|&size| positive("hidden", size))?;
        let sizes = [&[pixels], &config.hidden[..], &[config.classes]].concat();
        Ok(Self(Mlp::new(
            &sizes,
            Activation::Relu,
            Activation::Identity,
            builder,
        )?))
    }

    /// The logarithm of the probability of each class, `[n, classes]`.
    ///
    /// # Errors
    /// The images do not have the classifier's size.
    pub fn log_probabilities(&self, images: &Tensor) -> Result<Tensor, Error> {
        // Without gradients, which candle's operation cuts.
        Ok(candle_nn::ops::log_softmax(
            &self.scores(images)?,
            D::Minus1,
        )?)
    }

    /// The most probable class of each image, `[n]` (u32).
    ///
    /// # Errors
    /// The images do not have the classifier's size, or a score is infinite or NaN.
    pub fn classify(&self, images: &Tensor) -> Result<Tensor, Error> {
        most_probable(&self.scores(images)?, "a class's score")
    }

    /// The logits of the classes, `[n, classes]`.
    fn scores(&self, images: &Tensor) -> Result<Tensor, Error> {
        in_blocks(images.dim(0)?, ROWS, 0, |first, count| {
            Ok(self.0.forward(&images.narrow(0, first, count)?)?)
        })
    }
}

impl Trainable for Classifier {
    /// The cross-entropy in nats per image; the parts are `cross_entropy` and `accuracy` (0 or 1 for each image).
    fn loss(&self, images: &Tensor, labels: &Tensor, _: &mut LossContext) -> Result<Loss, Error> {
        let logits = self.0.forward(images)?;
        let cross_entropy = categorical_log_likelihood(&logits, labels)?.neg()?;
        let accuracy = logits.argmax(D::Minus1)?.eq(labels)?.to_dtype(DType::F32)?;
        let parts = vec![
            ("cross_entropy", cross_entropy.clone()),
            ("accuracy", accuracy),
        ];
        Ok(Loss {
            objective: cross_entropy,
            parts,
        })
    }
}
