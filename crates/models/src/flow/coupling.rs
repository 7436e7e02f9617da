use candle_core::Tensor;
use latent_distributions::{Additive, Affine, Bijector, Coupling, LogisticMixture, Mask};
use latent_kernels::narrow;

use super::config::Transform;
use crate::Error;
use crate::networks::{Condition, Network, bounded};

impl Transform {
    /// The number of parameters of each transformed component.
    pub(crate) fn parameters(self) -> usize {
        match self {
            Self::Additive => 1,
            Self::Affine => 2,
            Self::Mixture { components } => LogisticMixture::new(components).parameters(),
        }
    }

    /// Checks the number of components.
    pub(crate) fn check(self) -> Result<(), Error> {
        if let Self::Mixture { components } = self
            && !(1..=LogisticMixture::MAX_COMPONENTS).contains(&components)
        {
            return Err(Error::Config {
                key: "transform.components",
                value: components.to_string(),
                remedy: "it must be 1 to 32",
            });
        }
        Ok(())
    }

    /// The coupling layer of this transformation, whose parameters are the output of one network for the given components,
    /// in blocks: `[n, given]` to `[n, parameters × transformed]`. Log-scales of an affine coupling are 2 tanh(s/2), so it
    /// scales by e⁻² to e².
    pub(crate) fn coupling<C: Condition + 'static>(
        self,
        mask: Mask,
        network: Box<dyn Network<Condition = C>>,
    ) -> Box<dyn Bijector<C>> {
        self.coupling_by(mask, move |given: &Tensor, c: &C| {
            Ok(network.forward(given, c)?)
        })
    }

    /// [`Self::coupling`] with any function as the network.
    pub(crate) fn coupling_by<C: 'static>(
        self,
        mask: Mask,
        parameters: impl Fn(&Tensor, &C) -> Result<Tensor, latent_distributions::Error>
        + Send
        + Sync
        + 'static,
    ) -> Box<dyn Bijector<C>> {
        let outputs = mask.transformed();
        match self {
            Self::Additive => Box::new(Coupling::new(mask, Additive, parameters)),
            Self::Affine => {
                let parameters = move |given: &Tensor, c: &C| {
                    let both = parameters(given, c)?;
                    let log_scale = bounded(&narrow(&both, 0, outputs)?)?;
                    Ok((log_scale, narrow(&both, outputs, outputs)?))
                };
                Box::new(Coupling::new(mask, Affine, parameters))
            }
            Self::Mixture { components } => {
                let mixture = LogisticMixture::new(components);
                Box::new(Coupling::new(mask, mixture, parameters))
            }
        }
    }
}
