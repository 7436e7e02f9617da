use candle_core::{DType, Device, Result, Tensor, bail};
use candle_nn::VarBuilder;
use latent_kernels::{Activation, Layer, concat};

use super::{Linear, Network, Sequential};

/// What a model is conditioned on, as a batch of labelled images gives it.
pub trait Condition: Sized + Send + Sync {
    /// The condition for images with `labels` `[n]` (u32), as floats of `dtype`, of a model that tells so many
    /// classes apart ([`LatentModel::classes`](crate::LatentModel::classes)).
    ///
    /// # Errors
    /// A label is not less than `classes`.
    fn from_labels(labels: &Tensor, classes: Option<usize>, dtype: DType) -> Result<Self>;

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
    fn from_labels(_: &Tensor, _: Option<usize>, _: DType) -> Result<Self> {
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
    /// These labels, one an image, of so many classes.
    ///
    /// # Errors
    /// A label is not less than `classes`.
    pub fn new(labels: &[u8], classes: usize, dtype: DType, device: &Device) -> Result<Self> {
        let mut one_hot = vec![0f32; labels.len() * classes];
        for (index, &label) in labels.iter().enumerate() {
            if usize::from(label) >= classes {
                let last = classes.saturating_sub(1);
                bail!("there is no label {label}: labels are 0 to {last}");
            }
            one_hot[index * classes + usize::from(label)] = 1.0;
        }
        let one_hot = Tensor::from_vec(one_hot, (labels.len(), classes), device)?;
        Ok(Self(one_hot.to_dtype(dtype)?))
    }

    /// The same label for `count` images.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn all(
        label: u8,
        count: usize,
        classes: usize,
        dtype: DType,
        device: &Device,
    ) -> Result<Self> {
        Self::new(&vec![label; count], classes, dtype, device)
    }

    /// From the first label to the second in `steps` equal steps of λ: rows (1 − λ) a + λ b.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn interpolate(
        ends: [u8; 2],
        steps: usize,
        classes: usize,
        dtype: DType,
        device: &Device,
    ) -> Result<Self> {
        let ends = Self::new(&ends, classes, dtype, device)?.0;
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
    /// Without `classes`, as of a model that ignores labels, there are as many as the largest label needs.
    fn from_labels(labels: &Tensor, classes: Option<usize>, dtype: DType) -> Result<Self> {
        // Beyond 255 there is no label either.
        let numbers = labels.to_vec1::<u32>()?;
        let numbers: Vec<u8> = numbers.iter().map(|&n| n.min(255) as u8).collect();
        let needed = || {
            numbers
                .iter()
                .max()
                .map_or(1, |&label| usize::from(label) + 1)
        };
        let classes = classes.unwrap_or_else(needed);
        Self::new(&numbers, classes, dtype, labels.device())
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
pub struct ConcatConditioning<N> {
    network: N,
    classes: usize,
}

impl<N> ConcatConditioning<N> {
    /// Lets `network`, whose input has `classes` numbers more than x, see labels of so many classes.
    pub fn new(network: N, classes: usize) -> Self {
        Self { network, classes }
    }
}

impl<N: Network<Condition = ()>> Network for ConcatConditioning<N> {
    type Condition = Labels;

    fn forward(&self, input: &Tensor, labels: &Labels) -> Result<Tensor> {
        let both = concat(input, labels.one_hot())?;
        self.network.forward(&both, &())
    }

    fn classes(&self) -> Option<usize> {
        Some(self.classes)
    }
}

/// A first layer that sees labels: activation(layer(x) + V y), with weights of their own for the
/// one-hot label y.
#[derive(Clone, Debug)]
pub struct AdditiveConditioning<L> {
    layer: L,
    labels: Linear,
    classes: usize,
}

impl<L> AdditiveConditioning<L> {
    /// Adds to `layer`, whose own activation should be the identity and which has `outputs` numbers an
    /// image, a linear map of labels of `classes` classes from `builder`, named `labels`; `activation` follows the sum.
    pub fn new(
        layer: L,
        classes: usize,
        outputs: usize,
        activation: Activation,
        builder: &VarBuilder,
    ) -> Result<Self> {
        let labels = Linear::new(classes, outputs, activation, &builder.pp("labels"))?;
        Ok(Self {
            layer,
            labels,
            classes,
        })
    }
}

impl<L: Sequential<Condition = ()>> Sequential for AdditiveConditioning<L> {
    type Condition = Labels;

    fn layers<'a>(&'a self, labels: &'a Labels) -> Vec<Layer<'a>> {
        let mut layers = self.layer.layers(&());
        layers.push(self.labels.of(labels.one_hot()));
        layers
    }

    fn classes(&self) -> Option<usize> {
        Some(self.classes)
    }
}
