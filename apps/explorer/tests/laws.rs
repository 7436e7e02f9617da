//! The module of the page, tested natively: drawings have MNIST's format, and models agree with the crates.
#![expect(clippy::unwrap_used, reason = "what fails here is a failed test")]

mod trace;

use std::f64::consts::LN_10;
use std::path::Path;

use candle_core::Device;
use latent_datasets::{draw_strokes, synthetic};
use latent_explorer::{Error, Model, draw, example, nearest_digit};
use latent_tests::{announce, mnist};
use latent_tolerance::{SINGLE, rounding};
use latent_training::{Experiment, Run, Silent, train};

/// The bytes of a model file after a short training.
fn trained(directory: &Path, kind: &str) -> Vec<u8> {
    let text = format!(
        "name = 'tiny'\n[model]\nkind = '{kind}'\nhidden = [16]\n{}\n\
         [training]\nepochs = 1\nbatch_size = 32\n[data]\nsource = 'synthetic'\n",
        if kind.contains("flow") {
            "couplings = 2"
        } else {
            "latent_size = 3"
        },
    );
    let experiment = Experiment::parse(&text, "tiny.toml", &[]).unwrap();
    let digits = synthetic(1, 256, 32);
    let run = Run::create(&directory.join(kind), &experiment, &digits, None, false).unwrap();
    train(&run, &digits, &Device::Cpu, &mut Silent).unwrap();
    std::fs::read(run.model_path()).unwrap()
}

/// Whether values are equal up to rounding: values of at most 1, from networks whose longest sums are over 784 pixels.
fn close(a: &[f32], b: &[f32]) -> bool {
    let bound = rounding(SINGLE, 784 + 16, 1.0);
    let near = |(a, b): (&f32, &f32)| f64::from((a - b).abs()) <= bound;
    a.len() == b.len() && a.iter().zip(b).all(near)
}

#[test]
fn a_conditional_model_classifies_interpolates_and_samples() {
    let folder = tempfile::tempdir().unwrap();
    let model = Model::open("tiny", &trained(folder.path(), "conditional-vae")).unwrap();
    assert_eq!((model.latent_size(), model.is_conditional()), (3, true));
    assert_eq!(model.family(), "conditional VAE");
    let [three, eight] = [3, 8].map(|digit| draw(&example(digit, 5)));

    let logs = model.class_log_posterior(&three).unwrap();
    // The rounding error of log p in 32 bits is ½ ε |log p|, and Σ p |log p| is at most ln 10.
    let total: f64 = logs.iter().map(|&log| f64::from(log).exp()).sum();
    assert!((total - 1.0).abs() <= rounding(SINGLE, 1, LN_10), "{total}");
    assert_eq!(logs, model.class_log_posterior(&three).unwrap());

    // Style transfer with the image's own label is the reconstruction.
    let latent = model.encode(&three, 3).unwrap();
    let styled = model.analogies(&three, 3).unwrap();
    for digit in 0..10 {
        let own = &styled[usize::from(digit) * 784..][..784];
        assert!(close(own, &model.decode(&latent, digit).unwrap()));
    }
    for path in ["linear", "arc", "slerp"] {
        let way = model.interpolate(path, &three, 3, &eight, 8, 7).unwrap();
        assert_eq!((way.images.len(), way.latents.len()), (7 * 784, 7 * 3));
        assert!(close(&way.latents[..3], &latent), "{path}");
        assert!(
            close(&way.images[..784], &styled[3 * 784..][..784]),
            "{path}"
        );
        let end = model.encode(&eight, 8).unwrap();
        assert!(close(&way.latents[18..], &end), "{path}");
    }

    let sample = |temperature, seed| model.sample(&[1, 9], 2, temperature, seed).unwrap();
    assert_eq!(sample(1.0, 4).images(), sample(1.0, 4).images());
    assert_ne!(sample(1.0, 4).images(), sample(1.0, 5).images());
    // At temperature 0, all samples of a label are equal.
    let cold = sample(0.0, 4).images();
    assert_eq!(cold[..784], cold[784..2 * 784]);
    assert!(close(
        &cold[2 * 784..3 * 784],
        &model.decode(&[0.0; 3], 9).unwrap()
    ));
    let png = sample(1.0, 4).png().unwrap();
    assert_eq!(png[..8], *b"\x89PNG\r\n\x1a\n");
}

#[test]
fn invalid_input_has_specific_errors() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = trained(folder.path(), "vae");
    let model = Model::open("tiny", &bytes).unwrap();
    let message = |error: Option<Error>| error.unwrap().to_string();
    let image = draw(&example(3, 1));
    assert!(message(Model::open("torn", &bytes[..1000]).err()).starts_with("torn: "));
    assert!(message(model.encode(&image[1..], 0).err()).contains("image has 783 values"));
    assert!(message(model.decode(&[0.0; 4], 0).err()).contains("expected 3"));
    assert!(message(model.class_log_posterior(&image).err()).contains("not conditional"));
    assert!(message(model.encode(&image, 10).err()).contains("no label 10"));
    assert!(message(model.sample(&[], 1001, 1.0, 1).err()).contains("too many"));
    assert!(message(model.sample(&[], usize::MAX, 1.0, 1).err()).contains("too many"));
    let between = |path, steps| model.interpolate(path, &image, 0, &image, 0, steps).err();
    assert!(message(between("crooked", 5)).contains("crooked"));
    assert!(message(between("linear", 1)).contains("2 or more"));
    assert!(message(between("linear", 1 << 40)).contains("too many"));
    assert!(nearest_digit(&[0.0, 1.0, 2.0], &[1], 0.0, 0.0).is_err());
    assert!(nearest_digit(&[], &[], 0.0, 0.0).is_err());
    assert_eq!(
        nearest_digit(&[0.0, 1.0, 5.0, 5.0], &[7, 1], 0.0, 0.0).unwrap(),
        1
    );
}

#[test]
fn nan_separates_strokes() {
    let nan = f32::NAN;
    let cross = draw(&[0.2, 0.5, 0.8, 0.5, nan, nan, 0.5, 0.2, 0.5, 0.8]);
    let strokes = [vec![[0.2, 0.5], [0.8, 0.5]], vec![[0.5, 0.2], [0.5, 0.8]]];
    assert_eq!(cross, draw_strokes(&strokes, 0.1));
    assert_eq!(draw(&[nan, nan, nan]), [0; 784]);
    assert_eq!(draw(&[]), [0; 784]);
}

/// The largest cosine similarity between an image and another that is shifted by at most one pixel.
fn likeness(a: &[u8], b: &[u8]) -> f64 {
    let product = |a: &[u8], b: &[u8], shift: usize| -> f64 {
        let turned = b.iter().cycle().skip(784 - shift);
        a.iter()
            .zip(turned)
            .map(|(&a, &b)| f64::from(a) * f64::from(b))
            .sum()
    };
    let length = (product(a, a, 0) * product(b, b, 0)).sqrt();
    let shifts = [0, 1, 28, 27, 29, 783, 756, 755, 757];
    shifts
        .map(|shift| product(a, b, shift) / length)
        .into_iter()
        .fold(0.0, f64::max)
}

#[test]
fn enlarged_real_digits_are_scaled_back() {
    let Some(splits) = mnist("real digits drawn larger") else {
        return;
    };
    let test = splits.test.truncated(500);
    let mut all = Vec::new();
    for index in 0..test.len() {
        let image = test.image(index).unwrap();
        let larger = trace::strokes(image);
        let larger = larger.iter().map(|stroke| {
            let points = stroke
                .iter()
                .map(|&[x, y]| [20.0 * x - 3.0, 20.0 * y + 70.0]);
            points.collect()
        });
        all.push(likeness(
            image,
            &draw_strokes(&larger.collect::<Vec<_>>(), 0.1),
        ));
    }
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    all.sort_by(f64::total_cmp);
    announce(&format!(
        "500 test digits, traced, drawn twenty times as large and framed again: cosine {mean:.3} with what they were, \
         {:.3} and more for nine tenths of them",
        all[50]
    ));
    assert!(mean > 0.85 && all[50] > 0.75);
}
