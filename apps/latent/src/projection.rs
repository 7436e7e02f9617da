//! From latents of many dimensions to a plane that can be looked at.

use bhtsne::{Neighbor, tSNE};
use candle_core::{DType, Device, Tensor};
use clap::ValueEnum;
use latent_models::latent_space::{PrincipalComponents, nearest};
use rayon::ThreadPoolBuilder;

use crate::Error;

/// How latents come into a plane.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum Projection {
    /// Not at all if they have two dimensions, and else by principal components
    Auto,
    /// The two directions in which they vary most
    Pca,
    /// t-SNE: what is near stays near, while distances between groups say little
    Tsne,
}

/// Points of a plane, and what to say of them.
pub(crate) struct Plane {
    /// `[n, 2]`
    pub(crate) points: Tensor,
    /// What a title adds.
    pub(crate) words: String,
    /// Names of the axes, where they are not the latent's own.
    pub(crate) axes: Option<[String; 2]>,
}

impl Projection {
    /// t-SNE takes a perplexity of 2 at least, and three times as many neighbours for each image.
    pub(crate) const FEWEST_FOR_TSNE: usize = 8;

    /// Projects latents `[n, d]`.
    pub(crate) fn of(self, latents: &Tensor) -> Result<Plane, Error> {
        let (count, size) = latents.dims2()?;
        if size < 2 {
            return Err(Error::OneDimension);
        }
        match self {
            Self::Auto if size == 2 => Ok(Plane {
                points: latents.clone(),
                words: String::new(),
                axes: None,
            }),
            Self::Auto | Self::Pca => {
                let components = PrincipalComponents::of(latents, 2)?;
                let axis = |index: usize| {
                    let share = 100.0 * components.explained[index];
                    format!("principal component {} ({share:.0} %)", index + 1)
                };
                Ok(Plane {
                    points: components.project(latents)?,
                    words: format!(", PCA of {size} dimensions"),
                    axes: Some([axis(0), axis(1)]),
                })
            }
            Self::Tsne => Ok(Plane {
                points: embedded(latents, count)?,
                words: format!(", t-SNE of {size} dimensions"),
                axes: Some(["", ""].map(str::to_owned)),
            }),
        }
    }
}

/// van der Maaten 2014, "Accelerating t-SNE using tree-based algorithms", from the principal components
/// (Kobak & Berens 2019), on one thread and with neighbours of our own, since both of the crate's would
/// make a picture of its own every time; in 64 bits, since its forces are sums over all points.
fn embedded(latents: &Tensor, count: usize) -> Result<Tensor, Error> {
    const PERPLEXITY: usize = 30;
    const THETA: f64 = 0.5;
    // Each point needs three times as many neighbours as the perplexity.
    let perplexity = PERPLEXITY.min(count.saturating_sub(2) / 3);
    if count < Projection::FEWEST_FOR_TSNE {
        let fewest = Projection::FEWEST_FOR_TSNE;
        return Err(Error::TooFewForTsne { count, fewest });
    }
    let start = PrincipalComponents::of(latents, 2)?.project(latents)?;
    let start = start.to_device(&Device::Cpu)?.to_dtype(DType::F64)?;
    let spread = start.narrow(1, 0, 1)?.sqr()?.mean_all()?.sqrt()?;
    // Where all latents are the same there is nothing to scale.
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
    let alone = ThreadPoolBuilder::new().num_threads(1).build();
    let points = alone.map_err(Error::Threads)?.install(embed);
    let points = Tensor::from_vec(points, (count, 2), &Device::Cpu)?;
    Ok(points
        .to_dtype(latents.dtype())?
        .to_device(latents.device())?)
}
