//! Progress output of a training: a bar, a line per epoch, and Ctrl-C.

use std::ops::ControlFlow;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use latent_training::{EpochReport, EvaluationStage, Metrics, Observer, StepReport, thousands};

use crate::{Context, Error};

pub(crate) struct Progress<'a> {
    context: &'a Context,
    epochs: usize,
    bar: ProgressBar,
    /// An exponential average of the loss, since the loss of a single batch is noisy.
    loss: Option<f64>,
}

/// Whether Ctrl-C was pressed, or the training has no step left to finish.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

impl<'a> Progress<'a> {
    /// Starts to handle Ctrl-C: the first ends the training after the current step, the second ends the program at once.
    pub(crate) fn new(context: &'a Context, epochs: usize) -> Result<Self, Error> {
        static WATCH: Once = Once::new();
        let mut watched = Ok(());
        // A process may train several models, but can set only one handler.
        WATCH.call_once(|| {
            watched = ctrlc::set_handler(|| {
                if INTERRUPTED.swap(true, Ordering::SeqCst) {
                    std::process::exit(130);
                }
            });
        });
        watched?;
        INTERRUPTED.store(false, Ordering::SeqCst);
        Ok(Self {
            context,
            epochs,
            bar: ProgressBar::with_draw_target(None, target(context)),
            loss: None,
        })
    }

    fn say(&self, words: &str) {
        self.bar.suspend(|| self.context.say(words));
    }
}

impl Observer for Progress<'_> {
    fn step(&mut self, report: &StepReport) -> ControlFlow<()> {
        let loss = self
            .loss
            .map_or(report.loss, |loss| 0.9 * loss + 0.1 * report.loss);
        self.loss = Some(loss);
        if self.bar.length().is_none() {
            let images = |steps: usize| (steps as u64).saturating_mul(report.batch_size as u64);
            let epoch = images(report.steps);
            self.bar
                .set_length(epoch.saturating_mul(self.epochs as u64));
            let done = epoch.saturating_mul(report.epoch as u64 - 1);
            self.bar
                .set_position(done.saturating_add(images(report.step - 1)));
            self.bar.reset_eta();
            if let Ok(style) =
                ProgressStyle::with_template("{msg}  {wide_bar:.cyan/238}  {per_sec}  {eta} left")
            {
                let per_second = |state: &indicatif::ProgressState,
                                  out: &mut dyn std::fmt::Write| {
                    _ = write!(
                        out,
                        "{} images/s",
                        thousands(state.per_sec().round_ties_even() as usize)
                    );
                };
                self.bar
                    .set_style(style.with_key("per_sec", per_second).progress_chars("━━━"));
            }
        }
        self.bar.set_message(format!(
            "epoch {}/{}  loss {loss:.2}",
            report.epoch, self.epochs
        ));
        self.bar.inc(report.batch_size as u64);
        if INTERRUPTED.load(Ordering::SeqCst) {
            self.bar.finish_and_clear();
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn epoch(&mut self, report: &EpochReport) {
        let width = self.epochs.to_string().len();
        self.say(&format!(
            "epoch {:width$}/{}  train {}{}  test {}  {} images/s",
            report.epoch,
            self.epochs,
            bound(&report.train),
            report
                .validation
                .as_ref()
                .map_or_else(String::new, |metrics| {
                    format!("  validation {}", bound(metrics))
                }),
            parts(&report.test),
            thousands(report.images_per_second.round_ties_even() as usize),
        ));
        if report.is_last {
            self.bar.finish_and_clear();
            // No step is left to finish, so Ctrl-C ends the program at once.
            INTERRUPTED.store(true, Ordering::SeqCst);
        }
    }
}

/// A progress bar for work other than training.
pub(crate) struct Counting(ProgressBar);

impl Counting {
    pub(crate) fn new(total: usize, what: &'static str, context: &Context) -> Self {
        let bar = ProgressBar::with_draw_target(Some(total as u64), target(context));
        let template = format!("{{pos}}/{{len}} {what}  {{wide_bar:.cyan/238}}  {{eta}} left");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style.progress_chars("━━━"));
        }
        Self(bar)
    }

    /// A progress bar for a download.
    pub(crate) fn bytes(total: u64, context: &Context) -> Self {
        let bar = ProgressBar::with_draw_target(Some(total), target(context));
        let template = "{bytes}/{total_bytes}  {wide_bar:.cyan/238}  {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━━━"));
        }
        Self(bar)
    }

    pub(crate) fn reached(&self, done: usize) {
        self.0.set_position(done as u64);
        if Some(done as u64) == self.0.length() {
            self.0.finish_and_clear();
        }
    }
}

/// A progress bar for each stage of an evaluation of `images` images.
pub(crate) fn evaluation_bars(
    images: usize,
    context: &Context,
) -> impl FnMut(EvaluationStage, usize) {
    let mut current = None;
    move |stage, done| {
        let what = match stage {
            EvaluationStage::MarginalLogLikelihood => "images under each label",
            EvaluationStage::LogLikelihood => "images",
        };
        if current.as_ref().is_none_or(|(shown, _)| *shown != stage) {
            current = Some((stage, Counting::new(images, what, context)));
        }
        if let Some((_, bar)) = &current {
            bar.reached(done);
        }
    }
}

/// Stderr; indicatif draws nothing if it is not a terminal.
fn target(context: &Context) -> ProgressDrawTarget {
    if context.quiet {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    }
}

/// The ELBO, or minus the loss of a model without one, as text.
fn bound(metrics: &Metrics) -> String {
    let figure = metrics
        .get("elbo")
        .copied()
        .or(metrics.get("loss").map(|loss| -loss));
    format!("{:.2}", figure.unwrap_or(f64::NAN))
}

/// The ELBO and its terms as text.
fn parts(metrics: &Metrics) -> String {
    match (metrics.get("reconstruction"), metrics.get("kl")) {
        (Some(reconstruction), Some(kl)) => {
            format!(
                "{} (reconstruction {reconstruction:.2}, kl {kl:.2})",
                bound(metrics)
            )
        }
        _ => bound(metrics),
    }
}
