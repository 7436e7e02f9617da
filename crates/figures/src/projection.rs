//! Projections of latents to a plane.

use candle_core::Tensor;
use latent_models::latent_space::PrincipalComponents;

use crate::Error;

/// A projection of latents to a plane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Projection {
    /// No projection if the latents have two dimensions, otherwise [`Self::Pca`].
    #[default]
    Auto,
    /// The first two principal components.
    Pca,
    /// t-SNE (van der Maaten 2014): it preserves neighbourhoods, while distances between groups
    /// have no meaning. Needs the feature `t-sne`.
    #[cfg(feature = "t-sne")]
    TSne,
}

/// Points in the plane.
pub(crate) struct Plane {
    /// `[n, 2]`
    pub(crate) points: Tensor,
    /// The projection, for the title: "PCA of 50 dimensions".
    pub(crate) method: Option<String>,
    /// The names of the axes, if they are not z₁ and z₂.
    pub(crate) axes: Option<[String; 2]>,
}

impl Projection {
    /// Projects latents `[n, d]`.
    pub(crate) fn project(self, latents: &Tensor) -> Result<Plane, Error> {
        let (_, dimensions) = latents.dims2()?;
        if dimensions < 2 {
            return Err(Error::TooFewDimensions { dimensions });
        }
        match self {
            Self::Auto if dimensions == 2 => Ok(Plane {
                points: latents.clone(),
                method: None,
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
                    method: Some(format!("PCA of {dimensions} dimensions")),
                    axes: Some([axis(0), axis(1)]),
                })
            }
            #[cfg(feature = "t-sne")]
            Self::TSne => Ok(Plane {
                points: crate::t_sne::t_sne(latents)?,
                method: Some(format!("t-SNE of {dimensions} dimensions")),
                axes: Some(["", ""].map(str::to_owned)),
            }),
        }
    }
}
