use candle_core::Tensor;
use latent_datasets::Dataset;
use latent_models::latent_space::{exemplars, knn_agreement};
use latent_models::{Classifier, LatentModel};
use latent_training::{EVALUATION_BATCH, Model};
use latent_visualisation::{Format, Picture};

use crate::image_figure::{
    ImageFigure, LONGEST, check_image_count, class_name, image_grid, seed_of, values,
};
use crate::{Error, Split};

/// Options of [`prototypes`].
#[derive(Clone, Copy, Debug)]
pub struct PrototypeOptions<'a> {
    /// A classifier whose probability of the class is a factor of the score.
    pub classifier: Option<&'a Classifier>,
    /// The number of prototypes of each class.
    pub per_class: usize,
    /// The number of candidate images, from the start of the data set. The time grows with its
    /// square.
    pub candidates: usize,
    /// The seed of the binarisation, for a model of binarised images; by default the experiment's.
    pub seed: Option<u64>,
    /// The split of the images, for the title.
    pub split: Split,
}

impl Default for PrototypeOptions<'_> {
    fn default() -> Self {
        Self {
            classifier: None,
            per_class: 5,
            candidates: 5000,
            seed: None,
            split: Split::Test,
        }
    }
}

/// Class prototypes with their labels.
#[derive(Clone, Debug)]
pub struct PrototypeFigure {
    /// The decoded images with their latents.
    pub figure: ImageFigure,
    /// The class of each image.
    pub labels: Vec<u8>,
    /// The number of images that are recognised as their class by the classifier, or without one by more than half of the
    /// 15 nearest real images.
    pub recognised: usize,
}

impl Picture for PrototypeFigure {
    fn render(&self, format: Format) -> Result<Vec<u8>, latent_visualisation::Error> {
        self.figure.render(format)
    }
}

/// Prototypes of each class: a row of decoded exemplar latents.
///
/// The candidates are latents of images. The score of a candidate is the k-NN agreement of its decoded image with its class
/// ([`knn_agreement`]), multiplied by the probability of the class under a classifier, if there is one: a network alone
/// can be certain of an image that shows no digit. The score is 0 where the prior has little mass: at a squared norm
/// more than three standard deviations above the prior's mean, d + 3√(2d) for d dimensions, if the prior is N(0, I). Of the
/// candidates with a high score, those farthest from each other are selected ([`exemplars`]). A class with fewer
/// candidates than prototypes repeats them; a class without candidates has no row.
///
/// The latents are `[classes × per_class, latent_size]`, row by row; the images are theirs.
///
/// # Errors
/// There are no images or no labels, the model was not trained on one of the labels, or there are more
/// prototypes than [`MAX_IMAGES`](crate::MAX_IMAGES).
pub fn prototypes(
    model: &Model,
    data: &Dataset,
    options: &PrototypeOptions<'_>,
) -> Result<PrototypeFigure, Error> {
    let per_class = options.per_class;
    let data = data.clone().truncated(options.candidates);
    if data.is_empty() {
        return Err(Error::NoImages);
    }
    if !data.is_labelled() {
        return Err(Error::NoLabels);
    }
    check_image_count(data.classes_present().len().saturating_mul(per_class))?;
    let (latents, images, scores) = candidates(model, &data, options)?;
    let found = exemplars(&latents, data.labels(), &scores, data.classes(), per_class)?;
    let (mut decoded, mut chosen, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    for (label, indices) in (0..).zip(found).filter(|(_, found)| !found.is_empty()) {
        let indices = indices.iter().cycle().take(per_class);
        let indices: Vec<u32> = indices.map(|&index| index as u32).collect();
        let of_class = latents.index_select(&Tensor::new(indices, &model.device)?, 0)?;
        let labels = model.labels(&vec![label; per_class])?;
        decoded.push(model.model.decode(&of_class, &labels)?);
        chosen.push(of_class);
        rows.push(label);
    }
    let decoded = Tensor::cat(&decoded, 0)?;
    let of_row = |&label: &u8| std::iter::repeat_n(label, per_class);
    let labels: Vec<u8> = rows.iter().flat_map(of_row).collect();
    let recognised = if let Some(classifier) = options.classifier {
        let found = classifier.classify(&decoded)?.to_vec1::<u32>()?;
        let pairs = found.iter().zip(&labels);
        pairs
            .filter(|(found, label)| **found == u32::from(**label))
            .count()
    } else {
        let agreement = knn_agreement(&decoded, &labels, &images, data.labels())?;
        agreement.iter().filter(|&&share| share > 0.5).count()
    };
    let grid = image_grid(model, &decoded)?
        .columns(per_class)
        .row_labels(
            rows.iter()
                .map(|&label| class_name(data.class_names(), label, LONGEST)),
        )
        .title(format!(
            "Class prototypes (latents of {})",
            options.split.images()
        ));
    let latents = Tensor::cat(&chosen, 0)?;
    Ok(PrototypeFigure {
        figure: ImageFigure { grid, latents },
        labels,
        recognised,
    })
}

/// The latents of all images, `[n, latent_size]`, the images, and the score of each latent.
fn candidates(
    model: &Model,
    data: &Dataset,
    options: &PrototypeOptions<'_>,
) -> Result<(Tensor, Tensor, Vec<f32>), Error> {
    let batching = model.batching(seed_of(model, options.seed));
    let indices: Vec<usize> = (0..data.len()).collect();
    let images = data.chosen(&indices, &batching, &model.device)?.images;
    let (mut latents, mut scores) = (Vec::new(), Vec::new());
    for (batch, labels) in data
        .in_order(&batching, &model.device)
        .zip(data.labels().chunks(EVALUATION_BATCH))
    {
        let condition = model.labels(labels)?;
        let encoded = model.model.encode(&batch?.images, &condition)?;
        let decoded = model.model.decode(&encoded, &condition)?;
        let agreement = knn_agreement(&decoded, labels, &images, data.labels())?;
        scores.extend(match options.classifier {
            None => agreement,
            Some(classifier) => {
                let probability = probabilities(classifier, &decoded, labels)?;
                let both = probability.iter().zip(&agreement);
                both.map(|(a, b)| a * b).collect()
            }
        });
        latents.push(encoded);
    }
    let latents = Tensor::cat(&latents, 0)?;
    if model.metadata.experiment.model.has_standard_normal_prior() {
        let dimensions = model.model.latent_size();
        let norms = values(&latents.sqr()?.sum(1)?)?;
        for (score, norm) in scores.iter_mut().zip(norms) {
            if !is_typical(norm, dimensions) {
                *score = 0.0;
            }
        }
    }
    Ok((latents, images, scores))
}

/// Whether the squared norm of a latent is at most three standard deviations above its mean under N(0, I), a χ²
/// distribution: 98 % of the prior's mass in two dimensions.
fn is_typical(squared_norm: f32, dimensions: usize) -> bool {
    let dimensions = dimensions as f32;
    squared_norm <= dimensions + 3.0 * (2.0 * dimensions).sqrt()
}

/// The probability of its label for each image.
fn probabilities(
    classifier: &Classifier,
    images: &Tensor,
    labels: &[u8],
) -> Result<Vec<f32>, Error> {
    let rows = classifier.log_probabilities(images)?.to_vec2::<f32>()?;
    let probability = |(row, &label): (&Vec<f32>, &u8)| {
        // A classifier of fewer classes assigns the others no probability.
        row.get(usize::from(label)).map_or(0.0, |log| log.exp())
    };
    Ok(rows.iter().zip(labels).map(probability).collect())
}

#[cfg(test)]
mod tests {
    use super::is_typical;

    #[test]
    fn latents_far_from_the_origin_are_not_typical() {
        // A mean of 2 and a standard deviation of 2; a mean of 50 and one of 10.
        assert!(is_typical(8.0, 2) && !is_typical(8.1, 2));
        assert!(is_typical(80.0, 50) && !is_typical(80.1, 50));
    }
}
