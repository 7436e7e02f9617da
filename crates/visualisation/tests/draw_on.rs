//! Tests of charts on another plotters backend: its SVG backend, with other fonts and units than
//! those of this crate's own figures.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

use std::{fmt::Debug, ops::RangeInclusive};

use latent_visualisation::{
    ConfusionMatrix, Curves, Scatter,
    plotters::{coord::Shift, drawing::DrawingArea, prelude::IntoDrawingArea},
};
use plotters_svg::SVGBackend;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn scatter() -> Scatter {
    let labels: Vec<u8> = (0..300).map(|index| (index % 10) as u8).collect();
    let points: Vec<f32> = (0..600)
        .map(|index| (index as f32 * 0.618_034).fract())
        .collect();
    Scatter::new(points, labels).unwrap().title("Latents")
}

fn curves() -> Curves {
    let curves = Curves::new([1.0, 2.0, 3.0])
        .title("Training")
        .y_label("nats");
    (0..4).fold(curves, |curves, panel| {
        let name = format!("series {panel}");
        let y = [0.0, 1e-3, 2e7];
        curves
            .panel("panel", &[("train", &y), (&name, &[3.0, 2.0, 1.0])])
            .unwrap()
    })
}

fn matrix() -> ConfusionMatrix {
    let digits: Vec<u8> = (0..100).map(|index| index % 10).collect();
    ConfusionMatrix::new(&digits, [3; 100])
        .unwrap()
        .title("k-NN")
}

fn drawn<E: Debug>(size: (u32, u32), draw: impl FnOnce(&Area) -> Result<(), E>) -> String {
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
    draw(&area).unwrap();
    area.present().unwrap();
    drop(area);
    svg
}

/// Every chart on areas of this size, each as an SVG.
fn all(size: (u32, u32)) -> [String; 3] {
    [
        drawn(size, |area| scatter().draw_on(area)),
        drawn(size, |area| curves().draw_on(area)),
        drawn(size, |area| matrix().draw_on(area)),
    ]
}

fn count(svg: &str, tag: &str) -> usize {
    let document = roxmltree::Document::parse(svg).unwrap();
    let nodes = document.descendants();
    nodes.filter(|node| node.has_tag_name(tag)).count()
}

/// Asserts that the starts of texts, and discs and rectangles, are within these columns and rows.
fn assert_inside(svg: &str, x: RangeInclusive<f64>, y: RangeInclusive<f64>) {
    let document = roxmltree::Document::parse(svg).unwrap();
    for node in document.descendants() {
        for (names, range) in [(["x", "cx"], &x), (["y", "cy"], &y)] {
            for value in names.iter().filter_map(|name| node.attribute(*name)) {
                let value: f64 = value.parse().unwrap();
                assert!(
                    range.contains(&value),
                    "{value} is not in {range:?}: {node:?}"
                );
            }
        }
    }
}

#[test]
fn charts_fit_into_areas_of_every_shape() {
    for size in [(1200, 1100), (640, 480), (320, 900), (900, 200)] {
        let (width, height) = (f64::from(size.0), f64::from(size.1));
        for svg in all(size) {
            assert_inside(&svg, 0.0..=width, 0.0..=height);
        }
        let [scatter, curves, matrix] = all(size);
        // Three hundred points, ten marks and ten colours in the legend.
        assert_eq!(count(&scatter, "circle"), 320);
        // Three points for each series: six are solid; the discs of two dashed ones have holes. And
        // two discs for each of five names, of which two are dashed.
        assert_eq!(count(&curves, "circle"), 6 * 3 + 2 * 3 * 2 + 5 * 2 + 2 * 2);
        assert_eq!(count(&matrix, "rect"), 100);
    }
}

#[test]
fn charts_of_many_classes_fit_too() {
    let labels: Vec<u8> = (0..1000).map(|index| (index % 100) as u8).collect();
    let classes: Vec<u8> = (0..100).collect();
    let names: Vec<String> = (0..100)
        .map(|label| format!("class number {label}"))
        .collect();
    let points: Vec<f32> = (0..2000)
        .map(|index| (index as f32 * 0.618_034).fract())
        .collect();
    let scatter = Scatter::new(points, labels.as_slice()).unwrap();
    let scatter = scatter.class_names(&names);
    let matrix = ConfusionMatrix::of_classes(classes, &labels, &labels).unwrap();
    let matrix = matrix.class_names(&names);
    for size in [(1200, 1100), (640, 480), (320, 900), (900, 200)] {
        let (width, height) = (f64::from(size.0), f64::from(size.1));
        let scatter = drawn(size, |area| scatter.draw_on(area));
        let matrix = drawn(size, |area| matrix.draw_on(area));
        for svg in [&scatter, &matrix] {
            assert_inside(svg, 0.0..=width, 0.0..=height);
        }
        assert_eq!(count(&scatter, "circle"), 1000 + 2 * 100);
        // Only cells with images.
        assert_eq!(count(&matrix, "rect"), 100);
    }
}

#[test]
fn a_chart_fits_into_a_part_of_an_area() {
    let svg = drawn((1000, 400), |area| {
        let (_, right) = area.split_horizontally(600);
        curves().draw_on(&right)
    });
    assert_inside(&svg, 600.0..=1000.0, 0.0..=400.0);
}

#[test]
fn texts_grow_with_the_area() {
    let size = |svg: &str| -> f64 {
        let document = roxmltree::Document::parse(svg).unwrap();
        let mut nodes = document.descendants();
        let text = nodes.find(|node| node.has_tag_name("text")).unwrap();
        text.attribute("font-size").unwrap().parse().unwrap()
    };
    for (small, large) in all((500, 500)).iter().zip(&all((1000, 1000))) {
        assert!((size(large) / size(small) - 2.0).abs() < 0.1);
    }
}

#[test]
fn areas_that_are_too_small_are_not_an_error() {
    for size in [(0, 0), (1, 1), (7, 3), (2000, 1)] {
        all(size);
    }
}
