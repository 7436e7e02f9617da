use std::ops::Neg;

use candle_core::{CpuStorage, Result, WithDType, bail};

use crate::math;

/// The float types of the fused operations.
///
/// The 32-bit functions are those of [`math`], which the compiler vectorises. The 64-bit functions,
/// which are used for tests and not for training, are the standard library's.
pub(crate) trait Element: WithDType + Neg<Output = Self> {
    fn exp(self) -> Self;
    fn ln(self) -> Self;
    fn ln_1p(self) -> Self;
    fn tanh(self) -> Self;
    fn abs(self) -> Self;
    fn sqrt(self) -> Self;

    /// Mutable access to the numbers of a storage.
    fn slice_mut(storage: &mut CpuStorage) -> Result<&mut [Self]>;
}

impl Element for f32 {
    #[inline(always)]
    fn exp(self) -> Self {
        math::exp(self)
    }

    #[inline(always)]
    fn ln(self) -> Self {
        math::ln(self)
    }

    #[inline(always)]
    fn ln_1p(self) -> Self {
        math::ln_1p(self)
    }

    #[inline(always)]
    fn tanh(self) -> Self {
        math::tanh(self)
    }

    #[inline(always)]
    fn abs(self) -> Self {
        self.abs()
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        self.sqrt()
    }

    fn slice_mut(storage: &mut CpuStorage) -> Result<&mut [Self]> {
        match storage {
            CpuStorage::F32(values) => Ok(values),
            _ => bail!("the tensor is not of type f32"),
        }
    }
}

impl Element for f64 {
    fn exp(self) -> Self {
        self.exp()
    }

    fn ln(self) -> Self {
        self.ln()
    }

    fn ln_1p(self) -> Self {
        self.ln_1p()
    }

    fn tanh(self) -> Self {
        self.tanh()
    }

    fn abs(self) -> Self {
        self.abs()
    }

    fn sqrt(self) -> Self {
        self.sqrt()
    }

    fn slice_mut(storage: &mut CpuStorage) -> Result<&mut [Self]> {
        match storage {
            CpuStorage::F64(values) => Ok(values),
            _ => bail!("the tensor is not of type f64"),
        }
    }
}
