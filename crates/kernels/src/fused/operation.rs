//! The connection between candle's graph and functions on slices.

use std::cell::RefCell;
use std::collections::HashMap;

use candle_core::backprop::GradStore;
use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, CustomOp3, DType, InplaceOp1, Layout, Result, Shape, Storage,
    Tensor, TensorId, Var, bail,
};

use crate::element::Element;

/// A differentiable function of `N` contiguous tensors on the CPU.
///
/// An operation stores the shapes that it was created for and receives only the numbers.
pub(crate) trait Operation<const N: usize>: Send + Sync + 'static {
    /// The name in candle's error messages.
    const NAME: &'static str;

    /// The elements of the result.
    fn forward<T: Element>(&self, inputs: [&[T]; N]) -> Vec<T>;

    /// The gradient of each input, from the gradient of the result. Gradients that are not `wanted`
    /// are ignored.
    fn backward<T: Element>(
        &self,
        inputs: [&[T]; N],
        output: &[T],
        gradient: &[T],
        wanted: [bool; N],
    ) -> [Gradient<T>; N];
}

/// The gradient of an input.
pub(crate) enum Gradient<T> {
    /// Not wanted.
    None,
    /// The gradient of the result itself.
    Same,
    /// These numbers, in the shape of the input.
    Values(Vec<T>),
}

impl<T> Gradient<T> {
    /// The values if `wanted`, otherwise [`Self::None`].
    pub(crate) fn when(wanted: bool, values: impl FnOnce() -> Vec<T>) -> Self {
        if wanted {
            Self::Values(values())
        } else {
            Self::None
        }
    }
}

/// Whether the fused operations support these tensors: F32 or F64, all of the same dtype, on the
/// CPU.
pub(crate) fn is_fused(inputs: &[&Tensor]) -> bool {
    let Some(first) = inputs.first() else {
        return false;
    };
    matches!(first.dtype(), DType::F32 | DType::F64)
        && inputs
            .iter()
            .all(|input| input.device().is_cpu() && input.dtype() == first.dtype())
}

/// Whether candle tracks a gradient for the tensor.
pub(crate) fn is_tracked(tensor: &Tensor) -> bool {
    tensor.track_op()
}

/// Applies an operation of one input; the result has the given shape.
pub(crate) fn apply1(
    operation: impl Operation<1>,
    input: &Tensor,
    shape: impl Into<Shape>,
) -> Result<Tensor> {
    let shape = shape.into();
    input.contiguous()?.apply_op1(Node { operation, shape })
}

/// Applies an operation of two inputs; the result has the given shape.
pub(crate) fn apply2(
    operation: impl Operation<2>,
    [a, b]: [&Tensor; 2],
    shape: impl Into<Shape>,
) -> Result<Tensor> {
    let shape = shape.into();
    a.contiguous()?
        .apply_op2(&b.contiguous()?, Node { operation, shape })
}

/// Applies an operation of three inputs; the result has the given shape.
pub(crate) fn apply3(
    operation: impl Operation<3>,
    [a, b, c]: [&Tensor; 3],
    shape: impl Into<Shape>,
) -> Result<Tensor> {
    let shape = shape.into();
    a.contiguous()?.apply_op3(
        &b.contiguous()?,
        &c.contiguous()?,
        Node { operation, shape },
    )
}

/// An operation as a node of candle's graph.
struct Node<O> {
    operation: O,
    shape: Shape,
}

impl<O> Node<O> {
    fn forward<const N: usize>(
        &self,
        inputs: [(&CpuStorage, &Layout); N],
    ) -> Result<(CpuStorage, Shape)>
    where
        O: Operation<N>,
    {
        fn run<T: Element, const N: usize, O: Operation<N>>(
            operation: &O,
            shape: &Shape,
            inputs: [(&CpuStorage, &Layout); N],
        ) -> Result<CpuStorage> {
            let mut slices: [&[T]; N] = [&[]; N];
            for (slice, (storage, layout)) in slices.iter_mut().zip(inputs) {
                *slice = contiguous(storage, layout)?;
            }
            let values = operation.forward(slices);
            if values.len() != shape.elem_count() {
                bail!(
                    "{} computed {} numbers for a result of shape {shape:?}",
                    O::NAME,
                    values.len()
                );
            }
            Ok(T::to_cpu_storage_owned(values))
        }
        let storage = match inputs[0].0 {
            CpuStorage::F32(_) => run::<f32, N, O>(&self.operation, &self.shape, inputs)?,
            CpuStorage::F64(_) => run::<f64, N, O>(&self.operation, &self.shape, inputs)?,
            _ => bail!("{} takes 32- or 64-bit floats", O::NAME),
        };
        Ok((storage, self.shape.clone()))
    }

    fn backward<const N: usize>(
        &self,
        inputs: [&Tensor; N],
        output: &Tensor,
        gradient: &Tensor,
    ) -> Result<[Option<Tensor>; N]>
    where
        O: Operation<N>,
    {
        match gradient.dtype() {
            DType::F32 => self.gradients::<f32, N>(inputs, output, gradient),
            DType::F64 => self.gradients::<f64, N>(inputs, output, gradient),
            other => bail!("{} takes 32- or 64-bit floats, not {other:?}", O::NAME),
        }
    }

    fn gradients<T: Element, const N: usize>(
        &self,
        inputs: [&Tensor; N],
        output: &Tensor,
        gradient: &Tensor,
    ) -> Result<[Option<Tensor>; N]>
    where
        O: Operation<N>,
    {
        let gradient = gradient.contiguous()?;
        let wanted = inputs.map(is_tracked);
        let values = {
            let guards = inputs.map(Tensor::storage_and_layout);
            let (output, gradient) = (output.storage_and_layout(), gradient.storage_and_layout());
            let mut slices: [&[T]; N] = [&[]; N];
            for (slice, (storage, layout)) in slices.iter_mut().zip(&guards) {
                *slice = on_cpu(storage, layout)?;
            }
            self.operation.backward(
                slices,
                on_cpu(&output.0, output.1)?,
                on_cpu(&gradient.0, gradient.1)?,
                wanted,
            )
        };
        let mut gradients = [const { None }; N];
        for ((result, values), input) in gradients.iter_mut().zip(values).zip(inputs) {
            let tensor = match values {
                Gradient::None => continue,
                Gradient::Same => gradient.reshape(input.shape())?,
                Gradient::Values(values) => {
                    Tensor::from_vec(values, input.shape(), input.device())?
                }
            };
            *result = gather(input, tensor)?;
        }
        Ok(gradients)
    }
}

/// The elements of a contiguous tensor on the CPU.
pub(crate) fn on_cpu<'a, T: Element>(storage: &'a Storage, layout: &Layout) -> Result<&'a [T]> {
    match storage {
        Storage::Cpu(storage) => contiguous(storage, layout),
        _ => bail!("the tensor is not on the CPU"),
    }
}

/// The elements of a contiguous part of a storage.
pub(crate) fn contiguous<'a, T: Element>(
    storage: &'a CpuStorage,
    layout: &Layout,
) -> Result<&'a [T]> {
    match layout.contiguous_offsets() {
        // An empty part may start beyond the end of the storage.
        Some((start, end)) if start == end => Ok(&[]),
        Some((start, end)) => Ok(&T::cpu_storage_as_slice(storage)?[start..end]),
        None => bail!("a tensor of shape {:?} is not contiguous", layout.shape()),
    }
}

impl<O: Operation<1>> CustomOp1 for Node<O> {
    fn name(&self) -> &'static str {
        O::NAME
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        self.forward([(storage, layout)])
    }

    fn bwd(&self, input: &Tensor, output: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let [gradient] = self.backward([input], output, gradient)?;
        Ok(gradient)
    }
}

impl<O: Operation<2>> CustomOp2 for Node<O> {
    fn name(&self) -> &'static str {
        O::NAME
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward([(s1, l1), (s2, l2)])
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        output: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok(self.backward([a, b], output, gradient)?.into())
    }
}

impl<O: Operation<3>> CustomOp3 for Node<O> {
    fn name(&self) -> &'static str {
        O::NAME
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward([(s1, l1), (s2, l2), (s3, l3)])
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        c: &Tensor,
        output: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        Ok(self.backward([a, b, c], output, gradient)?.into())
    }
}

thread_local! {
    /// The gradients of variables that the running [`backward`] has collected, by the variables'
    /// ids.
    static GATHERED: RefCell<Option<HashMap<TensorId, Tensor>>> = const { RefCell::new(None) };
}

/// Computes the gradients of every variable that `loss` depends on: the same as candle's
/// `loss.backward()`, but faster.
///
/// candle adds each gradient to a new tensor of zeros, which costs three passes over memory of the
/// size of the weights. This function collects the gradients of variables directly from the
/// operations of this crate. Under candle's own `backward` the same operations give the same
/// gradients.
///
/// # Errors
/// The errors of candle's `backward`, for example for an operation without a gradient.
pub fn backward(loss: &Tensor) -> Result<GradStore> {
    /// Clears the collected gradients, also if candle fails.
    struct Gathering;
    impl Drop for Gathering {
        fn drop(&mut self) {
            GATHERED.take();
        }
    }
    let gathering = Gathering;
    GATHERED.set(Some(HashMap::new()));
    let mut gradients = loss.backward()?;
    for (id, gathered) in GATHERED.take().unwrap_or_default() {
        // Another operation, for example one of candle's own, may have used the same variable.
        let sum = match gradients.get_id(id) {
            Some(other) => (gathered + other)?,
            None => gathered,
        };
        gradients.insert_id(id, sum);
    }
    drop(gathering);
    Ok(gradients)
}

/// Collects the gradient of a variable if [`backward`] is running; otherwise returns it, for candle
/// to handle.
pub(crate) fn gather(input: &Tensor, gradient: Tensor) -> Result<Option<Tensor>> {
    if !input.is_variable() {
        return Ok(Some(gradient));
    }
    GATHERED.with_borrow_mut(|gathered| {
        let Some(gathered) = gathered else {
            return Ok(Some(gradient));
        };
        let sum = match gathered.remove(&input.id()) {
            Some(other) => (other + gradient)?,
            None => gradient,
        };
        gathered.insert(input.id(), sum);
        Ok(None)
    })
}

/// Lets `work` modify the elements of a contiguous variable in place.
pub(crate) fn change<T: Element>(
    variable: &Var,
    work: impl FnOnce(&mut [T]) -> Result<()>,
) -> Result<()> {
    struct Change<F>(RefCell<Option<F>>);
    impl<F: FnOnce(&mut CpuStorage, &Layout) -> Result<()>> InplaceOp1 for Change<F> {
        fn name(&self) -> &'static str {
            "change"
        }

        fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
            match self.0.take() {
                Some(work) => work(storage, layout),
                None => bail!("the variable was already changed"),
            }
        }
    }
    // candle refuses to write to an empty tensor.
    if variable.elem_count() == 0 {
        return work(&mut []);
    }
    let work = |storage: &mut CpuStorage, layout: &Layout| {
        let Some((start, end)) = layout.contiguous_offsets() else {
            bail!("the variable is not contiguous");
        };
        work(&mut T::slice_mut(storage)?[start..end])
    };
    variable.inplace_op1(&Change(RefCell::new(Some(work))))
}
