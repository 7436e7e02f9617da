use candle_nn::VarBuilder;
use latent_kernels::{Activation, Shape};

use super::config::{ConvolutionalVaeConfig, VaeConfig};
use super::model::Vae;
use crate::Error;
use crate::error::positive;
use crate::networks::{
    AdditiveConditioning, ConcatConditioning, Conv2d, ConvolutionalDecoder, ConvolutionalEncoder,
    Linear, Mlp,
};

/// A fully connected conditional VAE: the one-hot label is concatenated to the input of encoder and decoder.
pub type ConditionalVae = Vae<ConcatConditioning<Mlp>, ConcatConditioning<Mlp>>;

/// A VAE with convolutional encoder and decoder.
pub type ConvolutionalVae = Vae<ConvolutionalEncoder, ConvolutionalDecoder>;

/// A conditional convolutional VAE: a linear map of the label is added in the first layer of encoder and decoder.
pub type ConditionalConvolutionalVae = Vae<
    ConvolutionalEncoder<AdditiveConditioning<Conv2d>>,
    ConvolutionalDecoder<AdditiveConditioning<Linear>>,
>;

/// The encoder (without heads) and the decoder. `beside` is the number of values that are concatenated to the input of
/// each.
fn mlp_networks(
    pixels: usize,
    beside: usize,
    config: &VaeConfig,
    builder: &VarBuilder,
) -> Result<[Mlp; 2], Error> {
    let VaeConfig {
        hidden,
        blocks,
        activation,
        latent_size,
        ..
    } = config;
    let encoder_sizes = [&[pixels + beside], &hidden[..]].concat();
    let mut decoder_sizes = [&[pixels], &hidden[..], &[latent_size + beside]].concat();
    decoder_sizes.reverse();
    let network = |name, sizes: &[usize], last| {
        Mlp::residual(sizes, *blocks, *activation, last, &builder.pp(name))
    };
    Ok([
        network("encoder", &encoder_sizes, *activation)?,
        network("decoder", &decoder_sizes, Activation::Identity)?,
    ])
}

impl Vae {
    /// Builds a fully connected VAE for images of `pixels` values.
    ///
    /// The variables from `builder` are named `encoder`, `mean`, `log_variance`, `decoder` and, if they have variables,
    /// `likelihood` and `prior`.
    ///
    /// # Errors
    /// Those of [`VaeConfig::check`], or `builder` contains variables of other shapes.
    pub fn new(pixels: usize, config: &VaeConfig, builder: &VarBuilder) -> Result<Self, Error> {
        config.check(pixels)?;
        let [encoder, decoder] = mlp_networks(pixels, 0, config, builder)?;
        let features = config.hidden.last().copied().unwrap_or(pixels);
        let (size, objective) = (config.latent_size, &config.objective);
        Self::from_networks(encoder, features, decoder, size, objective, builder)?
            .with_likelihood(config.likelihood, pixels, builder)?
            .with_prior(&config.prior, builder)
    }
}

impl ConditionalVae {
    /// Builds a fully connected conditional VAE for images of `pixels` values with labels of `classes` classes. Sohn et
    /// al. 2015, with the same p(z) for all labels.
    ///
    /// # Errors
    /// Those of [`Vae::new`], or `classes` is 0.
    pub fn conditional(
        pixels: usize,
        classes: usize,
        config: &VaeConfig,
        builder: &VarBuilder,
    ) -> Result<Self, Error> {
        config.check(pixels)?;
        positive("classes", classes)?;
        let networks = mlp_networks(pixels, classes, config, builder)?;
        let [encoder, decoder] = networks.map(|network| ConcatConditioning::new(network, classes));
        let features = config.hidden.last().copied().unwrap_or(pixels + classes);
        let (size, objective) = (config.latent_size, &config.objective);
        Self::from_networks(encoder, features, decoder, size, objective, builder)?
            .with_likelihood(config.likelihood, pixels, builder)?
            .with_prior(&config.prior, builder)
    }
}

impl ConvolutionalVae {
    /// Builds a convolutional VAE for images of this shape. The variables have the names of [`Vae::new`].
    ///
    /// # Errors
    /// Those of [`ConvolutionalVaeConfig::check`], or `builder` contains variables of other shapes.
    pub fn convolutional(
        image: Shape,
        config: &ConvolutionalVaeConfig,
        builder: &VarBuilder,
    ) -> Result<Self, Error> {
        config.check(image, 0)?;
        let networks = &config.networks;
        let encoder = ConvolutionalEncoder::new(image, networks, &builder.pp("encoder"))?;
        let decoder = ConvolutionalDecoder::new(image, networks, &builder.pp("decoder"))?;
        let (size, objective) = (networks.latent_size, &config.objective);
        Self::from_networks(
            encoder,
            networks.features,
            decoder,
            size,
            objective,
            builder,
        )?
        .with_likelihood(config.likelihood, image.elem_count(), builder)?
        .with_prior(&config.prior, builder)
    }
}

impl ConditionalConvolutionalVae {
    /// Builds a convolutional VAE that is conditional on labels of `classes` classes.
    ///
    /// # Errors
    /// Those of [`Vae::convolutional`], or `classes` is 0.
    pub fn conditional_convolutional(
        image: Shape,
        classes: usize,
        config: &ConvolutionalVaeConfig,
        builder: &VarBuilder,
    ) -> Result<Self, Error> {
        config.check(image, classes)?;
        positive("classes", classes)?;
        let networks = &config.networks;
        let encoder =
            ConvolutionalEncoder::conditional(image, classes, networks, &builder.pp("encoder"))?;
        let decoder =
            ConvolutionalDecoder::conditional(image, classes, networks, &builder.pp("decoder"))?;
        let (size, objective) = (networks.latent_size, &config.objective);
        Self::from_networks(
            encoder,
            networks.features,
            decoder,
            size,
            objective,
            builder,
        )?
        .with_likelihood(config.likelihood, image.elem_count(), builder)?
        .with_prior(&config.prior, builder)
    }
}
