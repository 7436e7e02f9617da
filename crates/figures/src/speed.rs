use latent_training::Throughput;
use latent_visualisation::Curves;

use crate::Error;

/// Training speed over the batch size: a panel for each model, a series for each number of threads.
///
/// `results` are, in any order, the name of the model and its [`Throughput`]. The horizontal axis is the logarithm to base 2
/// of the batch size.
///
/// # Errors
/// None for measured speeds.
pub fn throughput_curves(results: &[(&str, Throughput)]) -> Result<Curves, Error> {
    let sizes = distinct(results, |(_, result)| result.batch_size);
    let axis = sizes.iter().map(|&size| (size as f64).log2());
    let mut curves = Curves::new(axis.collect::<Vec<_>>())
        .title("Training")
        .x_label("log₂ of the batch size")
        .y_label("images per second")
        .from_zero();
    for name in distinct(results, |(name, _)| *name) {
        let threads = distinct(results, |(_, result)| result.threads);
        let series = threads.into_iter().map(|threads| {
            let at = |&size: &usize| {
                let found = results.iter().find(|(other, result)| {
                    (*other, result.threads, result.batch_size) == (name, threads, size)
                });
                found.map_or(f64::NAN, |(_, result)| result.images_per_second)
            };
            let plural = if threads == 1 { "" } else { "s" };
            let values: Vec<f64> = sizes.iter().map(at).collect();
            (format!("{threads} thread{plural}"), values)
        });
        let series: Vec<(String, Vec<f64>)> = series.collect();
        let series: Vec<(&str, &[f64])> = series
            .iter()
            .map(|(label, values)| (label.as_str(), values.as_slice()))
            .collect();
        curves = curves.panel(name, &series)?;
    }
    Ok(curves)
}

/// The distinct values of a property, in order of first occurrence.
fn distinct<'a, T: PartialEq>(
    results: &'a [(&str, Throughput)],
    of: impl Fn(&'a (&str, Throughput)) -> T,
) -> Vec<T> {
    let mut values = Vec::new();
    for value in results.iter().map(of) {
        if !values.contains(&value) {
            values.push(value);
        }
    }
    values
}
