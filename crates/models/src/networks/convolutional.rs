use candle_core::Result;
use candle_nn::VarBuilder;
use latent_kernels::{Activation, Convolution, Layer, Shape, TransposedConvolution};
use serde::{Deserialize, Serialize};

use super::convolution::{Conv2d, ConvTranspose2d};
use super::{AdditiveConditioning, Linear, Sequential};
use crate::Error;
use crate::error::{positive, refuse_too_many};

/// The configuration of a convolutional encoder and of the decoder that mirrors it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConvolutionalConfig {
    /// The number of channels after each convolution of the encoder; the decoder has them in reverse. Each
    /// convolution is 3×3 with stride 2 and padding 1, and halves height and width, rounded up.
    pub channels: Vec<usize>,
    /// The size of the linear layer at the end of the encoder.
    pub features: usize,
    /// The number of latent dimensions.
    pub latent_size: usize,
}

impl Default for ConvolutionalConfig {
    /// Convolutions with 32 and 64 channels, a linear layer of size 16, two latent dimensions.
    fn default() -> Self {
        Self {
            channels: vec![32, 64],
            features: 16,
            latent_size: 2,
        }
    }
}

/// The largest number of convolutions: no image that fits into memory can be halved more often.
const LAYERS: usize = 16;
const KERNEL: usize = 3;
const CONVOLUTION: Convolution = Convolution {
    stride: 2,
    padding: 1,
};

impl ConvolutionalConfig {
    /// Checks that the networks can be built for images of this shape and labels of `classes` classes (0 without
    /// labels).
    ///
    /// # Errors
    /// A size is 0 or too large; there are no convolutions or more than 16.
    pub fn check(&self, image: Shape, classes: usize) -> std::result::Result<(), Error> {
        positive("image channels", image.channels)?;
        positive("image height", image.height)?;
        positive("image width", image.width)?;
        positive("channels", self.channels.len())?;
        if self.channels.len() > LAYERS {
            return Err(Error::Config {
                key: "channels",
                value: format!("a list of {}", self.channels.len()),
                remedy: "each convolution halves the image: use 16 or fewer",
            });
        }
        self.channels
            .iter()
            .try_for_each(|&channels| positive("channels", channels))?;
        positive("features", self.features)?;
        positive("latent_size", self.latent_size)?;
        self.check_weights(image, classes)
    }

    /// Checks the number of weights of all layers, including those of labels.
    fn check_weights(&self, image: Shape, classes: usize) -> std::result::Result<(), Error> {
        let product = |sizes: &[usize]| {
            let times = |product: usize, &size| product.saturating_mul(size);
            sizes.iter().fold(1, times)
        };
        let (height, width, channels) = self.smallest(image);
        let outputs = product(&[height, width, channels]);
        let (first_height, first_width) = self.sizes(image)[1];
        let labels = product(&[first_height, first_width, self.channels[0], classes]);
        let convolutions = [&[image.channels], &self.channels[..]].concat();
        let convolutions = convolutions
            .windows(2)
            .map(|pair| product(&[KERNEL * KERNEL, pair[0], pair[1]]));
        let of_channels = convolutions.fold(labels, usize::saturating_add);
        let of_features = product(&[outputs, self.features]);
        let with_labels = self.latent_size.saturating_add(classes);
        let of_latents = product(&[outputs.saturating_add(self.features), with_labels]);
        for (key, weights, value) in [
            ("channels", of_channels, format!("{:?}", self.channels)),
            ("features", of_features, self.features.to_string()),
            ("latent_size", of_latents, self.latent_size.to_string()),
        ] {
            refuse_too_many(weights, key, &value)?;
        }
        Ok(())
    }

    /// The variables with a dimension of height × width × channels: the name, the number of elements in the
    /// preceding dimensions, and height, width and channels.
    pub(crate) fn flattened(&self, image: Shape) -> Vec<(String, usize, [usize; 3])> {
        let (height, width, channels) = self.smallest(image);
        let smallest = [height, width, channels];
        let (height, width) = self.sizes(image)[1];
        let first = [height, width, self.channels[0]];
        let encoder = format!("encoder.{}.weight", 2 * self.channels.len() + 1);
        let rows = |name: &str, shape| (name.to_owned(), 1, shape);
        vec![
            (encoder, self.features, smallest),
            rows("encoder.0.labels.weight", first),
            rows("encoder.0.labels.bias", first),
            rows("decoder.0.weight", smallest),
            rows("decoder.0.bias", smallest),
            rows("decoder.0.labels.weight", smallest),
            rows("decoder.0.labels.bias", smallest),
        ]
    }

    /// Height and width before the first convolution and after each.
    fn sizes(&self, image: Shape) -> Vec<(usize, usize)> {
        let halve = |size: &(usize, usize)| Some((size.0.div_ceil(2), size.1.div_ceil(2)));
        std::iter::successors(Some((image.height, image.width)), halve)
            .take(self.channels.len() + 1)
            .collect()
    }

    /// Height, width and channels after the last convolution.
    fn smallest(&self, image: Shape) -> (usize, usize, usize) {
        let whole = (image.height, image.width);
        let (height, width) = *self.sizes(image).last().unwrap_or(&whole);
        (
            height,
            width,
            *self.channels.last().unwrap_or(&image.channels),
        )
    }

    fn convolution(
        &self,
        image: Shape,
        layer: usize,
        activation: Activation,
        builder: &VarBuilder,
    ) -> Result<Conv2d> {
        let inputs = if layer == 0 {
            image.channels
        } else {
            self.channels[layer - 1]
        };
        let builder = builder.pp(2 * layer);
        Conv2d::new(
            inputs,
            self.channels[layer],
            KERNEL,
            CONVOLUTION,
            activation,
            &builder,
        )
    }
}

/// A convolutional encoder: strided convolutions and a linear layer, `[n, pixels]` to `[n, features]`.
///
/// Layers are numbered as in a PyTorch `Sequential` of `Conv2d, ReLU, …, Flatten, Linear`. The order of the
/// linear layer's input is height, width, channel, while that of PyTorch is channel, height, width;
/// [`ModelConfig::in_pytorch_order`](crate::ModelConfig::in_pytorch_order) converts between the two.
#[derive(Clone, Debug)]
pub struct ConvolutionalEncoder<F = Conv2d> {
    image: Shape,
    first: F,
    rest: Vec<Conv2d>,
    linear: Linear,
}

impl ConvolutionalEncoder {
    /// Builds an unconditional encoder.
    pub fn new(image: Shape, config: &ConvolutionalConfig, builder: &VarBuilder) -> Result<Self> {
        let first = config.convolution(image, 0, Activation::Relu, builder)?;
        Self::with_first(first, image, config, builder)
    }
}

impl ConvolutionalEncoder<AdditiveConditioning<Conv2d>> {
    /// Builds an encoder whose first layer is conditional on labels of `classes` classes.
    pub fn conditional(
        image: Shape,
        classes: usize,
        config: &ConvolutionalConfig,
        builder: &VarBuilder,
    ) -> Result<Self> {
        let first = config.convolution(image, 0, Activation::Identity, builder)?;
        let (height, width) = config.sizes(image)[1];
        let outputs = height * width * config.channels[0];
        let first =
            AdditiveConditioning::new(first, classes, outputs, Activation::Relu, &builder.pp(0))?;
        Self::with_first(first, image, config, builder)
    }
}

impl<F> ConvolutionalEncoder<F> {
    fn with_first(
        first: F,
        image: Shape,
        config: &ConvolutionalConfig,
        builder: &VarBuilder,
    ) -> Result<Self> {
        let count = config.channels.len();
        let (height, width, channels) = config.smallest(image);
        Ok(Self {
            image,
            first,
            rest: (1..count)
                .map(|layer| config.convolution(image, layer, Activation::Relu, builder))
                .collect::<Result<_>>()?,
            linear: Linear::new(
                height * width * channels,
                config.features,
                Activation::Relu,
                &builder.pp(2 * count + 1),
            )?,
        })
    }
}

impl<F: Sequential> Sequential for ConvolutionalEncoder<F> {
    type Condition = F::Condition;

    fn layers<'a>(&'a self, condition: &'a F::Condition) -> Vec<Layer<'a>> {
        let Shape {
            channels,
            height,
            width,
        } = self.image;
        let mut layers = vec![Layer::Unflatten(height, width, channels)];
        layers.extend(self.first.layers(condition));
        layers.extend(self.rest.iter().map(Conv2d::layer));
        layers.extend([Layer::Flatten, self.linear.layer()]);
        layers
    }

    fn classes(&self) -> Option<usize> {
        self.first.classes()
    }
}

/// A convolutional decoder: a linear layer and strided transposed convolutions, `[n, latent_size]` to `[n, pixels]`.
///
/// Layers are numbered as in a PyTorch `Sequential` of `Linear, ReLU, Unflatten, ConvTranspose2d, ReLU, …`. The
/// output of the linear layer is ordered by height, width, channel.
#[derive(Clone, Debug)]
pub struct ConvolutionalDecoder<F = Linear> {
    smallest: (usize, usize, usize),
    first: F,
    rest: Vec<ConvTranspose2d>,
}

impl ConvolutionalDecoder {
    /// Builds an unconditional decoder.
    pub fn new(image: Shape, config: &ConvolutionalConfig, builder: &VarBuilder) -> Result<Self> {
        let (height, width, channels) = config.smallest(image);
        let outputs = height * width * channels;
        let builder_of_first = builder.pp(0);
        let first = Linear::new(
            config.latent_size,
            outputs,
            Activation::Relu,
            &builder_of_first,
        )?;
        Self::with_first(first, image, config, builder)
    }
}

impl ConvolutionalDecoder<AdditiveConditioning<Linear>> {
    /// Builds a decoder whose first layer is conditional on labels of `classes` classes.
    pub fn conditional(
        image: Shape,
        classes: usize,
        config: &ConvolutionalConfig,
        builder: &VarBuilder,
    ) -> Result<Self> {
        let (height, width, channels) = config.smallest(image);
        let outputs = height * width * channels;
        let own = builder.pp(0);
        let first = Linear::new(config.latent_size, outputs, Activation::Identity, &own)?;
        let first = AdditiveConditioning::new(first, classes, outputs, Activation::Relu, &own)?;
        Self::with_first(first, image, config, builder)
    }
}

impl<F> ConvolutionalDecoder<F> {
    fn with_first(
        first: F,
        image: Shape,
        config: &ConvolutionalConfig,
        builder: &VarBuilder,
    ) -> Result<Self> {
        let sizes = config.sizes(image);
        let count = config.channels.len();
        let layer = |number: usize| {
            // The inverse of convolution `layer` of the encoder.
            let layer = count - 1 - number;
            let inputs = config.channels[layer];
            let (height, width) = sizes[layer];
            let (outputs, activation) = match layer {
                0 => (image.channels, Activation::Identity),
                _ => (config.channels[layer - 1], Activation::Relu),
            };
            let convolution = TransposedConvolution {
                stride: CONVOLUTION.stride,
                padding: CONVOLUTION.padding,
                // Sizes 2m and 2m − 1 both shrink to m; output padding distinguishes them.
                output_padding: [height, width].map(|larger| usize::from(larger % 2 == 0)),
            };
            let builder = builder.pp(2 * number + 3);
            ConvTranspose2d::new(inputs, outputs, KERNEL, convolution, activation, &builder)
        };
        Ok(Self {
            smallest: config.smallest(image),
            first,
            rest: (0..count).map(layer).collect::<Result<_>>()?,
        })
    }
}

impl<F: Sequential> Sequential for ConvolutionalDecoder<F> {
    type Condition = F::Condition;

    fn layers<'a>(&'a self, condition: &'a F::Condition) -> Vec<Layer<'a>> {
        let (height, width, channels) = self.smallest;
        let mut layers = self.first.layers(condition);
        layers.push(Layer::Unflatten(height, width, channels));
        layers.extend(self.rest.iter().map(ConvTranspose2d::layer));
        layers.push(Layer::Flatten);
        layers
    }

    fn classes(&self) -> Option<usize> {
        self.first.classes()
    }
}
