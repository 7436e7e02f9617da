/// An error of a figure.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A manifold needs two latent dimensions.
    #[error("a manifold needs two latent dimensions, and this model has {dimensions}")]
    NotAPlane {
        /// The number of latent dimensions of the model.
        dimensions: usize,
    },
    /// A scatter plot needs at least two latent dimensions.
    #[error("a scatter plot needs at least two latent dimensions, and this model has {dimensions}")]
    TooFewDimensions {
        /// The number of latent dimensions of the model.
        dimensions: usize,
    },
    /// The model has no latent dimension of this index.
    #[error("there is no latent dimension {index}: this model has {dimensions}, counted from 0")]
    NoDimension {
        /// The index.
        index: usize,
        /// The number of latent dimensions of the model.
        dimensions: usize,
    },
    /// A grid of fewer than two steps has no cells.
    #[error("cells need a grid of two or more steps in each direction")]
    NoSteps,
    /// Quantiles of a prior that is not standard normal.
    #[error(
        "a grid of quantiles needs a standard normal prior, and the prior of this model is another distribution"
    )]
    NotStandardNormal,
    /// A figure of the prior of a model without one of its decoder's latents.
    #[error("a figure of the prior needs a VAE with one level of latents")]
    NoPriorOfLatents,
    /// No level of latents is left to be drawn.
    #[error(
        "{shared} levels are shared, and this model has {levels} in total: none is left to draw for each image"
    )]
    NoLevelBelow {
        /// The number of shared levels.
        shared: usize,
        /// The number of levels of the model.
        levels: usize,
    },
    /// The figure has too many images.
    #[error("a figure of {count} images is too large; the limit is {limit}")]
    TooManyImages {
        /// The number of images of the figure.
        count: usize,
        /// The limit, [`MAX_IMAGES`](crate::MAX_IMAGES).
        limit: usize,
    },
    /// Latents of another size than the model's.
    #[error(
        "the latents have the dimensions {found:?}, expected [n, {size}]: n latents of the model's {size} dimensions"
    )]
    LatentShape {
        /// The dimensions found.
        found: Vec<usize>,
        /// The number of latent dimensions of the model.
        size: usize,
    },
    /// Latents that are infinite or NaN.
    #[error("the latents are not finite")]
    NotFiniteLatents,
    /// Neither one label nor one for each latent.
    #[error("{labels} labels for {latents} latents, expected one for all or one for each")]
    LabelsOfLatents {
        /// The number of labels.
        labels: usize,
        /// The number of latents.
        latents: usize,
    },
    /// The data set has no images.
    #[error("the data set has no images")]
    NoImages,
    /// The figure or the conditional model needs the labels of images, and they have none.
    #[error("the images have no labels")]
    NoLabels,
    /// There are too few images for a pair.
    #[error("a pair needs two images, and there are {0}")]
    NoPairs(usize),
    /// The data set has no image with the label.
    #[error("the data set has no image with the label {0}")]
    NoImageOfLabel(u8),
    /// There are too few images for t-SNE.
    #[cfg(feature = "t-sne")]
    #[error("t-SNE needs at least {minimum} images, and there are {count}")]
    TooFewForTsne {
        /// The number of images.
        count: usize,
        /// The minimum, [`MIN_TSNE_IMAGES`](crate::MIN_TSNE_IMAGES).
        minimum: usize,
    },
    /// The operating system cannot start a thread.
    #[cfg(feature = "t-sne")]
    #[error("a thread for t-SNE cannot be started: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// An image index is out of range.
    #[error(transparent)]
    Data(#[from] latent_datasets::Error),
    /// The model does not support the figure: it is not conditional, or its latent space differs.
    #[error(transparent)]
    Model(#[from] latent_models::Error),
    /// The model was not trained on a label.
    #[error(transparent)]
    Training(#[from] latent_training::Error),
    /// The figure cannot be laid out.
    #[error(transparent)]
    Visualisation(#[from] latent_visualisation::Error),
    /// An operation on tensors failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}
