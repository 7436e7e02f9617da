//! Convolutional networks.

use candle_core::{DType, Tensor, Var};
use latent_distributions::Generator;
use latent_models::{
    ConvolutionalConfig, Error, Labels, LatentModel, ModelConfig, Parameters, Shape, Trainable,
    Vae, Variables,
};

use crate::{CLASSES, CPU, Result, lost, step, vec1};

/// A small convolutional configuration.
fn convolutional() -> ConvolutionalConfig {
    ConvolutionalConfig {
        channels: vec![3, 4],
        features: 6,
        ..ConvolutionalConfig::default()
    }
}

#[test]
fn convolutional_models_keep_the_size_of_the_image() -> Result {
    let config = convolutional().into();
    // Including odd sizes that are halved to even ones.
    for (height, width) in [(7, 11), (28, 28), (1, 1)] {
        let image = Shape::grey(height, width);
        let pixels = image.elem_count();
        let images = Generator::new(3).uniform((4, pixels), DType::F32, CPU)?;
        let labels = Tensor::new(&[0u32, 9, 4, 4], CPU)?;
        let check = |model: &dyn Trainable, parameters: &Parameters| -> Result {
            let loss = model.loss(&images, &labels, &mut step(2))?;
            assert_eq!(loss.objective.dims(), [4]);
            let gradients = loss.objective.mean_all()?.backward()?;
            for (name, variable) in parameters.variables() {
                let gradient = gradients.get(&variable);
                let gradient = gradient.unwrap_or_else(|| panic!("{name} receives none"));
                assert!(
                    gradient.sqr()?.sum_all()?.to_scalar::<f32>()? > 0.0,
                    "{name}"
                );
            }
            Ok(())
        };
        let parameters = Parameters::seeded(1, CPU);
        let vae = Vae::convolutional(image, &config, &parameters.builder())?;
        check(&vae, &parameters)?;
        assert_eq!(
            vae.decode(&vae.encode(&images, &())?, &())?.dims(),
            [4, pixels]
        );

        let parameters = Parameters::seeded(1, CPU);
        let conditional =
            Vae::conditional_convolutional(image, CLASSES, &config, &parameters.builder())?;
        check(&conditional, &parameters)?;
    }
    Ok(())
}

/// Compares a model with candle's layers, which have the layout of PyTorch's.
#[test]
fn convolutional_models_agree_with_candle_layers_in_pytorch_layout() -> Result {
    let image = Shape::grey(8, 12);
    let config = ModelConfig::ConditionalConvolutionalVae(convolutional().into());
    let parameters = Parameters::seeded(1, CPU);
    let model = config.build(image, CLASSES, &parameters.builder())?;
    let detached = |(name, variable): (String, Var)| (name, variable.as_detached_tensor());
    let own: Variables = parameters.variables().into_iter().map(detached).collect();
    let v = config.in_pytorch_order(image, own.clone())?;
    let bias = |layer: &str| v[&format!("{layer}.bias")].reshape((1, (), 1, 1));
    let linear = |layer: &str, input: &Tensor| {
        let product = input.matmul(&v[&format!("{layer}.weight")].t()?)?;
        product.broadcast_add(&v[&format!("{layer}.bias")])
    };

    let images = Generator::new(3).uniform((5, 8 * 12), DType::F32, CPU)?;
    let labels = Labels::new(&[3, 1, 4, 1, 5], CLASSES, DType::F32, CPU)?;
    let convolved = |input: &Tensor, layer: &str| {
        let output = input.conv2d(&v[&format!("{layer}.weight")], 1, 2, 1, 1)?;
        output.broadcast_add(&bias(layer)?)
    };
    let hidden = convolved(&images.reshape((5, 1, 8, 12))?, "encoder.0")?;
    let told = linear("encoder.0.labels", labels.one_hot())?.reshape(hidden.dims())?;
    let hidden = convolved(&(hidden + told)?.relu()?, "encoder.2")?.relu()?;
    let features = linear("encoder.5", &hidden.flatten_from(1)?)?.relu()?;
    let latents = linear("mean", &features)?;

    let first = linear("decoder.0", &latents)?;
    let first = (first + linear("decoder.0.labels", labels.one_hot())?)?.relu()?;
    let grown = |input: &Tensor, layer: &str| {
        let weight = &v[&format!("{layer}.weight")];
        let output = input.conv_transpose2d(weight, 1, 1, 2, 1)?;
        output.broadcast_add(&bias(layer)?)
    };
    let hidden = grown(&first.reshape((5, 4, 2, 3))?, "decoder.3")?.relu()?;
    let logits = grown(&hidden, "decoder.5")?.flatten_from(1)?;

    let encoded = model.encode(&images, &labels)?;
    let decoded = model.decode(&encoded, &labels)?;
    for (found, expected) in [
        (encoded, latents),
        (decoded, candle_nn::ops::sigmoid(&logits)?),
    ] {
        for (found, expected) in vec1(&found)?.iter().zip(vec1(&expected)?) {
            let apart = f64::from((found - expected).abs());
            assert!(
                apart <= lost(1.0 + f64::from(expected.abs())),
                "{found} {expected}"
            );
        }
    }
    for (name, variable) in config.in_own_order(image, v.clone())? {
        assert_eq!(vec1(&variable)?, vec1(&own[&name])?, "{name}");
    }
    Ok(())
}

#[test]
fn errors_for_invalid_convolutional_configurations_name_the_field() {
    let refusal = |config: ConvolutionalConfig| match config.check(Shape::grey(7, 11), CLASSES) {
        Err(Error::Config { key, .. }) => key,
        other => panic!("{other:?}"),
    };
    let good = convolutional();
    good.check(Shape::grey(7, 11), CLASSES).unwrap();
    good.check(Shape::grey(4, 7), CLASSES).unwrap();
    let channels = vec![1; 17];
    assert_eq!(
        refusal(ConvolutionalConfig {
            channels,
            ..good.clone()
        }),
        "channels"
    );
    // The first layer of the decoder and the layers of labels are included in the number of weights.
    assert_eq!(
        refusal(ConvolutionalConfig {
            latent_size: 100_000_000,
            ..good.clone()
        }),
        "latent_size"
    );
    assert_eq!(
        refusal(ConvolutionalConfig {
            channels: vec![10_000_000, 1],
            ..good.clone()
        }),
        "channels"
    );
    assert_eq!(
        refusal(ConvolutionalConfig {
            features: usize::MAX,
            ..good.clone()
        }),
        "features"
    );
    let channels = vec![];
    assert_eq!(
        refusal(ConvolutionalConfig {
            channels,
            ..good.clone()
        }),
        "channels"
    );
    let channels = vec![3, 0];
    assert_eq!(
        refusal(ConvolutionalConfig {
            channels,
            ..good.clone()
        }),
        "channels"
    );
    assert_eq!(
        refusal(ConvolutionalConfig {
            features: 0,
            ..good.clone()
        }),
        "features"
    );
    assert_eq!(
        refusal(ConvolutionalConfig {
            latent_size: 0,
            ..good
        }),
        "latent_size"
    );
}
