use std::iter;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use latent_datasets::{Dataset, Splits};
use latent_figures::{MIN_TSNE_IMAGES, model_figures, training_curves};
use latent_models::Likelihood;
use latent_models::latent_space::PrincipalComponents;
use latent_training::{
    DataRecord, EpochRecord, Evaluation, Experiment, GeneralisationGap, Outcome, Run,
    SettingDifference, load_model, thousands, train,
};
use latent_visualisation::Picture;
use serde_json::json;

use crate::arguments::{DataArguments, paths, positive, seed, three_classes};
use crate::paths::{check, new_path, path};
use crate::progress::Progress;
use crate::runs::refuse_other_data;
use crate::shell::{CommandLine, next};
use crate::{Context, Error, experiments};

/// Train a model and draw its figures
///
/// Creates a run: a directory with the resolved experiment, weights, metrics of each epoch, and figures. Ctrl-C stops after
/// the current step; `--resume` continues, with the same result as an uninterrupted training.
#[derive(Args)]
#[command(after_help = "Example:\n  latent train vae-2d --set model.latent_size=8 --name vae-8d")]
pub(crate) struct Train {
    /// Name of an experiment (`latent experiments`), or a TOML file
    #[arg(required_unless_present = "resume")]
    experiment: Option<String>,
    /// Continue an interrupted run; with --epochs, extend it to that total
    #[arg(long, value_name = "RUN", value_parser = path(), conflicts_with_all = ["experiment", "batch_size", "learning_rate", "limit", "seed", "settings", "output", "name", "overwrite"])]
    resume: Option<PathBuf>,
    /// Train only if there is no complete run of this experiment; resume an interrupted one
    #[arg(long, conflicts_with_all = ["resume", "overwrite"])]
    if_needed: bool,
    /// Number of epochs
    #[arg(long, value_name = "N", value_parser = positive)]
    epochs: Option<usize>,
    /// Batch size
    #[arg(long, value_name = "N", value_parser = positive)]
    batch_size: Option<usize>,
    /// Learning rate
    #[arg(long, value_name = "X", value_parser = rate)]
    learning_rate: Option<f64>,
    /// Use the first N training images and the first N test images
    #[arg(long, value_name = "N", value_parser = positive)]
    limit: Option<usize>,
    /// Seed of all random numbers
    #[arg(long, value_parser = seed())]
    seed: Option<u64>,
    #[arg(
        long = "set",
        value_name = "KEY=VALUE",
        help = "Set a key of the experiment, such as model.latent_size=8"
    )]
    settings: Vec<String>,
    #[command(flatten)]
    data: DataArguments,
    /// Name of the run: its directory is runs/NAME [default: the experiment's name]
    #[arg(long, value_name = "NAME", value_parser = new_path(), conflicts_with = "output")]
    name: Option<PathBuf>,
    /// Directory of the run [default: runs/NAME]
    #[arg(short, long, value_name = "RUN", value_parser = new_path())]
    output: Option<PathBuf>,
    /// Replace an existing run, which is kept in RUN/replaced until the new one has saved an epoch
    #[arg(long)]
    overwrite: bool,
    /// Seconds between checkpoints within an epoch
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    checkpoint_interval: u64,
    /// Draw no figures
    #[arg(long)]
    no_figures: bool,
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok(number),
        _ => Err("a positive number is needed, such as 1e-3".to_owned()),
    }
}

impl Train {
    pub(crate) fn run(&self, context: &Context) -> Result<(), Error> {
        let start = Instant::now();
        let context = &context.keeping_data();
        if let Some(run) = self.finished(context)? {
            let directory = run.directory().display().to_string();
            let words = format!("{directory}: training is complete");
            return context.result(&words, &json!({ "run": directory }));
        }
        let (run, splits, last) = self.train(context)?;
        self.finish(&run, &splits, &last, start, context)
    }

    /// Trains without figures and output. Returns the run, its data, and the record of the selected epoch.
    pub(crate) fn train(&self, context: &Context) -> Result<(Run, Splits, EpochRecord), Error> {
        let (run, splits) = match (&self.resume, self.existing(context)?) {
            (Some(directory), _) => self.reopen(directory, context)?,
            (None, Some(run)) => self.reopen(run.directory(), context)?,
            (None, None) => self.begin(context)?,
        };
        let run = run.save_every(Duration::from_secs(self.checkpoint_interval));
        let epochs = run.experiment()?.training.epochs;
        let mut progress = Progress::new(context, epochs)?;
        match train(&run, &splits, &context.device, &mut progress)? {
            Outcome::Finished(last) => Ok((run, splits, last)),
            Outcome::Interrupted { epochs: done } => {
                let resume = CommandLine::new("train").option("--resume", run.directory());
                context.say(&format!(
                    "stopped after {done} of {epochs} epochs and saved; resume with\n  {resume}"
                ));
                Err(Error::Interrupted)
            }
        }
    }

    /// The experiment argument, which clap requires unless `--resume` is given.
    fn experiment_name(&self) -> &str {
        self.experiment.as_deref().unwrap_or_default()
    }

    /// The experiment of a new run.
    pub(crate) fn experiment(&self) -> Result<Experiment, Error> {
        experiments::find(self.experiment_name(), &self.settings())
    }

    /// Selects the likelihood that fits the images, unless the experiment gives one.
    fn fit(
        &self,
        experiment: &mut Experiment,
        train: &Dataset,
    ) -> Result<Option<Likelihood>, Error> {
        let is_given =
            experiments::gives(self.experiment_name(), &self.settings, "model.likelihood")?;
        Ok(if is_given {
            None
        } else {
            experiment.fit_likelihood(train)
        })
    }

    /// The directory of a new run.
    fn directory(&self, experiment: &Experiment) -> Result<PathBuf, Error> {
        let named = || {
            let name = self.name.clone();
            Path::new("runs").join(name.unwrap_or_else(|| experiment.name.clone().into()))
        };
        let directory = self.output.clone().unwrap_or_else(named);
        check(&directory).map_err(Error::Name)?;
        Ok(directory)
    }

    /// With `--if-needed`, the existing run.
    ///
    /// # Errors
    /// The run has another experiment.
    fn existing(&self, context: &Context) -> Result<Option<Run>, Error> {
        if !self.if_needed {
            return Ok(None);
        }
        let mut asked = self.experiment()?;
        let directory = self.directory(&asked)?;
        let Ok(run) = Run::open(&directory) else {
            return Ok(None);
        };
        let loaded = self.data.load_for_experiment(&mut asked.data, context)?;
        self.fit(&mut asked, &loaded.splits.train)?;
        refuse_other(&run, &asked)?;
        Ok(Some(run))
    }

    /// With `--if-needed`, the existing run if it is complete.
    ///
    /// # Errors
    /// The run has another experiment or other data.
    pub(crate) fn finished(&self, context: &Context) -> Result<Option<Run>, Error> {
        let Some(run) = self.existing(context)? else {
            return Ok(None);
        };
        if !run.is_complete()? {
            return Ok(None);
        }
        refuse_other_data(run.directory(), &self.data, context)?;
        Ok(Some(run))
    }

    fn begin(&self, context: &Context) -> Result<(Run, Splits), Error> {
        let name = self.experiment_name();
        let mut experiment = self.experiment()?;
        let directory = self.directory(&experiment)?;
        let loaded = self
            .data
            .load_for_experiment(&mut experiment.data, context)?;
        let train = &loaded.splits.train;
        if let Some(likelihood) = self.fit(&mut experiment, train)? {
            context.say(&format!(
                "note: the likelihood is {likelihood}, which fits these images; `--set model.likelihood=…` selects another"
            ));
        }
        // Checked before anything is written or deleted.
        experiment.check_splits(&loaded.splits)?;
        experiment.check_for(name, train.shape(), train.classes())?;
        let whole = loaded.splits.truncated(limit(&experiment));
        experiment.check_splits(&whole)?;
        let splits = experiment.prepared(whole.clone());
        if splits.test.is_empty() {
            return Err(latent_training::Error::NoImages { split: "test" }.into());
        }
        let left_out = whole.test.len() - splits.test.len();
        if left_out > 0 {
            context.say(&format!(
                "note: {} test images are left out, since no training image is of their class",
                thousands(left_out)
            ));
        }
        let asked = experiment.training.validation_images;
        let held_out = splits.validation.as_ref().map_or(0, Dataset::len);
        if held_out < asked {
            context.say(&format!(
                "note: {} images are held out for validation, a sixth of what there is, and not {}",
                thousands(held_out),
                thousands(asked)
            ));
        }
        let place = loaded.path.as_deref();
        let run = Run::create(&directory, &experiment, &splits, place, self.overwrite)?;
        Ok((run, splits))
    }

    fn reopen(&self, directory: &Path, context: &Context) -> Result<(Run, Splits), Error> {
        let run = Run::open(directory)?;
        if let (Some(_), Some(epochs)) = (&self.resume, self.epochs) {
            run.set_epochs(epochs)?;
        }
        let splits = self.data.load_to_resume(&run, context)?;
        Ok((run, splits))
    }

    /// Draws the figures, and prints the test metrics, the files and the suggested commands.
    fn finish(
        &self,
        run: &Run,
        splits: &Splits,
        last: &EpochRecord,
        start: Instant,
        context: &Context,
    ) -> Result<(), Error> {
        let experiment = run.experiment()?;
        let files = if self.no_figures {
            Vec::new()
        } else {
            draw(run, &splits.test, context)?
        };
        let model = load_model(run.directory(), &context.device)?;
        let batching = model.batching(experiment.seed);
        let gap = GeneralisationGap::measure(&model.model, splits, &batching, &context.device)?;
        if let Some(gap) = gap.filter(GeneralisationGap::is_overfitting) {
            let remedy = match experiment.training.validation_images {
                0 => "`--set training.validation_images=10000` keeps the epoch before it is worst",
                _ if experiment.training.weight_decay == 0.0 => {
                    "fewer or smaller layers, or `--set training.weight_decay=0.1`, generalise better"
                }
                _ => "more training images, or fewer or smaller layers, generalise better",
            };
            context.say(&format!(
                "note: the model overfits: on {} {} images it is {:.0} nats an image worse than on as many \
                 training images; {remedy}",
                gap.images,
                gap.split,
                gap.nats()
            ));
        }
        let mut lines = vec![
            format!(
                "{} on {}, {} test images, nats per image after {} epoch{}:",
                experiment.name,
                splits.name,
                thousands(splits.test.len()),
                last.epoch,
                if last.epoch == 1 { "" } else { "s" }
            ),
            Evaluation::from(&last.test).to_string(),
            format!("model: {}", run.model_path().display()),
        ];
        lines.extend(files.iter().map(|file| format!("figure: {file}")));
        if !context.quiet {
            lines.push(next(&suggestions(run.directory(), &experiment, splits)));
        }
        let object = json!({
            "run": run.directory().display().to_string(),
            "model": run.model_path().display().to_string(),
            "experiment": experiment.name,
            "data": splits.name,
            "checksum": splits.test.checksum(),
            "training_checksum": splits.train.checksum(),
            "split": "test",
            "images": splits.test.len(),
            "seed": experiment.seed,
            "epochs": last.epoch,
            "train": last.train,
            "validation": last.validation,
            "test": last.test,
            "generalisation_gap": gap.map(|gap| json!({
                "nats": gap.nats(),
                "train": gap.train,
                "held_out": gap.held_out,
                "split": gap.split,
                "images": gap.images,
            })),
            "seconds": start.elapsed().as_secs_f64(),
            "files": files,
        });
        context.result(&lines.join("\n"), &object)
    }

    /// The settings; options such as `--epochs` come after `--set`, and so have priority.
    fn settings(&self) -> Vec<String> {
        let option = |key: &str, value: Option<String>| value.map(|value| format!("{key}={value}"));
        let options = [
            option("training.epochs", self.epochs.map(|n| n.to_string())),
            option(
                "training.batch_size",
                self.batch_size.map(|n| n.to_string()),
            ),
            option(
                "training.learning_rate",
                self.learning_rate.map(|x| format!("{x:e}")),
            ),
            option("data.limit", self.limit.map(|n| n.to_string())),
            option("seed", self.seed.map(|n| n.to_string())),
        ];
        self.settings
            .iter()
            .cloned()
            .chain(options.into_iter().flatten())
            .collect()
    }
}

/// Refuses a run of another experiment than requested.
fn refuse_other(run: &Run, asked: &Experiment) -> Result<(), Error> {
    let Some(difference) = SettingDifference::between(&run.experiment()?, asked)? else {
        return Ok(());
    };
    let value = |value: Option<String>| value.unwrap_or_else(|| "not set".to_owned());
    Err(Error::OtherRun {
        run: run.directory().to_owned(),
        key: difference.key,
        found: value(difference.first),
        asked: value(difference.second),
    })
}

fn limit(experiment: &Experiment) -> usize {
    experiment.data.limit.unwrap_or(usize::MAX)
}

/// Saves the curves of the run and every figure that suits its model.
fn draw(run: &Run, test: &Dataset, context: &Context) -> Result<Vec<String>, Error> {
    let model = load_model(run.directory(), &context.device)?;
    let curves: Box<dyn Picture> = Box::new(training_curves(&run.metrics()?)?);
    let mut files = Vec::new();
    for (name, figure) in iter::once(("curves", curves)).chain(model_figures(&model, test)?) {
        let path = run.figure_path(&format!("{name}.png"));
        files.extend(paths(&figure.save(&path)?));
    }
    Ok(files)
}

/// The suggested next commands: figures that the run does not have yet, and that its model and data permit.
fn suggestions(run: &Path, experiment: &Experiment, splits: &Splits) -> Vec<CommandLine> {
    let of = |command: &str| CommandLine::new(command).path(run);
    let test = &splits.test;
    let size = experiment.model.latent_size(test.shape());
    let mut all = Vec::new();
    if experiment.model.is_conditional() {
        all.push(of("sample").option("--labels", three_classes(&DataRecord::of(splits))));
        all.push(of("plot analogies"));
    } else if size == 2 {
        all.push(of("plot manifold").word("--quantiles"));
        all.push(of("plot latents").option("--latent", "sample"));
    } else {
        all.push(match test.len() {
            0 | 1 => of("sample").option("--temperature", "0.8"),
            2 | 3 => of("interpolate").option("--indices", "0,1"),
            _ => of("interpolate").option("--indices", "0,3"),
        });
        if (2..=PrincipalComponents::MAX_DIMENSIONS).contains(&size)
            && test.len() >= MIN_TSNE_IMAGES
        {
            all.push(of("plot latents").option("--projection", "tsne"));
        }
    }
    all.push(of("evaluate").word("--json"));
    all
}
