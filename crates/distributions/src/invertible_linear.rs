use candle_core::{DType, Tensor};

use crate::{Bijector, Error};

/// An invertible linear map of vectors, x = W y from data to latents, with the LU decomposition
/// W = P L U. Kingma & Dhariwal 2018 (Glow), section 3.2, equation 10.
///
/// P reverses the columns, L is lower triangular with ones on the diagonal, and U is upper
/// triangular with the diagonal exp(s), so that log |det W| = Σ s. If the matrices and s are 0, the
/// map reverses the columns. (The paper starts from a random rotation, whose P has to be stored.)
#[derive(Clone, Debug)]
pub struct InvertibleLinear {
    lower: Tensor,
    upper: Tensor,
    log_diagonal: Tensor,
}

impl InvertibleLinear {
    /// Creates the map from matrices, `[d, d]`, of which only what is below the diagonal of `lower`
    /// and above that of `upper` is used, and from s, `[d]`.
    pub fn new(lower: Tensor, upper: Tensor, log_diagonal: Tensor) -> Self {
        Self {
            lower,
            upper,
            log_diagonal,
        }
    }

    /// The strictly lower part of L, the strictly upper part of U / exp(s) by rows, and exp(s) as a column, in 64 bits.
    fn factors(&self) -> Result<(Tensor, Tensor, Tensor), Error> {
        let size = self.log_diagonal.elem_count();
        let (dtype, device) = (self.lower.dtype(), self.lower.device());
        let below = (Tensor::tril2(size, dtype, device)? - Tensor::eye(size, dtype, device)?)?;
        let wide = |tensor: &Tensor| tensor.to_dtype(DType::F64);
        let lower = wide(&(&self.lower * &below)?)?;
        let upper = wide(&(&self.upper * below.t()?)?)?;
        let diagonal = wide(&self.log_diagonal)?.exp()?.unsqueeze(1)?;
        Ok((lower, upper.broadcast_div(&diagonal)?, diagonal))
    }

    /// Multiplies every row by `matrix`, y ↦ (M y)ᵀ.
    fn apply(
        &self,
        vectors: &Tensor,
        matrix: &Tensor,
        sign: f64,
    ) -> Result<(Tensor, Tensor), Error> {
        let (count, found) = vectors.dims2()?;
        let expected = self.log_diagonal.elem_count();
        if found != expected {
            return Err(Error::EventSize { found, expected });
        }
        let matrix = matrix.to_dtype(vectors.dtype())?;
        let log_det = (self.log_diagonal.sum_all()? * sign)?;
        Ok((vectors.matmul(&matrix.t()?)?, log_det.broadcast_as(count)?))
    }

    /// The rows of a matrix in reverse order, P M.
    fn reversed(matrix: &Tensor, dimension: usize) -> Result<Tensor, Error> {
        let size = matrix.dim(dimension)? as u32;
        let order: Vec<u32> = (0..size).rev().collect();
        Ok(matrix.index_select(&Tensor::new(order, matrix.device())?, dimension)?)
    }
}

/// I + N.
fn plus_identity(matrix: &Tensor) -> Result<Tensor, Error> {
    let identity = Tensor::eye(matrix.dim(0)?, matrix.dtype(), matrix.device())?;
    Ok((matrix + identity)?)
}

/// (I + N)⁻¹ of a strictly triangular N, whose power of its size is 0: the product of I + (−N)^(2^k).
fn inverse_of_unit_triangular(matrix: &Tensor) -> Result<Tensor, Error> {
    let size = matrix.dim(0)?;
    let mut power = matrix.neg()?;
    let mut inverse = plus_identity(&power)?;
    let mut exponent = 2;
    while exponent < size {
        power = power.matmul(&power)?;
        inverse = inverse.matmul(&plus_identity(&power)?)?;
        exponent *= 2;
    }
    Ok(inverse)
}

impl<C> Bijector<C> for InvertibleLinear {
    fn forward_and_log_det(&self, latents: &Tensor, _: &C) -> Result<(Tensor, Tensor), Error> {
        let (lower, upper, diagonal) = self.factors()?;
        // U⁻¹ L⁻¹ P, with U = diag(exp s) (I + N).
        let lower = inverse_of_unit_triangular(&lower)?;
        let upper = inverse_of_unit_triangular(&upper)?;
        let inverse = upper.matmul(&lower.broadcast_div(&diagonal)?)?;
        self.apply(latents, &Self::reversed(&inverse, 1)?, -1.0)
    }

    fn inverse_and_log_det(&self, data: &Tensor, _: &C) -> Result<(Tensor, Tensor), Error> {
        let (lower, upper, diagonal) = self.factors()?;
        let upper = plus_identity(&upper)?.broadcast_mul(&diagonal)?;
        let matrix = plus_identity(&lower)?.matmul(&upper)?;
        self.apply(data, &Self::reversed(&matrix, 0)?, 1.0)
    }

    fn is_conditional(&self) -> bool {
        false
    }
}
