use std::convert::Infallible;

use candle_core::{DType, Device, Result, Shape, Tensor, bail};
use rand::{Rng, RngExt, SeedableRng, TryRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

/// A seedable random number generator whose draws are the same on every machine.
///
/// Every function that draws random numbers takes a generator as an argument, because candle's own
/// CPU generator cannot be seeded. Numbers are drawn on the CPU and then moved, so a seed gives the
/// same values on every device.
///
/// A *stream* is identified by (seed, purpose, epoch, step). Streams are independent of each other.
/// A training loop that opens a stream for every step can be resumed at any step without a saved
/// generator state.
///
/// ```
/// use latent_distributions::Generator;
/// use rand::RngExt;
///
/// let draw = |epoch, step| Generator::stream(7, "noise", epoch, step).random::<u64>();
/// assert_eq!(draw(3, 14), draw(3, 14));
/// assert_ne!(draw(3, 14), draw(3, 15));
/// ```
#[derive(Clone, Debug)]
pub struct Generator(ChaCha8Rng);

impl Generator {
    /// Creates a generator from a seed, for a program that needs only one stream.
    pub fn new(seed: u64) -> Self {
        Self::stream(seed, "", 0, 0)
    }

    /// Creates the stream for one purpose at one step of training.
    pub fn stream(seed: u64, purpose: &str, epoch: u64, step: u64) -> Self {
        // The cipher's key is four words long, enough for the four parts of the stream's identity.
        let mut key = [0; 32];
        let words = [seed, fnv1a(purpose), epoch, step];
        for (bytes, word) in key.chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        Self(ChaCha8Rng::from_seed(key))
    }

    /// Draws a tensor of independent standard normal values.
    ///
    /// # Errors
    /// `dtype` is neither F32 nor F64.
    pub fn standard_normal(
        &mut self,
        shape: impl Into<Shape>,
        dtype: DType,
        device: &Device,
    ) -> Result<Tensor> {
        self.fill(shape.into(), dtype, device, |random| {
            random.sample(rand_distr::StandardNormal)
        })
    }

    /// Draws a tensor of independent values, uniform in [0, 1).
    ///
    /// # Errors
    /// `dtype` is neither F32 nor F64.
    pub fn uniform(
        &mut self,
        shape: impl Into<Shape>,
        dtype: DType,
        device: &Device,
    ) -> Result<Tensor> {
        let shape = shape.into();
        // A 64-bit draw rounded to 32 bits could become 1, so each type has its own draw.
        if dtype == DType::F32 {
            let values: Vec<f32> = self.values(&shape, RngExt::random);
            return Tensor::from_vec(values, shape, device);
        }
        self.fill(shape, dtype, device, RngExt::random)
    }

    /// Draws a random permutation of 0 to `count` − 1.
    pub fn permutation(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        order.shuffle(self);
        order
    }

    fn values<T>(&mut self, shape: &Shape, draw: impl Fn(&mut ChaCha8Rng) -> T) -> Vec<T> {
        (0..shape.elem_count()).map(|_| draw(&mut self.0)).collect()
    }

    fn fill(
        &mut self,
        shape: Shape,
        dtype: DType,
        device: &Device,
        draw: impl Fn(&mut ChaCha8Rng) -> f64,
    ) -> Result<Tensor> {
        match dtype {
            DType::F32 => {
                let values: Vec<f32> = self.values(&shape, |random| draw(random) as f32);
                Tensor::from_vec(values, shape, device)
            }
            DType::F64 => Tensor::from_vec(self.values(&shape, draw), shape, device),
            other => bail!("random numbers are F32 or F64, not {other:?}"),
        }
    }
}

/// Lets the `rand` crates use this generator.
impl TryRng for Generator {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> std::result::Result<u32, Infallible> {
        Ok(self.0.next_u32())
    }

    fn try_next_u64(&mut self) -> std::result::Result<u64, Infallible> {
        Ok(self.0.next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> std::result::Result<(), Infallible> {
        self.0.fill_bytes(bytes);
        Ok(())
    }
}

/// The FNV-1a hash of a purpose. Hashes must never change: seeded results depend on them.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
