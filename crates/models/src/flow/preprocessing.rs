use candle_core::{Result as TensorResult, Tensor};
use latent_distributions::{Bijector, Sigmoid};
use latent_kernels::dequantised_logit;
use serde::{Deserialize, Serialize};

use crate::Error;

/// How a pixel of 256 levels becomes a number that has a density: uniform noise is added, u = (level +
/// noise) / 256.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    expecting = "a table such as { kind = 'logit' }"
)]
pub enum Preprocessing {
    /// It stays there: u in the unit interval.
    Unit,
    /// logit(λ + (1 − 2λ) u). Papamakarios et al. 2017, appendix E.
    Logit {
        /// λ: how far the logit keeps away from black and white, greater than 0 and less than ½.
        #[serde(default = "usual_lambda")]
        lambda: f64,
    },
}

fn usual_lambda() -> f64 {
    1e-6
}

impl Preprocessing {
    /// Pixels in [0, 1], `[n, d]`, with noise in [0, 1), become numbers y, with the logarithm of the
    /// determinant `[n]` of the way to them from levels 0 to 256.
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

    /// Back to pixels in [0, 1], each as if it were in the middle of its level.
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
