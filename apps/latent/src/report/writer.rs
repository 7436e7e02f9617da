//! From an outline to a page: trains what is missing, runs the commands, and writes down what they show.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Parser;
use latent_training::{Experiment, Run, load_model};
use latent_visualisation::Format;
use serde_json::{Value, json};

use super::document::{commands as typed_lines, escape, page, picture, table_of};
use super::findings::{Figure, Findings, TrainedRun};
use super::outline::{Assignment, Exhibit, Task, Training, Wanted};
use crate::arguments::{DataArguments, Shown};
use crate::commands::Command;
use crate::progress::thousands;
use crate::shell::{CommandLine, quoted};
use crate::{Context, Error, experiments};

/// What a person asked for.
pub(crate) struct Request<'a> {
    /// Where runs are, and are made.
    pub(crate) runs: &'a Path,
    pub(crate) quick: Option<Quick>,
    pub(crate) seed: Option<u64>,
    pub(crate) data: &'a DataArguments,
}

/// A report in minutes: few epochs of few images.
#[derive(Clone, Copy)]
pub(crate) struct Quick {
    pub(crate) epochs: Option<usize>,
    pub(crate) limit: Option<usize>,
}

/// Epochs and images of a quick run that is not told: what trains in some seconds on two cores.
fn usual(experiment: &Experiment) -> (usize, usize) {
    use latent_models::ModelConfig::{
        ConditionalConvolutionalVae, ConditionalFlow, ConvolutionalVae, Flow,
    };
    match experiment.model {
        Flow(_) | ConditionalFlow(_) => (3, 1500),
        ConvolutionalVae(_) | ConditionalConvolutionalVae(_) => (3, 5000),
        _ => (5, 15_000),
    }
}

/// Images that a quick report measures on, where a command can be told.
const QUICK_IMAGES: usize = 1000;

/// A line that is typed after `latent`.
#[derive(Parser)]
#[command(no_binary_name = true)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

impl Line {
    fn parse_line(line: &CommandLine) -> Result<Command, Error> {
        match Self::try_parse_from(line.words()) {
            Ok(line) => Ok(line.command),
            Err(reason) => Err(Error::Outline {
                command: typed(line),
                reason: reason.to_string(),
            }),
        }
    }
}

/// A command as a report shows it, wherever the program is that wrote it.
fn typed(line: &CommandLine) -> String {
    line.typed("latent")
}

/// The commands that a report runs, as they are typed.
pub(crate) struct Commands {
    /// What trains.
    pub(crate) training: Vec<String>,
    /// What shows, by task: a recipe’s name, or a title.
    pub(crate) tasks: Vec<(String, Vec<String>)>,
}

/// The commands that a report would run.
pub(crate) fn commands(assignment: &Assignment, request: &Request) -> Result<Commands, Error> {
    let plan = Plan::of(assignment, request);
    let mut training = Vec::new();
    for wanted in &assignment.runs {
        if let Some(line) = plan.training(wanted)? {
            training.push(typed(&line));
        }
    }
    let of_task = |task: &Task| {
        let all = task.exhibits.iter().flat_map(|exhibit| &exhibit.commands);
        let typed = all.map(|command| typed(&plan.line(command))).collect();
        (task.recipe.unwrap_or(&task.title).to_owned(), typed)
    };
    let tasks = assignment.tasks.iter().map(of_task).collect();
    Ok(Commands { training, tasks })
}

/// Trains what is missing and writes the report: the page, and what it quotes.
///
/// # Errors
/// Whatever stops a training or a command; runs stay, and the next attempt takes them up.
pub(crate) fn write(
    assignment: &Assignment,
    request: &Request,
    context: &Context,
) -> Result<(String, Value), Error> {
    let context = &context.keeping_data();
    let plan = Plan::of(assignment, request);
    let mut findings = Findings::default();
    for (index, wanted) in assignment.runs.iter().enumerate() {
        let (place, count) = (index + 1, assignment.runs.len());
        context.say(&format!("run {place} of {count}: {}", wanted.name));
        let run = plan.trained(wanted, context)?;
        findings.add_run(&wanted.name, run);
    }
    let mut sections = String::new();
    for (index, task) in assignment.tasks.iter().enumerate() {
        sections.push_str(&plan.section(index + 1, task, &mut findings, context)?);
    }
    let head = plan.head(assignment, &findings)?;
    let object = json!({
        "assignment": assignment.name,
        "quick": request.quick.is_some(),
        "runs": assignment.runs.iter().map(|run| plan.path(&run.name)).collect::<Vec<_>>(),
    });
    let body = format!("{head}<main>\n{sections}</main>\n{}", footer());
    Ok((page(&assignment.title, &body), object))
}

/// An outline with the places of its runs.
struct Plan<'a> {
    request: &'a Request<'a>,
    directories: BTreeMap<&'a str, PathBuf>,
}

impl<'a> Plan<'a> {
    fn of(assignment: &'a Assignment, request: &'a Request) -> Self {
        let directory = |wanted: &Wanted| match &wanted.training {
            Training::Done(path) => path.clone(),
            Training::Of { .. } => {
                let quick = if request.quick.is_some() {
                    "-quick"
                } else {
                    ""
                };
                request.runs.join(format!("{}{quick}", wanted.name))
            }
        };
        let entry = |wanted: &'a Wanted| (wanted.name.as_str(), directory(wanted));
        Self {
            request,
            directories: assignment.runs.iter().map(entry).collect(),
        }
    }

    fn path(&self, name: &str) -> String {
        let directory = self.directories.get(name);
        directory.map_or_else(|| name.to_owned(), |path| path.display().to_string())
    }

    /// A command of the outline with the runs' directories and what the request adds.
    fn line(&self, command: &str) -> CommandLine {
        let mut line = CommandLine::default();
        for word in command.split(' ') {
            line = match self.directories.get(word) {
                Some(directory) => line.path(directory),
                None => line.word(word),
            };
        }
        if let Some(quick) = self.request.quick
            && line.accepts("limit")
        {
            let limit = quick.limit.unwrap_or(QUICK_IMAGES).min(QUICK_IMAGES);
            line = line.option("--limit", limit.to_string());
        }
        line.data(self.request.data)
    }

    /// How a run is trained, unless it only has to be there.
    fn training(&self, wanted: &Wanted) -> Result<Option<CommandLine>, Error> {
        let Training::Of {
            experiment,
            settings,
            epochs,
        } = &wanted.training
        else {
            return Ok(None);
        };
        let directory = &self.directories[wanted.name.as_str()];
        let mut line = CommandLine::new("train").word(*experiment);
        line = line.option("--out", directory);
        for setting in settings {
            line = line.option("--set", setting);
        }
        let mut epochs = *epochs;
        let mut limit = None;
        if let Some(quick) = self.request.quick {
            let (usual_epochs, usual_limit) = usual(&experiments::find(experiment, &[])?);
            epochs = Some(quick.epochs.unwrap_or(usual_epochs));
            limit = Some(quick.limit.unwrap_or(usual_limit));
        }
        for (option, value) in [("--epochs", epochs), ("--limit", limit)] {
            if let Some(value) = value {
                line = line.option(option, value.to_string());
            }
        }
        if let Some(seed) = self.request.seed {
            line = line.option("--seed", seed.to_string());
        }
        Ok(Some(line.data(self.request.data).word("--no-figures")))
    }

    /// The run, after it was trained where it was missing or unfinished.
    fn trained(&self, wanted: &Wanted, context: &Context) -> Result<TrainedRun, Error> {
        let directory = &self.directories[wanted.name.as_str()];
        if let Some(line) = self.training(wanted)?
            && let Command::Train(train) = Line::parse_line(&line.word("--if-needed"))?
            && train.finished(context)?.is_none()
        {
            train.train(context)?;
        }
        let run = Run::open(directory)?;
        if let Training::Done(_) = wanted.training {
            refuse_other_data(directory, self.request.data, context)?;
        }
        Ok(TrainedRun {
            path: quoted(directory.as_os_str()),
            metadata: load_model(directory, &context.device)?.metadata,
            records: run.metrics()?,
        })
    }

    fn section(
        &self,
        number: usize,
        task: &Task,
        findings: &mut Findings,
        context: &Context,
    ) -> Result<String, Error> {
        let id = task
            .recipe
            .map_or_else(|| format!("task-{number}"), str::to_owned);
        let mut html = format!(
            "<section id=\"{id}\">\n<h2>{}</h2>\n<p class=\"task\">{}</p>\n",
            escape(&task.title),
            escape(&task.sentence)
        );
        for exhibit in &task.exhibits {
            html.push_str(&self.exhibit(exhibit, findings, context)?);
        }
        for answer in &task.answers {
            let answer = answer(findings)?;
            _ = writeln!(
                html,
                "<section class=\"answer\">\n<h3>{}</h3>\n{}</section>",
                escape(&answer.question),
                answer.html
            );
        }
        html.push_str("</section>\n");
        Ok(html)
    }

    fn exhibit(
        &self,
        exhibit: &Exhibit,
        findings: &mut Findings,
        context: &Context,
    ) -> Result<String, Error> {
        let mut lines = Vec::new();
        let (mut pictures, mut measured) = (Vec::new(), Vec::new());
        for command in &exhibit.commands {
            let parsed = self.line(command);
            let line = typed(&parsed);
            context.say(&line);
            let shown = Line::parse_line(&parsed)?.show(context)?;
            let Some(Shown {
                picture: drawn,
                object,
                ..
            }) = shown
            else {
                return Err(Error::NotMeasured(line));
            };
            findings.add(command, line.clone(), object);
            lines.push(line);
            let runs: Vec<&str> = command
                .split(' ')
                .filter(|word| self.directories.contains_key(word))
                .collect();
            let origin = self.origin(&runs, findings)?;
            if let Some(drawn) = drawn {
                let svg = drawn.render(Format::Svg)?;
                let svg = String::from_utf8_lossy(&svg);
                let alternative = match &runs[..] {
                    [] => exhibit.caption.clone(),
                    runs => format!("{} ({})", exhibit.caption, runs.join(", ")),
                };
                // Numbers on shades of one colour are for white paper, and stay on it.
                let class = match command.split(' ').next() {
                    Some("classify" | "judge") => " class=\"paper\"",
                    _ => "",
                };
                pictures.push(format!(
                    "<figure{class}>\n{}\n<figcaption>{origin}</figcaption>\n</figure>\n",
                    picture(&svg, &alternative)
                ));
            }
            measured.push((runs.join(", "), command.as_str(), origin));
        }
        let table = table(&measured, findings);
        // Images as they are do not become others by a short training.
        let is_of_runs = measured.iter().any(|(runs, ..)| !runs.is_empty());
        let quick = self.request.quick.filter(|_| is_of_runs);
        let quick = quick.map_or("", |_| QUICK_MARK);
        let kind = match pictures.len() {
            0 | 1 => "exhibit",
            _ => "exhibit side-by-side",
        };
        let mut html = format!(
            "<div class=\"{kind}\">\n{}<p class=\"caption\">{}{quick}</p>\n",
            typed_lines(&lines),
            escape(&exhibit.caption)
        );
        if !pictures.is_empty() {
            _ = writeln!(
                html,
                "<div class=\"pictures\">\n{}</div>",
                pictures.concat()
            );
        }
        html.push_str(&table);
        if pictures.is_empty() {
            let mut origins: Vec<&str> = measured
                .iter()
                .map(|(_, _, origin)| origin.as_str())
                .collect();
            origins.dedup();
            _ = writeln!(html, "<p class=\"origin\">{}</p>", origins.join("<br/>"));
        }
        html.push_str("</div>\n");
        Ok(html)
    }

    /// What is said beside every figure: of which runs it is, and what these are.
    fn origin(&self, runs: &[&str], findings: &Findings) -> Result<String, Error> {
        if runs.is_empty() {
            return Ok(escape(data_name(findings.data().unwrap_or_default())));
        }
        let mut words = Vec::new();
        for name in runs {
            let metadata = &findings.run(name)?.metadata;
            words.push((
                *name,
                format!(
                    "{}, {} training images, {}, seed {}",
                    data_name(&metadata.data.name),
                    thousands(metadata.data.images as f64),
                    epochs(metadata.epoch),
                    metadata.experiment.seed
                ),
            ));
        }
        let same = words.iter().all(|(_, facts)| *facts == words[0].1);
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        let html = if same {
            format!("{}: {}", names.join(", "), words[0].1)
        } else {
            let each = words.iter().map(|(name, facts)| format!("{name}: {facts}"));
            each.collect::<Vec<_>>().join("; ")
        };
        let quick = self.request.quick.map_or("", |_| QUICK_MARK);
        Ok(format!("{}{quick}", escape(&html)))
    }

    /// Title, warnings, what everything was made from, and where to find what.
    fn head(&self, assignment: &Assignment, findings: &Findings) -> Result<String, Error> {
        let mut html = format!(
            "<header>\n<h1>{}</h1>\n<p>{}</p>\n",
            escape(&assignment.title),
            escape(&assignment.introduction)
        );
        if self.request.quick.is_some() {
            html.push_str(
                "<p class=\"warning\"><strong>A quick report.</strong> Its models saw few images for few \
                 epochs, so that all of it takes minutes: it shows what the report is like, and none of \
                 its figures is what the assignment asks for. Without <code>--quick</code> they are.</p>\n",
            );
        }
        let head = [
            "run",
            "experiment",
            "data",
            "training images",
            "epochs",
            "seed",
            "latent",
        ];
        let mut rows = Vec::new();
        let mut synthetic = false;
        for wanted in &assignment.runs {
            let run = findings.run(&wanted.name)?;
            let (metadata, experiment) = (&run.metadata, &run.metadata.experiment);
            synthetic |= metadata.data.name == "synthetic";
            let (asked, done) = (experiment.training.epochs, run.records.len());
            let mut epochs = match done {
                done if done == asked => asked.to_string(),
                done => format!("{done} of {asked}"),
            };
            if metadata.epoch != done {
                _ = write!(epochs, ", of which {} was the best", metadata.epoch);
            }
            rows.push(vec![
                format!("<code>{}</code>", escape(&run.path)),
                escape(&described(wanted, experiment)),
                escape(data_name(&metadata.data.name)),
                thousands(metadata.data.images as f64),
                epochs,
                experiment.seed.to_string(),
                escape(&metadata.version),
            ]);
        }
        if synthetic {
            html.push_str(
                "<p class=\"warning\"><strong>Synthetic digits, not MNIST.</strong> These images were drawn \
                 by the program. Figures on them cannot be held against any that is published; \
                 <code>latent data fetch</code> brings the real ones.</p>\n",
            );
        }
        html.push_str("<h2>What it was made from</h2>\n");
        html.push_str(&table_of(&head.map(str::to_owned), &rows));
        html.push_str(&self.trained_by(assignment)?);
        html.push_str("<nav>\n<h2>Tasks</h2>\n<ol>\n");
        for (index, task) in assignment.tasks.iter().enumerate() {
            let id = task
                .recipe
                .map_or_else(|| format!("task-{}", index + 1), str::to_owned);
            let title = escape(&task.title);
            _ = writeln!(html, "<li><a href=\"#{id}\">{title}</a></li>");
        }
        html.push_str("</ol>\n</nav>\n</header>\n");
        Ok(html)
    }

    /// The commands that make the runs anew.
    fn trained_by(&self, assignment: &Assignment) -> Result<String, Error> {
        let mut lines = Vec::new();
        for wanted in &assignment.runs {
            if let Some(line) = self.training(wanted)? {
                lines.push(typed(&line));
            }
        }
        if lines.is_empty() {
            return Ok(String::new());
        }
        Ok(format!(
            "<details><summary>How each run is trained</summary>\n{}</details>\n",
            typed_lines(&lines)
        ))
    }
}

/// Beside every figure of a quick report.
const QUICK_MARK: &str = " <mark>quick</mark>";

/// What is said of all figures together.
fn footer() -> String {
    format!(
        "<footer>\n<p>Written by <code>latent report</code> {}. Losses and bounds are nats an image, summed \
         over pixels and latent dimensions, averaged over test images unless said otherwise; ± is two \
         standard errors over the images, and says nothing of another seed; that of a difference takes both \
         figures as independent, and is on the wide side where they are of the same images. Every number has the command \
         or file that it comes from as its tooltip; the same command with the same seed writes the same \
         file.</p>\n</footer>\n",
        env!("CARGO_PKG_VERSION")
    )
}

/// What a run is of: an experiment as it is, or with what.
fn described(wanted: &Wanted, experiment: &Experiment) -> String {
    match &wanted.training {
        Training::Of { settings, .. } if !settings.is_empty() => {
            format!("{} with {}", experiment.name, settings.join(", "))
        }
        _ => format!("{}: {}", experiment.name, experiment.description),
    }
}

fn epochs(count: usize) -> String {
    match count {
        1 => "1 epoch".to_owned(),
        _ => format!("{count} epochs"),
    }
}

/// A data set's name for people.
pub(crate) fn data_name(name: &str) -> &str {
    match name {
        "mnist" => "MNIST",
        "synthetic" => "synthetic digits",
        other => other,
    }
}

/// Refuses a finished run of other data than is asked for.
pub(crate) fn refuse_other_data(
    directory: &Path,
    data: &DataArguments,
    context: &Context,
) -> Result<(), Error> {
    let model = load_model(directory, &context.device)?;
    match data.load_for(&model, context)?.difference {
        None => Ok(()),
        Some(difference) => Err(Error::OtherRunData {
            run: directory.to_owned(),
            found: difference.trained,
            asked: difference.found,
        }),
    }
}

/// What is measured, by the name that is printed for programs: the heading, and the decimals.
const MEASURES: [(&str, &str, usize); 9] = [
    ("elbo", "ELBO", 2),
    ("reconstruction", "reconstruction", 2),
    ("kl", "KL", 2),
    ("log_likelihood", "log-likelihood", 2),
    ("mixture_log_likelihood", "log p(x), labels unknown", 2),
    ("bits_per_dimension", "bits per dimension", 3),
    ("log_probability", "log-probability of levels", 2),
    ("importance_weighted_bound", "importance-weighted bound", 2),
    ("images", "test images", 0),
];

/// The table of an exhibit: of all that it measured, a row for each run; nothing, if it only drew.
fn table(measured: &[(String, &str, String)], findings: &Findings) -> String {
    let Some((_, first, _)) = measured.first() else {
        return String::new();
    };
    match first.split(' ').next() {
        Some("evaluate") => figures_of(measured, findings),
        Some("classify" | "judge") => verdicts_of(measured, findings),
        Some("posterior") => measured
            .iter()
            .map(|(_, command, _)| posterior_of(command, findings))
            .collect(),
        Some("compare") => measured
            .iter()
            .map(|(_, command, _)| compared_by(command, findings))
            .collect(),
        _ => String::new(),
    }
}

/// Runs beside each other, by what tells them apart and how they ended.
fn compared_by(command: &str, findings: &Findings) -> String {
    let Some(runs) = findings
        .object(command)
        .and_then(|object| object["runs"].as_array())
    else {
        return String::new();
    };
    let names = |part: &str| -> Vec<String> {
        let of_run = |run: &Value| {
            run[part]
                .as_object()
                .map(|all| all.keys().cloned().collect::<Vec<_>>())
        };
        let mut names: Vec<String> = runs.iter().filter_map(of_run).flatten().collect();
        names.sort();
        names.dedup();
        names
    };
    let mut head = vec![String::new()];
    head.extend(
        runs.iter()
            .map(|run| escape(run["run"].as_str().unwrap_or_default())),
    );
    let mut rows = Vec::new();
    for key in names("settings") {
        let value = |run: &Value| escape(run["settings"][&key].as_str().unwrap_or("–"));
        let mut row = vec![format!("<code>{}</code>", escape(&key))];
        row.extend(runs.iter().map(value));
        rows.push(row);
    }
    let typed = findings.typed(command).unwrap_or_default();
    for name in names("test") {
        let value = |(index, run): (usize, &Value)| {
            let figure = |value| Figure::of(value, format!("runs[{index}].test.{name} of {typed}"));
            let value = run["test"][&name].as_f64();
            value.map_or_else(|| "–".to_owned(), |value| figure(value).nats())
        };
        let mut row = vec![format!("test {}", escape(&name.replace('_', " ")))];
        row.extend(runs.iter().enumerate().map(value));
        rows.push(row);
    }
    let table = table_of(&head, &rows);
    let object = findings.object(command);
    let is_same = |key| object.is_none_or(|object| object[key] != Value::Bool(false));
    if is_same("same_test_images") {
        return table;
    }
    table
        + "<p class=\"warning\">The test figures of these runs are of different images, and cannot be \
           compared.</p>\n"
}

fn figures_of(measured: &[(String, &str, String)], findings: &Findings) -> String {
    let known: Vec<_> = MEASURES
        .iter()
        .filter(|(key, ..)| {
            let mut all = measured.iter();
            all.any(|(_, command, _)| findings.maybe(command, key).is_some())
        })
        .collect();
    let mut head = vec!["run".to_owned()];
    head.extend(known.iter().map(|(_, name, _)| (*name).to_owned()));
    let row = |(run, command, _): &(String, &str, String)| {
        let cell = |(key, _, decimals): &&(&str, &str, usize)| {
            let figure = findings.maybe(command, key);
            figure.map_or_else(
                || "–".to_owned(),
                |figure| match *decimals {
                    0 => figure.count(),
                    decimals => figure.html(decimals),
                },
            )
        };
        let mut row = vec![escape(run)];
        row.extend(known.iter().map(cell));
        row
    };
    table_of(&head, &measured.iter().map(row).collect::<Vec<_>>())
}

fn verdicts_of(measured: &[(String, &str, String)], findings: &Findings) -> String {
    let head = ["run", "right", "images", "by"].map(str::to_owned);
    let row = |(run, command, _): &(String, &str, String)| {
        let object = findings.object(command)?;
        let right = findings.share(command, "accuracy").ok()?;
        let images = findings.maybe(command, "images")?;
        let method = object["method"].as_str();
        Some(vec![
            escape(run),
            right.percent(),
            images.count(),
            escape(method.unwrap_or("a classifier of the training images")),
        ])
    };
    table_of(&head, &measured.iter().filter_map(row).collect::<Vec<_>>())
}

/// Dimension by dimension, the eight that tell most of an image.
fn posterior_of(command: &str, findings: &Findings) -> String {
    const MOST: usize = 8;
    let list = |key| findings.figures(command, key).unwrap_or_default();
    let (mean, deviation, kl) = (list("mean"), list("standard_deviation"), list("kl"));
    let mut order: Vec<usize> = (0..mean.len()).collect();
    // In their own order, where all of them are shown.
    let by_kl = mean.len() > MOST;
    order.sort_by(|&a, &b| match (kl.get(a), kl.get(b)) {
        (Some(first), Some(second)) if by_kl => {
            second.value.total_cmp(&first.value).then(a.cmp(&b))
        }
        _ => a.cmp(&b),
    });
    order.truncate(MOST);
    let mut head = ["dimension", "mean", "standard deviation"]
        .map(str::to_owned)
        .to_vec();
    if !kl.is_empty() {
        head.push("KL, nats".to_owned());
    }
    let row = |&index: &usize| {
        let cells = [mean.get(index), deviation.get(index), kl.get(index)];
        let cells = cells
            .into_iter()
            .flatten()
            .map(|figure: &Figure| figure.html(3));
        let mut row = vec![format!("z<sub>{}</sub>", index + 1)];
        row.extend(cells);
        row
    };
    table_of(&head, &order.iter().map(row).collect::<Vec<_>>())
}
