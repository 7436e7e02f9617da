use latent_training::{EpochRecord, Metrics};
use latent_visualisation::Curves;

use crate::Error;

/// A metric and the title of its panel. A model without the metric has no such panel.
const PANELS: [(&str, &str); 3] = [
    ("loss", "total"),
    ("reconstruction", "reconstruction"),
    ("kl", "KL"),
];

/// Training curves: the loss and its parts over the epochs, on training, validation and test
/// images.
///
/// # Errors
/// None for the records of a run.
pub fn training_curves(records: &[EpochRecord]) -> Result<Curves, Error> {
    let epochs: Vec<f64> = records.iter().map(|record| record.epoch as f64).collect();
    panels(Curves::new(epochs).x_label("epoch"), records)
}

/// The loss and its parts over a setting, such as the latent size, of several runs.
///
/// `runs` are, in any order, the setting's value and the metrics of the epoch whose weights the run
/// keeps.
///
/// # Errors
/// None for the records of runs.
pub fn setting_curves(setting: &str, runs: &[(f64, EpochRecord)]) -> Result<Curves, Error> {
    let mut runs = runs.to_vec();
    runs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (values, records): (Vec<f64>, Vec<EpochRecord>) = runs.into_iter().unzip();
    panels(Curves::new(values).x_label(setting), &records)
}

/// The test metrics of several runs over the epochs, one series for each run.
///
/// # Errors
/// None for the records of runs.
pub fn comparison_curves(runs: &[(&str, &[EpochRecord])]) -> Result<Curves, Error> {
    let epochs = runs.iter().map(|(_, records)| records.len()).max();
    let epochs = epochs.unwrap_or(0);
    let axis: Vec<f64> = (1..=epochs).map(|epoch| epoch as f64).collect();
    let mut curves = Curves::new(axis).x_label("epoch").y_label("nats per image");
    for (metric, title) in PANELS {
        let series = runs.iter().map(|(name, records)| {
            let value = |index: usize| records.get(index)?.test.get(metric).copied();
            let values = (0..epochs).map(|index| value(index).unwrap_or(f64::NAN));
            (*name, values.collect())
        });
        curves = panel(curves, &format!("test {title}"), series)?;
    }
    Ok(curves)
}

fn panels(mut curves: Curves, records: &[EpochRecord]) -> Result<Curves, Error> {
    curves = curves.y_label("nats per image");
    for (metric, title) in PANELS {
        let series = |split: fn(&EpochRecord) -> Option<&Metrics>| -> Vec<f64> {
            let value = |record| split(record)?.get(metric).copied();
            let values = records.iter().map(value);
            values.map(|value| value.unwrap_or(f64::NAN)).collect()
        };
        let all = [
            ("train", series(|record| Some(&record.train))),
            ("validation", series(|record| record.validation.as_ref())),
            ("test", series(|record| Some(&record.test))),
        ];
        curves = panel(curves, title, all)?;
    }
    let levels = (1..).map_while(|level| {
        let metric = format!("kl_{level}");
        let value = |record: &EpochRecord| record.test.get(metric.as_str()).copied();
        let values: Vec<f64> = records
            .iter()
            .map(|record| value(record).unwrap_or(f64::NAN))
            .collect();
        let is_known = values.iter().any(|value| value.is_finite());
        is_known.then(|| (format!("level {level}"), values))
    });
    let levels: Vec<(String, Vec<f64>)> = levels.collect();
    let series = levels.iter();
    panel(
        curves,
        "KL of each level (test)",
        series.map(|(name, values)| (name.as_str(), values.clone())),
    )
}

/// Adds a panel of the series that have values: a model may lack a metric, and a run validation
/// images.
fn panel<'a>(
    curves: Curves,
    title: &str,
    series: impl IntoIterator<Item = (&'a str, Vec<f64>)>,
) -> Result<Curves, Error> {
    let is_known = |(_, values): &(&str, Vec<f64>)| values.iter().any(|value| value.is_finite());
    let known: Vec<(&str, Vec<f64>)> = series.into_iter().filter(is_known).collect();
    if known.is_empty() {
        return Ok(curves);
    }
    let known: Vec<(&str, &[f64])> = known
        .iter()
        .map(|(name, values)| (*name, values.as_slice()))
        .collect();
    Ok(curves.panel(title, &known)?)
}
