//! The example in the documentation of `latent-distributions`, unchanged.

use candle_core::{Device, Tensor};
use latent_distributions::{
    Distribution, Generator, KlDivergence, Normal, Reparametrised, StandardNormal,
};

fn main() -> Result<(), latent_distributions::Error> {
    let device = Device::Cpu;
    // Two diagonal normals in three dimensions: a batch of two events of size three.
    let loc = Tensor::new(&[[0f32, 1.0, -1.0], [0.5, 0.0, 2.0]], &device)?;
    let log_scale = Tensor::new(&[[0f32, -1.0, 0.5], [0.0, 0.0, 0.0]], &device)?;
    let posterior = Normal::new(loc, log_scale)?;

    // The generator is an argument: the same seed gives the same draw.
    let mut generator = Generator::new(42);
    let z = posterior.rsample(&[], &mut generator)?; // [2, 3], differentiable in both parameters
    let nats = posterior.log_prob(&z)?; // [2], summed over the event
    assert_eq!(nats.dims(), [2]);

    let prior = StandardNormal::new(3, z.dtype(), &device);
    let kl = posterior.kl_divergence(&prior)?.to_vec1::<f32>()?; // [2]
    assert!((kl[1] - 0.5 * (0.25 + 4.0)).abs() < 1e-6);
    Ok(())
}
