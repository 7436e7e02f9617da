use candle_core::{DType, Device, Result as TensorResult, Tensor};

/// log(1/k Σ exp w) over the first dimension of `[k, n]`, `[n]`: differentiable, for training. [`LogMeanExp`] is for
/// evaluation.
///
/// The largest term is subtracted first, so there is no overflow, and the dtype of the terms is accurate enough: the
/// subtraction is exact for terms near the largest.
pub(crate) fn log_mean_exp(terms: &Tensor) -> TensorResult<Tensor> {
    // Detached, since the gradient of the largest term cancels.
    let largest = terms.detach().max_keepdim(0)?;
    let sum = terms.broadcast_sub(&largest)?.exp()?.mean(0)?;
    sum.log()? + largest.squeeze(0)?
}

/// An accumulator for log(1/k Σ exp w) of k terms, for n such means at once.
///
/// It computes importance-weighted estimates, marginals over labels, and the normaliser of Bayes' rule. The largest
/// term is subtracted before exponentiation, and all sums are in 64-bit floats on the CPU: log-likelihoods of images
/// are of magnitude 10³, where neighbouring 32-bit floats differ by 6·10⁻⁵.
///
/// ```
/// # use candle_core::{DType, Device, Tensor};
/// # use latent_models::LogMeanExp;
/// # fn main() -> candle_core::Result<()> {
/// let mut mean = LogMeanExp::new(1);
/// mean.add(&Tensor::new(&[[-2000f32]], &Device::Cpu)?)?;
/// mean.add(&Tensor::new(&[[-2000f32], [-3000.0]], &Device::Cpu)?)?;
/// let value = mean.finish(DType::F64, &Device::Cpu)?.to_vec1::<f64>()?;
/// assert_eq!(value, [-2000.0 + 2f64.ln() - 3f64.ln()]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct LogMeanExp {
    largest: Vec<f64>,
    sums: Vec<f64>,
    terms: usize,
}

impl LogMeanExp {
    /// Creates `count` means without terms.
    pub fn new(count: usize) -> Self {
        Self {
            largest: vec![f64::NEG_INFINITY; count],
            sums: vec![0.0; count],
            terms: 0,
        }
    }

    /// Adds terms `[k, n]`, without their gradients.
    ///
    /// # Errors
    /// The terms do not have two dimensions.
    pub fn add(&mut self, terms: &Tensor) -> TensorResult<()> {
        let terms = terms.detach().to_device(&Device::Cpu)?;
        for row in terms.to_dtype(DType::F64)?.to_vec2::<f64>()? {
            self.terms += 1;
            for ((largest, sum), term) in self.largest.iter_mut().zip(&mut self.sums).zip(row) {
                if term == f64::NEG_INFINITY {
                    // exp(−∞) = 0; the difference −∞ − (−∞) below would be NaN.
                } else if term <= *largest {
                    *sum += (term - *largest).exp();
                } else {
                    // NaN is not ≤ `largest`, so it is stored here and remains.
                    *sum = *sum * (*largest - term).exp() + 1.0;
                    *largest = term;
                }
            }
        }
        Ok(())
    }

    /// Returns the logarithms of the means, `[n]`, in this dtype.
    ///
    /// # Errors
    /// The device does not support the dtype.
    pub fn finish(self, dtype: DType, device: &Device) -> TensorResult<Tensor> {
        let count = (self.terms as f64).ln();
        let values: Vec<f64> = self
            .largest
            .iter()
            .zip(&self.sums)
            .map(|(largest, sum)| match *sum {
                0.0 => f64::NEG_INFINITY,
                sum => largest + sum.ln() - count,
            })
            .collect();
        Tensor::new(values, &Device::Cpu)?
            .to_dtype(dtype)?
            .to_device(device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_mean_exp_is_stable_and_independent_of_the_pieces() -> TensorResult<()> {
        let terms = [
            [-1000.0, 3.0, 0.0],
            [-1001.0, 900.0, 0.0],
            [-1000.0, -900.0, 0.0],
        ];
        let device = &Device::Cpu;
        let tensor = Tensor::new(&terms, device)?;
        let expected = [
            -1000.0 + ((2.0 + (-1f64).exp()) / 3.0).ln(),
            900.0 - 3f64.ln(),
            0.0,
        ];
        let mut pieces = LogMeanExp::new(3);
        pieces.add(&tensor.narrow(0, 0, 2)?)?;
        pieces.add(&tensor.narrow(0, 2, 1)?)?;
        for result in [log_mean_exp(&tensor)?, pieces.finish(DType::F64, device)?] {
            for (result, expected) in result.to_vec1::<f64>()?.iter().zip(expected) {
                assert!((result - expected).abs() < 1e-12, "{result} {expected}");
            }
        }
        Ok(())
    }

    #[test]
    fn nan_terms_make_the_mean_nan_and_infinitely_negative_terms_count_as_zero() -> TensorResult<()>
    {
        let device = &Device::Cpu;
        let mut sums = LogMeanExp::new(1);
        sums.add(&Tensor::new(&[[1.0], [f64::NAN], [2.0]], device)?)?;
        let value = sums.finish(DType::F64, device)?.to_vec1::<f64>()?[0];
        assert!(value.is_nan());
        // A term of −∞ has weight 0 at any position.
        let nothing = f64::NEG_INFINITY;
        let mut sums = LogMeanExp::new(2);
        sums.add(&Tensor::new(&[[nothing, nothing], [2.0, nothing]], device)?)?;
        let values = sums.finish(DType::F64, device)?.to_vec1::<f64>()?;
        assert_eq!(values, [2.0 - 2f64.ln(), nothing]);
        Ok(())
    }
}
