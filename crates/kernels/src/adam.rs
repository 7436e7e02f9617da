use candle_core::{Result, Tensor, Var};

/// The constants of Adam's update, with the defaults of the paper.
///
/// Kingma & Ba 2015, algorithm 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// The step size α.
    pub learning_rate: f64,
    /// Decay of the average of gradients, β₁.
    pub beta1: f64,
    /// Decay of the average of squared gradients, β₂.
    pub beta2: f64,
    /// What keeps the quotient finite, ε.
    pub epsilon: f64,
    /// The share λ of the parameter that goes in a step of size 1, apart from the gradient: Loshchilov &
    /// Hutter 2019, algorithm 2.
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

/// Adam's two running averages for one parameter, of the parameter's shape.
#[derive(Clone, Debug)]
pub struct Moments {
    /// The average of gradients, m.
    pub first: Var,
    /// The average of squared gradients, v.
    pub second: Var,
}

impl Moments {
    /// Moments at the start of training: zero.
    pub fn zeros_like(parameter: &Tensor) -> Result<Self> {
        let zeros = || Var::zeros(parameter.shape(), parameter.dtype(), parameter.device());
        Ok(Self {
            first: zeros()?,
            second: zeros()?,
        })
    }
}
