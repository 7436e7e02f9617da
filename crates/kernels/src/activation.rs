use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

/// The elementwise function that follows a linear map.
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
}

impl Activation {
    /// The function applied to every element.
    pub fn apply(self, input: &Tensor) -> Result<Tensor> {
        match self {
            Self::Identity => Ok(input.clone()),
            Self::Relu => input.relu(),
            Self::Tanh => input.tanh(),
        }
    }
}
