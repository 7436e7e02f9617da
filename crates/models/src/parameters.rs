use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{DType, Device, Result, Shape, Tensor, Var, bail};
use candle_nn::init::NormalOrUniform;
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use latent_distributions::Generator;

/// The trainable variables of a model by name, in the order of their names.
///
/// It stands behind candle's [`VarBuilder`], as `VarMap` does, with what that lacks: initial values
/// from a seed (each variable from a stream of its own, so that they do not depend on the order in
/// which layers are made) and a stable order. Clones share their variables.
#[derive(Clone, Debug)]
pub struct Parameters {
    seed: u64,
    device: Device,
    variables: Arc<Mutex<BTreeMap<String, Var>>>,
}

impl Parameters {
    /// No variables yet: a model built from [`Self::builder`] makes them, drawn from `seed`.
    pub fn seeded(seed: u64, device: &Device) -> Self {
        Self {
            seed,
            device: device.clone(),
            variables: Arc::default(),
        }
    }

    /// Where a model takes its variables from, as 32-bit floats.
    pub fn builder(&self) -> VarBuilder<'static> {
        VarBuilder::from_backend(Box::new(self.clone()), DType::F32, self.device.clone())
    }

    /// As [`Self::builder`], but the model sees the variables' values without recording a graph:
    /// for evaluation during training. The values follow when the variables move.
    pub fn detached_builder(&self) -> VarBuilder<'static> {
        let tensors: HashMap<String, Tensor> = self
            .lock()
            .iter()
            .map(|(name, variable)| (name.clone(), variable.as_detached_tensor()))
            .collect();
        VarBuilder::from_tensors(tensors, DType::F32, &self.device)
    }

    /// All variables with their names, in the order of the names.
    pub fn variables(&self) -> Vec<(String, Var)> {
        self.lock()
            .iter()
            .map(|(name, variable)| (name.clone(), variable.clone()))
            .collect()
    }

    /// Gives every variable the value of the tensor of its name.
    ///
    /// # Errors
    /// A tensor is missing or has another shape; no variable has been changed then.
    pub fn set(&self, tensors: &BTreeMap<String, Tensor>) -> Result<()> {
        let variables = self.lock();
        for (name, variable) in variables.iter() {
            match tensors.get(name) {
                None => bail!("no tensor is named {name}"),
                Some(tensor) if tensor.shape() != variable.shape() => bail!(
                    "{name} has shape {:?}, expected {:?}",
                    tensor.shape(),
                    variable.shape()
                ),
                Some(_) => {}
            }
        }
        for (name, variable) in variables.iter() {
            variable.set(&tensors[name])?;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Var>> {
        // A panic elsewhere cannot leave the map half-changed: every change is one insertion.
        self.variables
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn initial_value(&self, name: &str, shape: &Shape, init: Init, dtype: DType) -> Result<Tensor> {
        let device = &self.device;
        let mut generator = Generator::stream(self.seed, name, 0, 0);
        let mut uniform = |low: f64, high: f64| {
            generator
                .uniform(shape, dtype, device)?
                .affine(high - low, low)
        };
        match init {
            Init::Const(value) => Tensor::full(value, shape, device)?.to_dtype(dtype),
            Init::Uniform { lo, up } => uniform(lo, up),
            Init::Randn { mean, stdev } => generator
                .standard_normal(shape, dtype, device)?
                .affine(stdev, mean),
            Init::Kaiming {
                dist,
                fan,
                non_linearity,
            } => {
                let stdev = non_linearity.gain() / (fan.for_shape(shape) as f64).sqrt();
                match dist {
                    NormalOrUniform::Uniform => uniform(-3f64.sqrt() * stdev, 3f64.sqrt() * stdev),
                    NormalOrUniform::Normal => generator
                        .standard_normal(shape, dtype, device)?
                        .affine(stdev, 0.0),
                }
            }
        }
    }
}

impl SimpleBackend for Parameters {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        init: Init,
        dtype: DType,
        _: &Device,
    ) -> Result<Tensor> {
        let mut variables = self.lock();
        if let Some(variable) = variables.get(name) {
            if *variable.shape() != shape {
                bail!(
                    "{name} is asked for as {shape:?} but exists as {:?}",
                    variable.shape()
                );
            }
            return Ok(variable.as_tensor().clone());
        }
        let variable = Var::from_tensor(&self.initial_value(name, &shape, init, dtype)?)?;
        let tensor = variable.as_tensor().clone();
        variables.insert(name.to_owned(), variable);
        Ok(tensor)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        match self.lock().get(name) {
            Some(variable) => Ok(variable.as_tensor().clone()),
            None => bail!("no variable is named {name}"),
        }
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.lock().contains_key(name)
    }
}
