use bhtsne::{Neighbor, tSNE};
use candle_core::{DType, Device, Tensor};
use latent_models::latent_space::{PrincipalComponents, nearest};
use rayon::ThreadPoolBuilder;

use crate::Error;

/// The minimum number of images for t-SNE: it needs a perplexity of at least 2, and three times as
/// many neighbours of each image.
pub const MIN_TSNE_IMAGES: usize = 8;

/// Projects latents `[n, d]` to a plane, `[n, 2]`, by t-SNE: van der Maaten 2014, "Accelerating
/// t-SNE using tree-based algorithms", initialised by the principal components (Kobak & Berens
/// 2019).
///
/// It runs on one thread and with neighbours computed here, since bhtsne's own differ from run to
/// run, and in 64 bits, since its forces are sums over all points.
pub(crate) fn t_sne(latents: &Tensor) -> Result<Tensor, Error> {
    const PERPLEXITY: usize = 30;
    const THETA: f64 = 0.5;
    let count = latents.dim(0)?;
    if count < MIN_TSNE_IMAGES {
        return Err(Error::TooFewForTsne {
            count,
            minimum: MIN_TSNE_IMAGES,
        });
    }
    // Each point needs three times as many neighbours as the perplexity.
    let perplexity = PERPLEXITY.min((count - 2) / 3);
    let start = PrincipalComponents::of(latents, 2)?.project(latents)?;
    let start = start.to_device(&Device::Cpu)?.to_dtype(DType::F64)?;
    let spread = start.narrow(1, 0, 1)?.sqr()?.mean_all()?.sqrt()?;
    // If all latents are equal, there is nothing to scale.
    let scale = 1e-4 / spread.to_scalar::<f64>()?.max(f64::MIN_POSITIVE);
    let start = (start * scale)?.flatten_all()?.to_vec1::<f64>()?;
    let others = |(point, mut near): (usize, Vec<(usize, f32)>)| {
        near.retain(|&(index, _)| index != point);
        let near = near.into_iter().take(3 * perplexity);
        near.map(|(index, distance)| Neighbor {
            index,
            distance: f64::from(distance),
        })
        .collect()
    };
    let neighbours: Vec<Vec<Neighbor<f64>>> = nearest(latents, latents, 3 * perplexity + 1)?
        .into_iter()
        .enumerate()
        .map(others)
        .collect();
    let rows = latents.to_device(&Device::Cpu)?.to_dtype(DType::F64)?;
    let rows = rows.to_vec2::<f64>()?;
    let embed = || {
        let mut embedding = tSNE::<f64, Vec<f64>>::new(&rows);
        embedding
            .perplexity(perplexity as f64)
            .initial_embedding(start)
            .barnes_hut_with_neighbors(THETA, &neighbours)
            .embedding()
    };
    let one_thread = ThreadPoolBuilder::new().num_threads(1).build()?;
    let points = one_thread.install(embed);
    let points = Tensor::from_vec(points, (count, 2), &Device::Cpu)?;
    Ok(points
        .to_dtype(latents.dtype())?
        .to_device(latents.device())?)
}
