//! Remedies for errors of the libraries, whose messages state facts and do not mention options or commands.

use std::fs;
use std::path::Path;

use latent_datasets::Source;
use latent_pretrained::Models;

use crate::Error;
use crate::shell::{CommandLine, program};
use crate::suggestion::nearest;

/// The remedy for an error, which `main` prints after "help: ". `None` for an error of this program, whose message contains
/// the remedy, and for an error without one.
pub(crate) fn of(error: &Error) -> Option<String> {
    match error {
        Error::Checkpoint(error) => checkpoint(error).map(str::to_owned),
        Error::Data(error) => data(error),
        Error::Figure(error) => figure(error).map(str::to_owned),
        Error::Hub(error) => hub(error),
        Error::Model(error) => model(error),
        Error::Picture(error) => picture(error).map(str::to_owned),
        Error::Training(error) => training(error),
        Error::NoExperiment { .. } => Some(format!(
            "`{} experiments` lists all; a path to a .toml file of your own also works",
            program()
        )),
        Error::NotPretrained { .. } => Some(format!("`{} models list` lists all", program())),
        _ => None,
    }
}

/// The remedy for images without labels.
const UNLABELLED: &str = "put the pictures of each class into a folder of its own, or use an unconditional experiment, such as \
                          vae-conv";

fn figure(error: &latent_figures::Error) -> Option<&'static str> {
    use latent_figures::Error;
    match error {
        Error::NotAPlane { dimensions: 2.. } => {
            Some("`plot latents`, `interpolate` and `sample` work with any of two or more")
        }
        Error::NotAPlane { .. } | Error::TooFewDimensions { .. } => {
            Some("`interpolate` and `sample` work with any")
        }
        Error::TooFewForTsne { .. } => Some("use `--projection pca`, or more images"),
        Error::NotStandardNormal => Some("use `--range`, or the default range of the data"),
        Error::NoImageOfLabel(_) => Some("choose another label, or other data with `--data`"),
        Error::NoImages => Some("use more images with `--data`"),
        Error::NoPairs(_) => Some("use more images with `--data`, or two files with `--input`"),
        Error::NoLabels => Some(UNLABELLED),
        Error::LabelsOfLatents { .. } => Some("give the labels with `--labels`"),
        _ => None,
    }
}

fn picture(error: &latent_visualisation::Error) -> Option<&'static str> {
    use latent_visualisation::Error;
    match error {
        Error::IsDirectory { .. } => Some("name a file with `--output`, or remove the directory"),
        Error::CreateDirectory { .. } => {
            Some("check that every part of the path is a directory with write permission")
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
            "the usual remedy is to start again with a lower learning rate, such as a tenth of it \
             (`--learning-rate`), or with shorter gradients (`--set training.max_grad_norm=100`), and with \
             `--overwrite`"
        }
        Error::OtherData { .. } => {
            "name the path of the run's data with `--data`, or begin a new run on these with `--output`"
        }
        Error::ImageSize { .. } => "choose other data with `--data`, or scale them with `--size`",
        Error::OtherExperiment { .. } => "undo the change, or begin a new run with it",
        Error::RunExists { directory } => {
            return Some(format!(
                "continue it with `{}`, choose another location with `--output`, or replace it with `--overwrite`",
                resumed(directory)
            ));
        }
        Error::RunInUse { .. } => {
            "wait for it, stop it, or choose another location with `--output`"
        }
        Error::NotADirectory { .. } => "choose another location with `--output`",
        Error::NoWeights { directory } => {
            return Some(format!(
                "resume it with `{}`, or train it again with `train --overwrite`",
                resumed(directory)
            ));
        }
        Error::EpochsDone { .. } => "give `--epochs` a larger number",
        Error::NoState { .. } | Error::State { .. } => {
            "copy the file back, or start again with `--overwrite`"
        }
        Error::ImpossiblePosition { .. } => {
            "use an earlier copy of the file, or start again with `--overwrite`"
        }
        Error::Metrics { .. } => "copy the file back, or train the run anew with `--overwrite`",
        Error::NoModel { path } => return Some(no_model(path)),
        Error::NoLabels { .. } => UNLABELLED,
        Error::NoImagesOfClass { .. } => {
            "the training images of the classifier have none of this class: use a larger `--limit`, or other data"
        }
        Error::NotFiniteMetric { .. } => "use an earlier checkpoint",
        Error::NoImages { .. } => "use a larger `--limit`, or none",
        Error::File { .. } => "check the path, the disk space and the write permissions",
        _ => return None,
    };
    Some(remedy.to_owned())
}

/// The source, file or folder with a similar name, and what is expected.
fn no_data(path: &Path) -> String {
    let expected = "name a folder or file with your images, or a source: mnist, synthetic, auto";
    let parent = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let entries = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let sources = Source::ALL.iter().map(|source| source.name().to_owned());
    let name = path.file_name().and_then(|name| name.to_str());
    match name.and_then(|name| nearest(name, sources.chain(entries))) {
        Some(similar) => {
            let similar = path.with_file_name(similar);
            format!("did you mean `{}`? Or {expected}", similar.display())
        }
        None => expected.to_owned(),
    }
}

/// The run or the pretrained model with a similar name, and how to train one.
fn no_model(path: &Path) -> String {
    let train = format!("train one with `{} train EXPERIMENT`", program());
    let name = path.file_name().and_then(|name| name.to_str());
    match name.and_then(similar_model) {
        Some(similar) => format!("did you mean `{similar}`? Or {train}"),
        None => train,
    }
}

/// The pretrained model or the run in `runs/` with the most similar name.
fn similar_model(name: &str) -> Option<String> {
    let pretrained = Models::new().ok();
    let pretrained = pretrained.iter().flat_map(|models| models.entries().keys());
    let runs = fs::read_dir("runs").into_iter().flatten().flatten();
    let runs: Vec<String> = runs
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    // Of equally similar names, the last wins: a run is more likely to be meant.
    let found = nearest(name, pretrained.chain(&runs))?;
    Some(if runs.contains(&found) {
        format!("runs/{found}")
    } else {
        found
    })
}

/// The command that resumes a run.
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
        Error::Label { .. } => "number the classes from 0 without gaps",
        Error::Unwritable { .. } => {
            "free some disk space, or choose another location with `--output`"
        }
        Error::MissingFiles { .. } => "put all four files of the data set into this directory",
        Error::SeveralSets { .. } => {
            "put the four files of one of them into a directory of their own, and name it with `--data`"
        }
        Error::SizesDiffer { .. } => {
            "take all files from the same data set, or scale the images to one size with `--size`"
        }
        Error::NoPictures { .. } => {
            "put pictures into it (PNG, JPEG, GIF, BMP or WebP), those of each class in a folder of its own"
        }
        Error::OneImage { .. } => "add more images: a model needs hundreds",
        Error::EmptyClass { .. } => "put pictures into it, or remove it",
        Error::NestedClass { .. } => "move its pictures into the folder of the class, or remove it",
        Error::PictureBesideClasses { .. } => {
            "move the picture into the folder of its class, or all pictures into one folder without classes"
        }
        Error::TooManyClasses { .. } => {
            "merge classes, or put all pictures into one folder without classes"
        }
        Error::TooManyValues { .. } => "make the images smaller with `--size`, or use fewer",
        Error::MixedSizes { .. } => {
            "scale all pictures to one size with `--size`, such as `--size 28x28`"
        }
        Error::UnreadablePictures { .. } => "replace or remove these pictures",
        Error::Picture { .. } => "save it again as PNG with a program that shows it",
        Error::Arrays { .. } => {
            "images and labels of the same number are expected, as `numpy.savez(\"data.npz\", images=images, \
             labels=labels)` saves them"
        }
        Error::Cifar { .. } => "download CIFAR-10's binary version again",
        Error::NotParquet { .. } => "take the Parquet files of a data set of images of the hub",
        Error::NotADataSet { path, .. } if !path.exists() => return Some(no_data(path)),
        Error::NotADataSet { .. } => {
            "name a folder or file with your images, or a source: mnist, synthetic, auto"
        }
        Error::NotFound { .. } => {
            "name their path with `--data`, or use `--data synthetic`, which needs no files"
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
        Error::Write { .. } => "choose another location, or free some disk space",
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
        Error::SameName { .. } => "keep only one of these tensors in the file",
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
            "try again: the download resumes where it stopped"
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
            "check the disk space and the write permissions, or set HF_HOME to another directory"
        }
        _ => return None,
    };
    Some(remedy.to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use latent_datasets::Error as Data;
    use latent_hub::Error as Hub;
    use latent_training::Error as Training;

    use super::*;

    #[test]
    fn errors_have_remedies_through_every_library() {
        let path = || PathBuf::from("run");
        let label = Data::Label {
            index: 0,
            found: 26,
            classes: 10,
        };
        let in_file = Data::InFile {
            path: path(),
            error: Box::new(label),
        };
        let unknown_key = |key: &str| Training::UnknownKey {
            origin: "a.toml".to_owned(),
            key: key.to_owned(),
            known: vec!["seed".to_owned(), "training.epochs".to_owned()],
        };
        let format = |found| latent_checkpoints::Error::Format {
            path: path(),
            found,
            expected: 3,
        };
        let too_many = |seconds: Option<&str>| Hub::TooMany {
            file: "hf://a/b/c".to_owned(),
            seconds: seconds.map(str::to_owned),
        };
        let no_model = |name: &str| Training::NoModel { path: name.into() };
        let plane = |dimensions| latent_figures::Error::NotAPlane { dimensions };
        let cases: [(Error, &str); 17] = [
            (in_file.into(), "number the classes"),
            (
                Training::from(Data::EmptyFile { path: path() }).into(),
                "download the file again",
            ),
            (format(2).into(), "latent import"),
            (Training::from(format(9)).into(), "update latent"),
            (too_many(None).into(), "a few minutes"),
            (too_many(Some("7")).into(), "in 7 s"),
            (
                latent_visualisation::Error::IsDirectory { path: path() }.into(),
                "`--output`",
            ),
            (plane(3).into(), "`plot latents`"),
            (plane(1).into(), "`interpolate`"),
            (latent_models::Error::NotConditional.into(), "cvae-conv"),
            (
                Training::from(latent_models::Error::NotConditional).into(),
                "cvae-conv",
            ),
            (
                unknown_key("trainig.epochs").into(),
                "did you mean `training.epochs`?",
            ),
            (no_model("vae-2e").into(), "did you mean `vae-2d`?"),
            (no_model("a run").into(), "train EXPERIMENT"),
            (
                Training::RunExists { directory: path() }.into(),
                "train --resume run",
            ),
            (
                Training::NoWeights { directory: path() }.into(),
                "train --resume run",
            ),
            (Training::NoImages { split: "test" }.into(), "--limit"),
        ];
        for (error, part) in cases {
            let remedy = of(&error).unwrap();
            assert!(remedy.contains(part), "{error}: {remedy}");
            assert!(!error.to_string().contains(&remedy), "{error}: {remedy}");
        }
        let none: [Error; 3] = [
            Data::NoSuchImage { index: 9, len: 3 }.into(),
            latent_checkpoints::Error::Foreign { path: path() }.into(),
            unknown_key("zzz").into(),
        ];
        for error in none {
            assert_eq!(of(&error), None, "{error}");
        }
    }
}
