use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use candle_core::{CpuStorage, CustomOp2, DType, Layout, Result, Shape, Tensor, bail};

use crate::element::Element;
use crate::fused::activation::{OfInput, OfOutput};
use crate::fused::convolution::{Conv2d, ConvTranspose2d};
use crate::fused::elementwise::update2;
use crate::fused::linear::{AddLinear, Linear};
use crate::fused::map::Map;
use crate::fused::operation::{contiguous, gather, is_fused, is_tracked, on_cpu};
use crate::layer::Layer;

/// See [`sequence`](crate::sequence). Shapes that do not match are an error on every device.
pub(crate) fn sequence(input: &Tensor, layers: &[Layer]) -> Result<Option<Tensor>> {
    let mut shape = input.dims().to_vec();
    let mut maps = Vec::with_capacity(layers.len());
    // The skip connections that were started: the number of maps before each, and its shape.
    let mut skips = Vec::new();
    for layer in layers {
        match layer {
            Layer::Skip => skips.push((maps.len(), shape.clone())),
            Layer::AddSkip => maps.push(Checked::AddSkip(from(skips.pop(), maps.len(), &shape)?)),
            layer => {
                let (map, activation) = layer.check(&mut shape)?;
                maps.extend(map.into_iter().chain(activation.map(Checked::Activation)));
            }
        }
    }
    if let Some((start, _)) = skips.pop() {
        bail!("the skip connection that starts after {start} layers has no end");
    }
    let operands = maps.iter().flat_map(Checked::operands);
    let tensors: Vec<&Tensor> = operands.chain([&input]).copied().collect();
    if !is_fused(&tensors) || maps.is_empty() {
        return Ok(None);
    }
    match input.dtype() {
        DType::F64 => fused::<f64>(input, maps, shape),
        _ => fused::<f32>(input, maps, shape),
    }
    .map(Some)
}

/// The number of maps before the start of the skip connection that ends after `maps` maps.
fn from(start: Option<(usize, Vec<usize>)>, maps: usize, shape: &[usize]) -> Result<usize> {
    let Some((start, before)) = start else {
        bail!("a skip connection ends that was not started");
    };
    if start == maps {
        bail!("a skip connection needs a layer between its start and its end");
    }
    if before != shape {
        bail!("a skip connection from {before:?} to {shape:?}: both shapes must be the same");
    }
    Ok(start)
}

impl<'a> Layer<'a> {
    /// The map of this layer for an input of the given shape, which is updated to that of the
    /// output, and the activation that follows as a separate pass; neither if only the shape
    /// changes.
    fn check(self, shape: &mut Vec<usize>) -> Result<(Option<Checked<'a>>, Option<OfInput>)> {
        let (map, pass) = match self {
            Self::Linear {
                weight,
                bias,
                activation,
            } => {
                let (own, pass) = activation.passes();
                let map = Linear::check(shape, weight, bias, own)?;
                (Checked::Linear(map, [weight, bias]), pass)
            }
            Self::AddLinear {
                input,
                weight,
                bias,
                activation,
            } => {
                let (own, pass) = activation.passes();
                let map = AddLinear::check(shape, input, weight, bias, own)?;
                (Checked::AddLinear(map, [input, weight, bias]), pass)
            }
            Self::Conv2d {
                weight,
                bias,
                convolution,
                activation,
            } => {
                let (own, pass) = activation.passes();
                let map = Conv2d::check(shape, weight, bias, convolution, own)?;
                (Checked::Conv2d(map, [weight, bias]), pass)
            }
            Self::ConvTranspose2d {
                weight,
                bias,
                convolution,
                activation,
            } => {
                let (own, pass) = activation.passes();
                let map = ConvTranspose2d::check(shape, weight, bias, convolution, own)?;
                (Checked::ConvTranspose2d(map, [weight, bias]), pass)
            }
            Self::Activation(activation) => return Ok((None, activation.pass())),
            Self::Flatten | Self::Unflatten(..) => {
                self.reshape(shape)?;
                return Ok((None, None));
            }
            // The sequence knows where they start and end.
            Self::Skip | Self::AddSkip => return Ok((None, None)),
        };
        Ok((Some(map), pass))
    }
}

/// A map of any number of operands, with the operands.
enum Checked<'a> {
    Linear(Linear, [&'a Tensor; 2]),
    AddLinear(AddLinear, [&'a Tensor; 3]),
    Conv2d(Conv2d, [&'a Tensor; 2]),
    ConvTranspose2d(ConvTranspose2d, [&'a Tensor; 2]),
    Activation(OfInput),
    /// The number of maps before the value that is added.
    AddSkip(usize),
}

impl<'a> Checked<'a> {
    fn operands(&self) -> &[&'a Tensor] {
        match self {
            Self::AddLinear(_, operands) => operands,
            Self::Linear(_, operands)
            | Self::Conv2d(_, operands)
            | Self::ConvTranspose2d(_, operands) => operands,
            Self::Activation(_) | Self::AddSkip(_) => &[],
        }
    }

    /// The number of maps before the value that is added to the result.
    fn skip(&self) -> Option<usize> {
        match self {
            Self::AddSkip(start) => Some(*start),
            _ => None,
        }
    }

    fn step<T: Element>(self) -> Result<Box<dyn Step<T>>> {
        fn boxed<T: Element, M: Map<N>, const N: usize>(
            map: M,
            tensors: [&Tensor; N],
        ) -> Result<Box<dyn Step<T>>> {
            let mut operands = tensors.map(Tensor::clone);
            for operand in &mut operands {
                *operand = operand.contiguous()?;
            }
            Ok(Box::new(Applied { map, operands }))
        }
        match self {
            Self::Linear(map, operands) => boxed(map, operands),
            Self::AddLinear(map, operands) => boxed(map, operands),
            Self::Conv2d(map, operands) => boxed(map, operands),
            Self::ConvTranspose2d(map, operands) => boxed(map, operands),
            Self::Activation(activation) => Ok(Box::new(activation)),
            Self::AddSkip(_) => Ok(Box::new(Unchanged)),
        }
    }
}

/// A map with its operands, of any number.
trait Step<T: Element>: Send + Sync {
    fn operands(&self) -> &[Tensor] {
        &[]
    }

    /// Whether the gradients depend on the input.
    fn keeps_input(&self) -> bool;

    /// Whether the gradients depend on the result.
    fn keeps_output(&self) -> bool {
        false
    }

    fn forward(&self, input: Cow<[T]>) -> Result<Vec<T>>;

    /// The gradients, from the gradient of the result; the gradient of the input if it is `wanted`.
    fn backward<'a>(
        &self,
        input: &[T],
        output: &[T],
        gradient: Cow<'a, [T]>,
        wanted: bool,
    ) -> Result<Gradients<'a, T>>;
}

/// The gradients of a step.
struct Gradients<'a, T: Element> {
    /// The gradients of the tracked operands.
    operands: Vec<Option<Tensor>>,
    /// The gradient of the input, if it was wanted.
    input: Option<Cow<'a, [T]>>,
}

struct Applied<M, const N: usize> {
    map: M,
    operands: [Tensor; N],
}

impl<M, const N: usize> Applied<M, N> {
    /// Calls `work` with the elements of the operands.
    fn with_operands<T: Element, R>(&self, work: impl FnOnce([&[T]; N]) -> R) -> Result<R> {
        let guards = self.operands.each_ref().map(Tensor::storage_and_layout);
        let mut operands: [&[T]; N] = [&[]; N];
        for (operand, (storage, layout)) in operands.iter_mut().zip(&guards) {
            *operand = on_cpu(storage, layout)?;
        }
        Ok(work(operands))
    }
}

impl<T: Element, M: Map<N>, const N: usize> Step<T> for Applied<M, N> {
    fn operands(&self) -> &[Tensor] {
        &self.operands
    }

    fn keeps_input(&self) -> bool {
        M::KEEPS_INPUT
    }

    fn keeps_output(&self) -> bool {
        self.map.activation() != OfOutput::Identity
    }

    fn forward(&self, input: Cow<[T]>) -> Result<Vec<T>> {
        self.with_operands(|operands| self.map.forward(input, operands))
    }

    fn backward<'a>(
        &self,
        input: &[T],
        output: &[T],
        gradient: Cow<'a, [T]>,
        wanted: bool,
    ) -> Result<Gradients<'a, T>> {
        let gradient = self.map.activation().backward(output, gradient);
        let tracked = self.operands.each_ref().map(is_tracked);
        let (of_operands, input) = self.with_operands(|operands| {
            let map = &self.map;
            let of_operands = map.operand_gradients(input, operands, &gradient, tracked);
            let input = wanted.then(|| map.input_gradient(operands, gradient));
            (of_operands, input)
        })?;
        let mut operands = Vec::with_capacity(N);
        for (values, operand) in of_operands.into_iter().zip(&self.operands) {
            let tensor =
                values.map(|values| Tensor::from_vec(values, operand.shape(), operand.device()));
            operands.push(tensor.transpose()?);
        }
        Ok(Gradients { operands, input })
    }
}

impl<T: Element> Step<T> for OfInput {
    fn keeps_input(&self) -> bool {
        true
    }

    fn forward(&self, input: Cow<[T]>) -> Result<Vec<T>> {
        Ok(OfInput::forward(*self, input))
    }

    fn backward<'a>(
        &self,
        input: &[T],
        _: &[T],
        gradient: Cow<'a, [T]>,
        wanted: bool,
    ) -> Result<Gradients<'a, T>> {
        Ok(Gradients {
            operands: Vec::new(),
            input: wanted.then(|| OfInput::backward(*self, input, gradient)),
        })
    }
}

/// The step before the sum of a skip connection, which the [`Chain`] computes.
struct Unchanged;

impl<T: Element> Step<T> for Unchanged {
    fn keeps_input(&self) -> bool {
        false
    }

    fn forward(&self, input: Cow<[T]>) -> Result<Vec<T>> {
        Ok(input.into_owned())
    }

    fn backward<'a>(
        &self,
        _: &[T],
        _: &[T],
        gradient: Cow<'a, [T]>,
        wanted: bool,
    ) -> Result<Gradients<'a, T>> {
        Ok(Gradients {
            operands: Vec::new(),
            input: wanted.then_some(gradient),
        })
    }
}

/// The sum of gradients, in place of one that is owned.
fn sum<T: Element>(gradient: Cow<'_, [T]>, other: Option<Vec<T>>) -> Cow<'_, [T]> {
    match other {
        Some(mut other) => {
            update2(&mut other, &gradient, |a, b| a + b);
            Cow::Owned(other)
        }
        None => gradient,
    }
}

fn fused<T: Element>(input: &Tensor, maps: Vec<Checked>, shape: Vec<usize>) -> Result<Tensor> {
    let skips = maps.iter().map(Checked::skip).collect();
    let steps = maps
        .into_iter()
        .map(Checked::step::<T>)
        .collect::<Result<Vec<_>>>()?;
    // A step needs the gradient of its input if any step before it is tracked.
    let mut tracked = vec![is_tracked(input)];
    for step in &steps {
        tracked.push(tracked.iter().any(|&t| t) || step.operands().iter().any(is_tracked));
    }
    let handover = Arc::new(Handover::default());
    let mut anchor = Tensor::zeros((), DType::F32, input.device())?;
    let operands = steps.iter().flat_map(|step| step.operands());
    for (number, operand) in operands.enumerate() {
        if is_tracked(operand) {
            let handover = Arc::clone(&handover);
            anchor = operand.apply_op2(&anchor, Anchor { number, handover })?;
        }
    }
    let chain = Chain {
        steps,
        skips,
        tracked,
        shape: shape.into(),
        between: Mutex::new(Vec::new()),
        handover,
    };
    input.contiguous()?.apply_op2(&anchor, chain)
}

/// The gradients of operands, passed from a [`Chain`], which computes them, to the [`Anchor`]s,
/// where candle reads them. Keyed by thread: a backward pass runs on one thread, and two may run at
/// once.
#[derive(Default)]
struct Handover(Mutex<HashMap<(ThreadId, usize), Tensor>>);

impl Handover {
    fn put(&self, number: usize, gradient: Tensor) {
        lock(&self.0).insert((thread::current().id(), number), gradient);
    }

    fn take(&self, number: usize) -> Option<Tensor> {
        lock(&self.0).remove(&(thread::current().id(), number))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The node of candle's graph for an operand of a [`Chain`]. candle's operations have at most three
/// arguments and a chain has many, so the chain depends on them through a dummy tensor that depends
/// on all of them. (The dummy is a float, since candle computes no gradients through other dtypes.)
struct Anchor {
    number: usize,
    handover: Arc<Handover>,
}

impl CustomOp2 for Anchor {
    fn name(&self) -> &'static str {
        "anchor"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(vec![0.0]), ().into()))
    }

    fn bwd(
        &self,
        operand: &Tensor,
        before: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let own = match self.handover.take(self.number) {
            Some(own) => gather(operand, own)?,
            None => None,
        };
        Ok((own, is_tracked(before).then(|| gradient.clone())))
    }
}

/// Consecutive maps as one operation.
struct Chain<T: Element> {
    steps: Vec<Box<dyn Step<T>>>,
    /// For each step the number of the step whose input is added to the result, if it ends a skip connection.
    skips: Vec<Option<usize>>,
    /// Whether the input of each step, and the result, has a gradient.
    tracked: Vec<bool>,
    shape: Shape,
    /// The results of all steps but the last, if gradients depend on them.
    between: Mutex<Vec<Vec<T>>>,
    handover: Arc<Handover>,
}

impl<T: Element> CustomOp2 for Chain<T> {
    fn name(&self) -> &'static str {
        "sequence"
    }

    fn cpu_fwd(
        &self,
        storage: &CpuStorage,
        layout: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let mut between: Vec<Vec<T>> = Vec::with_capacity(self.steps.len());
        let mut current = Cow::Borrowed(contiguous(storage, layout)?);
        for (index, step) in self.steps.iter().enumerate() {
            let previous = index.checked_sub(1).map(|before| &self.steps[before]);
            let for_gradients = self.tracked[index + 1]
                && (step.keeps_input() || previous.is_some_and(|before| before.keeps_output()));
            let kept = for_gradients || self.skips.contains(&Some(index));
            let mut result = if kept {
                step.forward(Cow::Borrowed(&current))?
            } else {
                step.forward(std::mem::take(&mut current))?
            };
            if let Some(start) = self.skips[index] {
                let start = match start.checked_sub(1) {
                    Some(before) => &between[before],
                    None => contiguous(storage, layout)?,
                };
                update2(&mut result, start, |a, b| a + b);
            }
            if previous.is_some() {
                between.push(current.into_owned());
            }
            current = Cow::Owned(result);
        }
        *lock(&self.between) = between;
        Ok((
            T::to_cpu_storage_owned(current.into_owned()),
            self.shape.clone(),
        ))
    }

    fn bwd(
        &self,
        input: &Tensor,
        anchor: &Tensor,
        output: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let gradient = gradient.contiguous()?;
        let mut number = self.steps.iter().map(|step| step.operands().len()).sum();
        let input_gradient = {
            let guards = [input, output, &gradient].map(Tensor::storage_and_layout);
            let [input, output, gradient] = guards
                .each_ref()
                .map(|(storage, layout)| on_cpu::<T>(storage, layout));
            let (input, output) = (input?, output?);
            let between = lock(&self.between);
            let mut current = Some(Cow::Borrowed(gradient?));
            // Gradients of the inputs of steps by skip connections that end later.
            let mut by_skips: Vec<Option<Vec<T>>> = vec![None; self.steps.len()];
            for (index, step) in self.steps.iter().enumerate().rev() {
                let Some(gradient) = current.take() else {
                    break;
                };
                if let Some(start) = self.skips[index].filter(|&start| self.tracked[start]) {
                    let others = by_skips[start].take();
                    by_skips[start] = Some(sum(Cow::Borrowed(&gradient), others).into_owned());
                }
                let before = index.checked_sub(1).map_or(input, |index| &between[index]);
                let after = between.get(index).map_or(output, Vec::as_slice);
                let gradients = step.backward(before, after, gradient, self.tracked[index])?;
                for gradient in gradients.operands.into_iter().rev() {
                    number -= 1;
                    if let Some(gradient) = gradient {
                        self.handover.put(number, gradient);
                    }
                }
                let by_skips = by_skips[index].take();
                current = gradients.input.map(|gradient| sum(gradient, by_skips));
            }
            current.map(Cow::into_owned)
        };
        let input_gradient = match input_gradient {
            Some(values) => {
                let tensor = Tensor::from_vec(values, input.shape(), input.device())?;
                gather(input, tensor)?
            }
            None => None,
        };
        let nothing = is_tracked(anchor)
            .then(|| anchor.zeros_like())
            .transpose()?;
        Ok((input_gradient, nothing))
    }
}
