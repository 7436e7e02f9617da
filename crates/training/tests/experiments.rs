//! Parsing of experiment files, and the errors for invalid ones.
#![expect(clippy::unwrap_used, reason = "what fails here is a failed test")]

use latent_models::{FlowConfig, ModelConfig, Transform};
use latent_training::{Error, Experiment};

const TEXT: &str = r#"
name = "small"
seed = 3

[data]
source = "synthetic"
binarise = true

[model]
kind = "vae"
hidden = [16]
activation = "tanh"
latent_size = 3

[training]
epochs = 2
batch_size = 50
"#;

fn parse(text: &str, settings: &[&str]) -> Result<Experiment, Error> {
    let settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
    Experiment::parse(text, "small.toml", &settings)
}

fn message(text: &str, settings: &[&str]) -> String {
    parse(text, settings).unwrap_err().to_string()
}

#[test]
fn an_experiment_survives_a_round_trip_through_toml() {
    let experiment = parse(
        TEXT,
        &[
            "data.limit=100",
            "training.learning_rate=3e-4",
            "model.activation=relu",
        ],
    )
    .unwrap();
    assert_eq!(experiment.data.limit, Some(100));
    let written = experiment.to_toml().unwrap();
    assert_eq!(parse(&written, &[]).unwrap(), experiment);
    assert!(
        written.contains("beta2 = 0.999"),
        "default values are included: {written}"
    );
}

#[test]
fn settings_are_applied_in_order() {
    let experiment = parse(
        TEXT,
        &["training.epochs=5", "name=other", "training.epochs=7"],
    )
    .unwrap();
    assert_eq!(
        (experiment.training.epochs, experiment.name.as_str()),
        (7, "other")
    );
    assert_eq!(parse(TEXT, &[]).unwrap().training.epochs, 2);
}

#[test]
fn an_unknown_key_is_an_error_that_lists_the_known_keys() {
    for setting in [
        "training.epoch=3",
        "model.latents=3",
        "traning.epochs=3",
        "sed=3",
        "model.objective.sample=3",
    ] {
        let Err(Error::UnknownKey { key, known, .. }) = parse(TEXT, &[setting]) else {
            panic!("{setting} is taken");
        };
        assert_eq!(Some(key.as_str()), setting.split('=').next());
        assert!(!known.contains(&key));
        for exists in [
            "training.epochs",
            "model.latent_size",
            "seed",
            "data.limit",
            "model.objective.samples",
        ] {
            assert!(known.iter().any(|name| name == exists), "{known:?}");
        }
    }
    let text = TEXT.replace("latent_size", "latent_sise");
    assert_eq!(
        message(&text, &[]),
        "small.toml: there is no key `model.latent_sise`"
    );
}

#[test]
fn errors_for_invalid_values_name_the_key() {
    for (setting, key) in [
        ("model.latent_size=0", "model.latent_size"),
        ("model.hidden=[16,0]", "model.hidden"),
        ("model.objective.samples=0", "model.objective.samples"),
        ("model.objective.samples=100000", "model.objective.samples"),
        (
            "model.objective.initial={samples=0,epochs=1}",
            "model.objective.initial.samples",
        ),
        (
            "model.objective.initial={samples=1,epochs=-1}",
            "model.objective.initial.epochs",
        ),
        ("model.objective.beta=-1.0", "model.objective.beta"),
        (
            "model.objective.warm_up_epochs=nan",
            "model.objective.warm_up_epochs",
        ),
        ("training.epochs=0", "training.epochs"),
        ("training.batch_size=0", "training.batch_size"),
        ("training.learning_rate=nan", "training.learning_rate"),
        ("training.learning_rate=-1e-3", "training.learning_rate"),
        ("training.learning_rate=inf", "training.learning_rate"),
        ("training.beta1=1.0", "training.beta1"),
        ("training.epsilon=0.0", "training.epsilon"),
        ("training.weight_decay=-0.1", "training.weight_decay"),
        ("training.weight_decay=3000.0", "training.weight_decay"),
        ("training.patience=0", "training.patience"),
        (
            "training.optimiser={kind='sgd',momentum=1.0}",
            "training.optimiser.momentum",
        ),
        ("model.likelihood=discretised-logistic", "data.binarise"),
        (
            "model.prior={kind='flow',couplings=0}",
            "model.prior.couplings",
        ),
        ("model.prior={kind='flow',hidden=[0]}", "model.prior.hidden"),
        ("training.patience=3", "training.validation_images"),
        ("data.limit=0", "data.limit"),
        ("name=''", "name"),
        ("name=../up", "name"),
    ] {
        let message = message(TEXT, &[setting]);
        assert!(
            message.contains(&format!("`{key}` is ")),
            "{setting}: {message}"
        );
    }
    let binarised = ["model={kind='flow'}", "data.binarise=true"];
    assert!(message(TEXT, &binarised).contains("`data.binarise` is true"));
}

#[test]
fn the_error_for_a_value_instead_of_a_table_shows_a_valid_table() {
    for settings in [
        &["training.schedule=5"][..],
        &["model.objective=5"],
        &["model.objective.initial=5"],
        &["model.prior=5"],
        &["training.optimiser=5"],
        &["model={kind='flow'}", "model.transform=5"],
        &["model={kind='flow'}", "model.preprocessing=5"],
    ] {
        let message = message(TEXT, settings);
        let (_, table) = message
            .split_once("expected a table such as ")
            .unwrap_or_else(|| panic!("{message}"));
        // The table in the message is valid.
        let table = table.lines().next().unwrap();
        let last = settings[settings.len() - 1].replace('5', table);
        let before = &settings[..settings.len() - 1];
        let all = [&["data.binarise=false"], before, &[last.as_str()]].concat();
        parse(TEXT, &all).unwrap();
    }
}

#[test]
fn changing_a_kind_resets_the_other_keys_of_its_table() {
    let grey = "data.binarise=false";
    let experiment = |settings: &[&str]| parse(TEXT, &[&[grey], settings].concat()).unwrap().model;
    let mixture = |components| {
        ModelConfig::Flow(FlowConfig {
            transform: Transform::Mixture { components },
            ..FlowConfig::default()
        })
    };
    let flow = "model={kind='flow'}";
    let kind = "model.transform.kind=mixture";
    assert_eq!(experiment(&[flow, kind]), mixture(4));
    let components = "model.transform.components=7";
    assert_eq!(experiment(&[flow, kind, components]), mixture(7));
    assert_eq!(
        experiment(&[flow, kind, components, "model.transform.kind=affine"]),
        { ModelConfig::Flow(FlowConfig::default()) }
    );
    let whole = "model.transform={ kind = 'mixture', components = 3 }";
    assert_eq!(experiment(&[flow, whole]), mixture(3));
}

#[test]
fn errors_for_values_of_the_wrong_type_name_the_place() {
    assert!(message(TEXT, &["training.epochs=many"]).starts_with("training.epochs=many: "));
    assert!(message(TEXT, &["training.epochs=-1"]).contains("-1"));
    assert!(message(TEXT, &["model.kind=gan"]).contains("unknown variant `gan`"));
    assert!(message(TEXT, &["model.objective.bound=elbow"]).contains("unknown variant `elbow`"));
    assert!(message(TEXT, &["data.source=fashion"]).contains("unknown variant `fashion`"));
    assert!(message(TEXT, &["seed"]).contains("expected key=value"));
    assert!(message(TEXT, &["seed.deep=1"]).contains("`seed` is a value"));
    assert!(message("name = ", &[]).starts_with("small.toml: TOML parse error at line 1"));
    assert!(message("name = \"x\"", &[]).contains("missing field `model`"));
    assert!(message(TEXT, &["seed=-3"]).contains("-3"));
}

#[test]
fn numbers_and_settings_are_listed_by_key() {
    let numbers = parse(TEXT, &[]).unwrap().numbers().unwrap();
    let number = |key: &str| {
        numbers
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, n)| *n)
    };
    assert_eq!(number("model.latent_size"), Some(3.0));
    assert_eq!(number("model.objective.beta"), Some(1.0));
    assert_eq!(number("training.learning_rate"), Some(1e-3));
    assert_eq!(number("model.kind"), None);

    let settings = parse(TEXT, &[]).unwrap().settings().unwrap();
    let setting = |key: &str| {
        let found = settings.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str())
    };
    assert_eq!(setting("model.latent_size"), Some("3"));
    assert_eq!(setting("model.kind"), Some("\"vae\""));
    assert_eq!(setting("training.patience"), None);
}
