//! The classifier.

use latent_models::{Classifier, ClassifierConfig, Parameters, Trainable};

use crate::{CPU, PIXELS, Result, images, step, vec1};

#[test]
fn a_classifier_learns_and_counts_what_it_gets_right() -> Result {
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
