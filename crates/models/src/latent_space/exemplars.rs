use candle_core::{DType, Tensor};

use crate::Error;

/// Selects up to `count` diverse exemplars of each class by farthest-point sampling (Gonzalez 1985), as indices of
/// latents, for the classes 0 to `classes` − 1.
///
/// `latents` is `[n, d]`; `labels` and `scores` have n entries. A score measures how recognisable the decoded latent
/// is ([`knn_agreement`](super::knn_agreement)). The candidates of a class are its latents with a score of at least
/// 0.9 times the class's highest, and at least the `count` best. The first exemplar is the candidate nearest to the
/// candidates' mean; each further one is the candidate farthest from the exemplars so far. A class with fewer than
/// `count` members has fewer exemplars.
///
/// # Errors
/// The numbers of latents, labels and scores differ.
pub fn exemplars(
    latents: &Tensor,
    labels: &[u8],
    scores: &[f32],
    classes: usize,
    count: usize,
) -> Result<Vec<Vec<usize>>, Error> {
    let points = latents.to_dtype(DType::F32)?.to_vec2::<f32>()?;
    if points.len() != labels.len() || points.len() != scores.len() {
        return Err(Error::LatentSpace(format!(
            "the numbers of latents ({}), labels ({}) and scores ({}) differ",
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
    Ok((0..=u8::MAX).take(classes).map(of_class).collect())
}

/// Farthest-point sampling of `count` candidates, starting with the one nearest to their mean.
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
    // The first candidate is the one with the smallest distance to the mean.
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
        // Never select the same candidate twice; another one at the same point remains possible.
        far[best] = f32::NEG_INFINITY;
    }
    taken
}
