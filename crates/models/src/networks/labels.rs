use candle_core::{DType, Device, Result, Tensor, bail};
use candle_nn::VarBuilder;
use latent_kernels::{Activation, Layer, side_by_side};

use super::{Linear, Network, Sequential};

/// How many classes labels tell apart: the ten digits.
pub const CLASSES: usize = 10;

/// What a model is conditioned on, as a batch of labelled images gives it.
pub trait Condition: Sized + Send + Sync {
    /// The condition for images with `labels` `[n]` (u32), as floats of `dtype`.
    ///
    /// # Errors
    /// A label is not one of the [`CLASSES`].
    fn from_labels(labels: &Tensor, dtype: DType) -> Result<Self>;

    /// The condition for `times` copies of the batch, one after the other.
    fn repeated(&self, times: usize) -> Result<Self>;

    /// The condition for `count` images of the batch, from the one numbered `first` on.
    ///
    /// # Errors
    /// The batch does not have so many.
    fn narrow(&self, first: usize, count: usize) -> Result<Self>;
}

/// Nothing.
impl Condition for () {
    fn from_labels(_: &Tensor, _: DType) -> Result<Self> {
        Ok(())
    }

    fn repeated(&self, _: usize) -> Result<Self> {
        Ok(())
    }

    fn narrow(&self, _: usize, _: usize) -> Result<Self> {
        Ok(())
    }
}

/// The label of every image of a batch, one-hot; on the way between two of them, shares of both.
#[derive(Clone, Debug)]
pub struct Labels(Tensor);

impl Labels {
    /// These labels, one an image.
    ///
    /// # Errors
    /// A label is not one of the [`CLASSES`].
    pub fn new(labels: &[u8], dtype: DType, device: &Device) -> Result<Self> {
        let mut one_hot = vec![0f32; labels.len() * CLASSES];
        for (row, &label) in one_hot.chunks_exact_mut(CLASSES).zip(labels) {
            let Some(element) = row.get_mut(usize::from(label)) else {
                bail!("there is no label {label}: labels are 0 to {}", CLASSES - 1);
            };
            *element = 1.0;
        }
        let one_hot = Tensor::from_vec(one_hot, (labels.len(), CLASSES), device)?;
        Ok(Self(one_hot.to_dtype(dtype)?))
    }

    /// The same label for `count` images.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn all(label: u8, count: usize, dtype: DType, device: &Device) -> Result<Self> {
        Self::new(&vec![label; count], dtype, device)
    }

    /// From the first label to the second in `steps` equal steps of λ: rows (1 − λ) a + λ b.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn between(ends: [u8; 2], steps: usize, dtype: DType, device: &Device) -> Result<Self> {
        let ends = Self::new(&ends, dtype, device)?.0;
        let last = steps.saturating_sub(1).max(1) as f64;
        let lambda = (Tensor::arange(0, steps as u32, device)?.to_dtype(dtype)? / last)?;
        let lambda = lambda.unsqueeze(1)?;
        let from = (1.0 - &lambda)?.matmul(&ends.narrow(0, 0, 1)?)?;
        Ok(Self((from + lambda.matmul(&ends.narrow(0, 1, 1)?)?)?))
    }

    /// Rows of as many numbers as there are classes, `[n, classes]`, of which one is 1.
    pub fn one_hot(&self) -> &Tensor {
        &self.0
    }
}

impl Condition for Labels {
    fn from_labels(labels: &Tensor, dtype: DType) -> Result<Self> {
        // Beyond 255 there is no label either.
        let numbers = labels.to_vec1::<u32>()?;
        let numbers: Vec<u8> = numbers.iter().map(|&n| n.min(255) as u8).collect();
        Self::new(&numbers, dtype, labels.device())
    }

    fn repeated(&self, times: usize) -> Result<Self> {
        Ok(Self(self.0.repeat((times, 1))?))
    }

    fn narrow(&self, first: usize, count: usize) -> Result<Self> {
        Ok(Self(self.0.narrow(0, first, count)?))
    }
}

/// A network that sees labels beside its input: network(x ‖ y) with the one-hot label y.
#[derive(Clone, Debug)]
pub struct Concatenated<N>(N);

impl<N> Concatenated<N> {
    /// Lets `network`, whose input has [`CLASSES`] numbers more than x, see labels.
    pub fn new(network: N) -> Self {
        Self(network)
    }
}

impl<N: Network<Condition = ()>> Network for Concatenated<N> {
    type Condition = Labels;

    fn forward(&self, input: &Tensor, labels: &Labels) -> Result<Tensor> {
        let both = side_by_side(input, labels.one_hot())?;
        self.0.forward(&both, &())
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
