use std::collections::BTreeMap;
use std::fmt;

use candle_core::Tensor;

/// The names and shapes of all tensors of a model.
pub type Expected = BTreeMap<String, Vec<usize>>;

/// The differences between a file's tensors and those of a model, in names and shapes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mismatch {
    /// Tensors of the model that the file lacks, with the model's shape.
    pub missing: Vec<(String, Vec<usize>)>,
    /// Tensors of the file that the model lacks, with the file's shape.
    pub surplus: Vec<(String, Vec<usize>)>,
    /// Tensors of both with different shapes: the file's and the model's.
    pub reshaped: Vec<(String, Vec<usize>, Vec<usize>)>,
}

impl Mismatch {
    /// The maximum number of tensors of each kind in a message.
    const SHOWN: usize = 40;

    pub(crate) fn between(tensors: &BTreeMap<String, Tensor>, expected: &Expected) -> Self {
        let mut mismatch = Self::default();
        for (name, shape) in expected {
            match tensors.get(name) {
                None => mismatch.missing.push((name.clone(), shape.clone())),
                Some(tensor) if tensor.dims() != shape => {
                    let found = tensor.dims().to_vec();
                    mismatch.reshaped.push((name.clone(), found, shape.clone()));
                }
                Some(_) => {}
            }
        }
        for (name, tensor) in tensors {
            if !expected.contains_key(name) {
                let shape = tensor.dims().to_vec();
                mismatch.surplus.push((name.clone(), shape));
            }
        }
        mismatch
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let named = |tensors: &[(String, Vec<usize>)]| -> Vec<String> {
            let tensors = tensors.iter();
            tensors
                .map(|(name, shape)| format!("{name} {shape:?}"))
                .collect()
        };
        let reshaped = self.reshaped.iter();
        let reshaped = reshaped
            .map(|(name, found, expected)| format!("{name} is {found:?}, expected {expected:?}"));
        let kinds = [
            ("missing", named(&self.missing)),
            ("not part of the model", named(&self.surplus)),
            ("of another shape", reshaped.collect()),
        ];
        let mut is_first = true;
        for (kind, tensors) in kinds.into_iter().filter(|(_, tensors)| !tensors.is_empty()) {
            let separator = if is_first { "" } else { "; " };
            is_first = false;
            let shown = tensors.len().min(Self::SHOWN);
            write!(
                formatter,
                "{separator}{} {kind}: {}",
                tensors.len(),
                tensors[..shown].join(", ")
            )?;
            if tensors.len() > shown {
                write!(formatter, " and {} more", tensors.len() - shown)?;
            }
        }
        Ok(())
    }
}
