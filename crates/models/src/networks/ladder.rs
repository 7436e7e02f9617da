use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use latent_kernels::{Activation, Convolution, Layer, Shape, sequence, sigmoid};

use super::convolution::{Conv2d, ConvTranspose2d, KERNEL};
use super::linear::{small, uniform};
use super::residual::ResidualBlock;
use super::{ConvolutionalConfig, ConvolutionalEncoder, Linear, Sequential, bounded};

/// The features of a batch of images.
#[derive(Clone, Debug)]
pub(crate) struct Features {
    /// `[n, height, width, channels]` at each resolution, the largest first.
    pub(crate) images: Vec<Tensor>,
    /// `[n, features]`.
    pub(crate) last: Tensor,
}

impl Features {
    /// `times` concatenated copies of the batch.
    pub(crate) fn repeated(&self, times: usize) -> Result<Self> {
        if times == 1 {
            return Ok(self.clone());
        }
        let repeated = |images: &Tensor| Tensor::cat(&vec![images; times], 0);
        Ok(Self {
            images: self.images.iter().map(repeated).collect::<Result<_>>()?,
            last: repeated(&self.last)?,
        })
    }
}

impl<F: Sequential> ConvolutionalEncoder<F> {
    /// The features of images `[n, pixels]`: the encoder as the bottom-up network of a ladder VAE.
    pub(crate) fn features(&self, images: &Tensor, condition: &F::Condition) -> Result<Features> {
        let mut features = Vec::with_capacity(self.stages());
        let mut input = images.clone();
        for index in 0..self.stages() {
            input = sequence(&input, &self.stage(index, condition))?;
            features.push(input.clone());
        }
        Ok(Features {
            images: features,
            last: sequence(&input, &self.last())?,
        })
    }
}

/// The top-down network of a ladder VAE: the top latents to pixels, with a [`LatentGroup`] before each residual
/// block, or one at each resolution without blocks.
///
/// The variables have the names of those of [`ConvolutionalDecoder`](super::ConvolutionalDecoder), and those of groups are
/// below `latents` of their resolution.
#[derive(Clone, Debug)]
pub(crate) struct TopDown<F = Linear> {
    smallest: (usize, usize, usize),
    first: F,
    image: Option<Linear>,
    resolutions: Vec<Resolution>,
    activation: Activation,
}

/// The groups of latents of one resolution, the residual block after each, and the layer to the next resolution.
#[derive(Clone, Debug)]
struct Resolution {
    groups: Vec<(LatentGroup, Option<ResidualBlock>)>,
    transposed: ConvTranspose2d,
}

impl<F> TopDown<F> {
    /// Builds the network with its `first` layer.
    pub(crate) fn with_first(
        first: F,
        image: Shape,
        config: &ConvolutionalConfig,
        latent_channels: usize,
        builder: &VarBuilder,
    ) -> Result<Self> {
        let count = config.channels.len();
        let resolution = |number: usize| {
            let layer = count - 1 - number;
            let builder = builder.pp(2 * number + 3);
            let channels = config.channels[layer];
            let group = |index: usize| {
                let activation = config.activation;
                let own = builder.pp("latents").pp(index);
                let group = LatentGroup::new(channels, latent_channels, activation, &own)?;
                let own = builder.pp("blocks").pp(index);
                let block = (config.blocks > 0)
                    .then(|| ResidualBlock::convolutional(channels, activation, &own))
                    .transpose()?;
                Ok((group, block))
            };
            Ok(Resolution {
                groups: (0..config.groups()).map(group).collect::<Result<_>>()?,
                transposed: config.transposed(image, layer, &builder)?,
            })
        };
        Ok(Self {
            smallest: config.smallest(image),
            first,
            image: config.to_image(image, builder)?,
            resolutions: (0..count).map(resolution).collect::<Result<_>>()?,
            activation: config.activation,
        })
    }
}

impl<F: Sequential> TopDown<F> {
    /// The output `[n, pixels]` for the top latents, `[n, latent_size]`. `draw` gives u of each group, from the top to the
    /// bottom: it receives the index of the resolution (0 for the smallest), the group and the hidden state before it.
    pub(crate) fn forward<E: From<candle_core::Error>>(
        &self,
        top: &Tensor,
        condition: &F::Condition,
        mut draw: impl FnMut(usize, &LatentGroup, &Tensor) -> std::result::Result<Tensor, E>,
    ) -> std::result::Result<Tensor, E> {
        let (height, width, channels) = self.smallest;
        let mut layers = self.first.layers(condition);
        layers.extend(self.image.as_ref().map(Linear::layer));
        layers.push(Layer::Unflatten(height, width, channels));
        let mut hidden = sequence(top, &layers)?;
        for (index, resolution) in self.resolutions.iter().enumerate() {
            for (group, block) in &resolution.groups {
                let base = draw(index, group, &hidden)?;
                hidden = (&hidden + group.forward(&base, &hidden)?)?;
                if let Some(block) = block {
                    hidden = sequence(&hidden, &block.layers(&()))?;
                }
            }
            let last = index + 1 == self.resolutions.len();
            let mut layers = vec![
                Layer::Activation(self.activation),
                resolution.transposed.layer(),
            ];
            layers.extend(last.then_some(Layer::Flatten));
            hidden = sequence(&hidden, &layers)?;
        }
        Ok(hidden)
    }
}

/// A group of latents of a ladder VAE, an image of a few channels: z = μ + σ ⊙ u, where μ and σ depend on the hidden state
/// of the top-down network and u has the prior N(0, I).
///
/// The posterior of u is N(m, diag s²), where m and s depend on the hidden state and the features of the image. In terms
/// of z, that is the residual normal distribution N(μ + σ m, σ² s²) of Vahdat & Kautz 2020, "NVAE", section 3.2, and the KL
/// divergence is that of u.
///
/// Both scales are bounded, since a large one in a level multiplies those of all levels below it, and a single image could
/// have a loss of 10¹⁰: σ is a sigmoid, which is near 0 where an image needs no latent, and s is from e⁻² to e².
#[derive(Clone, Debug)]
pub(crate) struct LatentGroup {
    activation: Activation,
    prior: [Conv2d; 2],
    merge: Conv2d,
    posterior: [Conv2d; 2],
    output: Conv2d,
}

impl LatentGroup {
    fn new(
        channels: usize,
        latent_channels: usize,
        activation: Activation,
        builder: &VarBuilder,
    ) -> Result<Self> {
        let pointwise = |inputs: usize, outputs, init: fn(usize) -> _, name: &str| {
            let geometry = Convolution {
                stride: 1,
                padding: 0,
            };
            let (init, builder) = (init(inputs), builder.pp(name));
            let activation = Activation::Identity;
            Conv2d::with_init(inputs, outputs, 1, geometry, activation, init, &builder)
        };
        let to_latents = |name: &str| pointwise(channels, latent_channels, small, name);
        let geometry = Convolution {
            stride: 1,
            padding: KERNEL / 2,
        };
        let merge = builder.pp("merge");
        Ok(Self {
            activation,
            prior: [to_latents("prior_mean")?, to_latents("prior_scale")?],
            merge: Conv2d::new(channels, channels, KERNEL, geometry, activation, &merge)?,
            posterior: [to_latents("mean")?, to_latents("log_scale")?],
            output: pointwise(latent_channels, channels, uniform, "output")?,
        })
    }

    /// The mean and log-scale of the posterior of u, `[n, height × width × latent channels]`, from the hidden state and the
    /// features of the images, both `[n, height, width, channels]`.
    pub(crate) fn posterior(&self, hidden: &Tensor, features: &Tensor) -> Result<[Tensor; 2]> {
        let merge = [Layer::Activation(self.activation), self.merge.layer()];
        let merged = sequence(&(hidden + features)?, &merge)?;
        let [mean, log_scale] = &self.posterior;
        let head = |layer: &Conv2d| sequence(&merged, &[layer.layer(), Layer::Flatten]);
        Ok([head(mean)?, bounded(&head(log_scale)?)?])
    }

    /// What the group adds to the hidden state, `[n, height, width, channels]`: a linear map of z, from u
    /// `[n, height × width × latent channels]`.
    fn forward(&self, base: &Tensor, hidden: &Tensor) -> Result<Tensor> {
        let [mean, scale] = &self.prior;
        let head = |layer: &Conv2d| {
            let before = Layer::Activation(self.activation);
            sequence(hidden, &[before, layer.layer()])
        };
        let mean = head(mean)?;
        let latents = (&mean + (sigmoid(&head(scale)?)? * base.reshape(mean.shape())?)?)?;
        sequence(&latents, &[self.output.layer()])
    }
}
