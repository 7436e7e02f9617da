use candle_core::{D, Device, Tensor};
use latent_kernels::{Shape, concat, narrow};

use crate::bijector::no_log_det;
use crate::{Bijector, Error};

/// A partition of a vector's columns into those that a coupling transforms and those that condition
/// the transformation (given).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    transformed: Columns,
    given: Columns,
    /// The number of times that the partition is repeated in a vector: the pixels of an image whose
    /// channels are partitioned, or 1.
    repetitions: usize,
}

/// Some columns of a vector.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Columns {
    /// First column and count.
    Range(usize, usize),
    /// Column numbers.
    Listed(Vec<u32>),
}

impl Columns {
    fn from_numbers(numbers: Vec<u32>) -> Self {
        let first = numbers.first().copied().unwrap_or(0);
        let is_range = numbers.iter().zip(first..).all(|(a, b)| *a == b);
        if is_range {
            Self::Range(first as usize, numbers.len())
        } else {
            Self::Listed(numbers)
        }
    }

    fn numbers(&self) -> Vec<u32> {
        match self {
            Self::Range(first, count) => (*first..first + count).map(|i| i as u32).collect(),
            Self::Listed(numbers) => numbers.clone(),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Range(_, count) => *count,
            Self::Listed(numbers) => numbers.len(),
        }
    }

    fn of(&self, vectors: &Tensor) -> Result<Tensor, Error> {
        Ok(match self {
            Self::Range(first, count) => narrow(vectors, *first, *count)?,
            Self::Listed(numbers) => {
                let numbers = Tensor::new(numbers.as_slice(), vectors.device())?;
                vectors
                    .contiguous()?
                    .index_select(&numbers, vectors.rank() - 1)?
            }
        })
    }
}

impl Mask {
    /// Partitions `size` columns: those for which `is_transformed` returns true, and the others.
    ///
    /// # Errors
    /// One of the parts is empty.
    pub fn new(size: usize, is_transformed: impl Fn(usize) -> bool) -> Result<Self, Error> {
        let (transformed, given): (Vec<u32>, Vec<u32>) =
            (0..size as u32).partition(|&column| is_transformed(column as usize));
        if transformed.is_empty() || given.is_empty() {
            return Err(Error::Mask { size });
        }
        Ok(Self {
            transformed: Columns::from_numbers(transformed),
            given: Columns::from_numbers(given),
            repetitions: 1,
        })
    }

    /// Transforms the second half of the channels of every pixel, conditional on the first, for
    /// images `[height, width, channels]` as vectors. If their number is odd, the first half has
    /// one more channel. Dinh et al. 2017, section 3.4.
    ///
    /// The columns of each part are an image with the channels of that part.
    ///
    /// # Errors
    /// There are fewer than two channels.
    pub fn channels(shape: Shape) -> Result<Self, Error> {
        Ok(Self {
            repetitions: shape.height * shape.width,
            ..Self::blocks(shape.channels)?
        })
    }

    /// Transforms the second half of the columns, conditional on the first. If `size` is odd, the
    /// first half has one more column.
    ///
    /// # Errors
    /// There are fewer than two columns.
    pub fn blocks(size: usize) -> Result<Self, Error> {
        Self::new(size, |column| column >= size.div_ceil(2))
    }

    /// Transforms the odd columns (the second, the fourth, …), conditional on the even ones. Dinh
    /// et al. 2014, section 5.1.
    ///
    /// # Errors
    /// There are fewer than two columns.
    pub fn alternating(size: usize) -> Result<Self, Error> {
        Self::new(size, |column| column % 2 == 1)
    }

    /// Checkerboard mask of an image: transforms the pixels for which row + column is odd, with all
    /// their channels. Dinh et al. 2017, section 3.4.
    ///
    /// # Errors
    /// The image has fewer than two pixels.
    pub fn checkerboard(shape: Shape) -> Result<Self, Error> {
        Self::new(shape.elem_count(), |index| {
            let pixel = index / shape.channels;
            (pixel / shape.width + pixel % shape.width) % 2 == 1
        })
    }

    /// Exchanges the transformed and the given part.
    #[must_use]
    pub fn swapped(self) -> Self {
        Self {
            transformed: self.given,
            given: self.transformed,
            repetitions: self.repetitions,
        }
    }

    /// The number of columns.
    pub fn size(&self) -> usize {
        self.transformed() + self.given()
    }

    /// The number of transformed columns.
    pub fn transformed(&self) -> usize {
        self.transformed.len() * self.repetitions
    }

    /// The number of given columns.
    pub fn given(&self) -> usize {
        self.given.len() * self.repetitions
    }

    /// The column numbers, given columns first.
    pub fn order(&self) -> Vec<u32> {
        let width = (self.given.len() + self.transformed.len()) as u32;
        let repeated = |part: &Columns| {
            let numbers = part.numbers();
            (0..self.repetitions as u32)
                .flat_map(|repetition| {
                    numbers
                        .iter()
                        .map(move |number| repetition * width + number)
                        .collect::<Vec<_>>()
                })
                .collect::<Vec<_>>()
        };
        [repeated(&self.given), repeated(&self.transformed)].concat()
    }

    /// Splits vectors into the transformed and the given part.
    pub(crate) fn split(&self, vectors: &Tensor) -> Result<(Tensor, Tensor), Error> {
        let found = vectors.dim(D::Minus1)?;
        if found != self.size() {
            let expected = self.size();
            return Err(Error::EventSize { found, expected });
        }
        let repeated = self.repeated(vectors)?;
        let part = |columns: &Columns| self.flattened(&columns.of(&repeated)?);
        Ok((part(&self.transformed)?, part(&self.given)?))
    }

    /// `[…, repetitions · m]` as `[…, repetitions, m]`.
    fn repeated(&self, vectors: &Tensor) -> Result<Tensor, Error> {
        if self.repetitions == 1 {
            return Ok(vectors.clone());
        }
        let (leading, size) = (vectors.rank() - 1, vectors.dim(D::Minus1)?);
        let each = [self.repetitions, size / self.repetitions];
        Ok(vectors.reshape([&vectors.dims()[..leading], &each].concat())?)
    }

    /// The inverse of [`Self::repeated`].
    fn flattened(&self, repeated: &Tensor) -> Result<Tensor, Error> {
        Ok(match self.repetitions {
            1 => repeated.clone(),
            _ => repeated.flatten_from(D::Minus2)?,
        })
    }

    /// The inverse of [`Self::split`].
    pub(crate) fn join(&self, transformed: &Tensor, given: &Tensor) -> Result<Tensor, Error> {
        let both = self.join_one(&self.repeated(transformed)?, &self.repeated(given)?)?;
        self.flattened(&both)
    }

    /// The inverse of the partition of one repetition.
    fn join_one(&self, transformed: &Tensor, given: &Tensor) -> Result<Tensor, Error> {
        let last = given.rank() - 1;
        match (&self.transformed, &self.given) {
            (Columns::Range(0, _), Columns::Range(..)) => Ok(concat(transformed, given)?),
            (Columns::Range(..), Columns::Range(0, _)) => Ok(concat(given, transformed)?),
            _ => {
                let both = concat(given, transformed)?;
                let order = [self.given.numbers(), self.transformed.numbers()].concat();
                let back = Tensor::new(inverse_order(&order), both.device())?;
                Ok(both.index_select(&back, last)?)
            }
        }
    }
}

/// The inverse of a permutation.
fn inverse_order(order: &[u32]) -> Vec<u32> {
    let mut inverse = vec![0; order.len()];
    for (place, &number) in order.iter().enumerate() {
        inverse[number as usize] = place as u32;
    }
    inverse
}

/// A permutation of the columns, from latents to data.
#[derive(Clone, Debug)]
pub struct Permutation {
    forward: Tensor,
    inverse: Tensor,
}

impl Permutation {
    /// Creates the permutation that maps column `order[i]` of the latents to column i of the data.
    ///
    /// # Errors
    /// `order` is not a permutation of 0 to its length − 1.
    pub fn new(order: &[u32], device: &Device) -> Result<Self, Error> {
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        if !sorted.iter().zip(0..).all(|(a, b)| *a == b) {
            return Err(Error::Permutation { size: order.len() });
        }
        Ok(Self {
            forward: Tensor::new(order, device)?,
            inverse: Tensor::new(inverse_order(order), device)?,
        })
    }

    /// Creates the permutation that makes both parts of `mask` contiguous on the latent side.
    ///
    /// Couplings by halves on the latent side of it are equivalent to couplings by `mask` of
    /// the data, and need no gather of single columns.
    ///
    /// # Errors
    /// An operation on the device failed.
    pub fn from_mask(mask: &Mask, device: &Device) -> Result<Self, Error> {
        Self::new(&inverse_order(&mask.order()), device)
    }

    /// The squeeze of images `[height, width, channels]`, in the direction from data to latents: each
    /// square of 2×2 pixels becomes one pixel with four times the channels. Dinh et al. 2017,
    /// section 3.6.
    ///
    /// The four parts are in the order upper left, lower right, upper right, lower left, so that the
    /// two halves of the channels are the two colours of a checkerboard of pixels.
    ///
    /// # Errors
    /// The height or the width is odd.
    pub fn squeeze(image: Shape, device: &Device) -> Result<Self, Error> {
        let Shape {
            height,
            width,
            channels,
        } = image;
        if height % 2 != 0 || width % 2 != 0 {
            return Err(Error::OddImage { height, width });
        }
        let mut order = Vec::with_capacity(image.elem_count());
        for row in (0..height).step_by(2) {
            for column in (0..width).step_by(2) {
                for (down, right) in [(0, 0), (1, 1), (0, 1), (1, 0)] {
                    let pixel = (row + down) * width + column + right;
                    order.extend((0..channels).map(|channel| (pixel * channels + channel) as u32));
                }
            }
        }
        Self::new(&inverse_order(&order), device)
    }

    fn apply(vectors: &Tensor, order: &Tensor) -> Result<(Tensor, Tensor), Error> {
        let (found, expected) = (vectors.dim(D::Minus1)?, order.dim(0)?);
        if found != expected {
            return Err(Error::EventSize { found, expected });
        }
        let moved = vectors
            .contiguous()?
            .index_select(order, vectors.rank() - 1)?;
        Ok((moved, no_log_det(vectors)?))
    }
}

impl<C> Bijector<C> for Permutation {
    fn forward_and_log_det(&self, latents: &Tensor, _: &C) -> Result<(Tensor, Tensor), Error> {
        Self::apply(latents, &self.forward)
    }

    fn inverse_and_log_det(&self, data: &Tensor, _: &C) -> Result<(Tensor, Tensor), Error> {
        Self::apply(data, &self.inverse)
    }

    fn is_conditional(&self) -> bool {
        false
    }
}
