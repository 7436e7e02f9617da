/// Why a figure cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A manifold of a latent space that is no plane.
    #[error("a manifold shows a latent space of two dimensions and this model has {dimensions}")]
    NotAPlane {
        /// Dimensions of the model's latent space.
        dimensions: usize,
    },
    /// A scatter plot of a latent space with one dimension.
    #[error(
        "a scatter plot needs latents of two dimensions or more, and this model's have {dimensions}"
    )]
    TooFewDimensions {
        /// Dimensions of the model's latent space.
        dimensions: usize,
    },
    /// More images than a figure can show.
    #[error("a figure of {count} images is too large; the limit is {limit}")]
    TooManyImages {
        /// Images of the figure.
        count: usize,
        /// The limit, [`MAX_IMAGES`](crate::MAX_IMAGES).
        limit: usize,
    },
    /// A figure of a data set that is empty.
    #[error("the data set has no images")]
    NoImages,
    /// Too few images for a pair.
    #[error("a pair needs two images, and there are {0}")]
    NoPairs(usize),
    /// A label that no image of the data set has.
    #[error("the data set has no image with the label {0}")]
    NoImageOfLabel(u8),
    /// Too few images for t-SNE.
    #[cfg(feature = "t-sne")]
    #[error("t-SNE needs {minimum} images or more, and there are {count}")]
    TooFewForTsne {
        /// Images that were given.
        count: usize,
        /// Images that are needed, [`MIN_TSNE_IMAGES`](crate::MIN_TSNE_IMAGES).
        minimum: usize,
    },
    /// The operating system starts no thread.
    #[cfg(feature = "t-sne")]
    #[error("a thread for t-SNE cannot be started: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// The images cannot be batched: an index is beyond the last image.
    #[error(transparent)]
    Data(#[from] latent_datasets::Error),
    /// The model cannot do it: it is not conditional, or has another latent space.
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
