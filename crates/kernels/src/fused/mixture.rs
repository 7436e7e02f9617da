//! The mixture-of-logistics map and its gradient.

mod roots;

use candle_core::{Result, Tensor};

use crate::element::Element;
use crate::fused::elementwise::{CHUNK, vectorised};
use crate::fused::operation::{Gradient, Operation, apply2, is_fused};
use crate::fused::parallel::share_rows;
use crate::mixture::{LOG_SCALE_BOUND, MAX_COMPONENTS};

pub(crate) use roots::logistic_mixture_roots;

/// The map [`logistic_mixture`](crate::logistic_mixture) and its log-derivatives, elementwise.
pub(crate) fn logistic_mixture_elementwise(
    value: &Tensor,
    parameters: &Tensor,
    components: usize,
) -> Result<Option<(Tensor, Tensor)>> {
    let width = *value.dims().last().unwrap_or(&0);
    if !is_fused(&[value, parameters]) || width == 0 {
        return Ok(None);
    }
    // One operation computes both, since they share most terms.
    let shape = [&[2], value.dims()].concat();
    let mixture = Mixture { width, components };
    let both = apply2(mixture, [value, parameters], shape)?;
    Ok(Some((both.get(0)?, both.get(1)?)))
}

struct Mixture {
    width: usize,
    components: usize,
}

/// The number of columns that are processed together: enough for the vectors of any machine.
const LANES: usize = 16;
type Lanes<T> = [T; LANES];

/// The terms of one component at some columns of a row.
#[derive(Clone, Copy)]
struct Component<T> {
    /// log π
    log_weight: Lanes<T>,
    /// u = (x − μ) / s
    standardised: Lanes<T>,
    /// tanh(r / B), where r is the log-scale before it is bounded
    bounded: Lanes<T>,
    /// 1 / s
    inverse_scale: Lanes<T>,
    /// log σ(u)
    below: Lanes<T>,
    /// log σ(−u)
    above: Lanes<T>,
    /// log of the density: log σ(u) + log σ(−u) − log s
    density: Lanes<T>,
}

/// log F, log (1 − F) and log F′.
struct Logarithms<T> {
    below: Lanes<T>,
    above: Lanes<T>,
    density: Lanes<T>,
}

/// f for each lane.
#[inline(always)]
fn each<T: Element>(f: impl Fn(usize) -> T) -> Lanes<T> {
    let mut lanes = [T::zero(); LANES];
    for (lane, value) in lanes.iter_mut().enumerate() {
        *value = f(lane);
    }
    lanes
}

#[inline(always)]
fn smaller<T: Element>(a: T, b: T) -> T {
    if a < b { a } else { b }
}

/// tanh(r / B), which bounds a raw log-scale r.
#[inline(always)]
fn bound<T: Element>(raw: T) -> T {
    (raw / T::from_f64(LOG_SCALE_BOUND)).tanh()
}

/// The log-scale B tanh(r / B), from tanh(r / B).
#[inline(always)]
fn log_scale<T: Element>(bounded: T) -> T {
    bounded * T::from_f64(LOG_SCALE_BOUND)
}

/// The gradient of a log-sum-exp with respect to a component's term, times the gradient of the
/// result. (A function instead of a closure, which would not be compiled for the vectors of its
/// caller.)
#[inline(always)]
fn share<T: Element>(
    component: &Component<T>,
    gradient: &Lanes<T>,
    term: &Lanes<T>,
    sum: &Lanes<T>,
) -> Lanes<T> {
    each(|lane| gradient[lane] * (component.log_weight[lane] + term[lane] - sum[lane]).exp())
}

/// log Σ exp over the components.
#[inline(always)]
fn log_sum_exp<T: Element>(
    components: &[Component<T>],
    term: impl Fn(&Component<T>, usize) -> T,
) -> Lanes<T> {
    let Some((first, others)) = components.split_first() else {
        return each(|_| T::zero());
    };
    let mut largest = each(|lane| term(first, lane));
    for component in others {
        largest = each(|lane| -smaller(-term(component, lane), -largest[lane]));
    }
    let mut sums = [T::zero(); LANES];
    for component in components {
        sums = each(|lane| sums[lane] + (term(component, lane) - largest[lane]).exp());
    }
    each(|lane| largest[lane] + sums[lane].ln())
}

impl Mixture {
    /// The number of rows that are processed together.
    fn rows(&self) -> usize {
        (CHUNK / (self.width * 3 * self.components)).max(1)
    }

    /// The number of parameters of a row.
    fn parameters(&self) -> usize {
        (3 * self.components + 2) * self.width
    }

    /// A block of the parameters of a row, at the columns from `column` on.
    #[inline(always)]
    fn load<T: Element>(&self, row: &[T], block: usize, column: usize) -> Lanes<T> {
        lanes(&row[block * self.width..][..self.width], column)
    }

    /// The terms of each component and their sums.
    #[inline(always)]
    fn terms<T: Element>(
        &self,
        value: &Lanes<T>,
        row: &[T],
        column: usize,
        components: &mut [Component<T>],
    ) -> Logarithms<T> {
        let count = self.components;
        for (k, component) in components.iter_mut().enumerate() {
            let mean = self.load(row, 2 + count + k, column);
            let raw = self.load(row, 2 + 2 * count + k, column);
            let bounded = each(|lane| bound(raw[lane]));
            let inverse_scale = each(|lane| (-log_scale(bounded[lane])).exp());
            let u = each(|lane| (value[lane] - mean[lane]) * inverse_scale[lane]);
            // log σ(u) = min(u, 0) − log(1 + exp(−|u|)), and log σ(−u) differs by u.
            let rest = each(|lane| (-u[lane].abs()).exp().ln_1p());
            let below = each(|lane| smaller(u[lane], T::zero()) - rest[lane]);
            let above = each(|lane| smaller(-u[lane], T::zero()) - rest[lane]);
            *component = Component {
                log_weight: self.load(row, 2 + k, column),
                standardised: u,
                bounded,
                inverse_scale,
                below,
                above,
                density: each(|lane| below[lane] + above[lane] - log_scale(bounded[lane])),
            };
        }
        let total = log_sum_exp(components, |component, lane| component.log_weight[lane]);
        for component in &mut *components {
            component.log_weight = each(|lane| component.log_weight[lane] - total[lane]);
        }
        Logarithms {
            below: log_sum_exp(components, |c, lane| c.log_weight[lane] + c.below[lane]),
            above: log_sum_exp(components, |c, lane| c.log_weight[lane] + c.above[lane]),
            density: log_sum_exp(components, |c, lane| c.log_weight[lane] + c.density[lane]),
        }
    }

    /// The results of a row: the transformed values and the log-derivatives.
    #[inline(always)]
    fn row<T: Element>(
        &self,
        [value, parameters]: [&[T]; 2],
        [transformed, derivative]: [&mut [T]; 2],
    ) {
        let mut components = [nothing::<T>(); MAX_COMPONENTS];
        let components = &mut components[..self.components];
        for column in (0..self.width).step_by(LANES) {
            let value = lanes(value, column);
            let Logarithms {
                below,
                above,
                density,
            } = self.terms(&value, parameters, column, components);
            let raw = self.load(parameters, 0, column);
            let b = self.load(parameters, 1, column);
            let a = each(|lane| log_scale(bound(raw[lane])));
            let y = each(|lane| (below[lane] - above[lane]) * a[lane].exp() + b[lane]);
            let slope = each(|lane| density[lane] - below[lane] - above[lane] + a[lane]);
            put(transformed, column, &y);
            put(derivative, column, &slope);
        }
    }

    /// The gradients of a row's values and parameters, from the gradients of its results.
    #[inline(always)]
    fn row_gradients<T: Element>(
        &self,
        [value, parameters]: [&[T]; 2],
        [transformed, derivative]: [&[T]; 2],
        [to_value, to_parameters]: [&mut [T]; 2],
    ) {
        let (count, width) = (self.components, self.width);
        let one = T::one();
        let mut components = [nothing::<T>(); MAX_COMPONENTS];
        let components = &mut components[..count];
        for column in (0..width).step_by(LANES) {
            let value = lanes(value, column);
            let sums = self.terms(&value, parameters, column, components);
            let raw = self.load(parameters, 0, column);
            let (to_y, to_slope) = (lanes(transformed, column), lanes(derivative, column));
            let mut store = |block: usize, gradient: &Lanes<T>| {
                put(
                    &mut to_parameters[block * width..][..width],
                    column,
                    gradient,
                );
            };

            let bounded = each(|lane| bound(raw[lane]));
            let to_logit = each(|lane| to_y[lane] * log_scale(bounded[lane]).exp());
            let logit = each(|lane| sums.below[lane] - sums.above[lane]);
            store(
                0,
                &each(|lane| {
                    let to_a = to_logit[lane] * logit[lane] + to_slope[lane];
                    to_a * (one - bounded[lane] * bounded[lane])
                }),
            );
            store(1, &to_y);
            // The gradients with respect to log F and log (1 − F); the gradient of log F′ is that
            // of the slope.
            let to_below = each(|lane| to_logit[lane] - to_slope[lane]);
            let to_above = each(|lane| -to_logit[lane] - to_slope[lane]);
            let mut to_x = [T::zero(); LANES];
            for (k, c) in components.iter().enumerate() {
                let below = share(c, &to_below, &c.below, &sums.below);
                let above = share(c, &to_above, &c.above, &sums.above);
                let density = share(c, &to_slope, &c.density, &sums.density);
                let to_u = each(|lane| {
                    let (left, right) = (c.below[lane].exp(), c.above[lane].exp());
                    below[lane] * right - above[lane] * left + density[lane] * (right - left)
                });
                let through = each(|lane| to_u[lane] * c.inverse_scale[lane]);
                to_x = each(|lane| to_x[lane] + through[lane]);
                store(
                    2 + k,
                    &each(|lane| {
                        let all = to_below[lane] + to_above[lane] + to_slope[lane];
                        let own = below[lane] + above[lane] + density[lane];
                        own - c.log_weight[lane].exp() * all
                    }),
                );
                store(2 + count + k, &each(|lane| -through[lane]));
                store(
                    2 + 2 * count + k,
                    &each(|lane| {
                        let to_scale = to_u[lane] * c.standardised[lane] + density[lane];
                        -to_scale * (one - c.bounded[lane] * c.bounded[lane])
                    }),
                );
            }
            put(to_value, column, &to_x);
        }
    }
}

/// The columns from `column` on, padded with zeros.
#[inline(always)]
fn lanes<T: Element>(row: &[T], column: usize) -> Lanes<T> {
    let mut lanes = [T::zero(); LANES];
    let rest = &row[column..];
    if let Some(whole) = rest.first_chunk::<LANES>() {
        return *whole;
    }
    lanes[..rest.len()].copy_from_slice(rest);
    lanes
}

/// Writes the columns from `column` on, without the padding.
#[inline(always)]
fn put<T: Element>(row: &mut [T], column: usize, values: &Lanes<T>) {
    let rest = &mut row[column..];
    if let Some(whole) = rest.first_chunk_mut::<LANES>() {
        *whole = *values;
        return;
    }
    let len = rest.len();
    rest.copy_from_slice(&values[..len]);
}

#[inline(always)]
fn nothing<T: Element>() -> Component<T> {
    let zeros = [T::zero(); LANES];
    Component {
        log_weight: zeros,
        standardised: zeros,
        bounded: zeros,
        inverse_scale: zeros,
        below: zeros,
        above: zeros,
        density: zeros,
    }
}

impl Operation<2> for Mixture {
    const NAME: &'static str = "logistic_mixture";

    fn forward<T: Element>(&self, inputs: [&[T]; 2]) -> Vec<T> {
        let mut both = vec![T::zero(); 2 * inputs[0].len()];
        let (transformed, derivative) = both.split_at_mut(inputs[0].len());
        let (widths, rows) = ([self.width, self.parameters()], self.rows());
        share_rows(
            [transformed, derivative],
            [self.width; 2],
            rows,
            |index, [transformed, derivative]| {
                let results = transformed
                    .chunks_exact_mut(self.width)
                    .zip(derivative.chunks_exact_mut(self.width));
                for (row, (transformed, derivative)) in results.enumerate() {
                    let inputs = part(inputs, widths, index * rows + row);
                    vectorised(
                        #[inline(always)]
                        || self.row(inputs, [transformed, derivative]),
                    );
                }
            },
        );
        both
    }

    fn backward<T: Element>(
        &self,
        inputs: [&[T]; 2],
        _: &[T],
        gradient: &[T],
        _: [bool; 2],
    ) -> [Gradient<T>; 2] {
        let gradients = gradient.split_at(inputs[0].len()).into();
        let [mut to_value, mut to_parameters] = inputs.map(|input| vec![T::zero(); input.len()]);
        let (widths, rows) = ([self.width, self.parameters()], self.rows());
        share_rows(
            [&mut to_value, &mut to_parameters],
            widths,
            rows,
            |index, [to_value, to_parameters]| {
                let results = to_value
                    .chunks_exact_mut(widths[0])
                    .zip(to_parameters.chunks_exact_mut(widths[1]));
                for (row, (to_value, to_parameters)) in results.enumerate() {
                    let row = index * rows + row;
                    let inputs = part(inputs, widths, row);
                    let gradients = part(gradients, [self.width; 2], row);
                    vectorised(
                        #[inline(always)]
                        || self.row_gradients(inputs, gradients, [to_value, to_parameters]),
                    );
                }
            },
        );
        [Gradient::Values(to_value), Gradient::Values(to_parameters)]
    }
}

/// One row of both matrices.
fn part<T>(matrices: [&[T]; 2], widths: [usize; 2], row: usize) -> [&[T]; 2] {
    [0, 1].map(|i| &matrices[i][row * widths[i]..][..widths[i]])
}
