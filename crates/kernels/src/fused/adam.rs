use candle_core::{DType, Result, Tensor, Var};

use crate::adam::{Adam, Moments};
use crate::element::Element;
use crate::fused::elementwise::{CHUNK, vectorised};
use crate::fused::operation::{change, is_fused, on_cpu};
use crate::fused::parallel::share_chunks;

/// See [`adam_update`](crate::adam_update).
pub(crate) fn adam_update(
    parameter: &Var,
    gradient: &Tensor,
    moments: &Moments,
    adam: &Adam,
    step: u64,
) -> Result<Option<()>> {
    let variables = [parameter, &moments.first, &moments.second].map(Var::as_tensor);
    let are_contiguous = variables.iter().all(|variable| variable.is_contiguous());
    if !are_contiguous || !is_fused(&[variables.as_slice(), &[gradient]].concat()) {
        return Ok(None);
    }
    match parameter.dtype() {
        DType::F32 => fused::<f32>(parameter, gradient, moments, adam, step),
        _ => fused::<f64>(parameter, gradient, moments, adam, step),
    }
    .map(Some)
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
    // All four tensors are borrowed at the same time, for a single pass over memory.
    change::<T>(&moments.first, |first| {
        change::<T>(&moments.second, |second| {
            change::<T>(parameter, |parameter| {
                update.apply(parameter, gradient, first, second);
                Ok(())
            })
        })
    })
}

/// The precomputed constants of an update.
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
