use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{DType, Device, Result, Shape, Tensor, Var, bail};
use candle_nn::init::NormalOrUniform;
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use latent_distributions::Generator;

use crate::Error;

/// The trainable variables of a model by name, with seeded initial values: a replacement for candle's `VarMap`.
///
/// Each variable has its own random stream, so the initial values do not depend on the order in which layers are
/// created. Variables are sorted by name. Clones share their variables.
#[derive(Clone, Debug)]
pub struct Parameters {
    seed: u64,
    device: Device,
    variables: Arc<Mutex<BTreeMap<String, Var>>>,
}

impl Parameters {
    /// Creates an empty set of variables. Building a model with [`Self::builder`] adds variables with initial values
    /// drawn from `seed`.
    pub fn seeded(seed: u64, device: &Device) -> Self {
        Self {
            seed,
            device: device.clone(),
            variables: Arc::default(),
        }
    }

    /// A [`VarBuilder`] that creates variables, or returns existing ones, as 32-bit floats.
    pub fn builder(&self) -> VarBuilder<'static> {
        VarBuilder::from_backend(Box::new(self.clone()), DType::F32, self.device.clone())
    }

    /// A [`VarBuilder`] with detached tensors, for evaluation during training.
    ///
    /// The tensors share the storage of the variables, so they change with them.
    pub fn detached_builder(&self) -> VarBuilder<'static> {
        let tensors: HashMap<String, Tensor> = self
            .lock()
            .iter()
            .map(|(name, variable)| (name.clone(), variable.as_detached_tensor()))
            .collect();
        VarBuilder::from_tensors(tensors, DType::F32, &self.device)
    }

    /// Copies the variables to new storage.
    ///
    /// # Errors
    /// Memory cannot be allocated.
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

    /// All variables, sorted by name.
    pub fn variables(&self) -> Vec<(String, Var)> {
        self.lock()
            .iter()
            .map(|(name, variable)| (name.clone(), variable.clone()))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Var>> {
        // The map is consistent even after a panic, since every change is a single insertion.
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
            // `Tensor::full` would need 64-bit floats, which not every device supports.
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

/// The names and shapes of a model's variables, without allocating memory for them.
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

/// A backend that records shapes and returns a broadcast zero for every variable.
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
                    "{name} was requested with shape {shape:?} but has shape {:?}",
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
