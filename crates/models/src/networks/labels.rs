use candle_core::{DType, Result, Tensor, bail};
use candle_nn::VarBuilder;
use latent_kernels::{Activation, Layer};

use super::{Linear, Sequential};

/// How many classes labels tell apart: the ten digits.
pub const CLASSES: usize = 10;

/// What a model is conditioned on, as a batch of labelled images gives it.
pub trait Condition: Sized + Send + Sync {
    /// The condition for images with `labels` `[n]` (u32), as floats of `dtype`.
    ///
    /// # Errors
    /// A label is not one of the [`CLASSES`].
    fn from_labels(labels: &Tensor, dtype: DType) -> Result<Self>;
}

/// Nothing.
impl Condition for () {
    fn from_labels(_: &Tensor, _: DType) -> Result<Self> {
        Ok(())
    }
}

/// The label of every image of a batch, one-hot.
#[derive(Clone, Debug)]
pub struct Labels(Tensor);

impl Labels {
    /// One-hot rows, `[n, classes]`.
    pub fn one_hot(&self) -> &Tensor {
        &self.0
    }
}

impl Condition for Labels {
    fn from_labels(labels: &Tensor, dtype: DType) -> Result<Self> {
        let numbers = labels.to_vec1::<u32>()?;
        if let Some(label) = numbers.iter().find(|&&label| label as usize >= CLASSES) {
            bail!("there is no label {label}: labels are 0 to {}", CLASSES - 1);
        }
        let mut one_hot = vec![0f32; numbers.len() * CLASSES];
        for (row, &label) in one_hot.chunks_exact_mut(CLASSES).zip(&numbers) {
            row[label as usize] = 1.0;
        }
        let one_hot = Tensor::from_vec(one_hot, (numbers.len(), CLASSES), labels.device())?;
        Ok(Self(one_hot.to_dtype(dtype)?))
    }
}

/// A first layer that sees labels: activation(layer(x) + V y), with weights of their own for the
/// one-hot label y.
#[derive(Clone, Debug)]
pub struct Summed<L> {
    layer: L,
    labels: Linear,
}

impl<L> Summed<L> {
    /// Adds to `layer`, whose own activation should be the identity and which has `outputs` numbers an
    /// image, a linear map of the labels from `builder`, named `labels`; `activation` follows the sum.
    pub fn new(
        layer: L,
        outputs: usize,
        activation: Activation,
        builder: &VarBuilder,
    ) -> Result<Self> {
        let labels = Linear::new(CLASSES, outputs, activation, &builder.pp("labels"))?;
        Ok(Self { layer, labels })
    }
}

impl<L: Sequential<Condition = ()>> Sequential for Summed<L> {
    type Condition = Labels;

    fn layers<'a>(&'a self, labels: &'a Labels) -> Vec<Layer<'a>> {
        let mut layers = self.layer.layers(&());
        layers.push(self.labels.of(labels.one_hot()));
        layers
    }
}
