use clap::Args;
use latent_figures::{TraversalOptions, traversals};
use serde_json::{Value, json};

use super::manifold::range;
use crate::arguments::{DrawArguments, ModelArgument, Shown};
use crate::{Context, Error};

/// Latent traversal: one dimension varies, the others are 0; a row for each label
///
/// Also prints the correlations between the dimension and the slant, stroke width and size of images decoded from 1,000
/// draws of the prior.
#[derive(Args)]
#[command(after_help = "Example:\n  latent plot traversals cvae-conv --dimension 2")]
pub(crate) struct Traversals {
    #[command(flatten)]
    model: ModelArgument,
    /// Number of the latent dimension, from 1
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    dimension: u32,
    /// Range of the dimension: [-R, R]
    #[arg(long, value_name = "R", value_parser = range, default_value_t = 2.0)]
    range: f64,
    /// Number of images of a row
    #[arg(long, value_name = "N", default_value_t = 11, value_parser = clap::value_parser!(u16).range(2..=60))]
    steps: u16,
    #[command(flatten)]
    output: DrawArguments,
}

impl Traversals {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        let model = self.model.load(context)?;
        let options = TraversalOptions {
            dimension: self.dimension as usize - 1,
            range: self.range,
            steps: self.steps.into(),
            seed: self.output.given_seed(),
            ..TraversalOptions::default()
        };
        let figure = traversals(&model, &options)?;
        let mut lines = vec!["correlations with      slant  stroke width    size".to_owned()];
        let mut rows = Vec::new();
        for row in &figure.correlations {
            let name = match row.label {
                Some(label) => format!("label {}", model.metadata.data.class_name(label)),
                None => "all images".to_owned(),
            };
            lines.push(format!(
                "  z{:<4} {name:<12} {:7.2} {:13.2} {:7.2}",
                self.dimension, row.slant, row.stroke_width, row.size
            ));
            // A coefficient that is not defined is null.
            let number = |value: f64| Value::from(Some(value).filter(|value| value.is_finite()));
            rows.push(json!({
                "label": row.label,
                "slant": number(row.slant),
                "stroke_width": number(row.stroke_width),
                "size": number(row.size),
            }));
        }
        let name = format!("traversals-{}", self.dimension);
        let object = json!({
            "model": self.model.path().display().to_string(),
            "dimension": self.dimension,
            "correlations": rows,
        });
        let shown = self.output.drawn(figure, &model, &name);
        Ok(shown.with_output(lines.join("\n"), object))
    }
}
