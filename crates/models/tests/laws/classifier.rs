//! The classifier.

use candle_core::{DType, Tensor};
use latent_distributions::Generator;
use latent_kernels::{Adam, Moments, adam_update};
use latent_models::{Classifier, ClassifierConfig, Parameters, Trainable};

use crate::{CPU, PIXELS, Result, images, step, vec1};

/// Noisy images of three classes: the bright row of four pixels, or none, determines the class.
fn labelled(seed: u64, count: usize) -> Result<(Tensor, Tensor)> {
    let classes: Vec<u32> = (0..count).map(|image| (image % 3) as u32).collect();
    let ink = classes.iter().flat_map(|&class| {
        (0..PIXELS).map(move |pixel| f32::from(u8::from(pixel / 4 == class as usize)))
    });
    let ink = Tensor::from_iter(ink, CPU)?.reshape((count, PIXELS))?;
    let noise = Generator::new(seed).uniform((count, PIXELS), DType::F32, CPU)?;
    Ok((((ink + noise)? * 0.5)?, Tensor::new(classes, CPU)?))
}

#[test]
fn a_trained_classifier_generalises() -> Result {
    let parameters = Parameters::seeded(1, CPU);
    let config = ClassifierConfig {
        hidden: vec![16],
        classes: 3,
    };
    let classifier = Classifier::new(PIXELS, &config, &parameters.builder())?;
    let variables = parameters.variables();
    let moments: Vec<Moments> = variables
        .iter()
        .map(|(_, variable)| Moments::zeros_like(variable))
        .collect::<candle_core::Result<_>>()?;
    let adam = Adam {
        learning_rate: 1e-2,
        ..Adam::default()
    };
    // Evaluation on new images.
    let (images, classes) = labelled(1, 300)?;
    let measured = || -> Result<[f32; 2]> {
        let loss = classifier.loss(&images, &classes, &mut step(0))?;
        let accuracy = loss.parts[1].1.mean_all()?.to_scalar()?;
        Ok([loss.objective.mean_all()?.to_scalar()?, accuracy])
    };
    let before = measured()?;
    for update in 1..=150 {
        let (images, classes) = labelled(100 + update, 60)?;
        let loss = classifier.loss(&images, &classes, &mut step(0))?;
        let gradients = loss.objective.mean_all()?.backward()?;
        for ((_, variable), moments) in variables.iter().zip(&moments) {
            let Some(gradient) = gradients.get(variable) else {
                panic!("no gradient")
            };
            adam_update(variable, gradient, moments, &adam, update)?;
        }
    }
    let after = measured()?;
    // Four pixels are brighter by ½, and the standard deviation of the noise is 0.14, so the classes hardly overlap.
    // Chance level is ln 3 = 1.1 nats and an accuracy of 1/3.
    assert!(before[0] > 0.9 && before[1] < 0.7, "{before:?}");
    assert!(after[0] < 0.1 && after[1] > 0.98, "{after:?}");
    Ok(())
}

#[test]
fn accuracy_agrees_with_classify_and_every_variable_has_a_gradient() -> Result {
    let parameters = Parameters::seeded(1, CPU);
    let config = ClassifierConfig {
        hidden: vec![5],
        classes: 3,
    };
    let classifier = Classifier::new(PIXELS, &config, &parameters.builder())?;
    let images = images(4)?;
    let classes = classifier.classify(&images)?;
    let loss = classifier.loss(&images, &classes, &mut step(0))?;
    assert_eq!(vec1(&loss.parts[1].1)?, [1.0; 4]);
    assert!(
        vec1(&loss.objective)?
            .iter()
            .all(|&nats| nats > 0.0 && nats < 3f32.ln())
    );
    let gradients = loss.objective.mean_all()?.backward()?;
    assert!(
        parameters
            .variables()
            .iter()
            .all(|(_, variable)| gradients.get(variable).is_some())
    );
    Ok(())
}
