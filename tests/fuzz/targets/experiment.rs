//! An experiment in TOML.
#![no_main]

use latent_datasets::Shape;
use latent_training::Experiment;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(experiment) = Experiment::parse(text, "file", &[]) {
        _ = experiment.check_for("file", Shape::grey(28, 28), 10);
        // What is accepted is written so that it is accepted again, as the same.
        let written = experiment.to_toml().expect("it came from TOML");
        let again = Experiment::parse(&written, "file", &[]).expect("it was accepted");
        assert_eq!(again, experiment);
    }
});
