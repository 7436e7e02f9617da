use candle_core::{DType, Result, Tensor, Var, bail};

use crate::composed;
use crate::element::Element;
use crate::elementwise::{CHUNK, vectorised};
use crate::operation::{change, is_fused, on_cpu};
use crate::parallel::share_chunks;

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

/// Moves one parameter along its gradient and updates its moments, in place.
///
/// `step` counts from 1, and is what the bias correction depends on. A gradient that still carries
/// its history is detached first. Kingma & Ba 2015, algorithm 1.
///
/// # Errors
/// The gradient or the moments do not have the parameter's shape, dtype and device.
pub fn adam_update(
    parameter: &Var,
    gradient: &Tensor,
    moments: &Moments,
    adam: &Adam,
    step: u64,
) -> Result<()> {
    let tensors = [
        parameter.as_tensor(),
        gradient,
        moments.first.as_tensor(),
        moments.second.as_tensor(),
    ];
    if tensors
        .iter()
        .any(|tensor| tensor.dims() != parameter.dims())
    {
        bail!(
            "Adam needs a gradient and moments of the parameter's shape {:?}, not {:?}, {:?} and {:?}",
            parameter.shape(),
            gradient.shape(),
            moments.first.shape(),
            moments.second.shape()
        );
    }
    let variables = [tensors[0], tensors[2], tensors[3]];
    if !is_fused(&tensors) || !variables.iter().all(|variable| variable.is_contiguous()) {
        return composed::adam_update(parameter, gradient, moments, adam, step);
    }
    match parameter.dtype() {
        DType::F32 => fused::<f32>(parameter, gradient, moments, adam, step),
        _ => fused::<f64>(parameter, gradient, moments, adam, step),
    }
}

fn fused<T: Element>(
    parameter: &Var,
    gradient: &Tensor,
    moments: &Moments,
    adam: &Adam,
    step: u64,
) -> Result<()> {
    let gradient = gradient.contiguous()?;
    let (storage, layout) = gradient.storage_and_layout();
    let gradient = on_cpu::<T>(&storage, layout)?;
    let update = Update::new(adam, step);
    // All four are held at once, so that one pass over memory does it.
    change::<T>(&moments.first, |first| {
        change::<T>(&moments.second, |second| {
            change::<T>(parameter, |parameter| {
                update.apply(parameter, gradient, first, second);
                Ok(())
            })
        })
    })
}

/// The constants of one update.
struct Update<T> {
    beta1: T,
    beta2: T,
    /// 1 − β₁ and 1 − β₂
    rest1: T,
    rest2: T,
    /// α / (1 − β₁ᵗ)
    rate: T,
    /// √(1 / (1 − β₂ᵗ))
    scale: T,
    epsilon: T,
    /// 1 − α λ
    kept: T,
}

impl<T: Element> Update<T> {
    fn new(adam: &Adam, step: u64) -> Self {
        let correction = |beta: f64| 1.0 / (1.0 - beta.powf(step as f64));
        Self {
            beta1: T::from_f64(adam.beta1),
            beta2: T::from_f64(adam.beta2),
            rest1: T::from_f64(1.0 - adam.beta1),
            rest2: T::from_f64(1.0 - adam.beta2),
            rate: T::from_f64(adam.learning_rate * correction(adam.beta1)),
            scale: T::from_f64(correction(adam.beta2).sqrt()),
            epsilon: T::from_f64(adam.epsilon),
            kept: T::from_f64(1.0 - adam.learning_rate * adam.weight_decay),
        }
    }

    fn apply(&self, parameter: &mut [T], gradient: &[T], first: &mut [T], second: &mut [T]) {
        share_chunks([parameter, first, second], CHUNK, |index, [p, m, v]| {
            let gradient = &gradient[index * CHUNK..][..p.len()];
            vectorised(
                #[inline(always)]
                || {
                    for (((p, m), v), &g) in p.iter_mut().zip(m).zip(v).zip(gradient) {
                        *m = self.beta1 * *m + self.rest1 * g;
                        *v = self.beta2 * *v + self.rest2 * g * g;
                        let step = self.rate * *m / (Element::sqrt(*v) * self.scale + self.epsilon);
                        *p = *p * self.kept - step;
                    }
                },
            );
        });
    }
}
