//! Evaluation: standard errors, k-NN classification, sample accuracy, throughput, and the comparison of runs.
#![expect(clippy::unwrap_used, reason = "what fails here is a failed test")]

use std::path::Path;
use std::time::Instant;

use candle_core::{DType, Device, Tensor};
use latent_datasets::{Batching, Dataset, Shape, Splits, synthetic};
use latent_distributions::Generator;
use latent_models::{
    Classifier, ClassifierConfig, Labels, LatentModel, Loss, LossContext, ModelConfig, Parameters,
    Trainable, Vae, VaeConfig,
};
use latent_tolerance::{SINGLE, rounding};
use latent_training::{
    Comparison, Error, Evaluation, EvaluationStage, Experiment, Model, ModelData, Run, SameData,
    SampleAccuracy, SettingDifference, Silent, Throughput, encode, evaluate, kl_by_dimension,
    knn_classify, load_model, mean_and_standard_error, part_of_each, train, train_classifier,
};

const CPU: &Device = &Device::Cpu;

const BATCHING: Batching = Batching {
    size: 30,
    binarise: false,
    seed: 5,
};

fn experiment(settings: &[&str]) -> Experiment {
    let text = "name = 'small'\n[model]\nkind = 'vae'\nhidden = [8]\nlatent_size = 2\n\
                [training]\nepochs = 1\nbatch_size = 32\n[data]\nsource = 'synthetic'\n";
    let settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
    Experiment::parse(text, "small", &settings).unwrap()
}

fn trained(directory: &Path, splits: &Splits, settings: &[&str]) -> Run {
    let experiment = experiment(settings);
    let run = Run::create(directory, &experiment, splits, None, false).unwrap();
    train(&run, splits, CPU, &mut Silent).unwrap();
    run
}

fn small_model(directory: &Path, experiment: &Experiment) -> (Model, Splits) {
    let splits = synthetic(1, 60, 40);
    let run = Run::create(directory, experiment, &splits, None, false).unwrap();
    train(&run, &splits, CPU, &mut Silent).unwrap();
    (load_model(run.directory(), CPU).unwrap(), splits)
}

#[test]
fn the_standard_error_is_the_standard_deviation_over_root_n() {
    // Variance with Bessel's correction: 5/3.
    let (mean, error) = mean_and_standard_error(&[1.0, 2.0, 3.0, 4.0]);
    assert!((mean - 2.5).abs() < 1e-12);
    assert!((error.unwrap() - (5.0f64 / 3.0 / 4.0).sqrt()).abs() < 1e-12);
    assert_eq!(mean_and_standard_error(&[7.0]), (7.0, None));
}

#[test]
fn an_evaluation_has_metrics_and_standard_errors() {
    let directory = tempfile::tempdir().unwrap();
    let (model, splits) = small_model(directory.path(), &experiment(&[]));
    let images = &splits.test;
    let mut stages = Vec::new();
    let watch = |stage, done| stages.push((stage, done));
    let evaluation = Evaluation::of(&model, images, Some(3), &BATCHING, CPU, watch).unwrap();

    let means = evaluate(&model.model, images, &BATCHING, CPU).unwrap();
    for (name, mean) in &means {
        assert_eq!(evaluation.metrics.get(name), Some(mean), "{name}");
    }
    let bounds = part_of_each(&model.model, images, "elbo", &BATCHING, CPU).unwrap();
    let expected = mean_and_standard_error(&bounds.unwrap()).1;
    assert_eq!(evaluation.standard_errors["elbo"], expected);
    // The importance-weighted estimate is above the ELBO, within its error.
    let difference = evaluation.metrics["log_likelihood"] - means["elbo"];
    assert!(difference > -1.0, "{difference}");
    assert_eq!(
        evaluation.standard_errors.keys().collect::<Vec<_>>(),
        ["elbo", "log_likelihood"]
    );
    let log_likelihood = EvaluationStage::LogLikelihood;
    assert_eq!(stages, [(log_likelihood, 30), (log_likelihood, 40)]);

    let one = images.clone().truncated(1);
    let evaluation = Evaluation::of(&model, &one, None, &BATCHING, CPU, |_, _| ()).unwrap();
    assert_eq!(evaluation.standard_errors["elbo"], None);
    assert!(!evaluation.metrics.contains_key("log_likelihood"));
}

#[test]
fn the_kl_of_the_dimensions_sums_to_that_of_the_evaluation() {
    let directory = tempfile::tempdir().unwrap();
    let (model, splits) = small_model(directory.path(), &experiment(&[]));
    let images = &splits.test;
    let by_dimension = kl_by_dimension(&model.model, images, &BATCHING, CPU).unwrap();
    let total: f64 = by_dimension.unwrap().iter().sum();
    let kl = evaluate(&model.model, images, &BATCHING, CPU).unwrap()["kl"];
    // Both sum the same 32-bit numbers of 40 images, in another order.
    let apart = (total - kl).abs();
    assert!(apart <= rounding(SINGLE, 40, kl), "{total} and {kl}");
    assert!(kl > 0.0);
}

#[test]
fn a_conditional_flow_has_a_marginal_log_density() {
    let directory = tempfile::tempdir().unwrap();
    let text = "name = 'flow'\n[model]\nkind = 'conditional-flow'\nhidden = [8]\ncouplings = 2\n\
                [training]\nepochs = 1\nbatch_size = 32\n[data]\nsource = 'synthetic'\n";
    let experiment = Experiment::parse(text, "flow", &[]).unwrap();
    let (model, splits) = small_model(directory.path(), &experiment);
    let mut done = 0;
    let watch = |stage, images| {
        assert_eq!(stage, EvaluationStage::MarginalLogLikelihood);
        done = images;
    };
    let evaluation = Evaluation::of(&model, &splits.test, None, &BATCHING, CPU, watch).unwrap();
    assert_eq!(done, 40);
    for name in ["log_density", "marginal_log_density"] {
        assert!(evaluation.metrics.contains_key(name), "{name}");
        assert!(evaluation.standard_errors[name].unwrap() > 0.0, "{name}");
    }
    // log p(x) = log 1/10 Σ p(x|y) is at least log p(x|y) − log 10.
    let marginal = evaluation.metrics["marginal_log_density"];
    let conditional = evaluation.metrics["log_density"];
    assert!(
        marginal >= conditional - 10f64.ln() - 1e-3,
        "{marginal} {conditional}"
    );
}

#[test]
fn knn_classification_agrees_with_an_exhaustive_search() {
    let splits = synthetic(3, 200, 50);
    let builder = Parameters::seeded(1, CPU).builder();
    let model = Vae::new(784, &VaeConfig::default(), &builder).unwrap();
    let latents = |images| {
        let latents = encode(&model, images, &BATCHING, false, CPU).unwrap();
        latents.to_vec2::<f32>().unwrap()
    };
    let (known, queries) = (latents(&splits.train), latents(&splits.test));
    for neighbours in [1, 15] {
        let expected = queries.iter().map(|query| {
            let squared = |latent: &Vec<f32>| -> f64 {
                let pairs = latent.iter().zip(query);
                pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum()
            };
            let labelled = known.iter().zip(splits.train.labels());
            let mut all: Vec<(f64, u8)> = labelled
                .map(|(latent, &label)| (squared(latent), label))
                .collect();
            all.sort_by(|a, b| a.0.total_cmp(&b.0));
            let votes = |label: &u8| {
                let nearest = all.iter().take(neighbours);
                nearest.filter(|(_, other)| other == label).count()
            };
            // Ties go to the smallest label.
            (0..10u8).rev().max_by_key(votes).unwrap()
        });
        let expected: Vec<u8> = expected.collect();
        let (train, test) = (&splits.train, &splits.test);
        let found = knn_classify(&model, train, test, neighbours, &BATCHING, CPU).unwrap();
        assert_eq!(found, expected, "{neighbours} neighbours");
    }
    let none = knn_classify(&model, &splits.train, &splits.test, 0, &BATCHING, CPU);
    assert!(none.is_err());
}

/// A model that decodes a label to its one-hot vector: ten pixels.
struct OneHot;

type Result<T> = std::result::Result<T, latent_models::Error>;

impl Trainable for OneHot {
    fn loss(&self, _: &Tensor, _: &Tensor, _: &mut LossContext) -> Result<Loss> {
        Err(latent_models::Error::NoSamples)
    }
}

impl LatentModel for OneHot {
    type Condition = Labels;

    fn classes(&self) -> Option<usize> {
        Some(10)
    }

    fn latent_size(&self) -> usize {
        1
    }

    fn encode(&self, images: &Tensor, _: &Labels) -> Result<Tensor> {
        Ok(images.narrow(1, 0, 1)?)
    }

    fn encode_sample(&self, images: &Tensor, of: &Labels, _: &mut Generator) -> Result<Tensor> {
        self.encode(images, of)
    }

    fn decode(&self, _: &Tensor, condition: &Labels) -> Result<Tensor> {
        Ok(condition.one_hot().clone())
    }

    fn decode_sample(&self, z: &Tensor, of: &Labels, _: &mut Generator) -> Result<Tensor> {
        self.decode(z, of)
    }

    fn sample_prior(&self, count: usize, _: &mut Generator) -> Result<Tensor> {
        Ok(Tensor::zeros((count, 1), DType::F32, CPU)?)
    }

    fn log_likelihood(
        &self,
        _: &Tensor,
        _: &Labels,
        _: usize,
        _: &mut Generator,
    ) -> Result<Tensor> {
        Err(latent_models::Error::NoSamples)
    }
}

/// A classifier that predicts `predicted[label]` for the image of `label` under [`OneHot`].
fn classifier(predicted: [usize; 10]) -> Classifier {
    let parameters = Parameters::seeded(1, CPU);
    let config = ClassifierConfig {
        hidden: Vec::new(),
        classes: 10,
    };
    let classifier = Classifier::new(10, &config, &parameters.builder()).unwrap();
    for (_, variable) in parameters.variables() {
        let mut values = vec![0f32; variable.elem_count()];
        if variable.rank() == 2 {
            for (pixel, class) in predicted.iter().enumerate() {
                values[class * 10 + pixel] = 1.0;
            }
        }
        let values = Tensor::from_vec(values, variable.shape(), CPU).unwrap();
        variable.set(&values).unwrap();
    }
    classifier
}

#[test]
fn sample_accuracy_is_the_fraction_classified_as_the_requested_label() {
    const CLASSES: [u8; 5] = [0, 1, 4, 7, 9];
    let accuracy = |predicted| {
        let classifier = classifier(predicted);
        let samples = SampleAccuracy::of(&OneHot, &classifier, &CLASSES, 1001, 1.0, 3, CPU);
        let samples = samples.unwrap();
        let requested = CLASSES.iter().flat_map(|&class| vec![class; 1001]);
        assert_eq!(samples.requested, requested.collect::<Vec<_>>());
        samples.accuracy()
    };
    let correct = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    assert!((accuracy(correct) - 1.0).abs() < 1e-12);
    // One of the five classes is misclassified.
    assert!((accuracy([0, 1, 2, 3, 4, 5, 6, 7, 8, 4]) - 0.8).abs() < 1e-12);
    assert!(accuracy([1, 2, 3, 4, 5, 6, 7, 8, 9, 0]).abs() < 1e-12);
}

#[test]
fn a_classifier_needs_images_of_every_class() {
    let splits = synthetic(1, 60, 20).truncated(3);
    let known = splits.train.labels()[0];
    let missing = (0..10).find(|class| !splits.train.labels().contains(class));
    let missing = missing.unwrap();
    match train_classifier(&splits, &[known, missing], 1, CPU, &mut Silent) {
        Err(Error::NoImagesOfClass { class, images: 3 }) => assert_eq!(class, missing),
        other => panic!("{:?}", other.map(|trained| trained.test_accuracy)),
    }
}

#[test]
fn throughput_counts_images_and_not_steps() {
    const BATCH: usize = 50;
    const STEPS: usize = 20;
    let train = synthetic(1, 200, 1).train;
    let config = ModelConfig::Vae(VaeConfig {
        hidden: vec![8],
        ..VaeConfig::default()
    });
    let start = Instant::now();
    let throughput = Throughput::measure(&config, &train, BATCH, STEPS, CPU).unwrap();
    // The call takes longer than the part that it times.
    let seconds = start.elapsed().as_secs_f64();
    assert!(throughput.images_per_second * seconds > (BATCH * STEPS) as f64);
    assert!(throughput.samples_per_second * seconds > (BATCH * STEPS.div_ceil(10)) as f64);
    assert_eq!((throughput.batch_size, throughput.steps), (BATCH, STEPS));
    assert!(throughput.threads >= 1);

    let none = Throughput::measure(&config, &train.truncated(0), BATCH, STEPS, CPU);
    assert!(matches!(none, Err(Error::NoImages { split: "train" })));
}

#[test]
fn runs_are_compared_by_the_settings_in_which_they_differ() {
    let directory = tempfile::tempdir().unwrap();
    let splits = synthetic(1, 60, 20);
    let at = |name: &str| directory.path().join(name);
    let runs = [
        trained(&at("a"), &splits, &["name=first"]),
        trained(&at("b"), &splits, &["seed=2", "training.epochs=2"]),
    ];
    let comparison = Comparison::of(&runs).unwrap();
    let same = SameData {
        train: true,
        test: true,
    };
    assert_eq!(comparison.same_data, same);
    assert_eq!(SameData::of(&runs).unwrap(), same);
    assert_eq!(comparison.names(), ["a", "b"]);
    let setting = |key: &str, value: &str| (key.to_owned(), Some(value.to_owned()));
    let settings = |run: usize| &comparison.runs[run].settings;
    // Names are not settings.
    assert_eq!(settings(0).len(), 2, "{:?}", settings(0));
    assert!(settings(0).contains(&setting("training.epochs", "1")));
    assert!(settings(1).contains(&setting("training.epochs", "2")));
    assert!(settings(1).contains(&setting("seed", "2")));
    assert_eq!(comparison.runs[1].records.len(), 2);
    assert_eq!(comparison.runs[1].kept.epoch, 2);
    assert_eq!(
        comparison.metric_names(),
        ["elbo", "kl", "loss", "reconstruction"]
    );
    let table = comparison.table(|value| format!("{value:.0}"));
    assert_eq!(table[0][..2], ["run", "epochs"]);
    assert_eq!(
        table[0][4..],
        ["test_elbo", "test_kl", "test_loss", "test_reconstruction"]
    );
    let elbo = comparison.runs[1].kept.test["elbo"];
    assert_eq!(table[2][1], "2");
    assert_eq!(table[2][4], format!("{elbo:.0}"));
    let csv = comparison.to_csv();
    assert_eq!(csv.lines().count(), 3);
    let last = csv.lines().last().unwrap();
    assert_eq!(last.split(',').nth(4), Some(elbo.to_string().as_str()));
}

#[test]
fn runs_on_different_images_are_distinguished() {
    let directory = tempfile::tempdir().unwrap();
    let splits = synthetic(1, 60, 20);
    let at = |name: &str| directory.path().join(name).join("run");
    let whole = trained(&at("a"), &splits, &[]);
    // One run with other training images, one with other test images.
    let fewer = Splits {
        train: splits.train.clone().truncated(40),
        ..splits.clone()
    };
    let other = Splits {
        test: splits.test.clone().truncated(10),
        ..splits.clone()
    };
    let fewer = trained(&at("b"), &fewer, &[]);
    let other = trained(&at("c"), &other, &[]);
    for (second, train, test) in [(&fewer, false, true), (&other, true, false)] {
        let runs = [whole.clone(), second.clone()];
        let comparison = Comparison::of(&runs).unwrap();
        assert_eq!(comparison.same_data, SameData { train, test });
        let keys = comparison.runs[1].settings.iter().map(|(key, _)| key);
        let expected = if train {
            "test images"
        } else {
            "training images"
        };
        assert_eq!(keys.collect::<Vec<_>>(), [expected]);
        // The last path components are equal, so the names are whole paths.
        let names = comparison.names();
        assert_eq!(names, runs.map(|run| run.directory().display().to_string()));
    }
    let begun = Run::create(&at("d"), &experiment(&[]), &splits, None, false).unwrap();
    let none = Comparison::of(&[whole, begun]);
    assert!(matches!(none, Err(Error::NoWeights { .. })));
}

#[test]
fn the_first_different_setting_of_two_experiments_is_found() {
    let between = |settings: &[&str]| {
        SettingDifference::between(&experiment(&[]), &experiment(settings)).unwrap()
    };
    assert_eq!(between(&[]), None);
    assert_eq!(between(&["name=other", "description=words"]), None);
    let difference = between(&["training.epochs=9"]).unwrap();
    assert_eq!(difference.key, "training.epochs");
    assert_eq!(difference.first.as_deref(), Some("1"));
    assert_eq!(difference.second.as_deref(), Some("9"));
    let difference = between(&["data.limit=7"]).unwrap();
    assert_eq!(
        (difference.key.as_str(), difference.first),
        ("data.limit", None)
    );
}

#[test]
fn model_data_are_compared_with_the_training_data() {
    let directory = tempfile::tempdir().unwrap();
    let (model, splits) = small_model(directory.path(), &experiment(&[]));
    let own = ModelData::new(&model, splits.clone()).unwrap();
    assert_eq!(own.difference, None);
    assert_eq!(own.test(), splits.test);
    assert_eq!(own.facts(&splits.test)["trained_on_these_data"], true);

    let other = ModelData::new(&model, synthetic(2, 60, 40)).unwrap();
    let difference = other.difference.as_ref().unwrap();
    assert_ne!(difference.trained, difference.found);
    assert_eq!(other.facts(&other.test())["trained_on_these_data"], false);
    assert_eq!(other.facts(&other.test())["images"], 40);

    let small = Dataset::new(Shape::grey(2, 2), 10, vec![0; 8], vec![0, 1]).unwrap();
    let small = Splits {
        train: small.clone(),
        test: small,
        ..splits
    };
    match ModelData::new(&model, small) {
        Err(Error::ImageSize { model, data }) => {
            assert_eq!((model.as_str(), data.as_str()), ("28 × 28", "2 × 2"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn images_of_unseen_classes_are_omitted_for_conditional_models() {
    let whole = synthetic(1, 200, 100);
    let some = Splits {
        train: whole.train.clone().of_classes(&[1, 4]),
        ..whole.clone()
    };
    for (kind, unseen) in [
        ("conditional-vae", vec![0, 2, 3, 5, 6, 7, 8, 9]),
        ("vae", Vec::new()),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let run = trained(directory.path(), &some, &[&format!("model.kind={kind}")]);
        let model = load_model(run.directory(), CPU).unwrap();
        let data = ModelData::new(&model, whole.clone()).unwrap();
        assert_eq!(data.unseen_classes, unseen, "{kind}");
        for (used, all) in [(data.train(), &whole.train), (data.test(), &whole.test)] {
            let mut expected = all.classes_present();
            expected.retain(|class| !unseen.contains(class));
            assert_eq!(used.classes_present(), expected, "{kind}");
        }
        if unseen.is_empty() {
            assert_eq!(data.test(), whole.test);
        }
    }
}
