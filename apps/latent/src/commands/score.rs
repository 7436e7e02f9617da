use std::path::PathBuf;

use clap::Args;
use latent_training::{log_likelihoods, mean_and_standard_error, thousands};
use serde_json::json;

use crate::arguments::{ImagesArguments, ModelArgument, Shown, table_path, write_table};
use crate::progress::Counting;
use crate::{Context, Error};

/// Log-likelihood of each image, lowest first: odd images are at the top
///
/// Writes a CSV file with the index of each image in its split, as `data show --index` takes it, its name, its label and its
/// log-likelihood in nats: exact for a flow up to dequantisation noise, and a lower bound for a VAE, which rises with the
/// number of samples.
#[derive(Args)]
#[command(after_help = "Example:\n  latent score realnvp-5 --limit 1000 --output scores.csv")]
pub(crate) struct Score {
    #[command(flatten)]
    model: ModelArgument,
    #[command(flatten)]
    images: ImagesArguments,
    /// Samples for the likelihood of an image: of z, or for a flow of the dequantisation noise
    #[arg(long, value_name = "K", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    importance_samples: u32,
    /// File to write
    #[arg(short, long, value_name = "FILE", default_value = "scores.csv", value_parser = table_path())]
    output: PathBuf,
}

/// The number of images that are printed.
const PRINTED: usize = 5;

impl Score {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        let model = self.model.load(context)?;
        let selected = self.images.load(&model, context)?;
        let (images, batching) = (&selected.images, &selected.batching);
        let bar = Counting::new(images.len(), "images", context);
        let samples = self.importance_samples as usize;
        let done = |done| bar.reached(done);
        let scores = log_likelihoods(
            &model.model,
            images,
            samples,
            batching,
            &context.device,
            done,
        )?;
        drop(bar);

        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
        let row = |&index: &usize| {
            let score = scores[index].to_string();
            let (name, class) = (selected.name(index), selected.class(index));
            [index.to_string(), name, class, score]
        };
        let header = ["index", "image", "label", "log_likelihood"];
        write_table(&self.output, &header, order.iter().map(row))?;

        let (mean, error) = mean_and_standard_error(&scores);
        let spread = error.map_or_else(String::new, |error| format!(" ± {error:.2}"));
        let mut lines = vec![format!(
            "log-likelihood of {} {} images of {}: {mean:.2}{spread} nats, {samples} samples for each",
            thousands(scores.len()),
            selected.split,
            selected.data.name()
        )];
        if scores.len() > 1 {
            lines.push("lowest:".to_owned());
        }
        let lowest = order.iter().take(PRINTED);
        lines.extend(lowest.map(|&index| {
            format!(
                "  {:>10.2}  image {index}: {}",
                scores[index],
                selected.name(index)
            )
        }));
        lines.push(self.output.display().to_string());
        let object = json!({
            "model": self.model.path().display().to_string(),
            "importance_samples": samples,
            "log_likelihood": mean,
            "standard_error": error,
            "lowest": order.iter().take(PRINTED).map(|&index| json!({
                "index": index, "image": selected.name(index), "log_likelihood": scores[index],
            })).collect::<Vec<_>>(),
            "data": selected.data.name(),
            "split": selected.split.to_string(),
            "images": scores.len(),
            "files": [self.output.display().to_string()],
        });
        Ok(Shown::measured(lines.join("\n"), object))
    }
}
