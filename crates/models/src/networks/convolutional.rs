use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use latent_kernels::{Activation, Convolution, Layer, TransposedConvolution};

use super::linear::uniform;
use super::{Linear, Sequential, Summed};
use crate::Error;
use crate::error::positive;

/// A convolution and the activation that follows it, on images `[n, height, width, channels]`.
///
/// Its variables are `weight` `[out, in, height, width]` and `bias` `[out]`, drawn as PyTorch draws
/// them.
#[derive(Clone, Debug)]
pub struct Conv2d {
    weight: Tensor,
    bias: Tensor,
    convolution: Convolution,
    activation: Activation,
}

impl Conv2d {
    /// A layer with a square kernel.
    pub fn new(
        inputs: usize,
        outputs: usize,
        kernel: usize,
        convolution: Convolution,
        activation: Activation,
        builder: &VarBuilder,
    ) -> Result<Self> {
        let init = uniform(inputs * kernel * kernel);
        let shape = (outputs, inputs, kernel, kernel);
        Ok(Self {
            weight: builder.get_with_hints(shape, "weight", init)?,
            bias: builder.get_with_hints(outputs, "bias", init)?,
            convolution,
            activation,
        })
    }
}

impl Conv2d {
    fn layer(&self) -> Layer<'_> {
        Layer::Conv2d {
            weight: &self.weight,
            bias: &self.bias,
            convolution: self.convolution,
            activation: self.activation,
        }
    }
}

impl Sequential for Conv2d {
    type Condition = ();

    fn layers<'a>(&'a self, (): &'a ()) -> Vec<Layer<'a>> {
        vec![self.layer()]
    }
}

/// A transposed convolution and the activation that follows it, on images `[n, height, width,
/// channels]`.
///
/// Its variables are `weight` `[in, out, height, width]` and `bias` `[out]`, drawn as PyTorch draws
/// them.
#[derive(Clone, Debug)]
pub struct ConvTranspose2d {
    weight: Tensor,
    bias: Tensor,
    convolution: TransposedConvolution,
    activation: Activation,
}

impl ConvTranspose2d {
    /// A layer with a square kernel.
    pub fn new(
        inputs: usize,
        outputs: usize,
        kernel: usize,
        convolution: TransposedConvolution,
        activation: Activation,
        builder: &VarBuilder,
    ) -> Result<Self> {
        // PyTorch takes the second dimension of the weight for the inputs here too.
        let init = uniform(outputs * kernel * kernel);
        let shape = (inputs, outputs, kernel, kernel);
        Ok(Self {
            weight: builder.get_with_hints(shape, "weight", init)?,
            bias: builder.get_with_hints(outputs, "bias", init)?,
            convolution,
            activation,
        })
    }
}

impl ConvTranspose2d {
    fn layer(&self) -> Layer<'_> {
        Layer::ConvTranspose2d {
            weight: &self.weight,
            bias: &self.bias,
            convolution: self.convolution,
            activation: self.activation,
        }
    }
}

impl Sequential for ConvTranspose2d {
    type Condition = ();

    fn layers<'a>(&'a self, (): &'a ()) -> Vec<Layer<'a>> {
        vec![self.layer()]
    }
}

/// The shape of a convolutional encoder and of the decoder that mirrors it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvolutionalConfig {
    /// Height and width of the images, which have one channel.
    pub image: (usize, usize),
    /// Channels after each convolution of the encoder; the decoder has them in reverse. Each
    /// convolution is 3×3 with stride 2 and padding 1, and halves the image.
    pub channels: Vec<usize>,
    /// The size of the linear layer at the end of the encoder.
    pub features: usize,
    /// How many dimensions the latent space has.
    pub latent_size: usize,
}

impl Default for ConvolutionalConfig {
    /// 28×28 images, convolutions to 32 and 64 channels, a linear layer of 16, two latent dimensions.
    fn default() -> Self {
        Self {
            image: (28, 28),
            channels: vec![32, 64],
            features: 16,
            latent_size: 2,
        }
    }
}

const KERNEL: usize = 3;
const CONVOLUTION: Convolution = Convolution {
    stride: 2,
    padding: 1,
};

impl ConvolutionalConfig {
    /// Whether such networks can exist.
    ///
    /// # Errors
    /// A size is 0, there are no convolutions, or height and width are not both even or both odd where
    /// an image is halved: one output padding serves both.
    pub fn check(&self) -> std::result::Result<(), Error> {
        positive("image height", self.image.0)?;
        positive("image width", self.image.1)?;
        positive("channels", self.channels.len())?;
        self.channels
            .iter()
            .try_for_each(|&channels| positive("channels", channels))?;
        positive("features", self.features)?;
        positive("latent_size", self.latent_size)?;
        let halved = &self.sizes()[..self.channels.len()];
        if halved.iter().any(|(height, width)| height % 2 != width % 2) {
            return Err(Error::Config {
                key: "image",
                value: format!("{:?}", self.image),
                remedy: "height and width must stay both even or both odd as they are halved",
            });
        }
        Ok(())
    }

    /// Height and width before the first convolution and after each.
    fn sizes(&self) -> Vec<(usize, usize)> {
        let halve = |size: &(usize, usize)| Some((size.0.div_ceil(2), size.1.div_ceil(2)));
        std::iter::successors(Some(self.image), halve)
            .take(self.channels.len() + 1)
            .collect()
    }

    /// Height, width and channels after the last convolution.
    fn smallest(&self) -> (usize, usize, usize) {
        let (height, width) = *self.sizes().last().unwrap_or(&self.image);
        (height, width, *self.channels.last().unwrap_or(&1))
    }

    fn convolution(
        &self,
        layer: usize,
        activation: Activation,
        builder: &VarBuilder,
    ) -> Result<Conv2d> {
        let inputs = if layer == 0 {
            1
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

/// Convolutions that halve the image, and a linear layer: images `[n, pixels]` to `[n, features]`.
///
/// The linear layer sees the last convolution's output row by row with the channels of a pixel
/// together. Layers are numbered as in a PyTorch `Sequential` of `Conv2d, ReLU, …, Flatten, Linear`.
#[derive(Clone, Debug)]
pub struct ConvolutionalEncoder<F = Conv2d> {
    image: (usize, usize),
    first: F,
    rest: Vec<Conv2d>,
    linear: Linear,
}

impl ConvolutionalEncoder {
    /// The encoder of a model without a condition.
    pub fn new(config: &ConvolutionalConfig, builder: &VarBuilder) -> Result<Self> {
        let first = config.convolution(0, Activation::Relu, builder)?;
        Self::with_first(first, config, builder)
    }
}

impl ConvolutionalEncoder<Summed<Conv2d>> {
    /// The encoder of a model conditioned on labels, which its first layer sees.
    pub fn conditional(config: &ConvolutionalConfig, builder: &VarBuilder) -> Result<Self> {
        let first = config.convolution(0, Activation::Identity, builder)?;
        let (height, width) = config.sizes()[1];
        let outputs = height * width * config.channels[0];
        let first = Summed::new(first, outputs, Activation::Relu, &builder.pp(0))?;
        Self::with_first(first, config, builder)
    }
}

impl<F> ConvolutionalEncoder<F> {
    fn with_first(first: F, config: &ConvolutionalConfig, builder: &VarBuilder) -> Result<Self> {
        let count = config.channels.len();
        let (height, width, channels) = config.smallest();
        Ok(Self {
            image: config.image,
            first,
            rest: (1..count)
                .map(|layer| config.convolution(layer, Activation::Relu, builder))
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
        let (height, width) = self.image;
        let mut layers = vec![Layer::Unflatten(height, width, 1)];
        layers.extend(self.first.layers(condition));
        layers.extend(self.rest.iter().map(Conv2d::layer));
        layers.extend([Layer::Flatten, self.linear.layer()]);
        layers
    }
}

/// The encoder's mirror: a linear layer and transposed convolutions that double the image, latents
/// `[n, latent_size]` to `[n, pixels]`.
///
/// The linear layer's output is taken row by row with the channels of a pixel together. Layers are
/// numbered as in a PyTorch `Sequential` of `Linear, ReLU, Unflatten, ConvTranspose2d, ReLU, …`.
#[derive(Clone, Debug)]
pub struct ConvolutionalDecoder<F = Linear> {
    smallest: (usize, usize, usize),
    first: F,
    rest: Vec<ConvTranspose2d>,
}

impl ConvolutionalDecoder {
    /// The decoder of a model without a condition.
    pub fn new(config: &ConvolutionalConfig, builder: &VarBuilder) -> Result<Self> {
        let (height, width, channels) = config.smallest();
        let outputs = height * width * channels;
        let builder_of_first = builder.pp(0);
        let first = Linear::new(
            config.latent_size,
            outputs,
            Activation::Relu,
            &builder_of_first,
        )?;
        Self::with_first(first, config, builder)
    }
}

impl ConvolutionalDecoder<Summed<Linear>> {
    /// The decoder of a model conditioned on labels, which its first layer sees.
    pub fn conditional(config: &ConvolutionalConfig, builder: &VarBuilder) -> Result<Self> {
        let (height, width, channels) = config.smallest();
        let outputs = height * width * channels;
        let own = builder.pp(0);
        let first = Linear::new(config.latent_size, outputs, Activation::Identity, &own)?;
        let first = Summed::new(first, outputs, Activation::Relu, &own)?;
        Self::with_first(first, config, builder)
    }
}

impl<F> ConvolutionalDecoder<F> {
    fn with_first(first: F, config: &ConvolutionalConfig, builder: &VarBuilder) -> Result<Self> {
        let sizes = config.sizes();
        let count = config.channels.len();
        let layer = |number: usize| {
            // From the size that convolution `layer` of the encoder leaves to what it was given.
            let layer = count - 1 - number;
            let (inputs, larger) = (config.channels[layer], sizes[layer].0);
            let (outputs, activation) = match layer {
                0 => (1, Activation::Identity),
                _ => (config.channels[layer - 1], Activation::Relu),
            };
            let convolution = TransposedConvolution {
                stride: CONVOLUTION.stride,
                padding: CONVOLUTION.padding,
                // Even sizes and the odd ones before them shrink to the same.
                output_padding: usize::from(larger % 2 == 0),
            };
            let builder = builder.pp(2 * number + 3);
            ConvTranspose2d::new(inputs, outputs, KERNEL, convolution, activation, &builder)
        };
        Ok(Self {
            smallest: config.smallest(),
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
}
