use candle_core::{D, DType, Tensor};

use crate::Error;

/// The `count` nearest of `latents` `[n, d]` to each of `queries` `[m, d]`, as (index, Euclidean distance), the nearest
/// first; all n if `count` is larger.
///
/// # Errors
/// The sizes of latents differ.
pub fn nearest(
    queries: &Tensor,
    latents: &Tensor,
    count: usize,
) -> Result<Vec<Vec<(usize, f32)>>, Error> {
    /// The number of queries in a block, to bound the memory.
    const ROWS: usize = 250;

    let count = count.min(latents.dim(0)?);
    // Centring does not change distances but reduces cancellation.
    let centre = latents.mean_keepdim(0)?;
    let (queries, latents) = (
        queries.broadcast_sub(&centre)?,
        latents.broadcast_sub(&centre)?,
    );
    let (own, turned) = (latents.sqr()?.sum(1)?.unsqueeze(0)?, latents.t()?);
    let mut found = Vec::new();
    for first in (0..queries.dim(0)?).step_by(ROWS) {
        let queries = queries.narrow(0, first, ROWS.min(queries.dim(0)? - first))?;
        // |q − x|² = |q|² − (2qx − |x|²), where |q|² is the same for all x. Rounding errors matter only between
        // latents at nearly the same distance, so 32 bits are enough.
        let nearness = (queries.matmul(&turned)? * 2.0)?.broadcast_sub(&own)?;
        let rows = nearness.to_dtype(DType::F32)?.to_vec2::<f32>()?;
        let places: Vec<Vec<usize>> = rows.iter().map(|row| best(row, count)).collect();
        if count == 0 {
            found.extend(places.into_iter().map(|_| Vec::new()));
            continue;
        }
        // Distances are computed from the differences, without cancellation.
        let chosen: Vec<u32> = places.iter().flatten().map(|&place| place as u32).collect();
        let chosen = latents.index_select(&Tensor::new(chosen, latents.device())?, 0)?;
        let chosen = chosen.reshape((queries.dim(0)?, count, ()))?;
        let distances = chosen.broadcast_sub(&queries.unsqueeze(1)?)?.sqr()?;
        let distances = distances.sum(2)?.sqrt()?.to_dtype(DType::F32)?;
        let distances = distances.to_vec2::<f32>()?;
        found.extend(
            places
                .into_iter()
                .zip(distances)
                .map(|(places, distances)| {
                    let mut nearest: Vec<(usize, f32)> =
                        places.into_iter().zip(distances).collect();
                    nearest.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
                    nearest
                }),
        );
    }
    Ok(found)
}

/// k-NN classification: the most frequent label among the `count` latents nearest to each of `queries` `[m, d]`; ties
/// go to the smallest label. `latents` is `[n, d]` with n `labels`.
///
/// # Errors
/// The numbers of latents and labels differ, or there are none.
pub fn nearest_labels(
    queries: &Tensor,
    latents: &Tensor,
    labels: &[u8],
    count: usize,
) -> Result<Vec<u8>, Error> {
    let n = latents.dim(0)?;
    if n != labels.len() || n == 0 || count == 0 {
        return Err(Error::LatentSpace(format!(
            "k-NN classification needs 1 or more neighbours and a label for each latent, found {count} neighbours, \
             {n} latents and {} labels",
            labels.len()
        )));
    }
    let vote = |neighbours: Vec<(usize, f32)>| {
        let mut votes = [0usize; 256];
        for (index, _) in neighbours {
            votes[usize::from(labels[index])] += 1;
        }
        let most = (0..=255u8)
            .rev()
            .max_by_key(|&label| votes[usize::from(label)]);
        most.unwrap_or_default()
    };
    Ok(nearest(queries, latents, count)?
        .into_iter()
        .map(vote)
        .collect())
}

/// The k-NN agreement of decoded images with their labels: the fraction of the 15 nearest real images, by cosine
/// similarity, that have the same label.
///
/// `decoded` is `[n, pixels]` with n `labels`, `images` is `[m, pixels]` with m `image_labels`; the result has n
/// entries. The time is proportional to n × m.
///
/// # Errors
/// The numbers of images and labels differ, or there are no real images.
pub fn knn_agreement(
    decoded: &Tensor,
    labels: &[u8],
    images: &Tensor,
    image_labels: &[u8],
) -> Result<Vec<f32>, Error> {
    /// The number of decoded images in a block, to bound the memory.
    const ROWS: usize = 500;
    const NEIGHBOURS: usize = 15;
    let (n, m) = (decoded.dim(0)?, images.dim(0)?);
    if n != labels.len() || m != image_labels.len() || m == 0 {
        return Err(Error::LatentSpace(format!(
            "the k-NN agreement needs real images and a label for each image, found {n} decoded and {m} real images \
             with {} and {} labels",
            labels.len(),
            image_labels.len()
        )));
    }
    // Cosine similarity: by Euclidean distance, every faint image would be near the thinnest digits. The norm of the
    // decoded image does not affect the order and is omitted.
    let lengths = (images.sqr()?.sum_keepdim(D::Minus1)? + 1e-12)?.sqrt()?;
    let directions = images.broadcast_div(&lengths)?.t()?;
    let share = |(cosines, label): (Vec<f32>, &u8)| {
        let nearest = best(&cosines, NEIGHBOURS);
        let same = nearest
            .iter()
            .map(|&index| u8::from(image_labels[index] == *label));
        same.map(f32::from).sum::<f32>() / nearest.len() as f32
    };
    let mut shares = Vec::with_capacity(n);
    for labels in labels.chunks(ROWS) {
        let decoded = decoded.narrow(0, shares.len(), labels.len())?;
        let cosines = decoded.matmul(&directions)?.to_vec2()?;
        shares.extend(cosines.into_iter().zip(labels).map(share));
    }
    Ok(shares)
}

/// The indices of the `count` highest scores, unordered.
fn best(scores: &[f32], count: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (0..scores.len()).collect();
    if count > 0 && count < places.len() {
        let order = |&a: &usize, &b: &usize| scores[b].total_cmp(&scores[a]).then(a.cmp(&b));
        places.select_nth_unstable_by(count - 1, order);
    }
    places.truncate(count);
    places
}
