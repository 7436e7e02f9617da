use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{DType, Device, Result, Shape, Tensor, Var, bail};
use candle_nn::init::NormalOrUniform;
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use latent_distributions::Generator;

use crate::Error;

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

    /// The same variables with the same values, to be changed by themselves.
    ///
    /// # Errors
    /// There is no memory for them.
    pub fn copied(&self) -> Result<Self> {
        let copy = |(name, variable): (&String, &Var)| {
            let copy = Var::from_tensor(&variable.as_detached_tensor().copy()?)?;
            Ok((name.clone(), copy))
        };
        let variables = self.lock().iter().map(copy).collect::<Result<_>>()?;
        Ok(Self {
            variables: Arc::new(Mutex::new(variables)),
            ..self.clone()
        })
    }

    /// All variables with their names, in the order of the names.
    pub fn variables(&self) -> Vec<(String, Var)> {
        self.lock()
            .iter()
            .map(|(name, variable)| (name.clone(), variable.clone()))
            .collect()
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
            // Not every device has 64-bit floats to begin with.
            Init::Const(value) => Tensor::zeros(shape, dtype, device)? + value,
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

/// The names and shapes of the variables that a model takes from its builder, found by building it
/// on tensors that occupy no memory, however large their shapes claim to be.
///
/// # Errors
/// The model cannot be built.
pub fn shapes<M>(
    build: impl FnOnce(&VarBuilder) -> std::result::Result<M, Error>,
) -> std::result::Result<BTreeMap<String, Vec<usize>>, Error> {
    let recorder = Recorder::default();
    build(&VarBuilder::from_backend(
        Box::new(recorder.clone()),
        DType::F32,
        Device::Cpu,
    ))?;
    let shapes = recorder.0.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(shapes.clone())
}

/// Gives out one zero, spread over any shape, and notes the shape.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<BTreeMap<String, Vec<usize>>>>);

impl SimpleBackend for Recorder {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        _: Init,
        dtype: DType,
        device: &Device,
    ) -> Result<Tensor> {
        let mut shapes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shapes.insert(name.to_owned(), shape.dims().to_vec());
        Tensor::zeros((), dtype, device)?.broadcast_as(shape)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        bail!("the shape of {name} is not known")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
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
