use std::borrow::Cow;

use crate::element::Element;
use crate::fused::activation::OfOutput;

/// A differentiable function of an input and of `N` further tensors, its operands, all contiguous and
/// on the CPU: a layer whose shapes are known to fit.
pub(crate) trait Map<const N: usize>: Send + Sync + 'static {
    /// Whether the gradients are made from the input. One that is not needed for that is handed over
    /// to be overwritten.
    const KEEPS_INPUT: bool = true;

    /// The activation that is part of the map.
    fn activation(&self) -> OfOutput;

    /// The result, after the activation.
    fn forward<T: Element>(&self, input: Cow<[T]>, operands: [&[T]; N]) -> Vec<T>;

    /// The gradients of the operands that are `wanted`, from that of the activation's argument.
    fn operand_gradients<T: Element>(
        &self,
        input: &[T],
        operands: [&[T]; N],
        gradient: &[T],
        wanted: [bool; N],
    ) -> [Option<Vec<T>>; N];

    /// The gradient of the input, from that of the activation's argument.
    fn input_gradient<'a, T: Element>(
        &self,
        operands: [&[T]; N],
        gradient: Cow<'a, [T]>,
    ) -> Cow<'a, [T]>;
}
