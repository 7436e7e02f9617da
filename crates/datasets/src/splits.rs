use crate::Dataset;

/// A data set divided into training, validation and test images of one size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splits {
    /// The name of the data set, such as `mnist`.
    pub name: String,
    /// The training images.
    pub train: Dataset,
    /// The validation images, for model selection, if some training images were [held
    /// out](Self::held_out).
    pub validation: Option<Dataset>,
    /// The test images, used for evaluation only.
    pub test: Dataset,
}

impl Splits {
    /// Divides images into training and test images by a fixed rule: they are ordered at random,
    /// [stratified](Dataset::stratified) by class, and the last seventh, as in MNIST, are the test
    /// images, but at least one of two or more.
    #[must_use]
    pub fn drawn(name: String, images: Dataset, seed: u64) -> Self {
        let images = images.stratified(seed);
        let test = (images.len() / 7).max(usize::from(images.len() > 1));
        let train = images.len() - test;
        Self {
            name,
            test: images.clone().without_first(train),
            train: images.truncated(train),
            validation: None,
        }
    }

    /// Holds out the last `count` training images for validation.
    ///
    /// At most a sixth of the training images is held out, but at least one. Nothing changes if
    /// `count` is 0 or there are validation images already.
    #[must_use]
    pub fn held_out(mut self, count: usize) -> Self {
        if count > 0 && self.validation.is_none() {
            let most = (self.train.len() / 6).max(1);
            let rest = self.train.len().saturating_sub(count.min(most));
            self.validation = Some(self.train.clone().without_first(rest));
            self.train = self.train.truncated(rest);
        }
        self
    }

    /// Changes the images of each split.
    pub(crate) fn map<E>(
        self,
        mut change: impl FnMut(Dataset) -> Result<Dataset, E>,
    ) -> Result<Self, E> {
        Ok(Self {
            name: self.name,
            train: change(self.train)?,
            validation: self.validation.map(&mut change).transpose()?,
            test: change(self.test)?,
        })
    }

    /// Keeps the first `limit` training images and the first `limit` test images.
    #[must_use]
    pub fn truncated(self, limit: usize) -> Self {
        Self {
            train: self.train.truncated(limit),
            test: self.test.truncated(limit),
            ..self
        }
    }
}
