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
}

impl Default for Adam {
    fn default() -> Self {
        Self {
            learning_rate: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
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

/// Moves one parameter along its gradient and updates its moments, in place.
///
/// `step` counts from 1, and is what the bias correction depends on. A gradient that still carries
/// its history is detached first.
pub fn adam_update(
    parameter: &Var,
    gradient: &Tensor,
    moments: &Moments,
    adam: &Adam,
    step: u64,
) -> Result<()> {
    let gradient = gradient.detach();
    let decay = |average: &Var, beta: f64, new: &Tensor| {
        average.set(&((average.as_detached_tensor() * beta)? + (new * (1.0 - beta))?)?)
    };
    decay(&moments.first, adam.beta1, &gradient)?;
    decay(&moments.second, adam.beta2, &gradient.sqr()?)?;

    let unbiased = |average: &Var, beta: f64| {
        let correction = 1.0 / (1.0 - beta.powf(step as f64));
        average.as_detached_tensor() * correction
    };
    let first = unbiased(&moments.first, adam.beta1)?;
    let second = unbiased(&moments.second, adam.beta2)?;
    let update = (first / (second.sqrt()? + adam.epsilon)?)?;
    parameter.set(&(parameter.as_detached_tensor() - (update * adam.learning_rate)?)?)
}
