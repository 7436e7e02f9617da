//! Fuzzes the parser of experiments in TOML.
#![no_main]

use latent_datasets::Shape;
use latent_training::Experiment;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(experiment) = Experiment::parse(text, "file", &[]) {
        _ = experiment.check_for("file", Shape::grey(28, 28), 10);
        // An accepted experiment is written to TOML that is accepted again, as the same experiment.
        let written = experiment.to_toml().expect("it came from TOML");
        let again = Experiment::parse(&written, "file", &[]).expect("it was accepted");
        assert_eq!(again, experiment);
    }
});
