use candle_core::Tensor;
use latent_kernels::{concat, narrow};

use crate::{Bijector, Error, Mask};

/// A level of a multi-scale flow: a bijector transforms the given columns of a mask, and the others
/// are factored out, which means that they are latents already. Dinh et al. 2017, section 3.6.
///
/// The latents are those of the bijector, followed by the columns that are factored out.
#[derive(Clone, Debug)]
pub struct FactorOut<B> {
    mask: Mask,
    bijector: B,
}

impl<B> FactorOut<B> {
    /// Factors out the transformed columns of `mask`; `bijector` transforms the given ones.
    pub fn new(mask: Mask, bijector: B) -> Self {
        Self { mask, bijector }
    }
}

impl<C, B: Bijector<C>> Bijector<C> for FactorOut<B> {
    fn forward_and_log_det(&self, latents: &Tensor, c: &C) -> Result<(Tensor, Tensor), Error> {
        let (given, transformed) = (self.mask.given(), self.mask.transformed());
        let inner = narrow(latents, 0, given)?;
        let (data, log_det) = self.bijector.forward_and_log_det(&inner, c)?;
        let data = self
            .mask
            .join(&narrow(latents, given, transformed)?, &data)?;
        Ok((data, log_det))
    }

    fn inverse_and_log_det(&self, data: &Tensor, c: &C) -> Result<(Tensor, Tensor), Error> {
        let (factored_out, data) = self.mask.split(data)?;
        let (latents, log_det) = self.bijector.inverse_and_log_det(&data, c)?;
        Ok((concat(&latents, &factored_out)?, log_det))
    }

    fn initialise(&self, data: &Tensor, c: &C) -> Result<Tensor, Error> {
        let (factored_out, data) = self.mask.split(data)?;
        Ok(concat(&self.bijector.initialise(&data, c)?, &factored_out)?)
    }

    fn is_conditional(&self) -> bool {
        self.bijector.is_conditional()
    }

    fn inverse_under_each(
        &self,
        data: &Tensor,
        conditions: &[C],
    ) -> Result<Vec<(Tensor, Tensor)>, Error> {
        let (factored_out, data) = self.mask.split(data)?;
        let results = self.bijector.inverse_under_each(&data, conditions)?;
        let joined = |(latents, log_det)| Ok((concat(&latents, &factored_out)?, log_det));
        results.into_iter().map(joined).collect()
    }
}
