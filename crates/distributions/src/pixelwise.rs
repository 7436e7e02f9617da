use candle_core::Tensor;
use latent_kernels::Shape;

use crate::{Bijector, Error};

/// A bijector of vectors with one component for each channel, applied to every pixel of images
/// `[height, width, channels]` as vectors.
///
/// With [`ActNorm`](crate::ActNorm) and [`InvertibleLinear`](crate::InvertibleLinear), it is the
/// activation normalisation and the invertible 1×1 convolution of Kingma & Dhariwal 2018 (Glow),
/// sections 3.1 and 3.2.
#[derive(Clone, Debug)]
pub struct Pixelwise<B> {
    channels: usize,
    bijector: B,
}

impl<B> Pixelwise<B> {
    /// Applies `bijector` to the pixels of images of this shape.
    pub fn new(image: Shape, bijector: B) -> Self {
        let channels = image.channels;
        Self { channels, bijector }
    }

    /// The pixels of all images, `[n · height · width, channels]`.
    fn pixels(&self, images: &Tensor) -> Result<Tensor, Error> {
        let (count, size) = images.dims2()?;
        Ok(images.reshape((count * size / self.channels, self.channels))?)
    }

    /// The images of pixels, with their log-determinants.
    fn images(
        count: usize,
        (pixels, log_det): &(Tensor, Tensor),
    ) -> Result<(Tensor, Tensor), Error> {
        let log_det = log_det.reshape((count, log_det.elem_count() / count.max(1)))?;
        Ok((pixels.reshape((count, ()))?, log_det.sum(1)?))
    }
}

impl<C, B: Bijector> Bijector<C> for Pixelwise<B> {
    fn forward_and_log_det(&self, latents: &Tensor, _: &C) -> Result<(Tensor, Tensor), Error> {
        let pixels = self.pixels(latents)?;
        Self::images(
            latents.dim(0)?,
            &self.bijector.forward_and_log_det(&pixels, &())?,
        )
    }

    fn inverse_and_log_det(&self, data: &Tensor, _: &C) -> Result<(Tensor, Tensor), Error> {
        let pixels = self.pixels(data)?;
        Self::images(
            data.dim(0)?,
            &self.bijector.inverse_and_log_det(&pixels, &())?,
        )
    }

    fn initialise(&self, data: &Tensor, _: &C) -> Result<Tensor, Error> {
        let latents = self.bijector.initialise(&self.pixels(data)?, &())?;
        Ok(latents.reshape(data.dims())?)
    }

    fn is_conditional(&self) -> bool {
        false
    }
}
