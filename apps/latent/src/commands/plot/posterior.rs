use clap::Args;
use latent_figures::{ACTIVE_NATS, PosteriorOptions, posterior};
use latent_training::thousands;
use serde_json::json;

use crate::arguments::{DataArguments, DrawArguments, ModelArgument, Shown};
use crate::{Context, Error};

/// Histograms of the aggregate posterior and the prior, for each latent dimension
///
/// One latent of each test image is sampled from q(z|x). If the aggregate posterior matches the prior N(0, I), the latents
/// have mean 0, standard deviation 1 and no correlation. With --json, a statistic that is not defined for so few images
/// is null.
#[derive(Args)]
#[command(after_help = "Example:\n  latent plot posterior runs/vae-2d")]
pub(crate) struct Posterior {
    #[command(flatten)]
    model: ModelArgument,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    output: DrawArguments,
}

impl Posterior {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        let model = self.model.load(context)?;
        let data = self.data.load_for(&model, context)?;
        let (test, seed) = (&data.test(), self.output.seed(&model));
        let options = PosteriorOptions {
            seed: Some(seed),
            ..PosteriorOptions::default()
        };
        let figure = posterior(&model, test, &options)?;
        let (fitted, kl) = (&figure.fitted, &figure.kl);
        let deviations = fitted.standard_deviations();
        let from_prior = figure.kl_from_prior;
        let is_standard_normal = model.metadata.experiment.model.has_standard_normal_prior();
        let correlation = fitted.largest_correlation();

        let mut lines = vec![format!(
            "{} test images of {}, one sample of q(z|x) each; N(0, I) has mean 0, standard deviation 1, \
             correlation 0",
            thousands(test.len()),
            data.name()
        )];
        let mut object = json!({
            "model": self.model.path().display().to_string(),
            "seed": seed,
            "mean": fitted.mean,
            "standard_deviation": deviations,
            "largest_correlation": correlation,
            "kl_from_prior": from_prior,
        });
        let dimensions = 0..fitted.mean.len();
        // More would only be scrolled past: programs get them all.
        for index in dimensions.take(50) {
            let nats = kl.as_ref().map(|kl| format!("  kl {:6.3}", kl[index]));
            lines.push(format!(
                "  z{:<3}  mean {:6.3}  standard deviation {:6.3}{}",
                index + 1,
                fitted.mean[index],
                deviations[index],
                nats.unwrap_or_default()
            ));
        }
        if let (Some(kl), Some(used)) = (kl, figure.active_dimensions()) {
            lines.push(format!(
                "active dimensions (KL above {ACTIVE_NATS} nats): {used} of {}",
                kl.len()
            ));
            object["kl"] = json!(kl);
            object["used"] = json!(used);
        }
        let correlation = match correlation {
            Some(correlation) => format!("{correlation:.3}"),
            None => "not defined, since no two dimensions vary".to_owned(),
        };
        let from_prior = match from_prior {
            Some(nats) => format!("{nats:.3} nats"),
            None if test.len() <= fitted.mean.len() => format!(
                "not defined, since the covariance of {} images in {} dimensions is singular",
                test.len(),
                fitted.mean.len()
            ),
            None if !is_standard_normal => {
                "not computed, since the prior is not standard normal".to_owned()
            }
            None => "not defined, since the covariance is singular".to_owned(),
        };
        lines.push(format!(
            "largest correlation {correlation}; KL(normal of this mean and covariance ‖ N(0, I)) {from_prior}"
        ));
        let mut shown = self.output.drawn(figure, &model, "posterior");
        shown.words = lines.join("\n");
        shown.object = object;
        shown.add(data.facts(test));
        Ok(shown)
    }
}
