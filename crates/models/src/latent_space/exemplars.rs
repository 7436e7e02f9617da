use candle_core::{DType, Tensor};

use crate::Error;

/// Exemplars of each class from 0 to `classes` − 1: the indices of up to `count` latents with high scores, by
/// farthest-point sampling (Gonzalez 1985), so that they show the different forms of a class.
///
/// `latents` is `[n, d]`; `labels` and `scores` have n entries. A score says how well a latent, decoded, is
/// recognised as its class ([`knn_agreement`](super::knn_agreement)). The candidates of a class are its latents
/// with at least nine tenths of its highest score, or its `count` best where these are more. The first exemplar is the
/// candidate nearest to their mean; each further one is the candidate farthest from all before it. A class with
/// fewer than `count` members has fewer exemplars.
///
/// # Errors
/// The numbers of latents, labels and scores differ.
pub fn exemplars(
    latents: &Tensor,
    labels: &[u8],
    scores: &[f32],
    classes: u8,
    count: usize,
) -> Result<Vec<Vec<usize>>, Error> {
    let points = latents.to_dtype(DType::F32)?.to_vec2::<f32>()?;
    if points.len() != labels.len() || points.len() != scores.len() {
        return Err(Error::LatentSpace(format!(
            "{} latents cannot have {} labels and {} scores",
            points.len(),
            labels.len(),
            scores.len()
        )));
    }
    let of_class = |class: u8| {
        let mut members: Vec<usize> = (0..points.len())
            .filter(|&index| labels[index] == class)
            .collect();
        members.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
        let enough = members.first().map_or(0.0, |&best| 0.9 * scores[best]);
        let good = members
            .iter()
            .take_while(|&&index| scores[index] >= enough)
            .count();
        members.truncate(good.max(count));
        spread_out(&points, &members, count)
    };
    Ok((0..classes).map(of_class).collect())
}

/// `count` of the candidates: the one nearest to their middle, then always the one farthest from
/// all before it.
fn spread_out(points: &[Vec<f32>], candidates: &[usize], count: usize) -> Vec<usize> {
    let distance =
        |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
    let size = points.first().map_or(0, Vec::len);
    let middle: Vec<f32> = (0..size)
        .map(|i| {
            candidates
                .iter()
                .map(|&index| points[index][i])
                .sum::<f32>()
                / candidates.len() as f32
        })
        .collect();
    // To begin with, "far from all taken" means near the middle.
    let mut far: Vec<f32> = candidates
        .iter()
        .map(|&index| -distance(&points[index], &middle))
        .collect();
    let mut taken = Vec::new();
    while taken.len() < count.min(candidates.len()) {
        let Some(best) = (0..candidates.len()).max_by(|&a, &b| far[a].total_cmp(&far[b])) else {
            break;
        };
        let first = taken.is_empty();
        taken.push(candidates[best]);
        for (&candidate, far) in candidates.iter().zip(&mut far) {
            let to_new = distance(&points[candidate], &points[candidates[best]]);
            *far = if first { to_new } else { far.min(to_new) };
        }
        // A candidate that lies on a taken one may still be taken, but this one not again.
        far[best] = f32::NEG_INFINITY;
    }
    taken
}
