//! What can be done about an error of a library: the libraries state facts, and know no options and no commands.

use std::fs;
use std::path::Path;

use latent_pretrained::Models;

use crate::Error;
use crate::shell::{CommandLine, program};
use crate::suggestion::nearest;

/// The remedy for an error, which `main` prints after `help: `. None for an error of this program itself, whose message
/// has its remedy, and for one that nothing can be done about but what its message says.
pub(crate) fn of(error: &Error) -> Option<String> {
    match error {
        Error::Checkpoint(error) => checkpoint(error).map(str::to_owned),
        Error::Data(error) => data(error),
        Error::Figure(error) => figure(error).map(str::to_owned),
        Error::Hub(error) => hub(error),
        Error::Model(error) => model(error),
        Error::Picture(error) => picture(error).map(str::to_owned),
        Error::Training(error) => training(error),
        _ => None,
    }
}

fn figure(error: &latent_figures::Error) -> Option<&'static str> {
    use latent_figures::Error;
    match error {
        Error::NotAPlane { dimensions: 2.. } => {
            Some("`plot latents`, `interpolate` and `sample` work with any of two or more")
        }
        Error::NotAPlane { .. } | Error::TooFewDimensions { .. } => {
            Some("`interpolate` and `sample` work with any")
        }
        Error::TooFewForTsne { .. } => Some("use a larger `--count`, or `--projection pca`"),
        Error::NoImageOfLabel(_) => Some("choose another label, or other data with `--data`"),
        Error::NoImages | Error::NoPairs(_) => Some("use more images with `--data`"),
        _ => None,
    }
}

fn picture(error: &latent_visualisation::Error) -> Option<&'static str> {
    use latent_visualisation::Error;
    match error {
        Error::IsFolder { .. } => Some("name a file with `--output`, or remove the folder"),
        Error::CreateFolder { .. } => {
            Some("check that every part of the path is a folder that you may write to")
        }
        Error::Size { .. } | Error::Png(_) => Some("draw fewer images or smaller ones"),
        _ => None,
    }
}

fn training(error: &latent_training::Error) -> Option<String> {
    use latent_training::Error;
    let remedy = match error {
        Error::Checkpoint(error) => return checkpoint(error).map(str::to_owned),
        Error::Data(error) => return data(error),
        Error::Model(error) => return model(error),
        Error::UnknownKey { key, known, .. } => {
            return nearest(key, known).map(|name| format!("did you mean `{name}`?"));
        }
        Error::NotFinite { .. } | Error::Diverged { .. } => {
            "the usual remedy is to begin again with a lower learning rate, such as a tenth of it \
             (`--learning-rate`), or with shorter gradients (`--set training.max_grad_norm=100`), and with \
             `--overwrite`"
        }
        Error::OtherData { .. } => {
            "name the directory of the run's data with `--data-dir`, or begin a new run on these with `--output`"
        }
        Error::ImageSize { .. } => "choose other data with `--data` and `--data-dir`",
        Error::OtherExperiment { .. } => "undo the change, or begin a new run with it",
        Error::RunExists { directory } => {
            return Some(format!(
                "continue it with `{}`, choose another place with `--output`, or replace it with `--overwrite`",
                resumed(directory)
            ));
        }
        Error::RunInUse { .. } => "wait for it, stop it, or choose another place with `--output`",
        Error::NotADirectory { .. } => "choose another place with `--output`",
        Error::NoWeights { directory } => {
            return Some(format!(
                "go on with `{}`, or begin again with `--overwrite`",
                resumed(directory)
            ));
        }
        Error::EpochsDone { .. } => "give `--epochs` a larger number",
        Error::NoState { .. } | Error::State { .. } => {
            "copy the file back, or begin again with `--overwrite`"
        }
        Error::ImpossiblePosition { .. } => {
            "use an earlier copy of the file, or begin again with `--overwrite`"
        }
        Error::Metrics { .. } => "copy the file back, or train the run anew with `--overwrite`",
        Error::NoModel { path } => return Some(no_model(path)),
        Error::NoImagesOfClass { .. } => {
            "the model draws this class, and no classifier of it can be trained: use a larger `--limit`, or other data"
        }
        Error::NotFiniteMetric { .. } => "use an earlier checkpoint",
        Error::NoImages { .. } => "use a larger `--limit`, or none",
        Error::File { .. } => "check the path, the space that is left, and who may write there",
        _ => return None,
    };
    Some(remedy.to_owned())
}

/// The run or the pretrained model that was probably meant, and else how to get one.
fn no_model(path: &Path) -> String {
    let train = format!("train one with `{} train EXPERIMENT`", program());
    let name = path.file_name().and_then(|name| name.to_str());
    match name.and_then(|name| similar_run(name).or_else(|| similar_pretrained(name))) {
        Some(similar) => format!("did you mean `{similar}`? Or {train}"),
        None => train,
    }
}

/// A run in `runs/`, where `train` puts them, with a name like this one.
fn similar_run(name: &str) -> Option<String> {
    let runs = fs::read_dir("runs").ok()?;
    let names = runs
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok());
    nearest(name, names).map(|name| format!("runs/{name}"))
}

fn similar_pretrained(name: &str) -> Option<String> {
    nearest(name, Models::new().ok()?.entries().keys())
}

/// The command that continues a run.
fn resumed(directory: &Path) -> CommandLine {
    CommandLine::new("train").option("--resume", directory)
}

fn model(error: &latent_models::Error) -> Option<String> {
    use latent_models::Error;
    match error {
        Error::NotConditional => Some(format!(
            "train a conditional experiment instead, such as cvae-conv (`{} experiments` lists all)",
            program()
        )),
        Error::NotFinite { .. } => Some("use an earlier checkpoint".to_owned()),
        _ => None,
    }
}

fn data(error: &latent_datasets::Error) -> Option<String> {
    use latent_datasets::Error;
    let remedy = match error {
        Error::InFile { error, .. } => return data(error),
        Error::Unreadable { .. } => "check that the file exists and that you may read it",
        Error::IsDirectory { .. } => "name a file inside it",
        Error::EmptyFile { .. }
        | Error::GzipCutOff { .. }
        | Error::GzipDamaged { .. }
        | Error::NotIdx { .. }
        | Error::HeaderCutOff { .. }
        | Error::TooLarge { .. }
        | Error::CutOff { .. }
        | Error::TrailingBytes { .. } => "download the file again",
        Error::ElementType { .. } => "convert the pixels or labels to unsigned bytes",
        Error::NoElements { .. } => "download the file again, or write it again with data in it",
        Error::WrongDimensions { .. } => {
            "check that the files of images and of labels were not exchanged"
        }
        Error::Unpaired { .. } => "take images and labels from the same part of the same data set",
        Error::Label { .. } => "use a data set of at most ten classes, numbered from 0",
        Error::Unwritable { .. } => "make room there, or choose another place with `--output`",
        Error::MissingFiles { .. } => "put all four files of the data set into this directory",
        Error::SeveralSets { .. } => {
            "put the four files of one of them into a directory of their own, and name it with `--data-dir`"
        }
        Error::SizesDiffer { .. } => "take all four files from the same data set",
        Error::NotFound { .. } => {
            "name the directory of its files with `--data-dir`, or use `--data synthetic`, which needs no files"
        }
        Error::NotMnist { .. } => {
            "`--data idx` reads another data set, and a damaged file must be downloaded again"
        }
        _ => return None,
    };
    Some(remedy.to_owned())
}

fn checkpoint(error: &latent_checkpoints::Error) -> Option<&'static str> {
    use latent_checkpoints::Error;
    let remedy = match error {
        Error::Read { .. } => "check that the file exists and that you may read it",
        Error::Write { .. } => "choose another place, or make room in this one",
        Error::NotSafetensors { .. } => "copy it again, or name another file",
        Error::Format {
            found, expected, ..
        } if found < expected => {
            "`latent import FILE --output NEW.safetensors` converts a model's file to this format"
        }
        Error::Format { .. } => "update latent",
        Error::Kind { .. } => "name the other file",
        Error::Metadata { .. } => "copy the file again",
        Error::Mismatch { .. } => "copy the file again, or name the model that they are of",
        Error::SameName { .. } => "write a file with one of them",
        Error::NotFinite { .. } => "use an earlier checkpoint",
        Error::OtherFile { .. } => {
            "remove it and fetch it again, or name this very file by its path"
        }
        Error::Name { .. } => "give it another name",
        Error::Index { .. } => "copy it again, or export the models anew",
        _ => return None,
    };
    Some(remedy)
}

fn hub(error: &latent_hub::Error) -> Option<String> {
    use latent_hub::Error;
    let remedy = match error {
        Error::TokenInClear { .. } => {
            "set HF_ENDPOINT to an https:// address, or HF_HUB_DISABLE_IMPLICIT_TOKEN=1 to send no token"
        }
        Error::NoHome => "set HF_HOME to a directory",
        Error::Offline { .. } => {
            "unset HF_HUB_OFFLINE, or fetch the file where there is a network and copy the cache"
        }
        Error::Unreachable { .. } => "check the network, a proxy's settings and HF_ENDPOINT",
        Error::Stalled { .. } | Error::CutOff { .. } => {
            "try again: the download goes on from what has arrived"
        }
        Error::Refused { .. } => {
            "if it is yours to read, set HF_TOKEN to a token that may; one that has expired is refused everything"
        }
        Error::NotFound { .. } => {
            "check the owner, the repository, the revision and the file's name"
        }
        Error::TooMany { seconds: None, .. } => "try again in a few minutes",
        Error::TooMany {
            seconds: Some(seconds),
            ..
        } => return Some(format!("try again in {seconds} s")),
        Error::Status { .. } => "try again later, and check HF_ENDPOINT if it stays so",
        Error::NoHub { .. } => "check HF_ENDPOINT",
        Error::Corrupt { .. } => {
            "try again, and if it stays so, something between here and the hub changes files"
        }
        Error::Busy { .. } => "wait for it, and try again",
        Error::Cache { .. } => {
            "check the space left and who may write there, or set HF_HOME to another place"
        }
        _ => return None,
    };
    Some(remedy.to_owned())
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::PathBuf;

    use super::*;

    fn gone() -> io::Error {
        io::ErrorKind::NotFound.into()
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a case for each error")]
    fn errors_of_data_sets_have_remedies() {
        use latent_datasets::{Error as Data, Shape};
        let path = || PathBuf::from("digits");
        let dimensions = || vec![2, 28, 28];
        let cases = [
            (
                Data::Unreadable {
                    path: path(),
                    reason: gone(),
                },
                "check that the file exists",
            ),
            (Data::IsDirectory { path: path() }, "name a file inside"),
            (Data::EmptyFile { path: path() }, "download the file again"),
            (Data::GzipCutOff { path: path() }, "download the file again"),
            (
                Data::GzipDamaged {
                    path: path(),
                    reason: gone(),
                },
                "download the file again",
            ),
            (
                Data::NotIdx {
                    path: path(),
                    found: *b"<htm",
                },
                "download the file again",
            ),
            (
                Data::ElementType {
                    path: path(),
                    found: "float32",
                },
                "convert the pixels",
            ),
            (
                Data::HeaderCutOff {
                    path: path(),
                    found: 2,
                    expected: 4,
                },
                "download the file again",
            ),
            (
                Data::NoElements {
                    path: path(),
                    dimensions: vec![0],
                },
                "with data in it",
            ),
            (
                Data::TooLarge {
                    path: path(),
                    dimensions: dimensions(),
                },
                "download the file again",
            ),
            (
                Data::CutOff {
                    path: path(),
                    dimensions: dimensions(),
                    found: 9,
                },
                "download the file again",
            ),
            (
                Data::TrailingBytes {
                    path: path(),
                    dimensions: dimensions(),
                },
                "download the file again",
            ),
            (
                Data::WrongDimensions {
                    path: path(),
                    expected: "one",
                    found: dimensions(),
                },
                "were not exchanged",
            ),
            (
                Data::Unpaired {
                    bytes: 1,
                    labels: 2,
                    shape: Shape::grey(3, 4),
                },
                "same part of the same data set",
            ),
            (
                Data::Label {
                    index: 0,
                    found: 26,
                    classes: 10,
                },
                "at most ten classes",
            ),
            (
                Data::InFile {
                    path: path(),
                    error: Box::new(Data::Label {
                        index: 0,
                        found: 26,
                        classes: 10,
                    }),
                },
                "at most ten classes",
            ),
            (
                Data::Unwritable {
                    path: path(),
                    reason: gone(),
                },
                "`--output`",
            ),
            (
                Data::MissingFiles {
                    directory: path(),
                    missing: Vec::new(),
                },
                "put all four files",
            ),
            (
                Data::SeveralSets {
                    directory: path(),
                    sets: vec!["letters", "digits"],
                },
                "`--data-dir`",
            ),
            (
                Data::SizesDiffer {
                    directory: path(),
                    train: [1, 2],
                    test: [2, 1],
                },
                "from the same data set",
            ),
            (
                Data::NotFound {
                    looked_in: Vec::new(),
                },
                "`--data synthetic`",
            ),
            (
                Data::NotMnist {
                    path: path(),
                    name: "labels",
                    found: "a".to_owned(),
                    expected: "b",
                },
                "`--data idx`",
            ),
        ];
        for (error, part) in cases {
            let remedy = data(&error).unwrap();
            assert!(remedy.contains(part), "{error}: {remedy}");
            assert!(!error.to_string().contains(&remedy), "{error}: {remedy}");
            // The same through the errors that hold it.
            let outer = latent_training::Error::from(error).into();
            assert_eq!(of(&outer), Some(remedy));
        }
        let none = Data::NoSuchImage { index: 9, len: 3 };
        assert_eq!(of(&none.into()), None);
    }

    #[test]
    fn errors_of_checkpoints_have_remedies() {
        use latent_checkpoints::Error as Checkpoint;
        let path = || PathBuf::from("a.safetensors");
        let (name, text) = (|| "a.weight".to_owned(), || "text".to_owned());
        let cases = [
            (
                Checkpoint::Read {
                    path: path(),
                    reason: gone(),
                },
                "check that the file exists",
            ),
            (
                Checkpoint::Write {
                    path: path(),
                    reason: gone(),
                },
                "choose another place",
            ),
            (
                Checkpoint::Format {
                    path: path(),
                    found: 9,
                    expected: 2,
                },
                "update latent",
            ),
            (
                Checkpoint::Kind {
                    path: path(),
                    found: text(),
                    expected: text(),
                },
                "name the other file",
            ),
            (
                Checkpoint::SameName {
                    path: path(),
                    name: name(),
                },
                "write a file with one of them",
            ),
            (
                Checkpoint::NotFinite {
                    path: path(),
                    name: name(),
                },
                "use an earlier checkpoint",
            ),
            (
                Checkpoint::OtherFile {
                    path: path(),
                    name: name(),
                    expected: text(),
                    found: text(),
                },
                "fetch it again",
            ),
            (
                Checkpoint::Name {
                    name: name(),
                    reason: text(),
                },
                "give it another name",
            ),
            (
                Checkpoint::Index {
                    path: path(),
                    reason: text(),
                },
                "export the models anew",
            ),
        ];
        for (error, part) in cases {
            let remedy = checkpoint(&error).unwrap();
            assert!(remedy.contains(part), "{error}: {remedy}");
            assert!(!error.to_string().contains(remedy), "{error}: {remedy}");
            let outer = latent_training::Error::from(error).into();
            assert_eq!(of(&outer).as_deref(), Some(remedy));
        }
        let foreign = Checkpoint::Foreign { path: path() };
        assert_eq!(checkpoint(&foreign), None);
    }

    #[test]
    fn errors_of_a_hub_have_remedies() {
        use latent_hub::Error as Hub;
        let text = || "hf://a/b/c.safetensors".to_owned();
        let waiting = |seconds: Option<&str>| Hub::TooMany {
            file: text(),
            seconds: seconds.map(str::to_owned),
        };
        let cases = [
            (Hub::TokenInClear { endpoint: text() }, "https://"),
            (Hub::NoHome, "HF_HOME"),
            (
                Hub::Offline {
                    file: text(),
                    cache: PathBuf::new(),
                },
                "unset HF_HUB_OFFLINE",
            ),
            (
                Hub::Unreachable {
                    url: text(),
                    reason: text(),
                },
                "proxy",
            ),
            (
                Hub::Stalled {
                    url: text(),
                    seconds: 9,
                },
                "goes on",
            ),
            (
                Hub::CutOff {
                    file: text(),
                    found: 1,
                    expected: 2,
                },
                "goes on",
            ),
            (
                Hub::Refused {
                    file: text(),
                    status: 401,
                },
                "HF_TOKEN",
            ),
            (Hub::NotFound { file: text() }, "the revision"),
            (waiting(None), "a few minutes"),
            (waiting(Some("7")), "in 7 s"),
            (
                Hub::Status {
                    file: text(),
                    status: 500,
                },
                "try again later",
            ),
            (
                Hub::NoHub {
                    url: text(),
                    reason: text(),
                },
                "HF_ENDPOINT",
            ),
            (
                Hub::Corrupt {
                    file: text(),
                    reason: text(),
                },
                "changes files",
            ),
            (Hub::Busy { file: text() }, "wait for it"),
            (
                Hub::Cache {
                    path: PathBuf::new(),
                    reason: gone(),
                },
                "set HF_HOME",
            ),
        ];
        for (error, part) in cases {
            let words = error.to_string();
            let remedy = of(&error.into()).unwrap();
            assert!(remedy.contains(part), "{words}: {remedy}");
            assert!(!words.contains(&remedy), "{words}: {remedy}");
        }
    }

    #[test]
    fn errors_of_pictures_have_remedies() {
        use latent_visualisation::Error as Picture;
        let path = || PathBuf::from("a.png");
        let folder = Picture::CreateFolder {
            folder: path(),
            source: gone(),
        };
        let size = Picture::Size {
            width: 1 << 20,
            height: 1 << 20,
        };
        let cases = [
            (Picture::IsFolder { path: path() }, "`--output`"),
            (folder, "you may write"),
            (size, "fewer images"),
        ];
        for (error, part) in cases {
            let words = error.to_string();
            let remedy = of(&error.into()).unwrap();
            assert!(remedy.contains(part), "{words}: {remedy}");
            assert!(!words.contains(&remedy), "{words}: {remedy}");
        }
    }

    #[test]
    fn errors_of_models_and_runs_have_remedies() {
        use latent_training::Error as Training;
        let (path, text) = (|| PathBuf::from("a run"), || "text".to_owned());
        let cases = [
            (latent_models::Error::NotConditional.into(), "cvae-conv"),
            (
                Training::UnknownKey {
                    origin: text(),
                    key: "trainig.epochs".to_owned(),
                    known: vec!["seed".to_owned(), "training.epochs".to_owned()],
                },
                "did you mean `training.epochs`?",
            ),
            (
                Training::NotFinite {
                    what: text(),
                    value: f64::NAN,
                    epoch: 1,
                    step: 2,
                    kept: text(),
                },
                "--learning-rate",
            ),
            (
                Training::Diverged {
                    epoch: 1,
                    loss: 1e9,
                    initial: 1.0,
                    kept: text(),
                },
                "--learning-rate",
            ),
            (
                Training::OtherExperiment { path: path() },
                "undo the change",
            ),
            (
                Training::ImageSize {
                    model: text(),
                    data: text(),
                },
                "--data-dir",
            ),
            (Training::RunExists { directory: path() }, "--overwrite"),
            (Training::RunInUse { directory: path() }, "wait for it"),
            (Training::NotADirectory { path: path() }, "--output"),
            (Training::NoWeights { directory: path() }, "--resume"),
            (
                Training::NoState { directory: path() },
                "copy the file back",
            ),
            (
                Training::ImpossiblePosition { path: path() },
                "earlier copy",
            ),
            (Training::NoModel { path: path() }, "train EXPERIMENT"),
            (
                Training::NoModel {
                    path: PathBuf::from("vae-2e"),
                },
                "did you mean `vae-2d`?",
            ),
            (Training::NoImages { split: "test" }, "--limit"),
            (
                Training::NoImagesOfClass {
                    class: 3,
                    images: 9,
                },
                "--limit",
            ),
            (
                Training::NotFiniteMetric {
                    name: text(),
                    value: f64::NAN,
                },
                "earlier checkpoint",
            ),
            (
                Training::File {
                    path: path(),
                    reason: gone(),
                },
                "the space that is left",
            ),
        ];
        for (error, part) in cases {
            let words = error.to_string();
            let remedy = of(&Error::from(error)).unwrap();
            assert!(remedy.contains(part), "{words}: {remedy}");
            assert!(!words.contains(&remedy), "{words}: {remedy}");
        }
        let unheard_of = Training::UnknownKey {
            origin: text(),
            key: "zzz".to_owned(),
            known: vec!["seed".to_owned()],
        };
        assert_eq!(of(&unheard_of.into()), None);
    }
}
