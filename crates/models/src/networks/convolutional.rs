use candle_core::Result;
use candle_nn::VarBuilder;
use latent_kernels::{Activation, Convolution, Layer, Shape, TransposedConvolution};
use serde::{Deserialize, Serialize};

use super::convolution::{Conv2d, ConvTranspose2d, KERNEL};
use super::residual::{ResidualBlock, ResidualBlocks};
use super::{AdditiveConditioning, Linear, Sequential};
use crate::Error;
use crate::error::{positive, refuse_too_many, refuse_too_many_blocks};

/// The configuration of a convolutional encoder and of the decoder that mirrors it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConvolutionalConfig {
    /// The number of channels after each convolution of the encoder; the decoder has them in reverse. Each
    /// convolution is 3×3 with stride 2 and padding 1, and halves height and width, rounded up.
    pub channels: Vec<usize>,
    /// The number of [`ResidualBlock`](crate::ResidualBlock)s after each convolution of the encoder and before each
    /// transposed convolution of the decoder.
    pub blocks: usize,
    /// The size of the linear layer at the end of the encoder.
    pub features: usize,
    /// Whether the decoder begins with a linear layer of size `features`, too.
    pub mirrored: bool,
    /// The activation after each layer.
    pub activation: Activation,
    /// The number of latent dimensions.
    pub latent_size: usize,
}

impl Default for ConvolutionalConfig {
    /// Convolutions with 32 and 64 channels, a linear layer of size 16 in the encoder, ReLU, no residual blocks, two latent
    /// dimensions.
    fn default() -> Self {
        Self {
            channels: vec![32, 64],
            blocks: 0,
            features: 16,
            mirrored: false,
            activation: Activation::Relu,
            latent_size: 2,
        }
    }
}

/// The largest number of convolutions: no image that fits into memory can be halved more often.
const LAYERS: usize = 16;
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
        refuse_too_many_blocks(self.blocks)?;
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
        let of_blocks = self
            .channels
            .iter()
            .map(|&channels| product(&[2 * KERNEL * KERNEL, channels, channels, self.blocks]))
            .fold(0, usize::saturating_add);
        let of_features = product(&[outputs, self.features]);
        let with_labels = self.latent_size.saturating_add(classes);
        let of_latents = product(&[outputs.saturating_add(self.features), with_labels]);
        for (key, weights, value) in [
            ("channels", of_channels, format!("{:?}", self.channels)),
            ("blocks", of_blocks, self.blocks.to_string()),
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
        let mut variables = vec![
            (encoder, self.features, smallest),
            rows("encoder.0.labels.weight", first),
            rows("encoder.0.labels.bias", first),
        ];
        let decoder: &[&str] = if self.mirrored {
            &["decoder.image.weight", "decoder.image.bias"]
        } else {
            &[
                "decoder.0.weight",
                "decoder.0.bias",
                "decoder.0.labels.weight",
                "decoder.0.labels.bias",
            ]
        };
        variables.extend(decoder.iter().map(|name| rows(name, smallest)));
        variables
    }

    /// The number of groups of latents of a ladder VAE at each resolution: one for each residual block, or one.
    pub(crate) fn groups(&self) -> usize {
        self.blocks.max(1)
    }

    /// The number of latents of each level of a ladder VAE, from the top: `latent_size`, then images of `channels` channels
    /// for each group.
    pub(crate) fn levels(&self, image: Shape, channels: usize) -> Vec<usize> {
        let sizes = self.sizes(image);
        let of_groups = sizes[1..]
            .iter()
            .rev()
            .flat_map(|(height, width)| vec![height * width * channels; self.groups()]);
        [self.latent_size].into_iter().chain(of_groups).collect()
    }

    /// Height and width before the first convolution and after each.
    fn sizes(&self, image: Shape) -> Vec<(usize, usize)> {
        let halve = |size: &(usize, usize)| Some((size.0.div_ceil(2), size.1.div_ceil(2)));
        std::iter::successors(Some((image.height, image.width)), halve)
            .take(self.channels.len() + 1)
            .collect()
    }

    /// Height, width and channels after the last convolution.
    pub(super) fn smallest(&self, image: Shape) -> (usize, usize, usize) {
        let whole = (image.height, image.width);
        let (height, width) = *self.sizes(image).last().unwrap_or(&whole);
        (
            height,
            width,
            *self.channels.last().unwrap_or(&image.channels),
        )
    }

    /// The decoder's first layer.
    pub(crate) fn first_linear(&self, image: Shape, builder: &VarBuilder) -> Result<Linear> {
        let (outputs, activation) = self.first_of_decoder(image);
        Linear::new(self.latent_size, outputs, activation, &builder.pp(0))
    }

    /// The decoder's first layer, conditional on labels of `classes` classes.
    pub(crate) fn first_conditional_linear(
        &self,
        image: Shape,
        classes: usize,
        builder: &VarBuilder,
    ) -> Result<AdditiveConditioning<Linear>> {
        let (outputs, activation) = self.first_of_decoder(image);
        let own = builder.pp(0);
        let first = Linear::new(self.latent_size, outputs, Activation::Identity, &own)?;
        AdditiveConditioning::new(first, classes, outputs, activation, &own)
    }

    /// The number of outputs and the activation of the decoder's first layer.
    fn first_of_decoder(&self, image: Shape) -> (usize, Activation) {
        if self.mirrored {
            return (self.features, self.activation);
        }
        let (height, width, channels) = self.smallest(image);
        (height * width * channels, self.before_blocks())
    }

    /// The activation of a layer that residual blocks follow: they begin with one of their own.
    fn before_blocks(&self) -> Activation {
        match self.blocks {
            0 => self.activation,
            _ => Activation::Identity,
        }
    }

    /// The residual blocks of the encoder after convolution `layer`, or of the decoder before its inverse.
    pub(super) fn residual_blocks(
        &self,
        layer: usize,
        builder: &VarBuilder,
    ) -> Result<ResidualBlocks> {
        let (channels, activation) = (self.channels[layer], self.activation);
        ResidualBlocks::new(self.blocks, activation, &builder.pp("blocks"), |builder| {
            ResidualBlock::convolutional(channels, activation, builder)
        })
    }

    /// The decoder's layer from the features to the smallest image, if there are features.
    pub(super) fn to_image(&self, image: Shape, builder: &VarBuilder) -> Result<Option<Linear>> {
        let (height, width, channels) = self.smallest(image);
        let layer = self.mirrored.then(|| {
            let outputs = height * width * channels;
            let activation = self.before_blocks();
            Linear::new(self.features, outputs, activation, &builder.pp("image"))
        });
        layer.transpose()
    }

    /// The decoder's inverse of convolution `layer` of the encoder.
    pub(super) fn transposed(
        &self,
        image: Shape,
        layer: usize,
        builder: &VarBuilder,
    ) -> Result<ConvTranspose2d> {
        let (height, width) = self.sizes(image)[layer];
        let (outputs, activation) = match layer {
            0 => (image.channels, Activation::Identity),
            _ => (self.channels[layer - 1], self.before_blocks()),
        };
        let convolution = TransposedConvolution {
            stride: CONVOLUTION.stride,
            padding: CONVOLUTION.padding,
            // Sizes 2m and 2m − 1 both shrink to m; output padding distinguishes them.
            output_padding: [height, width].map(|larger| usize::from(larger % 2 == 0)),
        };
        let inputs = self.channels[layer];
        ConvTranspose2d::new(inputs, outputs, KERNEL, convolution, activation, builder)
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
/// Layers are numbered as in a PyTorch `Sequential` of `Conv2d, ReLU, …, Flatten, Linear`; the residual blocks after a
/// convolution are named `blocks` below its number. The order of the linear layer's input is height, width, channel, while
/// that of PyTorch is channel, height, width;
/// [`ModelConfig::in_pytorch_order`](crate::ModelConfig::in_pytorch_order) converts between the two.
#[derive(Clone, Debug)]
pub struct ConvolutionalEncoder<F = Conv2d> {
    image: Shape,
    first: F,
    rest: Vec<Conv2d>,
    /// The residual blocks after each convolution.
    blocks: Vec<ResidualBlocks>,
    linear: Linear,
}

impl ConvolutionalEncoder {
    /// Builds an unconditional encoder.
    pub fn new(image: Shape, config: &ConvolutionalConfig, builder: &VarBuilder) -> Result<Self> {
        let first = config.convolution(image, 0, config.before_blocks(), builder)?;
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
        let activation = config.before_blocks();
        let first = AdditiveConditioning::new(first, classes, outputs, activation, &builder.pp(0))?;
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
                .map(|layer| config.convolution(image, layer, config.before_blocks(), builder))
                .collect::<Result<_>>()?,
            blocks: (0..count)
                .map(|layer| config.residual_blocks(layer, &builder.pp(2 * layer)))
                .collect::<Result<_>>()?,
            linear: Linear::new(
                height * width * channels,
                config.features,
                config.activation,
                &builder.pp(2 * count + 1),
            )?,
        })
    }
}

impl<F: Sequential> ConvolutionalEncoder<F> {
    /// The number of convolutions.
    pub(super) fn stages(&self) -> usize {
        self.blocks.len()
    }

    /// The layers of a convolution and of the residual blocks after it.
    pub(super) fn stage<'a>(&'a self, index: usize, condition: &'a F::Condition) -> Vec<Layer<'a>> {
        let Shape {
            channels,
            height,
            width,
        } = self.image;
        let mut layers = if let Some(before) = index.checked_sub(1) {
            vec![self.rest[before].layer()]
        } else {
            let unflatten = vec![Layer::Unflatten(height, width, channels)];
            [unflatten, self.first.layers(condition)].concat()
        };
        layers.extend(self.blocks[index].layers());
        layers
    }

    /// The layers after the last stage.
    pub(super) fn last(&self) -> [Layer<'_>; 2] {
        [Layer::Flatten, self.linear.layer()]
    }
}

impl<F: Sequential> Sequential for ConvolutionalEncoder<F> {
    type Condition = F::Condition;

    fn layers<'a>(&'a self, condition: &'a F::Condition) -> Vec<Layer<'a>> {
        let stages = (0..self.stages()).flat_map(|index| self.stage(index, condition));
        stages.chain(self.last()).collect()
    }

    fn classes(&self) -> Option<usize> {
        self.first.classes()
    }
}

/// A convolutional decoder: a linear layer and strided transposed convolutions, `[n, latent_size]` to `[n, pixels]`.
///
/// Layers are numbered as in a PyTorch `Sequential` of `Linear, ReLU, Unflatten, ConvTranspose2d, ReLU, …`; the residual
/// blocks before a transposed convolution are named `blocks` below its number. If the decoder is mirrored, `0` is the layer
/// to `features` and `image` the one to the pixels of the smallest image, which are ordered by height, width, channel.
#[derive(Clone, Debug)]
pub struct ConvolutionalDecoder<F = Linear> {
    smallest: (usize, usize, usize),
    first: F,
    /// The layer from the features to the smallest image, if there are features.
    image: Option<Linear>,
    /// The transposed convolutions, and the residual blocks before each.
    rest: Vec<(ResidualBlocks, ConvTranspose2d)>,
}

impl ConvolutionalDecoder {
    /// Builds an unconditional decoder.
    pub fn new(image: Shape, config: &ConvolutionalConfig, builder: &VarBuilder) -> Result<Self> {
        let first = config.first_linear(image, builder)?;
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
        let first = config.first_conditional_linear(image, classes, builder)?;
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
        let count = config.channels.len();
        let layer = |number: usize| {
            let layer = count - 1 - number;
            let builder = builder.pp(2 * number + 3);
            let blocks = config.residual_blocks(layer, &builder)?;
            Ok((blocks, config.transposed(image, layer, &builder)?))
        };
        Ok(Self {
            smallest: config.smallest(image),
            first,
            image: config.to_image(image, builder)?,
            rest: (0..count).map(layer).collect::<Result<_>>()?,
        })
    }
}

impl<F: Sequential> Sequential for ConvolutionalDecoder<F> {
    type Condition = F::Condition;

    fn layers<'a>(&'a self, condition: &'a F::Condition) -> Vec<Layer<'a>> {
        let (height, width, channels) = self.smallest;
        let mut layers = self.first.layers(condition);
        layers.extend(self.image.as_ref().map(Linear::layer));
        layers.push(Layer::Unflatten(height, width, channels));
        for (blocks, transposed) in &self.rest {
            layers.extend(blocks.layers());
            layers.push(transposed.layer());
        }
        layers.push(Layer::Flatten);
        layers
    }

    fn classes(&self) -> Option<usize> {
        self.first.classes()
    }
}
