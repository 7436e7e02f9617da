use candle_core::{DType, Result, Tensor, Var, bail};

/// The largest deviation of a function's gradients from central finite differences, relative to 1 +
/// |gradient|, over all elements of all `variables`.
///
/// `function` is evaluated while each element of the variables is shifted in turn by ±10⁻⁵;
/// afterwards the variables have their old values. Its result may have any shape, and is reduced to
/// a scalar with fixed unequal weights, so that errors of two elements cannot cancel. In 64-bit
/// floats the deviation of a correct gradient is below about 10⁻⁸.
///
/// # Errors
/// A variable is not F64 or receives no gradient.
pub fn gradient_error(function: impl Fn() -> Result<Tensor>, variables: &[&Var]) -> Result<f64> {
    const STEP: f64 = 1e-5;
    let value = || -> Result<Tensor> {
        let output = function()?.flatten_all()?;
        let weights: Vec<f64> = (0..output.elem_count())
            .map(|i| (1.0 + i as f64).cos())
            .collect();
        let weights = Tensor::new(weights, output.device())?;
        (output * weights)?.sum_all()
    };
    let gradients = value()?.backward()?;

    let mut worst = 0.0f64;
    for (index, variable) in variables.iter().enumerate() {
        if variable.dtype() != DType::F64 {
            bail!(
                "variable {index} is {:?}; finite differences need F64",
                variable.dtype()
            );
        }
        let Some(gradient) = gradients.get(variable) else {
            bail!("variable {index} receives no gradient");
        };
        let gradient = gradient.flatten_all()?.to_vec1::<f64>()?;
        let original = variable.flatten_all()?.to_vec1::<f64>()?;
        let at = |element: usize, offset: f64| -> Result<f64> {
            let mut moved = original.clone();
            moved[element] += offset;
            variable.set(&Tensor::from_vec(
                moved,
                variable.shape(),
                variable.device(),
            )?)?;
            value()?.to_scalar::<f64>()
        };
        for (element, expected) in gradient.iter().enumerate() {
            let numeric = (at(element, STEP)? - at(element, -STEP)?) / (2.0 * STEP);
            let deviation = (numeric - expected).abs() / (1.0 + expected.abs());
            // `max` would ignore a NaN.
            if deviation.is_nan() {
                return Ok(f64::NAN);
            }
            worst = worst.max(deviation);
        }
        variable.set(&Tensor::from_vec(
            original,
            variable.shape(),
            variable.device(),
        )?)?;
    }
    Ok(worst)
}
