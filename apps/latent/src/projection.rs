//! From latents of many dimensions to a plane that can be looked at.

use bhtsne::tSNE;
use candle_core::{DType, Tensor};
use clap::ValueEnum;
use latent_models::latent_space::PrincipalComponents;

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
    /// Projects latents `[n, d]`.
    pub(crate) fn of(self, latents: &Tensor) -> Result<Plane, Error> {
        let (count, size) = latents.dims2()?;
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
                points: embedded(latents, count, size)?,
                words: format!(", t-SNE of {size} dimensions"),
                axes: Some(["", ""].map(str::to_owned)),
            }),
        }
    }
}

/// van der Maaten 2014, "Accelerating t-SNE using tree-based algorithms", from the principal components
/// (Kobak & Berens 2019), so that the same latents give the same picture.
fn embedded(latents: &Tensor, count: usize, size: usize) -> Result<Tensor, Error> {
    const PERPLEXITY: f32 = 30.0;
    const THETA: f32 = 0.5;
    // Each point needs three times as many neighbours as the perplexity.
    let perplexity = PERPLEXITY.min((count.saturating_sub(2) / 3) as f32);
    if perplexity < 2.0 {
        return Err(Error::TooFewForTsne(count));
    }
    let start = PrincipalComponents::of(latents, 2.min(size))?.project(latents)?;
    let spread = start.narrow(1, 0, 1)?.sqr()?.mean_all()?.sqrt()?;
    let start = (start.broadcast_div(&spread.reshape((1, 1))?)? * 1e-4)?;

    let rows = latents.to_dtype(DType::F32)?.to_vec2::<f32>()?;
    let mut embedding = tSNE::<f32, Vec<f32>>::new(&rows);
    embedding
        .perplexity(perplexity)
        .initial_embedding(start.flatten_all()?.to_vec1::<f32>()?)
        .barnes_hut(THETA, |a, b| {
            let squares = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b));
            squares.sum::<f32>().sqrt()
        });
    Ok(Tensor::from_vec(
        embedding.embedding(),
        (count, 2),
        latents.device(),
    )?)
}
