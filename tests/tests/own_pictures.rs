//! Pictures of digits as a user makes them, prepared and classified by a pretrained model.

use candle_core::Device;
use latent_datasets::{Batching, Dataset, DecodedPicture, DrawingOptions, Shape, prepare_drawing};
use latent_tests::{GlyphPicture, Pen, announce};
use latent_training::classify;

const KINDS: [&str; 5] = [
    "black on white",
    "white on black",
    "on noisy grey paper",
    "off the centre",
    "small",
];

/// A digit in one of two weights of a font.
fn picture(digit: u8, kind: &str, is_bold: bool, random: &mut fastrand::Rng) -> DecodedPicture {
    let [height, width] = [160_usize, 200];
    let between =
        |random: &mut fastrand::Rng, low: f32, high: f32| low + (high - low) * random.f32();
    let is_off = kind == "off the centre";
    let pen = Pen {
        height: if kind == "small" {
            30.0
        } else {
            between(random, 70.0, 100.0)
        },
        angle: between(random, -0.1, 0.1),
        shear: between(random, 0.0, 0.2),
        x: if is_off {
            between(random, 60.0, 140.0)
        } else {
            100.0
        },
        y: if is_off {
            between(random, 60.0, 100.0)
        } else {
            80.0
        },
    };
    let ink = GlyphPicture::new(char::from(b'0' + digit), is_bold);
    let pixels = ink.drawn(height, width, &pen).map(|share| {
        let value = match kind {
            "white on black" => 255.0 * share,
            // The sum of twelve uniform numbers is nearly normal, with a standard deviation of 1.
            "on noisy grey paper" => {
                let noise = (0..12).map(|_| random.f32()).sum::<f32>() - 6.0;
                170.0 - 110.0 * share + 6.0 * noise
            }
            _ => 255.0 * (1.0 - share),
        };
        value.clamp(0.0, 255.0) as u8
    });
    DecodedPicture {
        pixels: pixels.collect(),
        shape: Shape::grey(height, width),
        conversions: Vec::new(),
    }
}

#[test]
fn pictures_of_digits_are_recognised_by_a_pretrained_model() {
    let model = latent_pretrained::load("cvae-mlp-50", &Device::Cpu).unwrap();
    let mut random = fastrand::Rng::with_seed(1);
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for (row, kind) in KINDS.into_iter().enumerate() {
        for digit in 0..10 {
            let picture = picture(
                digit,
                kind,
                (row + usize::from(digit)) % 2 == 0,
                &mut random,
            );
            let prepared = prepare_drawing(&picture, (28, 28), DrawingOptions::default()).unwrap();
            // The strokes fill a box of 20 pixels, and their centre of mass is in the centre.
            let inked: Vec<usize> = (0..784)
                .filter(|&place| prepared.pixels[place] > 0)
                .collect();
            let rows = inked.iter().map(|place| place / 28);
            let (top, bottom) = (rows.clone().min().unwrap(), rows.max().unwrap());
            assert!(
                (18..=21).contains(&(bottom - top + 1)),
                "{digit} {kind}: {top} to {bottom}"
            );
            let mass = |along: fn(usize) -> usize| {
                let ink = |place: &usize| f64::from(prepared.pixels[*place]);
                let moment: f64 = inked
                    .iter()
                    .map(|place| ink(place) * along(*place) as f64)
                    .sum();
                moment / inked.iter().map(ink).sum::<f64>()
            };
            for centre in [mass(|place| place / 28), mass(|place| place % 28)] {
                // To half a pixel: the strokes are moved by whole pixels.
                assert!((centre - 13.5).abs() <= 0.51, "{digit} {kind}: {centre}");
            }
            pixels.extend(prepared.pixels);
            labels.push(digit);
        }
    }
    let images = Dataset::new(Shape::grey(28, 28), 10, pixels, labels).unwrap();
    let batching = Batching {
        size: 50,
        binarise: true,
        seed: 1,
    };
    let classes: Vec<u8> = (0..10).collect();
    let conditional = model.model.conditional().unwrap();
    let found = classify(
        conditional,
        &images,
        &classes,
        100,
        &batching,
        &Device::Cpu,
        |_| (),
    )
    .unwrap();
    let is_right = |index: &usize| found[*index] == images.labels()[*index];
    let right = (0..50).filter(is_right).count();
    let rows = KINDS.iter().enumerate().map(|(row, kind)| {
        let of_kind = (10 * row..10 * row + 10).filter(is_right).count();
        format!("{of_kind} {kind}")
    });
    let rows: Vec<String> = rows.collect();
    announce(&format!(
        "{right} of 50 pictures of digits are recognised; of 10 each: {}",
        rows.join(", ")
    ));
    // A printed 1 with a foot looks like a handwritten 2, so that not all can be right.
    assert!(right >= 40, "{right} of 50: {found:?}");
}
