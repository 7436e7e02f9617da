//! The module of the page, tested natively: drawings have the shape of the model, and models of all images agree with the
//! crates.
#![expect(clippy::unwrap_used, reason = "what fails here is a failed test")]

mod trace;

use std::f64::consts::LN_10;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use latent_datasets::{Dataset, Shape, Splits, draw_strokes, synthetic};
use latent_distributions::Generator;
use latent_explorer::{
    Error, Model, class_colours, draw_image, example, from_picture, nearest_label, pen_width,
};
use latent_figures::{SampleOptions, samples};
use latent_models::LatentModel;
use latent_models::latent_space::Path as LatentPath;
use latent_tests::{announce, mnist};
use latent_tolerance::{SINGLE, rounding};
use latent_training::{Experiment, Run, Silent, parse_model, train};
use latent_visualisation::class_colour;

/// Strokes as one of MNIST's images.
fn draw(strokes: &[f32]) -> Vec<u8> {
    draw_image(strokes, 28, 28, 1)
}

/// The bytes of a model file after a short training on synthetic digits.
fn trained(directory: &Path, kind: &str) -> Vec<u8> {
    trained_on(directory, kind, &synthetic(1, 256, 32))
}

/// The bytes of a model file after a short training.
fn trained_on(directory: &Path, kind: &str, splits: &Splits) -> Vec<u8> {
    let text = format!(
        "name = 'tiny'\n[model]\nkind = '{kind}'\n{}\n\
         [training]\nepochs = 1\nbatch_size = 32\n[data]\nsource = 'synthetic'\n",
        match kind {
            _ if kind.contains("multi-scale") => "channels = 8\ncouplings = [2, 1]",
            _ if kind.contains("flow") => "hidden = [16]\ncouplings = 2",
            _ if kind.contains("ladder") =>
                "channels = [4, 8]\nfeatures = 8\nlatent_size = 3\nblocks = 1",
            _ if kind.contains("convolutional") =>
                "channels = [4, 8]\nfeatures = 8\nlatent_size = 3",
            _ => "hidden = [16]\nlatent_size = 3",
        },
    );
    let experiment = Experiment::parse(&text, "tiny.toml", &[]).unwrap();
    let run = Run::create(&directory.join(kind), &experiment, splits, None, false).unwrap();
    train(&run, splits, &Device::Cpu, &mut Silent).unwrap();
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
    assert!(nearest_label(&[0.0, 1.0, 2.0], &[1], 0.0, 0.0).is_err());
    assert!(nearest_label(&[], &[], 0.0, 0.0).is_err());
    assert_eq!(
        nearest_label(&[0.0, 1.0, 5.0, 5.0], &[7, 1], 0.0, 0.0).unwrap(),
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

/// Random images of a shape, with the labels 0, 1, … in turn, if there are classes.
fn random_splits(shape: Shape, names: &[String]) -> Splits {
    let random = |seed, count: usize| {
        let generator = &mut Generator::new(seed);
        let levels = generator.uniform(count * shape.elem_count(), DType::F32, &Device::Cpu);
        let levels: Vec<f32> = levels.unwrap().to_vec1().unwrap();
        let images: Vec<u8> = levels.iter().map(|level| (255.0 * level) as u8).collect();
        if names.is_empty() {
            return Dataset::unlabelled(shape, images).unwrap();
        }
        let labels = (0..count).map(|index| (index % names.len()) as u8);
        let dataset = Dataset::new(shape, names.len(), images, labels.collect()).unwrap();
        dataset.with_class_names(names.to_vec()).unwrap()
    };
    Splits {
        name: "random".to_owned(),
        train: random(1, 104),
        validation: None,
        test: random(2, 52),
    }
}

/// Asserts that every function of the page's model agrees with the library's, for two images with their labels.
fn assert_agrees(bytes: &[u8], images: [&[u8]; 2], labels: [u8; 2]) {
    let page = Model::open("model", bytes).unwrap();
    let library = parse_model(bytes, Path::new("model"), &Device::Cpu).unwrap();
    let data = &library.metadata.data;
    let model = &library.model;
    let numbers =
        |tensor: &Tensor| -> Vec<f32> { tensor.flatten_all().unwrap().to_vec1().unwrap() };
    let condition = |label: u8| library.labels(&[label]).unwrap();
    let batch = |image: &[u8]| {
        let levels = image.iter().map(|&level| f32::from(level) / 255.0);
        let levels = Tensor::from_iter(levels, &Device::Cpu).unwrap();
        levels.reshape((1, image.len())).unwrap()
    };

    let Shape {
        channels,
        height,
        width,
    } = data.shape;
    assert_eq!(
        (page.channels(), page.height(), page.width()),
        (channels, height, width)
    );
    assert_eq!(page.class_names(), data.class_names);
    assert_eq!(page.classes_present(), data.classes_present);
    assert_eq!(page.is_labelled(), data.classes > 0);
    assert_eq!(page.is_conditional(), model.conditional().is_ok());
    assert_eq!(page.latent_size(), model.latent_size());
    assert!(!page.is_of_digits());

    let latent = |place: usize| {
        let latent = model.encode(&batch(images[place]), &condition(labels[place]));
        latent.unwrap()
    };
    for place in [0, 1] {
        let found = page.encode(images[place], labels[place]).unwrap();
        assert_eq!(found, numbers(&latent(place)));
        let decoded = model.decode(&latent(place), &condition(labels[place]));
        assert_eq!(
            page.decode(&found, labels[place]).unwrap(),
            numbers(&decoded.unwrap())
        );
    }

    // The ends of an interpolation are reconstructions, and its latents are on the path.
    let way = page.interpolate("slerp", images[0], labels[0], images[1], labels[1], 5);
    let way = way.unwrap();
    let ends = [latent(0), latent(1)].map(|latent| latent.squeeze(0).unwrap());
    let path = LatentPath::Slerp
        .interpolate(&ends[0], &ends[1], 5)
        .unwrap();
    assert!(close(&way.latents, &numbers(&path)));
    let pixels = data.shape.elem_count();
    assert_eq!(way.images.len(), 5 * pixels);
    for (place, start) in [(0, 0), (1, 4 * pixels)] {
        let end = model.decode(&latent(place), &condition(labels[place]));
        assert!(close(
            &way.images[start..start + pixels],
            &numbers(&end.unwrap())
        ));
    }

    let requested = page.is_conditional().then(|| labels.to_vec());
    let found = page.sample(&labels, 3, 0.7, 5).unwrap();
    let options = SampleOptions {
        labels: requested,
        count: Some(3),
        temperature: 0.7,
        seed: Some(5),
        ..SampleOptions::default()
    };
    assert_eq!(
        found.images(),
        samples(&library, &options).unwrap().grid.images()
    );
    assert_eq!(found.png().unwrap()[..8], *b"\x89PNG\r\n\x1a\n");

    let Ok(conditional) = model.conditional() else {
        for error in [
            page.class_log_posterior(images[0]).err(),
            page.analogies(images[0], labels[0]).err(),
        ] {
            let error = error.unwrap().to_string();
            assert!(error.contains("not conditional"), "{error}");
        }
        return;
    };
    let seen = &data.classes_present;
    let generator = &mut Generator::stream(1, "likelihood", 0, 0);
    let posterior = conditional.class_log_posterior(&batch(images[0]), seen, 10, generator);
    let posterior = numbers(&posterior.unwrap());
    let styled = page.analogies(images[0], labels[0]).unwrap();
    let logs = page.class_log_posterior(images[0]).unwrap();
    assert_eq!(
        (logs.len(), styled.len()),
        (data.classes, data.classes * pixels)
    );
    for (place, &class) in seen.iter().enumerate() {
        let class_place = usize::from(class);
        assert_eq!(logs[class_place], posterior[place]);
        let decoded = model.decode(&latent(0), &condition(class)).unwrap();
        let found = &styled[class_place * pixels..][..pixels];
        assert!(close(found, &numbers(&decoded)), "{class}");
    }
}

#[test]
fn models_of_colour_images_with_26_named_classes_agree_with_the_library() {
    let shape = Shape {
        channels: 3,
        height: 12,
        width: 20,
    };
    let names: Vec<String> = ('A'..='Z')
        .map(|letter| format!("letter {letter}"))
        .collect();
    let splits = random_splits(shape, &names);
    let image = |index| splits.test.image(index).unwrap();
    let images = [image(3), image(25)];
    for kind in [
        "conditional-vae",
        "vae",
        "conditional-flow",
        "flow",
        "conditional-convolutional-vae",
        "conditional-ladder-vae",
        "conditional-multi-scale-flow",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let bytes = trained_on(folder.path(), kind, &splits);
        assert_agrees(&bytes, images, [3, 25]);
    }
    // An image of another shape, and a class that does not exist.
    let folder = tempfile::tempdir().unwrap();
    let model = Model::open(
        "tiny",
        &trained_on(folder.path(), "conditional-vae", &splits),
    )
    .unwrap();
    let message = |error: Option<Error>| error.unwrap().to_string();
    assert!(message(model.encode(&[0; 784], 0).err()).contains("expected 720"));
    assert!(message(model.encode(images[0], 26).err()).contains("26"));
}

#[test]
fn a_class_without_training_images_has_no_probability_and_no_image() {
    let names = ["one", "two", "three"].map(str::to_owned);
    let mut splits = random_splits(Shape::grey(6, 5), &names);
    splits.train = splits.train.of_classes(&[0, 2]);
    let folder = tempfile::tempdir().unwrap();
    let bytes = trained_on(folder.path(), "conditional-vae", &splits);
    let image = splits.test.image(0).unwrap();
    assert_agrees(&bytes, [image, image], [0, 2]);
    let model = Model::open("tiny", &bytes).unwrap();
    assert_eq!(model.classes_present(), [0, 2]);
    let logs = model.class_log_posterior(image).unwrap();
    assert_eq!(logs[1], f32::NEG_INFINITY);
    assert_eq!(model.analogies(image, 0).unwrap()[30..60], [0.0; 30]);
}

#[test]
fn models_of_unlabelled_rectangles_agree_with_the_library() {
    let splits = random_splits(Shape::grey(14, 9), &[]);
    let image = |index| splits.test.image(index).unwrap();
    for kind in [
        "vae",
        "flow",
        "convolutional-vae",
        "ladder-vae",
        "multi-scale-flow",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let bytes = trained_on(folder.path(), kind, &splits);
        assert_agrees(&bytes, [image(0), image(7)], [0, 0]);
    }
}

#[test]
fn drawings_have_the_shape_of_the_model() {
    let strokes = example(4, 2);
    // In another shape, a drawing keeps its place: a vertical line near the right edge.
    let line = [0.9, 0.1, 0.9, 0.9];
    for (height, width, channels) in [(40, 24, 1), (12, 20, 3), (28, 28, 3), (1, 1, 1)] {
        let image = draw_image(&strokes, height, width, channels);
        assert_eq!(image.len(), height * width * channels);
        assert!(image.iter().any(|&level| level > 0));
        // White: the channels are equal.
        let pixels = image.chunks_exact(channels);
        assert!(
            pixels
                .clone()
                .all(|pixel| pixel.iter().all(|level| *level == pixel[0]))
        );
        assert_eq!(
            draw_image(&[], height, width, channels),
            vec![0; image.len()]
        );
    }
    let (height, width) = (40, 24);
    let image = draw_image(&line, height, width, 1);
    let radius = pen_width() * width as f32 / 2.0;
    for (place, &level) in image.iter().enumerate() {
        let (x, y) = ((place % width) as f32 + 0.5, (place / width) as f32 + 0.5);
        let across = (x - 0.9 * width as f32).abs();
        let along = (0.1 * height as f32 - y)
            .max(y - 0.9 * height as f32)
            .max(0.0);
        let distance = (across * across + along * along).sqrt();
        assert!(
            level == 255 || distance > radius - 0.51,
            "{x}, {y}: {level}"
        );
        assert!(level == 0 || distance < radius + 0.51, "{x}, {y}: {level}");
    }
    // A point is a dot, and points that are not finite are skipped.
    let dot = draw_image(&[0.5, 0.5], height, width, 1);
    assert!(dot[20 * width + 12] == 255 && dot[0] == 0);
    let infinite = draw_image(&[0.5, 0.5, f32::INFINITY, 0.2], height, width, 1);
    assert_eq!(infinite, dot);
    let outside = draw_image(&[-3e9, 0.5, -2e9, 0.6], height, width, 1);
    assert_eq!(outside, vec![0; height * width]);
}

#[test]
fn pictures_become_grey_as_data_sets_do() {
    let picture = [10, 200, 30, 255, 255, 255, 255, 0, 0, 0, 255, 9];
    let colours = vec![10, 200, 30, 255, 255, 255, 0, 0, 255];
    assert_eq!(from_picture(&picture, 3).unwrap(), colours);
    let shape = Shape {
        channels: 3,
        height: 1,
        width: 3,
    };
    let dataset = Dataset::unlabelled(shape, colours).unwrap().in_grey();
    assert_eq!(from_picture(&picture, 1).unwrap(), dataset.images());
    assert!(from_picture(&picture[1..], 3).is_err());
    assert!(from_picture(&[], 1).is_err());
    assert_eq!(class_colours()[3 * 30..][..3], class_colour(30));
}
