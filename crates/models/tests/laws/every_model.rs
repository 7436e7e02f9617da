//! Properties of every model: gradients, shapes, devices.

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::VarBuilder;
use latent_distributions::Generator;
use latent_models::{
    Condition, Labels, LatentModel, LossContext, Parameters, Shape, Trainable, Variables,
};
use latent_tolerance::{DOUBLE, SINGLE, central_difference, rounding, skipped};

use crate::{CLASSES, CPU, IMAGE, PIXELS, Result, images, labels, lost, models, step, vec1};

#[test]
fn every_parameter_receives_a_gradient() -> Result {
    for (name, config) in models() {
        let parameters = Parameters::seeded(1, CPU);
        let model = config.build(IMAGE, CLASSES, &parameters.builder())?;
        let loss = model.loss(&images(4)?, &labels(4)?, &mut step(2))?;
        let gradients = loss.objective.mean_all()?.backward()?;
        assert!(!parameters.variables().is_empty());
        for (parameter, variable) in parameters.variables() {
            let gradient = gradients
                .get(&variable)
                .unwrap_or_else(|| panic!("{name}: {parameter} receives none"));
            let size = gradient.abs()?.sum_all()?.to_scalar::<f32>()?;
            assert!(
                size > 0.0 && size.is_finite(),
                "{name}: the gradient of {parameter} is {size}"
            );
        }
    }
    Ok(())
}

#[test]
fn models_work_with_any_number_of_channels_and_classes() -> Result {
    let image = Shape {
        channels: 3,
        height: 2,
        width: 4,
    };
    let images = Generator::new(3).uniform((4, image.elem_count()), DType::F32, CPU)?;
    let labels = Tensor::new(&[2u32, 0, 1, 2], CPU)?;
    for (name, config) in models() {
        let parameters = Parameters::seeded(1, CPU);
        let model = config.build(image, 3, &parameters.builder())?;
        let loss = model.loss(&images, &labels, &mut step(2))?;
        let gradients = loss.objective.mean_all()?.backward()?;
        for (parameter, variable) in parameters.variables() {
            let gradient = gradients.get(&variable);
            assert!(gradient.is_some(), "{name}: {parameter} receives none");
        }
        let told = Labels::from_labels(&labels, model.classes(), DType::F32)?;
        let latents = model.encode(&images, &told)?;
        assert_eq!(latents.dims(), [4, config.latent_size(image)], "{name}");
        assert_eq!(
            model.decode(&latents, &told)?.dims(),
            images.dims(),
            "{name}"
        );

        // Label 3 is out of range for a conditional model; other models ignore labels.
        let unknown = Tensor::new(&[3u32, 0, 1, 2], CPU)?;
        let loss = model.loss(&images, &unknown, &mut step(2));
        assert_eq!(loss.is_err(), config.is_conditional(), "{name}");

        let detached = |(name, variable): (String, Var)| (name, variable.as_detached_tensor());
        let own: Variables = parameters.variables().into_iter().map(detached).collect();
        let there = config.in_pytorch_order(image, own.clone())?;
        for (variable, back) in config.in_own_order(image, there)? {
            assert_eq!(vec1(&back)?, vec1(&own[&variable])?, "{name}: {variable}");
        }
    }
    Ok(())
}

#[test]
fn gradients_agree_with_finite_differences() -> Result {
    // Finite differences need 64-bit variables.
    for (name, config) in models() {
        // Models with ReLU are excluded: a difference may cross its kink.
        if name == "vae" || name.contains("convolutional") {
            continue;
        }
        let map = candle_nn::VarMap::new();
        let model = config.build(
            IMAGE,
            CLASSES,
            &VarBuilder::from_varmap(&map, DType::F64, CPU),
        )?;
        let images = images(3)?.to_dtype(DType::F64)?;
        let labels = labels(3)?;
        let variables = map.all_vars();
        // For a finished model, and in the first and a later epoch of training.
        for step in [
            step(5),
            LossContext::training(Generator::new(5), 0.5),
            LossContext::training(Generator::new(5), 3.0),
        ] {
            let objective = || {
                model
                    .loss(&images, &labels, &mut step.clone())
                    .map(|loss| loss.objective)
                    .map_err(|error| candle_core::Error::Msg(error.to_string()))
            };
            let error = latent_kernels::gradient_error(
                objective,
                &variables.iter().collect::<Vec<&Var>>(),
            )?;
            // The step is that of `gradient_error`; the objective is a sum over three images of a few nats each.
            let bound = central_difference(1e-5, 100.0, DOUBLE, 100, 50.0);
            assert!(error < bound, "{name}, {step:?}: {error}");
        }
    }
    Ok(())
}

#[test]
fn gpu_and_cpu_results_agree() -> Result {
    let found = [Device::cuda_if_available, Device::metal_if_available]
        .into_iter()
        .filter_map(|device| device(0).ok())
        .find(|device| !device.is_cpu());
    let Some(gpu) = found else {
        skipped(
            "gpu_and_cpu_results_agree",
            "this build or this machine has no GPU",
        );
        return Ok(());
    };
    let close = |what: &str, there: &Tensor, here: &Tensor| -> Result {
        assert!(!there.device().is_cpu(), "{what} is on the CPU");
        let (there, here) = (vec1(&there.to_device(CPU)?)?, vec1(here)?);
        assert_eq!(there.len(), here.len(), "{what}");
        for (a, b) in there.iter().zip(&here) {
            assert!(
                f64::from((a - b).abs()) <= lost(20.0 * (1.0 + f64::from(b.abs()))),
                "{what}: {a} is not {b}"
            );
        }
        Ok(())
    };
    for (name, config) in models() {
        let on = |device: &Device| -> Result<_> {
            let parameters = Parameters::seeded(1, device);
            let model = config.build(IMAGE, CLASSES, &parameters.builder())?;
            let images = images(4)?.to_device(device)?;
            let told = labels(4)?.to_device(device)?;
            let loss = model.loss(&images, &told, &mut step(2))?.objective;
            let gradients = latent_kernels::backward(&loss.mean_all()?)?;
            let told = Labels::new(&[3, 1], CLASSES, DType::F32, device)?;
            let latents = model.encode(&images.narrow(0, 0, 2)?, &told)?;
            let drawn = model.decode(&latents, &told)?;
            Ok((loss, gradients, parameters.variables(), latents, drawn))
        };
        let (here, there) = (on(CPU)?, on(&gpu)?);
        close(&format!("{name}: the loss"), &there.0, &here.0)?;
        for ((parameter, on_gpu), (_, on_cpu)) in there.2.iter().zip(&here.2) {
            let what = format!("{name}: the gradient of {parameter}");
            let (Some(on_gpu), Some(on_cpu)) = (there.1.get(on_gpu), here.1.get(on_cpu)) else {
                panic!("{what} is missing");
            };
            close(&what, on_gpu, on_cpu)?;
        }
        close(&format!("{name}: the latents"), &there.3, &here.3)?;
        close(&format!("{name}: the image"), &there.4, &here.4)?;
    }
    Ok(())
}

#[test]
fn the_loss_of_a_batch_is_that_of_its_images() -> Result {
    for (name, config) in models() {
        let model = config.build(IMAGE, CLASSES, &Parameters::seeded(1, CPU).builder())?;
        let images = images(5)?;
        let numbers = [0, 1, 2, 3, 4];
        let told = Labels::new(&numbers, CLASSES, DType::F32, CPU)?;
        let latents = model.encode(&images, &told)?;
        assert_eq!(latents.dims(), [5, model.latent_size()], "{name}");
        let decoded = model.decode(&latents, &told)?;
        assert_eq!(decoded.dims(), [5, PIXELS]);
        assert!(vec1(&decoded)?.iter().all(|p| (0.0..=1.0).contains(p)));
        let pixels = model.decode_sample(&latents, &told, &mut Generator::new(1))?;
        if config.is_exact() {
            assert_eq!(vec1(&pixels)?, vec1(&decoded)?);
        } else {
            // Pixels are multiples of 1/255, or binary.
            let levels = if name.contains("256 levels") {
                255.0
            } else {
                1.0
            };
            for pixel in vec1(&pixels)? {
                let level = f64::from(pixel) * levels;
                assert!((0.0..=levels).contains(&level), "{name}: {pixel}");
                let bound = rounding(SINGLE, 1, level);
                assert!((level - level.round()).abs() <= bound, "{name}: {pixel}");
            }
        }
        for i in 0..5 {
            let one = images.narrow(0, i, 1)?;
            let told = Labels::new(&numbers[i..=i], CLASSES, DType::F32, CPU)?;
            let alone = vec1(&model.decode(&model.encode(&one, &told)?, &told)?)?;
            let together = vec1(&decoded.get(i)?)?;
            assert!(
                alone
                    .iter()
                    .zip(&together)
                    .all(|(a, b)| f64::from((a - b).abs()) <= lost(1.0)),
                "{name}"
            );
        }
        let loss = model.loss(&images, &labels(5)?, &mut step(2))?;
        assert_eq!(loss.objective.dims(), [5]);
        assert!(loss.parts.iter().all(|(_, part)| part.dims() == [5]));
    }
    Ok(())
}

#[test]
fn a_detached_model_shares_the_variables_and_has_no_gradient() -> Result {
    let parameters = Parameters::seeded(1, CPU);
    let config = &models()[0].1;
    let model = config.build(IMAGE, CLASSES, &parameters.builder())?;
    let detached = config.build(IMAGE, CLASSES, &parameters.detached_builder())?;
    let image = images(1)?;
    let told = Labels::new(&[3], CLASSES, DType::F32, CPU)?;
    assert!(model.encode(&image, &told)?.track_op());
    assert!(!detached.encode(&image, &told)?.track_op());
    for (_, variable) in parameters.variables() {
        variable.set(&(variable.as_detached_tensor() * 0.5)?)?;
    }
    assert_eq!(
        vec1(&model.encode(&image, &told)?)?,
        vec1(&detached.encode(&image, &told)?)?
    );
    Ok(())
}
