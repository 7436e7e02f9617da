//! Models that are conditional on the label.

use candle_core::{DType, Tensor};
use latent_distributions::Generator;
use latent_models::{Condition, Labels, LatentModel, Parameters};

use latent_tolerance::{SINGLE, rounding};

use crate::{CLASSES, CPU, IMAGE, PIXELS, Result, images, lost, models, vec1};

/// The labels 0 to 9.
const ALL: [u8; 10] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

#[test]
fn label_operations_work_for_conditional_models_and_fail_for_others() -> Result {
    for (name, config) in models() {
        let model = config.build(IMAGE, CLASSES, &Parameters::seeded(1, CPU).builder())?;
        let images = images(2)?;
        if !config.is_conditional() {
            let error = model.conditional().err().unwrap().to_string();
            assert!(error.contains("not conditional"), "{error}");
            continue;
        }
        let model = model.conditional()?;
        let labels_of = |digits: &[u8]| Labels::new(digits, CLASSES, DType::F32, CPU);
        // Both encoding and decoding depend on the label.
        let latents = model.encode(&images, &labels_of(&[3, 3])?)?;
        assert_ne!(
            vec1(&latents)?,
            vec1(&model.encode(&images, &labels_of(&[4, 4])?)?)?,
            "{name}"
        );
        let three = vec1(&model.decode(&latents, &labels_of(&[3, 3])?)?)?;
        assert_ne!(
            three,
            vec1(&model.decode(&latents, &labels_of(&[4, 4])?)?)?,
            "{name}"
        );

        let drawn = model.sample_conditional(&[7, 0, 7], &mut Generator::new(1))?;
        assert_eq!(drawn.dims(), [3, PIXELS]);
        let latents = model.sample_prior(3, &mut Generator::new(1))?;
        assert_eq!(
            vec1(&drawn)?,
            vec1(&model.decode(&latents, &labels_of(&[7, 0, 7])?)?)?
        );
        assert!(
            model
                .sample_conditional(&[10], &mut Generator::new(1))
                .is_err()
        );

        let styled = model.transfer_style(&images, &labels_of(&[3, 3])?, &ALL)?;
        assert_eq!(styled.dims(), [2, 10, PIXELS]);
        let own = vec1(&styled.get_on_dim(1, 3)?)?;
        assert!(
            own.iter()
                .zip(&three)
                .all(|(a, b)| f64::from((a - b).abs()) <= lost(1.0)),
            "{name}"
        );

        // A subset of the labels, in the requested order.
        let some = model.transfer_style(&images, &labels_of(&[3, 3])?, &[7, 3])?;
        assert_eq!(some.dims(), [2, 2, PIXELS]);
        assert_eq!(vec1(&some.get_on_dim(1, 1)?)?, own);
        let some = model.classify(&images, &[5], 4, &mut Generator::new(2))?;
        assert_eq!(some.to_vec1::<u32>()?, [5, 5]);

        // Bayes' rule: the posterior probabilities are proportional to the likelihoods and sum to 1.
        let classes = model.class_log_posterior(&images, &ALL, 4, &mut Generator::new(2))?;
        assert_eq!(classes.dims(), [2, 10]);
        let sums = vec1(&classes.exp()?.sum(1)?)?;
        // Rounding error of ten exponentials of rounded logarithms; Σ p |log p| is at most ln 10.
        let bound = rounding(SINGLE, 2 * 10, 10f64.ln());
        assert!(sums.iter().all(|sum| f64::from((sum - 1.0).abs()) <= bound));
        let likelihood = |digit| -> Result<Vec<f32>> {
            let labels = labels_of(&[digit, digit])?;
            vec1(&model.log_likelihood(&images, &labels, 4, &mut Generator::new(2))?)
        };
        let (one, two) = (likelihood(1)?, likelihood(2)?);
        let classes: Vec<Vec<f32>> = classes.to_vec2()?;
        for i in 0..2 {
            let ratio = classes[i][1] - classes[i][2];
            let apart = f64::from((ratio - (one[i] - two[i])).abs());
            let bound = rounding(SINGLE, 4, f64::from(one[i].abs().max(two[i].abs())));
            assert!(apart <= bound, "{name}");
        }
    }
    assert!(Labels::from_labels(&Tensor::new(&[10u32], CPU)?, Some(CLASSES), DType::F32).is_err());
    Ok(())
}

#[test]
fn is_conditional_agrees_with_the_built_model() -> Result {
    for (name, config) in models() {
        let model = config.build(IMAGE, CLASSES, &Parameters::seeded(1, CPU).builder())?;
        assert_eq!(
            model.conditional().is_ok(),
            config.is_conditional(),
            "{name}"
        );
        let classes = config.is_conditional().then_some(CLASSES);
        assert_eq!(model.classes(), classes, "{name}");
    }
    Ok(())
}

#[test]
fn labels_are_interpolated_linearly() -> Result {
    let way = Labels::interpolate([2, 5], 3, CLASSES, DType::F32, CPU)?;
    let rows: Vec<Vec<f32>> = way.one_hot().to_vec2()?;
    assert_eq!(
        [rows[0][2], rows[0][5], rows[1][2], rows[1][5]],
        [1.0, 0.0, 0.5, 0.5]
    );
    assert_eq!([rows[2][2], rows[2][5]], [0.0, 1.0]);
    assert!(rows.iter().all(|row| row.iter().sum::<f32>() == 1.0));
    Ok(())
}
