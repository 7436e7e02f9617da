//! Embedded models agree with the index, other models are found in directories, and an export can be read again.

use std::fs;
use std::path::Path;

use candle_core::Device;
use latent_models::Shape;
use latent_pretrained::{
    AnyModel, EMBEDDED, EXPERIMENTS, Error, Export, Generator, Instructions, Location, Models,
    card, experiment, experiments, load,
};

/// The size limit of crates.io for a package, minus space for sources.
const LARGEST: usize = 5_000_000;

#[test]
fn embedded_models_agree_with_the_index_and_are_small() {
    let models = Models::new().unwrap();
    let mut total = 0;
    for name in EMBEDDED {
        let entry = models.entry(name).unwrap();
        let (bytes, _) = models.read(name).unwrap();
        assert_eq!(bytes.len() as u64, entry.bytes, "{name}");
        total += bytes.len();

        let model = load(name, &Device::Cpu).unwrap();
        assert_eq!(&model.metadata.experiment.name, name);
        assert_eq!(model.metadata, entry.metadata, "{name}");
        let generator = &mut Generator::new(1);
        let images = match &model.model {
            AnyModel::Conditional(model) => model.sample_conditional(&[7], generator).unwrap(),
            AnyModel::Unconditional(model) => model.sample(1, &(), generator).unwrap(),
        };
        let pixels = images.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(pixels.len(), 784, "{name}");
        assert!(pixels.iter().all(|pixel| (0.0..=1.0).contains(pixel)));
    }
    assert!(total < LARGEST, "{total} bytes");
}

#[test]
fn every_model_has_a_card() {
    for (name, entry) in Models::new().unwrap().entries() {
        let card = card(name).unwrap();
        assert!(card.starts_with(&format!("# {name}\n")), "{card}");
        assert!(card.contains(&entry.sha256), "{card}");
    }
    assert!(matches!(card("vae"), Err(Error::UnknownModel(_))));
}

#[test]
fn experiments_have_their_names_and_agree_with_the_models() {
    let all = experiments().unwrap();
    assert!(all.iter().map(|known| &known.name).eq(EXPERIMENTS));
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments");
    assert_eq!(fs::read_dir(directory).unwrap().count(), EXPERIMENTS.len());
    for (name, entry) in Models::new().unwrap().entries() {
        let found = experiment(name, &[]).unwrap();
        assert_eq!(found.model, entry.metadata.experiment.model, "{name}");
        assert_eq!(found.training, entry.metadata.experiment.training, "{name}");
    }
    let error = experiment("vae", &[]).unwrap_err();
    assert!(matches!(error, Error::UnknownExperiment(name) if name == "vae"));
    let setting = ["training.epochz=1".to_owned()];
    let error = experiment("vae-2d", &setting).unwrap_err();
    assert!(matches!(error, Error::Training(_)), "{error}");
}

#[test]
fn a_file_in_a_directory_is_found_and_its_checksum_verified() {
    let directory = tempfile::tempdir().unwrap();
    let models = Models::new().unwrap();
    assert_eq!(models.location("nice").unwrap(), Location::NotFound);
    let error = models.read("nice").unwrap_err();
    assert!(error.to_string().contains("none was given"), "{error}");

    let models = models.in_directory(directory.path());
    let error = models.read("nice").unwrap_err();
    let searched = directory.path().display().to_string();
    assert!(error.to_string().contains(&searched), "{error}");

    let path = directory.path().join("nice.safetensors");
    fs::write(&path, b"other weights").unwrap();
    assert_eq!(
        models.location("nice").unwrap(),
        Location::File(path.clone())
    );
    let error = models.load("nice", &Device::Cpu).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Checkpoint(_)), "{error}");

    let error = models.read("nicer").unwrap_err();
    assert!(matches!(error, Error::UnknownModel(name) if name == "nicer"));
}

#[test]
fn an_export_can_be_extended_and_refuses_other_directories() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("models");
    let models = Models::new().unwrap();
    let (bytes, _) = models.read("vae-conv").unwrap();
    let metadata = &models.entry("vae-conv").unwrap().metadata;
    let add = |export: &mut Export, name: &str, instructions: &Instructions| {
        export.add(name, metadata.clone(), &bytes, instructions)
    };

    let mut export = Export::open(&path).unwrap();
    add(&mut export, "vae-conv", &Instructions::default()).unwrap();
    let error = add(&mut export, "vae-conv", &Instructions::default()).unwrap_err();
    assert!(matches!(error, Error::DuplicateName(_)), "{error}");
    let files = export.finish().unwrap();
    assert_eq!(
        files,
        ["vae-conv.safetensors", "README.md"].map(|file| path.join(file))
    );
    let plain = fs::read_to_string(path.join("vae-conv.md")).unwrap();
    assert!(!plain.contains("## Use"), "{plain}");

    // A later export adds a model, with instructions in its card.
    let instructions = Instructions {
        training: Some("train me".to_owned()),
        usage: vec!["use me".to_owned()],
    };
    let mut export = Export::open(&path).unwrap();
    add(&mut export, "second", &instructions).unwrap();
    export.finish().unwrap();
    let second = fs::read_to_string(path.join("second.md")).unwrap();
    assert!(
        second.contains("| Training | `train me` (seed 1,"),
        "{second}"
    );
    assert!(second.contains("```text\nuse me\n```"), "{second}");
    let overview = fs::read_to_string(path.join("README.md")).unwrap();
    for name in ["vae-conv", "second"] {
        assert!(overview.contains(&format!("[`{name}`]({name}.md)")));
    }

    fs::remove_file(path.join("index.json")).unwrap();
    let error = Export::open(&path).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::NotACollection(_)), "{error}");
}

/// Every model is explained in at most ten lines, and a conditional one names its label.
#[test]
fn every_experiment_has_its_equations() {
    for experiment in experiments().unwrap() {
        let lines = experiment.model.equations(Shape::grey(28, 28));
        let (name, text) = (&experiment.name, lines.join("\n"));
        assert!((4..=10).contains(&lines.len()), "{name}:\n{text}");
        assert_eq!(
            text.contains(", y)"),
            experiment.model.is_conditional(),
            "{name}:\n{text}"
        );
        println!("{name}:\n{text}\n");
    }
}
