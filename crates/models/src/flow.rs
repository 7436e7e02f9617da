use std::f64::consts::LN_2;

use candle_core::{Result as TensorResult, Tensor};
use candle_nn::VarBuilder;
use latent_distributions::{Distribution, Generator, StandardNormal};
use latent_kernels::{
    Activation, affine_coupling, affine_coupling_inverse, dequantised_logit, sigmoid,
};

use crate::error::{positive, refuse_no_samples};
use crate::objective::LogMeanExp;
use crate::{Error, LatentModel, Loss, Mlp, Step, Trainable};

/// The shape of a [`RealNvp`].
#[derive(Clone, Debug, PartialEq)]
pub struct RealNvpConfig {
    /// How many affine couplings there are, each transforming one half of the pixels.
    pub couplings: usize,
    /// Sizes of the hidden layers of the scale and of the translation network of each coupling.
    pub hidden: Vec<usize>,
    /// λ: how far the logit keeps away from black and white.
    pub lambda: f64,
}

impl Default for RealNvpConfig {
    /// Five couplings with two hidden layers of 512, and λ = 10⁻⁶.
    fn default() -> Self {
        Self {
            couplings: 5,
            hidden: vec![512, 512],
            lambda: 1e-6,
        }
    }
}

/// An affine coupling layer: one half of a vector is scaled and shifted by what two networks make of
/// the other half, which stays as it is. Dinh et al. 2017, equations 7 and 8.
#[derive(Clone, Debug)]
pub struct AffineCoupling {
    /// s, bounded by tanh.
    log_scale: Mlp,
    /// t
    translation: Mlp,
}

impl AffineCoupling {
    /// A coupling that transforms `transformed` numbers given `given` others. Its networks, with ReLU
    /// after the `hidden` layers, are named `log_scale` and `translation`.
    pub fn new(
        given: usize,
        hidden: &[usize],
        transformed: usize,
        builder: &VarBuilder,
    ) -> TensorResult<Self> {
        let sizes = [&[given], hidden, &[transformed]].concat();
        let network = |name, last| Mlp::new(&sizes, Activation::Relu, last, &builder.pp(name));
        Ok(Self {
            log_scale: network("log_scale", Activation::Tanh)?,
            translation: network("translation", Activation::Identity)?,
        })
    }

    /// From the latent side to the data's, `value` `[n, transformed]` given `given`, with the logarithm
    /// of the determinant `[n]`.
    pub fn forward(&self, value: &Tensor, given: &Tensor) -> TensorResult<(Tensor, Tensor)> {
        let (log_scale, translation) = self.networks(given)?;
        affine_coupling(value, &log_scale, &translation)
    }

    /// From the data's side to the latent one: the inverse of [`Self::forward`].
    pub fn inverse(&self, value: &Tensor, given: &Tensor) -> TensorResult<(Tensor, Tensor)> {
        let (log_scale, translation) = self.networks(given)?;
        affine_coupling_inverse(value, &log_scale, &translation)
    }

    fn networks(&self, given: &Tensor) -> TensorResult<(Tensor, Tensor)> {
        Ok((
            self.log_scale.forward(given)?,
            self.translation.forward(given)?,
        ))
    }
}

/// A vector in two halves, its even and its odd entries: each coupling changes one of them, and
/// nothing is taken apart or put together in between.
struct Halves {
    even: Tensor,
    odd: Tensor,
}

impl Halves {
    /// What a coupling transforms, and what it is given: even couplings transform the odd entries.
    fn of_coupling(&self, index: usize) -> (&Tensor, &Tensor) {
        if index.is_multiple_of(2) {
            (&self.odd, &self.even)
        } else {
            (&self.even, &self.odd)
        }
    }

    /// Puts what a coupling has transformed in its place.
    fn replace(&mut self, index: usize, value: Tensor) {
        if index.is_multiple_of(2) {
            self.odd = value;
        } else {
            self.even = value;
        }
    }
}

/// The log-determinant of the identity on `[n, …]`.
fn nothing(vectors: &Tensor) -> TensorResult<Tensor> {
    Tensor::zeros(vectors.dim(0)?, vectors.dtype(), vectors.device())
}

/// RealNVP on the logits of dequantised pixels, with a standard normal base: an exact density of
/// images. Couplings transform the even and the odd pixels in turn.
///
/// Dinh et al. 2017, "Density estimation using Real NVP", with fully connected networks and the
/// preprocessing of Papamakarios et al. 2017.
#[derive(Clone, Debug)]
pub struct RealNvp {
    pixels: usize,
    lambda: f64,
    couplings: Vec<AffineCoupling>,
    base: StandardNormal,
    /// The numbers of the even entries and of the odd ones.
    even: Tensor,
    odd: Tensor,
    /// Where each entry is found when the even entries are followed by the odd ones.
    interleaved: Tensor,
}

impl RealNvp {
    /// A flow for images of `pixels` values, with its variables from `builder`: `0`, `1`, … for the
    /// couplings, from the latent side to the data's.
    ///
    /// # Errors
    /// A size of the configuration is 0, there are fewer than two pixels, or `builder` holds variables
    /// of other shapes.
    pub fn new(pixels: usize, config: &RealNvpConfig, builder: &VarBuilder) -> Result<Self, Error> {
        positive("couplings", config.couplings)?;
        config
            .hidden
            .iter()
            .try_for_each(|&size| positive("hidden", size))?;
        positive("half of the pixels", pixels / 2)?;

        let device = builder.device();
        let (even, odd) = (pixels.div_ceil(2), pixels / 2);
        let numbers = |from: usize| -> TensorResult<Tensor> {
            let numbers: Vec<u32> = (from..pixels).step_by(2).map(|i| i as u32).collect();
            Tensor::new(numbers, device)
        };
        let interleaved: Vec<u32> = (0..pixels)
            .map(|i| if i % 2 == 0 { i / 2 } else { even + i / 2 } as u32)
            .collect();
        Ok(Self {
            pixels,
            lambda: config.lambda,
            couplings: (0..config.couplings)
                .map(|index| {
                    let (given, transformed) = if index % 2 == 0 {
                        (even, odd)
                    } else {
                        (odd, even)
                    };
                    let builder = builder.pp(index);
                    AffineCoupling::new(given, &config.hidden, transformed, &builder)
                })
                .collect::<TensorResult<_>>()?,
            base: StandardNormal::new(pixels, builder.dtype(), device),
            even: numbers(0)?,
            odd: numbers(1)?,
            interleaved: Tensor::new(interleaved, device)?,
        })
    }

    /// From latents `[n, pixels]` to logits of pixels, with the logarithm of the determinant `[n]`.
    pub fn forward(&self, latents: &Tensor) -> Result<(Tensor, Tensor), Error> {
        let mut halves = self.split(latents)?;
        let mut log_det = nothing(latents)?;
        for (index, coupling) in self.couplings.iter().enumerate() {
            let (value, given) = halves.of_coupling(index);
            let (value, term) = coupling.forward(value, given)?;
            halves.replace(index, value);
            log_det = (log_det + term)?;
        }
        Ok((self.join(&halves)?, log_det))
    }

    /// From logits of pixels to latents: the inverse of [`Self::forward`].
    pub fn inverse(&self, logits: &Tensor) -> Result<(Tensor, Tensor), Error> {
        let (halves, log_det) = self.halves_of_latents(logits)?;
        Ok((self.join(&halves)?, log_det))
    }

    /// log p(y) of logits of pixels y, in nats, `[n]`.
    pub fn log_prob(&self, logits: &Tensor) -> Result<Tensor, Error> {
        let (halves, log_det) = self.halves_of_latents(logits)?;
        // The base knows no order of the entries, so the halves stay apart.
        let density = |half: &Tensor| latent_kernels::standard_normal_log_density(half);
        Ok(((density(&halves.even)? + density(&halves.odd)?)? + log_det)?)
    }

    fn halves_of_latents(&self, logits: &Tensor) -> Result<(Halves, Tensor), Error> {
        let mut halves = self.split(logits)?;
        let mut log_det = nothing(logits)?;
        for (index, coupling) in self.couplings.iter().enumerate().rev() {
            let (value, given) = halves.of_coupling(index);
            let (value, term) = coupling.inverse(value, given)?;
            halves.replace(index, value);
            log_det = (log_det + term)?;
        }
        Ok((halves, log_det))
    }

    /// Logits of pixels that take a value in [0, 1], by way of noise in [0, 1), with the logarithm of
    /// the determinant of it all in levels 0 to 256.
    fn preprocess(&self, images: &Tensor, noise: &Tensor) -> Result<(Tensor, Tensor), Error> {
        Ok(dequantised_logit(images, noise, self.lambda)?)
    }

    fn split(&self, vectors: &Tensor) -> TensorResult<Halves> {
        Ok(Halves {
            even: vectors.index_select(&self.even, 1)?,
            odd: vectors.index_select(&self.odd, 1)?,
        })
    }

    fn join(&self, halves: &Halves) -> TensorResult<Tensor> {
        Tensor::cat(&[&halves.even, &halves.odd], 1)?.index_select(&self.interleaved, 1)
    }
}

impl Trainable for RealNvp {
    /// −log p(y) of the logits y of dequantised pixels. Its parts are `log_likelihood`, the same with
    /// its sign, and `bits_per_dimension`, which counts the preprocessing in: bits per pixel of 256
    /// levels.
    fn loss(&self, images: &Tensor, _labels: &Tensor, step: &mut Step) -> Result<Loss, Error> {
        let noise = step
            .generator
            .uniform(images.shape(), images.dtype(), images.device())?;
        let (logits, log_det) = self.preprocess(images, &noise)?;
        let log_likelihood = self.log_prob(&logits)?;
        let nats_to_bits = -1.0 / (LN_2 * self.pixels as f64);
        let bits_per_dimension = ((log_likelihood.detach() + log_det)? * nats_to_bits)?;
        let parts = vec![
            ("log_likelihood", log_likelihood.clone()),
            ("bits_per_dimension", bits_per_dimension),
        ];
        Ok(Loss {
            objective: log_likelihood.neg()?,
            parts,
        })
    }
}

impl LatentModel for RealNvp {
    type Condition = ();

    fn latent_size(&self) -> usize {
        self.pixels
    }

    /// Each pixel in the middle of its level.
    fn encode(&self, images: &Tensor, (): &()) -> Result<Tensor, Error> {
        let middle = (images.zeros_like()? + 0.5)?;
        Ok(self.inverse(&self.preprocess(images, &middle)?.0)?.0)
    }

    fn encode_sample(
        &self,
        images: &Tensor,
        (): &(),
        generator: &mut Generator,
    ) -> Result<Tensor, Error> {
        let noise = generator.uniform(images.shape(), images.dtype(), images.device())?;
        Ok(self.inverse(&self.preprocess(images, &noise)?.0)?.0)
    }

    fn decode(&self, latents: &Tensor, (): &()) -> Result<Tensor, Error> {
        let inside = sigmoid(&self.forward(latents)?.0)?;
        // The way back through the squeeze and the levels, to the middle of a level.
        let unit = ((inside - self.lambda)? / (1.0 - 2.0 * self.lambda))?;
        Ok((((unit * 256.0)? - 0.5)? / 255.0)?.clamp(0.0, 1.0)?)
    }

    fn decode_sample(
        &self,
        latents: &Tensor,
        condition: &(),
        _: &mut Generator,
    ) -> Result<Tensor, Error> {
        self.decode(latents, condition)
    }

    fn sample_prior(&self, count: usize, generator: &mut Generator) -> Result<Tensor, Error> {
        Ok(self.base.sample(&[count], generator)?)
    }
    /// Of images with 256 levels: log ∫ p(x + u) du over the noise u that dequantises them, by draws
    /// of it. Theis et al. 2016, section 3.1.
    fn log_likelihood(
        &self,
        images: &Tensor,
        (): &(),
        samples: usize,
        generator: &mut Generator,
    ) -> Result<Tensor, Error> {
        refuse_no_samples(samples)?;
        let mut mean = LogMeanExp::new(images.dim(0)?);
        for _ in 0..samples {
            let noise = generator.uniform(images.shape(), images.dtype(), images.device())?;
            let (logits, log_det) = self.preprocess(images, &noise)?;
            mean.add(&(self.log_prob(&logits)? + log_det)?.unsqueeze(0)?)?;
        }
        Ok(mean.finish(images.dtype(), images.device())?)
    }
}
