use candle_core::Tensor;
use latent_models::LatentModel;
use latent_training::Model;

use crate::Error;
use crate::image_figure::{ImageFigure, check_image_count, image_grid};

/// The decoded images of given latents `[n, latent_size]`, in their order.
///
/// `labels` are those of a conditional model: one for all latents, or one for each. An unconditional model has none.
///
/// # Errors
/// The latents have another size than the model's or are not finite; there are none, or more than
/// [`MAX_IMAGES`](crate::MAX_IMAGES); the labels are missing, as many as neither 1 nor n, or unknown to the model.
pub fn decoded(model: &Model, latents: &Tensor, labels: &[u8]) -> Result<ImageFigure, Error> {
    let size = model.model.latent_size();
    let &[count, found] = latents.dims() else {
        return Err(Error::LatentShape {
            found: latents.dims().to_vec(),
            size,
        });
    };
    if found != size || count == 0 {
        return Err(Error::LatentShape {
            found: vec![count, found],
            size,
        });
    }
    check_image_count(count)?;
    let sum = latents.abs()?.sum_all()?.to_scalar::<f32>()?;
    if !sum.is_finite() {
        return Err(Error::NotFiniteLatents);
    }
    let labels = match labels {
        [] if model.model.conditional().is_err() => vec![0; count],
        [_, ..] if model.model.conditional().is_err() => {
            model.model.conditional()?;
            Vec::new()
        }
        [label] => vec![*label; count],
        labels if labels.len() == count => labels.to_vec(),
        labels => {
            return Err(Error::LabelsOfLatents {
                labels: labels.len(),
                latents: count,
            });
        }
    };
    if model.model.conditional().is_ok() {
        model.metadata.data.check_seen(&labels)?;
    }
    let images = model.model.decode(latents, &model.labels(&labels)?)?;
    let columns = (count as f64).sqrt().ceil() as usize;
    let grid = image_grid(model, &images)?
        .columns(columns)
        .title("Decoded latents");
    Ok(ImageFigure {
        grid,
        latents: latents.clone(),
    })
}
