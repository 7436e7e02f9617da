use candle_core::{DType, Device, Result, Tensor, bail};
use candle_nn::VarBuilder;
use latent_kernels::{Activation, Layer, concat};

use super::{Conv2d, Linear, Mlp, Network, Sequential};

/// The condition of a model for a batch of images: `()` for none, or [`Labels`].
pub trait Condition: Sized + Send + Sync {
    /// Creates the condition for images with `labels` `[n]` (u32), as floats of `dtype`. `classes` is the model's
    /// number of classes ([`LatentModel::classes`](crate::LatentModel::classes)).
    ///
    /// # Errors
    /// A label is not less than `classes`.
    fn from_labels(labels: &Tensor, classes: Option<usize>, dtype: DType) -> Result<Self>;

    /// The condition for `times` concatenated copies of the batch.
    fn repeated(&self, times: usize) -> Result<Self>;

    /// The condition for `count` images of the batch, starting with image `first`.
    ///
    /// # Errors
    /// The batch has fewer images.
    fn narrow(&self, first: usize, count: usize) -> Result<Self>;

    /// A network with this condition from one without: labels of `classes` classes are concatenated to its input, whose
    /// size is that of x plus `classes`.
    fn concatenated(network: Mlp, classes: usize) -> Box<dyn Network<Condition = Self>>;

    /// A layer with this condition from one without: a linear map of labels of `classes` classes, if there are any, is added
    /// to its output of `outputs` values for each image ([`AdditiveConditioning`]).
    ///
    /// # Errors
    /// `builder` contains variables of other shapes.
    fn added(
        layer: Conv2d,
        classes: Option<usize>,
        outputs: usize,
        builder: &VarBuilder,
    ) -> Result<Box<dyn Sequential<Condition = Self>>>;

    /// The condition of each class for `count` images; one condition without classes.
    ///
    /// # Errors
    /// There are more than 256 classes.
    fn of_each_class(
        classes: Option<usize>,
        count: usize,
        dtype: DType,
        device: &Device,
    ) -> Result<Vec<Self>>;
}

/// No condition.
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

    fn concatenated(network: Mlp, _: usize) -> Box<dyn Network<Condition = ()>> {
        Box::new(network)
    }

    fn added(
        layer: Conv2d,
        _: Option<usize>,
        _: usize,
        _: &VarBuilder,
    ) -> Result<Box<dyn Sequential<Condition = ()>>> {
        Ok(Box::new(layer))
    }

    fn of_each_class(_: Option<usize>, _: usize, _: DType, _: &Device) -> Result<Vec<()>> {
        Ok(vec![()])
    }
}

/// One-hot labels of a batch of images, `[n, classes]`; interpolated labels are convex combinations of two.
#[derive(Clone, Debug)]
pub struct Labels(Tensor);

impl Labels {
    /// Creates one-hot labels, one for each image.
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

    /// Creates the same label for `count` images.
    ///
    /// # Errors
    /// The label is not less than `classes`.
    pub fn all(
        label: u8,
        count: usize,
        classes: usize,
        dtype: DType,
        device: &Device,
    ) -> Result<Self> {
        Self::new(&vec![label; count], classes, dtype, device)
    }

    /// Interpolates linearly between two labels: `steps` rows (1 − λ) a + λ b, with equal steps of λ from 0 to 1.
    ///
    /// # Errors
    /// A label is not less than `classes`.
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

    /// The one-hot rows, `[n, classes]`.
    pub fn one_hot(&self) -> &Tensor {
        &self.0
    }
}

impl Condition for Labels {
    /// Without `classes` (a model that ignores labels), the number of classes is the largest label plus one.
    fn from_labels(labels: &Tensor, classes: Option<usize>, dtype: DType) -> Result<Self> {
        // Labels above 255 become 255, which is invalid too for fewer than 256 classes.
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

    fn concatenated(network: Mlp, classes: usize) -> Box<dyn Network<Condition = Self>> {
        Box::new(ConcatConditioning::new(network, classes))
    }

    fn added(
        layer: Conv2d,
        classes: Option<usize>,
        outputs: usize,
        builder: &VarBuilder,
    ) -> Result<Box<dyn Sequential<Condition = Self>>> {
        let Some(classes) = classes else {
            return Ok(Box::new(Unlabelled(layer)));
        };
        let identity = Activation::Identity;
        let layer = AdditiveConditioning::new(layer, classes, outputs, identity, builder)?;
        Ok(Box::new(layer))
    }

    fn of_each_class(
        classes: Option<usize>,
        count: usize,
        dtype: DType,
        device: &Device,
    ) -> Result<Vec<Self>> {
        let classes = classes.unwrap_or_default();
        let of = |class| {
            let Ok(class) = u8::try_from(class) else {
                bail!("there are {classes} classes, and at most 256 are supported");
            };
            Self::all(class, count, classes, dtype, device)
        };
        (0..classes).map(of).collect()
    }
}

/// A network with concatenation conditioning: network(x ‖ y) with the one-hot label y.
#[derive(Clone, Debug)]
pub struct ConcatConditioning<N> {
    network: N,
    classes: usize,
}

impl<N> ConcatConditioning<N> {
    /// Conditions `network` on labels of `classes` classes. Its input size is that of x plus `classes`.
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

/// A layer with additive conditioning: activation(layer(x) + V y + b) with the one-hot label y.
#[derive(Clone, Debug)]
pub struct AdditiveConditioning<L> {
    layer: L,
    labels: Linear,
    classes: usize,
}

impl<L> AdditiveConditioning<L> {
    /// Adds a linear map of labels of `classes` classes to the output of `layer`, followed by `activation`.
    ///
    /// `layer` has `outputs` values for each image, and its activation should be the identity. The variables of the
    /// linear map come from `builder` under the name `labels`.
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

/// A layer of a conditional network that does not depend on the label.
#[derive(Clone, Debug)]
struct Unlabelled<L>(L);

impl<L: Sequential<Condition = ()>> Sequential for Unlabelled<L> {
    type Condition = Labels;

    fn layers<'a>(&'a self, _: &'a Labels) -> Vec<Layer<'a>> {
        self.0.layers(&())
    }
}
