use std::ops::Range;

use candle_core::{Result as TensorResult, Tensor};
use latent_distributions::{Bijector, Sigmoid};
use latent_kernels::dequantised_logit;
use serde::{Deserialize, Serialize};

use crate::Error;

/// The preprocessing of pixels with 256 levels: dequantisation with uniform noise, u = (level + noise) / 256, and
/// optionally a logit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    expecting = "a table such as { kind = 'logit' }"
)]
pub enum Preprocessing {
    /// Only dequantisation: y = u in [0, 1].
    Unit,
    /// Dequantisation and logit: y = logit(λ + (1 − 2λ) u). Papamakarios et al. 2017, appendix E.
    Logit {
        /// The distance λ of the argument from 0 and 1, greater than 0 and less than ½.
        #[serde(default = "usual_lambda")]
        lambda: f64,
    },
}

fn usual_lambda() -> f64 {
    1e-6
}

impl Preprocessing {
    /// Checks λ.
    pub(super) fn check(self) -> Result<(), Error> {
        /// The dequantisation noise can be 0, and logit(0) is −∞. The smallest λ is the smallest positive (normal)
        /// 32-bit float.
        const LAMBDAS: Range<f64> = f32::MIN_POSITIVE as f64..0.5;
        if let Self::Logit { lambda } = self
            && !LAMBDAS.contains(&lambda)
        {
            return Err(Error::Config {
                key: "preprocessing.lambda",
                value: lambda.to_string(),
                remedy: "it must be at least 1.2e-38 and less than 0.5, so that black and white pixels have \
                         finite logits",
            });
        }
        Ok(())
    }

    /// Preprocesses pixels in [0, 1], `[n, d]`, with noise in [0, 1): y, `[n, d]`, and the log-determinant of the map
    /// from levels in [0, 256] to y, `[n]`.
    pub(super) fn apply(self, images: &Tensor, noise: &Tensor) -> TensorResult<(Tensor, Tensor)> {
        match self {
            Self::Logit { lambda } => dequantised_logit(images, noise, lambda),
            Self::Unit => {
                let unit = (((images * 255.0)? + noise)? / 256.0)?;
                let (count, pixels) = images.dims2()?;
                let zeros = Tensor::zeros(count, images.dtype(), images.device())?;
                Ok((unit, (zeros - pixels as f64 * 256f64.ln())?))
            }
        }
    }

    /// The inverse: pixels in [0, 1]. The value u is taken as the middle of its level (noise ½).
    pub(super) fn undo(self, data: &Tensor) -> Result<Tensor, Error> {
        let unit = match self {
            Self::Unit => data.clone(),
            Self::Logit { lambda } => {
                let sigmoid = Sigmoid::new(lambda)?;
                Bijector::<()>::forward_and_log_det(&sigmoid, data, &())?.0
            }
        };
        Ok((((unit * 256.0)? - 0.5)? / 255.0)?.clamp(0.0, 1.0)?)
    }
}
