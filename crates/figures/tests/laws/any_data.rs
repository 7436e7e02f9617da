//! Every figure of a model of colour rectangles of 26 named classes, and of a model of images without
//! labels.

use latent_datasets::{Dataset, Shape, Splits};
use latent_figures::{
    AnalogyOptions, Error, Format, Grid, ImageFigure, InterpolationOptions, LatentsOptions,
    ManifoldOptions, Pairs, PerturbationOptions, Picture, PosteriorOptions, PrototypeOptions,
    ReconstructionOptions, SampleOptions, TraversalOptions, alignment, analogies, coverage,
    covering_grid, interpolations, latents, manifold, model_figures, perturbations, posterior,
    prototypes, reconstructions, samples, traversals,
};
use latent_tolerance::SINGLE;

use crate::{CPU, Small, assert_close, network_rounding, numbers, small, vae};

/// Colour images, neither square nor of MNIST's size.
const SHAPE: Shape = Shape {
    channels: 3,
    height: 12,
    width: 20,
};
const CLASSES: usize = 26;

/// Pixels without a pattern.
fn noise(images: usize, seed: usize) -> Vec<u8> {
    let pixels = images * SHAPE.elem_count();
    let hash = |index: usize| (index + seed * 1009).wrapping_mul(2_654_435_761) >> 16;
    (0..pixels).map(|index| hash(index) as u8).collect()
}

fn name(label: u8) -> String {
    format!("letter {}", char::from(b'A' + label))
}

/// `count` images, whose labels are 0 to 25 in turn.
fn letters(count: usize, seed: usize) -> Dataset {
    let labels = (0..count).map(|index| (index % CLASSES) as u8).collect();
    let names = (0..CLASSES).map(|label| name(label as u8)).collect();
    Dataset::new(SHAPE, CLASSES, noise(count, seed), labels)
        .unwrap()
        .with_class_names(names)
        .unwrap()
}

fn splits(of: impl Fn(usize, usize) -> Dataset) -> Splits {
    Splits {
        name: "own".to_owned(),
        train: of(104, 1),
        validation: None,
        test: of(52, 2),
    }
}

fn named(kind: &str) -> Small {
    small(kind, 2, false, splits(letters))
}

fn unlabelled() -> Small {
    let images = |count, seed| Dataset::unlabelled(SHAPE, noise(count, seed)).unwrap();
    small("vae", 2, false, splits(images))
}

/// The figure as SVG, which contains its texts; it can also be rendered in the other formats.
fn svg(figure: &dyn Picture) -> String {
    for format in [Format::Png, Format::Npy] {
        assert!(!figure.render(format).unwrap().is_empty());
    }
    String::from_utf8(figure.render(Format::Svg).unwrap()).unwrap()
}

#[track_caller]
fn assert_contains(figure: &dyn Picture, texts: &[&str]) {
    let svg = svg(figure);
    for text in texts {
        assert!(svg.contains(&format!(">{text}</text>")), "no `{text}`");
    }
}

/// Asserts that a figure has this number of colour images, with values in [0, 1] that differ.
#[track_caller]
fn assert_shape(figure: &ImageFigure, images: usize) {
    assert_eq!(figure.grid.shape(), [images, 12, 20, 3]);
    let (least, most) = figure
        .grid
        .images()
        .iter()
        .fold((1.0f32, 0.0f32), |(low, high), &v| {
            (low.min(v), high.max(v))
        });
    assert!(
        0.0 <= least && least < most && most <= 1.0,
        "{least} to {most}"
    );
}

#[test]
fn every_figure_of_a_conditional_model_has_colours_and_class_names() {
    let Small { model, data, .. } = named("conditional-vae");
    let test = &data.test;

    let figure = samples(&model, &SampleOptions::default()).unwrap();
    assert_shape(&figure, 260);
    assert_contains(&figure, &["letter A", "letter Z"]);
    let options = SampleOptions {
        labels: Some(vec![7, 3]),
        ..SampleOptions::default()
    };
    let figure = samples(&model, &options).unwrap();
    assert_contains(&figure, &["letter H", "letter D"]);
    assert_eq!(figure.grid.shape()[0], 2);
    let none = SampleOptions {
        count: Some(0),
        ..SampleOptions::default()
    };
    assert!(svg(&samples(&model, &none).unwrap()).contains("Class-conditional samples"));

    let figure = reconstructions(&model, test, &ReconstructionOptions::default()).unwrap();
    assert_shape(&figure, 20);
    assert_contains(&figure, &["letter A", "letter J", "true", "model"]);
    // The first image of the figure has the pixels of the data in their order.
    let pixels: Vec<f32> = test
        .image(0)
        .unwrap()
        .iter()
        .map(|&v| f32::from(v) / 255.0)
        .collect();
    assert_close(&figure.grid.images()[..720], &pixels, SINGLE as f32);

    let options = InterpolationOptions {
        pairs: Pairs::Labels(3, 25),
        steps: 4,
        ..InterpolationOptions::default()
    };
    let figure = interpolations(&model, test, &options).unwrap();
    assert_shape(&figure, 4);
    assert_contains(&figure, &["letter D → letter Z"]);

    let figure = analogies(&model, test, &AnalogyOptions::default()).unwrap();
    assert_shape(&figure, 10 * 27);
    assert_contains(&figure, &["true", "letter A", "letter Z"]);

    let figure = perturbations(&model, test, &PerturbationOptions::default()).unwrap();
    assert_shape(&figure, 6 * 9);
    svg(&figure);

    let options = PrototypeOptions {
        per_class: 2,
        ..PrototypeOptions::default()
    };
    let figure = prototypes(&model, test, &options).unwrap();
    assert_shape(&figure.figure, 52);
    assert_contains(&figure, &["letter A", "letter Z"]);

    let options = TraversalOptions {
        steps: 3,
        samples: 20,
        ..TraversalOptions::default()
    };
    let found = traversals(&model, &options).unwrap();
    assert_shape(&found.figure, 78);
    assert_contains(&found, &["letter A", "letter Z"]);
    assert_eq!(found.correlations.len(), 26);
    for row in &found.correlations {
        assert!((-1.0..=1.0).contains(&row.size), "{row:?}");
    }

    let grid = covering_grid(&model, test, 4, None).unwrap();
    let options = ManifoldOptions { label: Some(25) };
    let figure = manifold(&model, &grid, &options).unwrap();
    assert_shape(&figure, 16);
    assert_contains(
        &figure,
        &["Manifold (decoded latent plane, label letter Z)"],
    );

    let options = LatentsOptions::default();
    let scatter = latents(&model, test, &options).unwrap();
    assert_contains(&scatter, &["label", "letter A", "letter Z", "25"]);
    let found = coverage(&model, test, &grid, &options).unwrap();
    assert_eq!((found.grid.shape(), found.images), (&[16, 12, 20][..], 52));
    svg(&found);
    let same = alignment(&model, &model, test, &options).unwrap();
    assert_contains(&same, &["letter A", "letter Z"]);
    assert_eq!(same.images, 52);

    svg(&posterior(&model, test, &PosteriorOptions::default()).unwrap());
    let figures = model_figures(&model, test).unwrap();
    assert_eq!(figures.len(), 6);
}

#[test]
fn names_are_those_of_the_data_of_the_figure() {
    // The model's classes are numbered.
    let Small { model, .. } = small(
        "vae",
        2,
        false,
        splits(|count, seed| {
            let labels = letters(count, seed).labels().to_vec();
            Dataset::new(SHAPE, CLASSES, noise(count, seed), labels).unwrap()
        }),
    );
    let options = ReconstructionOptions::default();
    let figure = reconstructions(&model, &letters(52, 2), &options).unwrap();
    assert_contains(&figure, &["letter A"]);
}

#[test]
fn every_figure_that_needs_no_labels_is_drawn_without_them() {
    let Small { model, data, .. } = unlabelled();
    let test = &data.test;
    let texts = |figure: &dyn Picture| svg(figure).matches("</text>").count();

    let figure = samples(&model, &SampleOptions::default()).unwrap();
    assert_shape(&figure, 25);
    assert_eq!(texts(&figure), 1, "only the title");
    let figure = reconstructions(&model, test, &ReconstructionOptions::default()).unwrap();
    assert_shape(&figure, 20);
    assert_eq!(texts(&figure), 3, "the title and two rows");
    let options = InterpolationOptions {
        pairs: Pairs::First(2),
        steps: 4,
        ..InterpolationOptions::default()
    };
    let figure = interpolations(&model, test, &options).unwrap();
    assert_shape(&figure, 8);
    assert_eq!(texts(&figure), 1, "only the title");
    let figure = perturbations(&model, test, &PerturbationOptions::default()).unwrap();
    assert_shape(&figure, 6 * 9);
    let options = TraversalOptions {
        steps: 3,
        samples: 20,
        ..TraversalOptions::default()
    };
    assert_shape(&traversals(&model, &options).unwrap().figure, 3);
    let grid = covering_grid(&model, test, 4, None).unwrap();
    let figure = manifold(&model, &grid, &ManifoldOptions::default()).unwrap();
    assert_shape(&figure, 16);

    let options = LatentsOptions::default();
    let scatter = latents(&model, test, &options).unwrap();
    assert_eq!(
        (scatter.points().len(), scatter.labels().len()),
        (2 * 52, 0)
    );
    let encoded = latent_training::encode(&model.model, test, &model.batching(0), false, CPU);
    assert_close(
        scatter.points(),
        &numbers(&encoded.unwrap()),
        network_rounding(),
    );
    assert_eq!(coverage(&model, test, &grid, &options).unwrap().images, 52);
    let same = alignment(&model, &model, test, &options).unwrap();
    assert_eq!((same.images, same.neighbour_overlap), (52, 1.0));
    svg(&same);
    svg(&posterior(&model, test, &PosteriorOptions::default()).unwrap());

    let figures = model_figures(&model, test).unwrap();
    let names: Vec<&str> = figures.iter().map(|(name, _)| *name).collect();
    let expected = [
        "samples",
        "reconstructions",
        "interpolations",
        "latents",
        "manifold",
    ];
    assert_eq!(names, expected);
}

#[test]
fn figures_of_labels_are_refused_without_them() {
    let plain = unlabelled();
    let options = PrototypeOptions::default();
    let found = prototypes(&plain.model, &plain.data.test, &options);
    assert!(matches!(found, Err(Error::NoLabels)));
    let options = InterpolationOptions {
        pairs: Pairs::Labels(0, 1),
        ..InterpolationOptions::default()
    };
    let found = interpolations(&plain.model, &plain.data.test, &options);
    assert!(matches!(found, Err(Error::NoLabels)));

    // A conditional model encodes images with their labels.
    let conditional = named("conditional-vae");
    let (model, test) = (&conditional.model, &plain.data.test);
    let grid = Grid::symmetric(1.0, 3);
    let options = LatentsOptions::default();
    for refused in [
        reconstructions(model, test, &ReconstructionOptions::default()).err(),
        interpolations(model, test, &InterpolationOptions::default()).err(),
        perturbations(model, test, &PerturbationOptions::default()).err(),
        analogies(model, test, &AnalogyOptions::default()).err(),
        latents(model, test, &options).err(),
        coverage(model, test, &grid, &options).err(),
        alignment(model, model, test, &options).err(),
        posterior(model, test, &PosteriorOptions::default()).err(),
        covering_grid(model, test, 3, None).err(),
        model_figures(model, test).err(),
    ] {
        assert!(matches!(refused, Some(Error::NoLabels)), "{refused:?}");
    }
}

#[test]
fn images_of_another_shape_are_refused() {
    let model = named("vae").model;
    let digits = vae(2).data.test;
    let options = ReconstructionOptions::default();
    assert!(reconstructions(&model, &digits, &options).is_err());
}
