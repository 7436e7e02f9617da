use serde::{Deserialize, Serialize};

/// The elementwise function after a linear map or convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Activation {
    /// x
    Identity,
    /// max(x, 0)
    Relu,
    /// tanh(x)
    Tanh,
    /// x σ(x): Elfwing et al. 2018; Ramachandran et al. 2017 call it swish.
    Silu,
    /// ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))): Hendrycks & Gimpel 2016, section 2, the approximation by tanh
    /// (`gelu` of JAX, `GELU(approximate="tanh")` of PyTorch).
    Gelu,
}

/// The factor √(2/π) of [`Activation::Gelu`].
pub(crate) const GELU_FACTOR: f64 =
    std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2;
/// The coefficient of x³ in [`Activation::Gelu`].
pub(crate) const GELU_CUBE: f64 = 0.044_715;
