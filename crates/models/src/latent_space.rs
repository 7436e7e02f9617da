//! Walks through a latent space and places in it, for any model: paths between latents, grids over
//! a plane, and latents that stand for a class.

use std::f64::consts::FRAC_PI_2;

use candle_core::{D, DType, Device, Tensor};
use latent_distributions::{Generator, StandardNormal};
use nalgebra::{DMatrix, SymmetricEigen};
use serde::{Deserialize, Serialize};

use crate::Error;

/// How to go from one latent to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Path {
    /// (1 − λ) a + λ b
    #[default]
    Linear,
    /// cos(λπ/2) a + sin(λπ/2) b: where a and b are perpendicular and of one length, as draws of many
    /// dimensions nearly are, all between them has that length too.
    Sinusoidal,
    /// sin((1 − λ)ω)/sin ω a + sin(λω)/sin ω b, with the angle ω between a and b: along the great circle
    /// through both. Shoemake 1985; straight where the angle is 0 or 180°, and names no circle.
    Spherical,
}

impl Path {
    /// `steps` latents `[steps, d]` from `start` `[d]` to `end` `[d]`, both included, at equal
    /// steps of λ from 0 to 1.
    ///
    /// # Errors
    /// Fewer than two steps, or latents of different sizes.
    pub fn between(self, start: &Tensor, end: &Tensor, steps: usize) -> Result<Tensor, Error> {
        if steps < 2 {
            return Err(Error::LatentSpace(format!(
                "a path of {steps} steps has no two ends: use 2 or more"
            )));
        }
        let (from, to): (Vec<f64>, Vec<f64>) = match self {
            Self::Linear => weights(steps, |lambda| (1.0 - lambda, lambda)),
            Self::Sinusoidal => weights(steps, |lambda| {
                let (sin, cos) = (lambda * FRAC_PI_2).sin_cos();
                (cos, sin)
            }),
            Self::Spherical => {
                // In 64 bits, so that an angle of 180° is known as one.
                let exact = |latent: &Tensor| -> Result<Vec<f64>, Error> {
                    let latent = latent.to_device(&Device::Cpu)?.to_dtype(DType::F64)?;
                    Ok(latent.to_vec1()?)
                };
                let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
                let (a, b) = (exact(start)?, exact(end)?);
                let cosine = dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt();
                let angle = cosine.clamp(-1.0, 1.0).acos();
                let sine = angle.sin();
                weights(steps, |lambda| {
                    if sine > 1e-6 {
                        let along = |share: f64| (share * angle).sin() / sine;
                        (along(1.0 - lambda), along(lambda))
                    } else {
                        (1.0 - lambda, lambda)
                    }
                })
            }
        };
        let part = |weights: Vec<f64>, latent: &Tensor| {
            let weights = Tensor::new(weights, start.device())?.to_dtype(start.dtype())?;
            weights.unsqueeze(1)?.broadcast_mul(&latent.unsqueeze(0)?)
        };
        Ok((part(from, start)? + part(to, end)?)?)
    }
}

/// The weights of both ends at equal steps of λ from 0 to 1.
fn weights(steps: usize, at: impl Fn(f64) -> (f64, f64)) -> (Vec<f64>, Vec<f64>) {
    (0..steps)
        .map(|step| at(step as f64 / (steps - 1) as f64))
        .unzip()
}

/// Latents at growing distances from `latent` `[d]`, in `count` random directions: for each direction
/// all `radii`, `[count × radii, d]`.
pub fn neighbours(
    latent: &Tensor,
    radii: &[f64],
    count: usize,
    generator: &mut Generator,
) -> Result<Tensor, Error> {
    let size = latent.dim(0)?;
    let noise = generator.standard_normal((count, 1, size), latent.dtype(), latent.device())?;
    let directions = noise.broadcast_div(&noise.sqr()?.sum_keepdim(2)?.sqrt()?)?;
    let radii = Tensor::new(radii, latent.device())?.to_dtype(latent.dtype())?;
    let steps = directions.broadcast_mul(&radii.reshape((1, (), 1))?)?;
    Ok(steps
        .reshape(((), size))?
        .broadcast_add(&latent.unsqueeze(0)?)?)
}

/// The directions in which latents vary most: Pearson 1901.
#[derive(Clone, Debug)]
pub struct PrincipalComponents {
    mean: Tensor,
    /// `[d, count]`
    axes: Tensor,
    /// The share of the variance that each direction explains, the largest first.
    pub explained: Vec<f64>,
}

impl PrincipalComponents {
    /// The time grows with the third power of the number of dimensions: this many take some seconds.
    pub const MOST_DIMENSIONS: usize = 2000;

    /// The first `count` principal components of `latents` `[n, d]`, each pointing to where its largest
    /// entry is positive.
    ///
    /// # Errors
    /// There are fewer than two latents, fewer dimensions than components or more than
    /// [`Self::MOST_DIMENSIONS`], or one of the latents is no finite number.
    pub fn of(latents: &Tensor, count: usize) -> Result<Self, Error> {
        let (n, d) = latents.dims2()?;
        if n < 2 || d < count || d > Self::MOST_DIMENSIONS {
            return Err(Error::LatentSpace(format!(
                "of {n} latents with {d} dimensions, {count} principal components are not computed: it \
                 takes two latents or more, and {count} to {} dimensions",
                Self::MOST_DIMENSIONS
            )));
        }
        let (mean, covariance) = moments(latents)?;
        let finite = covariance.iter().all(|value| value.is_finite());
        // Each eigenvalue takes two or three iterations; without a limit, a defect would take for ever.
        let eigen = finite.then(|| {
            SymmetricEigen::try_new(DMatrix::from_vec(d, d, covariance), f64::EPSILON, 100 * d)
        });
        let Some(eigen) = eigen.flatten() else {
            return Err(Error::LatentSpace(
                "latents that are infinite, or no numbers, have no principal components".to_owned(),
            ));
        };

        let mut order: Vec<usize> = (0..d).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
        let total: f64 = eigen.eigenvalues.iter().sum();
        let mut axes = Vec::with_capacity(count * d);
        for &index in &order[..count] {
            let axis = eigen.eigenvectors.column(index);
            let largest = axis[axis.icamax()];
            axes.extend(axis.iter().map(|value| value * largest.signum()));
        }
        let axes = Tensor::from_vec(axes, (count, d), &Device::Cpu)?.t()?;
        let like_latents = |tensor: Tensor| {
            let tensor = tensor.to_dtype(latents.dtype())?;
            tensor.to_device(latents.device())
        };
        Ok(Self {
            mean: like_latents(mean)?,
            axes: like_latents(axes)?.contiguous()?,
            explained: order[..count]
                .iter()
                .map(|&index| {
                    // Latents that are all the same do not vary in any direction.
                    if total > 0.0 {
                        eigen.eigenvalues[index] / total
                    } else {
                        0.0
                    }
                })
                .collect(),
        })
    }

    /// Where latents `[n, d]` lie along the components, `[n, count]`.
    pub fn project(&self, latents: &Tensor) -> Result<Tensor, Error> {
        Ok(latents.broadcast_sub(&self.mean)?.matmul(&self.axes)?)
    }
}

/// The mean `[1, d]` of latents `[n, d]` and their covariance around it, d × d numbers: in 64 bits on the
/// CPU, since n may be tens of thousands.
fn moments(latents: &Tensor) -> Result<(Tensor, Vec<f64>), Error> {
    let latents = latents.to_device(&Device::Cpu)?.to_dtype(DType::F64)?;
    let mean = latents.mean_keepdim(0)?;
    let centred = latents.broadcast_sub(&mean)?;
    let covariance = (centred.t()?.matmul(&centred)? / (latents.dim(0)? - 1) as f64)?;
    Ok((mean, covariance.flatten_all()?.to_vec1()?))
}

/// The normal distribution that has the mean and the covariance of some latents: what they would be
/// distributed as, if they were normal.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedNormal {
    /// The mean, `[d]`.
    pub mean: Vec<f64>,
    /// The covariance, `[d, d]`.
    pub covariance: Vec<Vec<f64>>,
    /// How many latents there were, n.
    pub count: usize,
}

impl FittedNormal {
    /// Of latents `[n, d]`.
    ///
    /// # Errors
    /// There are fewer than two latents, or more dimensions than
    /// [`PrincipalComponents::MOST_DIMENSIONS`].
    pub fn of(latents: &Tensor) -> Result<Self, Error> {
        const MOST: usize = PrincipalComponents::MOST_DIMENSIONS;
        let (n, d) = latents.dims2()?;
        if n < 2 || d == 0 || d > MOST {
            return Err(Error::LatentSpace(format!(
                "{n} latents with {d} dimensions have no covariance to be computed: it takes two latents \
                 or more, and 1 to {MOST} dimensions"
            )));
        }
        let (mean, covariance) = moments(latents)?;
        Ok(Self {
            covariance: covariance.chunks(d).map(<[f64]>::to_vec).collect(),
            mean: mean.squeeze(0)?.to_vec1()?,
            count: n,
        })
    }

    /// The standard deviation of each dimension.
    pub fn standard_deviations(&self) -> Vec<f64> {
        let variances = self.covariance.iter().enumerate();
        variances.map(|(index, row)| row[index].sqrt()).collect()
    }

    /// The correlation of two different dimensions that is largest in magnitude; `None` where no two
    /// dimensions vary.
    pub fn largest_correlation(&self) -> Option<f64> {
        let scales = self.standard_deviations();
        let mut largest: Option<f64> = None;
        for (first, row) in self.covariance.iter().enumerate() {
            for (second, covariance) in row[..first].iter().enumerate() {
                let scale = scales[first] * scales[second];
                let correlation = covariance / scale;
                if scale > 0.0 && largest.is_none_or(|known| correlation.abs() > known.abs()) {
                    largest = Some(correlation);
                }
            }
        }
        largest
    }

    /// KL(this ‖ N(0, I)), nats: 0 for latents with the mean and the covariance of the standard normal
    /// distribution. `None` where the covariance is singular, as that of d latents or fewer always is: a
    /// normal distribution on a subspace has no density.
    pub fn kl_from_standard_normal(&self) -> Option<f64> {
        let d = self.mean.len();
        if self.count <= d {
            return None;
        }
        let covariance = DMatrix::from_fn(d, d, |row, column| self.covariance[row][column]);
        let trace = covariance.trace();
        let root = covariance.cholesky()?;
        let log_det: f64 = root.l_dirty().diagonal().iter().map(|x| 2.0 * x.ln()).sum();
        let mean: f64 = self.mean.iter().map(|mean| mean * mean).sum();
        let kl = 0.5 * (trace + mean - d as f64 - log_det);
        kl.is_finite().then_some(kl)
    }
}

/// The `count` of `latents` `[n, d]` that are nearest to each of `queries` `[m, d]`, by number and
/// distance, the nearest first; all n where they are fewer.
///
/// # Errors
/// The sizes of latents differ.
pub fn nearest(
    queries: &Tensor,
    latents: &Tensor,
    count: usize,
) -> Result<Vec<Vec<(usize, f32)>>, Error> {
    /// Queries that are compared at once, so that memory stays bounded.
    const ROWS: usize = 250;

    let count = count.min(latents.dim(0)?);
    // Distances do not change when all is moved alike, and squares of smaller numbers cancel less.
    let centre = latents.mean_keepdim(0)?;
    let (queries, latents) = (
        queries.broadcast_sub(&centre)?,
        latents.broadcast_sub(&centre)?,
    );
    let (own, turned) = (latents.sqr()?.sum(1)?.unsqueeze(0)?, latents.t()?);
    let mut found = Vec::new();
    for first in (0..queries.dim(0)?).step_by(ROWS) {
        let queries = queries.narrow(0, first, ROWS.min(queries.dim(0)? - first))?;
        // |q − x|² = |q|² − (2qx − |x|²), and the first term is the same for all x. What cancels there
        // decides only between latents that are about equally near, so that 32 bits are enough.
        let nearness = (queries.matmul(&turned)? * 2.0)?.broadcast_sub(&own)?;
        let rows = nearness.to_dtype(DType::F32)?.to_vec2::<f32>()?;
        let places: Vec<Vec<usize>> = rows.iter().map(|row| best(row, count)).collect();
        if count == 0 {
            found.extend(places.into_iter().map(|_| Vec::new()));
            continue;
        }
        // The distances themselves are those of the differences: nothing cancels.
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

/// The class of each of `queries` `[m, d]` by the labels of the `count` latents nearest to it, the most
/// frequent one, and the smallest of several. `latents` is `[n, d]` with n `labels`.
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
            "{count} neighbours cannot be found among {n} latents with {} labels",
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

/// The places of the `count` highest scores, in no order.
fn best(scores: &[f32], count: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (0..scores.len()).collect();
    if count > 0 && count < places.len() {
        let order = |&a: &usize, &b: &usize| scores[b].total_cmp(&scores[a]).then(a.cmp(&b));
        places.select_nth_unstable_by(count - 1, order);
    }
    places.truncate(count);
    places
}

/// A grid over a two-dimensional latent space.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// Values of z₁, growing: the columns from left to right.
    pub first: Vec<f64>,
    /// Values of z₂, growing: the rows from bottom to top.
    pub second: Vec<f64>,
}

impl Grid {
    /// Equal steps over [−range, range] in both dimensions.
    pub fn symmetric(range: f64, steps: usize) -> Self {
        let axis = linspace(-range, range, steps);
        Self {
            first: axis.clone(),
            second: axis,
        }
    }

    /// Equal steps of probability under the prior: each cell of the plane between neighbouring
    /// lines is as likely as any other. Kingma & Welling 2014, figure 4.
    pub fn quantiles(steps: usize) -> Self {
        let axis: Vec<f64> = (0..steps)
            .map(|i| StandardNormal::quantile((i as f64 + 0.5) / steps as f64))
            .collect();
        Self {
            first: axis.clone(),
            second: axis,
        }
    }

    /// Equal steps over the complete range of `latents` `[n, 2]`, each dimension by itself.
    ///
    /// # Errors
    /// There are no latents, or they do not have two dimensions.
    pub fn covering(latents: &Tensor, steps: usize) -> Result<Self, Error> {
        let (count, size) = latents.dims2()?;
        if count == 0 || size != 2 {
            return Err(Error::LatentSpace(format!(
                "a grid covers latents of two dimensions; here are {count} of {size}"
            )));
        }
        let axis = |dimension: usize| -> Result<Vec<f64>, Error> {
            let values = latents
                .to_device(&Device::Cpu)?
                .to_dtype(DType::F64)?
                .get_on_dim(1, dimension)?
                .to_vec1::<f64>()?;
            let low = values.iter().copied().fold(f64::INFINITY, f64::min);
            let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            Ok(linspace(low, high, steps))
        };
        Ok(Self {
            first: axis(0)?,
            second: axis(1)?,
        })
    }

    /// The latents of all cells, `[rows × columns, 2]`: for each value of z₂ from the smallest, all
    /// values of z₁.
    pub fn latents(&self, device: &Device) -> Result<Tensor, Error> {
        let cells: Vec<f32> = self
            .second
            .iter()
            .flat_map(|&second| {
                self.first
                    .iter()
                    .flat_map(move |&first| [first as f32, second as f32])
            })
            .collect();
        Ok(Tensor::from_vec(
            cells,
            (self.first.len() * self.second.len(), 2),
            device,
        )?)
    }
}

fn linspace(low: f64, high: f64, steps: usize) -> Vec<f64> {
    match steps {
        // The middle is the one point that stands for a whole range.
        1 => vec![0.5 * (low + high)],
        _ => (0..steps)
            .map(|i| low + (high - low) * i as f64 / (steps - 1) as f64)
            .collect(),
    }
}

/// How well each decoded image reads as its class: the share of its nearest neighbours among real
/// images that have its label, nearest by the angle between their pixels.
///
/// `decoded` is `[n, pixels]` with n `labels`, `images` is `[m, pixels]` with m `image_labels`; the
/// result has n entries. The time grows with n × m.
///
/// # Errors
/// The numbers of images and labels differ, or there are no real images.
pub fn legibility(
    decoded: &Tensor,
    labels: &[u8],
    images: &Tensor,
    image_labels: &[u8],
) -> Result<Vec<f32>, Error> {
    /// Images that are compared at once, so that memory stays bounded.
    const ROWS: usize = 500;
    const NEIGHBOURS: usize = 15;
    let (n, m) = (decoded.dim(0)?, images.dim(0)?);
    if n != labels.len() || m != image_labels.len() || m == 0 {
        return Err(Error::LatentSpace(format!(
            "{n} decoded and {m} real images cannot have {} and {} labels",
            labels.len(),
            image_labels.len()
        )));
    }
    // By angle: Euclidean distance would make every faint image a neighbour of the thinnest digits.
    // The length of the decoded image is the same for all its neighbours, and left out.
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

/// For each class from 0 to `classes` − 1, the indices of `count` latents that stand for it: they
/// read as their class, and are far from each other, so that they show its different forms.
///
/// `latents` is `[n, d]`; `labels` and `scores` have n entries, the scores being how well each
/// latent, decoded, reads as its class ([`legibility`]). Of each class those with nine tenths of
/// its best score are kept, or the `count` best where these are more; the first one taken is the nearest to their middle, and each further
/// one is that which is farthest from all taken before. Fewer than `count` come back for a class
/// that has fewer members.
///
/// # Errors
/// The numbers of latents, labels and scores differ.
pub fn representatives(
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
