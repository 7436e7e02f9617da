use candle_core::{Result, Tensor, Var};

/// The hyperparameters of Adam; the defaults are those of the paper.
///
/// Kingma & Ba 2015, algorithm 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// The learning rate (step size) α.
    pub learning_rate: f64,
    /// The decay rate of the average of gradients, β₁.
    pub beta1: f64,
    /// The decay rate of the average of squared gradients, β₂.
    pub beta2: f64,
    /// The constant ε added to the denominator.
    pub epsilon: f64,
    /// The decoupled weight decay λ of `AdamW`, per step and unit of the learning rate: Loshchilov
    /// & Hutter 2019, algorithm 2.
    pub weight_decay: f64,
}

impl Default for Adam {
    fn default() -> Self {
        Self {
            learning_rate: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
        }
    }
}

/// Adam's running averages (moments) for one parameter, both of the parameter's shape.
#[derive(Clone, Debug)]
pub struct Moments {
    /// The average of gradients, m.
    pub first: Var,
    /// The average of squared gradients, v.
    pub second: Var,
}

impl Moments {
    /// The initial moments: zeros.
    pub fn zeros_like(parameter: &Tensor) -> Result<Self> {
        let zeros = || Var::zeros(parameter.shape(), parameter.dtype(), parameter.device());
        Ok(Self {
            first: zeros()?,
            second: zeros()?,
        })
    }
}
