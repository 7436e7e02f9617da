use std::borrow::Cow;

use crate::element::Element;
use crate::fused::activation::OfOutput;

/// A differentiable function of an input and `N` other tensors (operands), all contiguous and on
/// the CPU: a layer whose shapes have been checked.
pub(crate) trait Map<const N: usize>: Send + Sync + 'static {
    /// Whether the gradients depend on the input. If not, the input may be overwritten.
    const KEEPS_INPUT: bool = true;

    /// The activation that the map computes.
    fn activation(&self) -> OfOutput;

    /// The output, after the activation.
    fn forward<T: Element>(&self, input: Cow<[T]>, operands: [&[T]; N]) -> Vec<T>;

    /// The gradients of the `wanted` operands, from the gradient of the pre-activation.
    fn operand_gradients<T: Element>(
        &self,
        input: &[T],
        operands: [&[T]; N],
        gradient: &[T],
        wanted: [bool; N],
    ) -> [Option<Vec<T>>; N];

    /// The gradient of the input, from the gradient of the pre-activation.
    fn input_gradient<'a, T: Element>(
        &self,
        operands: [&[T]; N],
        gradient: Cow<'a, [T]>,
    ) -> Cow<'a, [T]>;
}
