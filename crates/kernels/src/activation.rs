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
