use candle_core::{D, Tensor};
use latent_distributions::{
    Additive, Affine, Bijector, Conditioner, Coupling, Error as DistributionError, LogisticMixture,
    Mask,
};
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
        self.coupling_by(mask, Output(network))
    }

    /// [`Self::coupling`] with any function as the network.
    pub(crate) fn coupling_by<C: 'static>(
        self,
        mask: Mask,
        output: impl Conditioner<C, Parameters = Tensor> + 'static,
    ) -> Box<dyn Bijector<C>> {
        match self {
            Self::Additive => Box::new(Coupling::new(mask, Additive, output)),
            Self::Affine => Box::new(Coupling::new(mask, Affine, ScaleAndTranslation(output))),
            Self::Mixture { components } => {
                let mixture = LogisticMixture::new(components);
                Box::new(Coupling::new(mask, mixture, output))
            }
        }
    }
}

/// The output of a network as the parameters of a coupling.
struct Output<C>(Box<dyn Network<Condition = C>>);

impl<C: Condition> Conditioner<C> for Output<C> {
    type Parameters = Tensor;

    fn parameters(&self, given: &Tensor, condition: &C) -> Result<Tensor, DistributionError> {
        Ok(self.0.forward(given, condition)?)
    }

    fn is_conditional(&self) -> bool {
        self.0.classes().is_some()
    }
}

/// An output as the log-scale and, after it, the translation of an affine coupling.
struct ScaleAndTranslation<N>(N);

impl<C, N: Conditioner<C, Parameters = Tensor>> Conditioner<C> for ScaleAndTranslation<N> {
    type Parameters = (Tensor, Tensor);

    fn parameters(
        &self,
        given: &Tensor,
        condition: &C,
    ) -> Result<(Tensor, Tensor), DistributionError> {
        let both = self.0.parameters(given, condition)?;
        let half = both.dim(D::Minus1)? / 2;
        let log_scale = bounded(&narrow(&both, 0, half)?)?;
        Ok((log_scale, narrow(&both, half, half)?))
    }

    fn is_conditional(&self) -> bool {
        self.0.is_conditional()
    }
}
