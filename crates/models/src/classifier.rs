use candle_core::{D, DType, Tensor};
use candle_nn::VarBuilder;
use latent_kernels::{Activation, categorical_log_likelihood};

use crate::blocks::{ROWS, in_blocks};
use crate::error::{most_probable, positive};
use crate::{Error, Loss, LossContext, Mlp, Trainable};

/// The shape of a [`Classifier`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassifierConfig {
    /// Sizes of the hidden layers.
    pub hidden: Vec<usize>,
    /// How many classes there are.
    pub classes: usize,
}

impl Default for ClassifierConfig {
    /// 256 units and the ten digits of MNIST.
    fn default() -> Self {
        Self {
            hidden: vec![256],
            classes: 10,
        }
    }
}

/// A plain classifier, to judge images by: a perceptron with ReLU and softmax.
#[derive(Clone, Debug)]
pub struct Classifier(Mlp);

impl Classifier {
    /// A classifier of images of `pixels` values, with its variables from `builder`.
    ///
    /// # Errors
    /// A layer has size 0.
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

    /// The most probable class of each image, `[n]` (u32).
    ///
    /// # Errors
    /// The images do not have the classifier's size, or a score is infinite or no number.
    pub fn classify(&self, images: &Tensor) -> Result<Tensor, Error> {
        let scores = in_blocks(images.dim(0)?, ROWS, 0, |first, count| {
            Ok(self.0.forward(&images.narrow(0, first, count)?)?)
        })?;
        most_probable(&scores, "a class's score")
    }
}

impl Trainable for Classifier {
    /// The cross-entropy in nats; its parts are `cross_entropy` and `accuracy` (0 or 1 an image).
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
