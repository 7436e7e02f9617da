//! Properties of every figure, then of each kind.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

use std::{collections::BTreeMap, fs, path::Path};

use latent_visualisation::{ConfusionMatrix, Curves, Error, Format, ImageGrid, Picture, Scatter};

/// Numbers in [0, 1] without a pattern.
fn noise(count: usize) -> Vec<f32> {
    (0..count)
        .map(|index| (index as f32 * 0.618_034).fract())
        .collect()
}

/// Figures of every kind, both ordinary and extreme ones.
fn pictures() -> Vec<(&'static str, Box<dyn Picture>)> {
    let labels: Vec<u8> = (0..300).map(|index| (index % 10) as u8).collect();
    let matrix = ConfusionMatrix::new(labels, [3; 300]).unwrap();
    let mut all = grids_and_plots();
    all.push((
        "matrix",
        Box::new(matrix.title("30 of 300 right & <proper>")),
    ));
    all.push(("no counts", Box::new(ConfusionMatrix::new([], []).unwrap())));
    all.extend(any_classes());
    all.extend(any_images());
    all
}

/// Long names of classes, of more characters than fit anywhere.
fn long_names(count: usize) -> Vec<String> {
    (0..count)
        .map(|label| format!("Klasse {label} mit einem <langen> Namen, der nirgends hineinpasst"))
        .collect()
}

/// Charts of few and many classes, with and without names.
fn any_classes() -> Vec<(&'static str, Box<dyn Picture>)> {
    let mut all: Vec<(&str, Box<dyn Picture>)> = Vec::new();
    for (name, count) in [("6", 6), ("26", 26), ("100", 100), ("256", 256)] {
        let labels: Vec<u8> = (0..512).map(|index| (index % count) as u8).collect();
        let classes: Vec<u8> = (0..count).map(|label| label as u8).collect();
        let scatter = Scatter::new(noise(1024), labels.as_slice()).unwrap();
        let matrix = ConfusionMatrix::of_classes(classes, &labels, &labels).unwrap();
        let letters = (0..count).map(|label| char::from(b'A' + label as u8 % 26).to_string());
        let letters: Vec<String> = letters.collect();
        for names in [Vec::new(), letters, long_names(count)] {
            all.push((name, Box::new(scatter.clone().class_names(&names))));
            all.push((name, Box::new(matrix.clone().class_names(&names))));
        }
    }
    let points = Scatter::unlabelled(noise(600)).unwrap();
    all.push(("no labels", Box::new(points.title("Latents"))));
    all
}

/// Grids of colour images, of rectangles and of large images.
fn any_images() -> Vec<(&'static str, Box<dyn Picture>)> {
    let grid = |shape: [usize; 4]| ImageGrid::new(noise(shape.iter().product()), shape).unwrap();
    let names = long_names(10);
    vec![
        (
            "colour",
            Box::new(grid([6, 12, 20, 3]).cell_titles(&names[..6])),
        ),
        ("no colours", Box::new(grid([0, 12, 20, 3]))),
        ("one channel", Box::new(grid([2, 40, 24, 1]))),
        (
            "large",
            Box::new(grid([10, 128, 256, 3]).column_labels(&names)),
        ),
        ("wide", Box::new(grid([10, 3, 300, 1]).title("Wide"))),
        (
            "upwards",
            Box::new(grid([10, 4, 4, 1]).column_labels(&names).title("Names")),
        ),
    ]
}

fn grids_and_plots() -> Vec<(&'static str, Box<dyn Picture>)> {
    const NAN: f64 = f64::NAN;
    let labels: Vec<u8> = (0..300).map(|index| (index % 10) as u8).collect();
    let grid = |shape: [usize; 3]| ImageGrid::new(noise(shape.iter().product()), shape).unwrap();
    let values: Vec<f32> = (0..20).map(|index| index as f32 / 3.0 - 3.0).collect();
    let long = "a title & a half, <longer> than any \"picture\" of two small images";
    let scatter = |points: &[f32], labels: &[u8]| Scatter::new(points, labels).unwrap();
    let extreme = [
        f32::MAX,
        f32::MIN,
        0.0,
        f32::NAN,
        f32::INFINITY,
        1.0,
        2.0,
        3.0,
    ];
    vec![
        ("grid", Box::new(grid([23, 28, 28]).title("Samples"))),
        ("no images", Box::new(grid([0, 28, 28]).title("Nothing"))),
        ("no images", Box::new(grid([0, 0, 0]))),
        ("images without pixels", Box::new(grid([3, 0, 5]))),
        ("one image", Box::new(grid([1, 28, 28]))),
        ("one pixel", Box::new(grid([1, 1, 1]))),
        (
            "NaN image",
            Box::new(ImageGrid::new([f32::NAN; 4], [1, 2, 2]).unwrap()),
        ),
        (
            "labels",
            Box::new(
                grid([4, 5, 3])
                    .columns(2)
                    .title(long)
                    .row_labels(["a < b", "c & d"])
                    .column_labels(["a label wider than its image", "µ ± σ"])
                    .cell_titles(["7", "7 → 9", "\u{0}", "日"]),
            ),
        ),
        (
            "map",
            Box::new(grid([400, 4, 4]).axes(("z₁", &values), ("z₂", &values))),
        ),
        (
            "empty map",
            Box::new(grid([0, 4, 4]).axes(("z₁", &[]), ("z₂", &[]))),
        ),
        (
            "map with gaps",
            Box::new(
                grid([2, 4, 4])
                    .gap(3)
                    .axes(("x", &[1.0, 1.0]), ("y", &[2.0])),
            ),
        ),
        (
            "scatter",
            Box::new(scatter(&noise(600), &labels).title("Latents")),
        ),
        ("no points", Box::new(scatter(&[], &[]))),
        ("one point", Box::new(scatter(&[3.0, -7.0], &[4]))),
        ("equal points", Box::new(scatter(&[1.5; 600], &labels))),
        ("extreme points", Box::new(scatter(&extreme, &[1, 2, 3, 9]))),
        ("no panels", Box::new(Curves::new([1.0, 2.0]))),
        (
            "no series",
            Box::new(Curves::new([1.0, 2.0]).panel("empty", &[]).unwrap()),
        ),
        (
            "no epochs",
            Box::new(Curves::new([]).panel("loss", &[("train", &[])]).unwrap()),
        ),
        (
            "one epoch",
            Box::new(
                Curves::new([1.0])
                    .panel("loss", &[("train", &[155.9])])
                    .unwrap(),
            ),
        ),
        (
            "curves",
            Box::new(
                Curves::new([1.0, 2.0, 3.0])
                    .title("Training")
                    .y_label("nats per image")
                    .panel(
                        "constant",
                        &[("train", &[5.0; 3]), ("test", &[NAN, 5.0, NAN])],
                    )
                    .unwrap()
                    .panel("gaps", &[("train", &[-1e9, f64::INFINITY, 1e9])])
                    .unwrap()
                    .panel("nothing finite", &[("test", &[NAN; 3])])
                    .unwrap()
                    .panel("in the second row", &[("other", &[1e-9, 2e-9, f64::MAX])])
                    .unwrap(),
            ),
        ),
    ]
}

/// Width, height and RGB bytes of a PNG.
fn decode(png: &[u8]) -> (usize, usize, Vec<u8>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png))
        .read_info()
        .unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!(info.color_type, png::ColorType::Rgb);
    (info.width as usize, info.height as usize, pixels)
}

/// Header and data of a NumPy file.
fn read_npy(bytes: &[u8]) -> (&str, &[u8]) {
    assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
    let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    assert!(start.is_multiple_of(64) && bytes[start - 1] == b'\n');
    (
        std::str::from_utf8(&bytes[10..start]).unwrap().trim_end(),
        &bytes[start..],
    )
}

fn npy_header(kind: &str, shape: &str) -> String {
    format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}")
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes
        .chunks_exact(4)
        .map(|chunk| f32::from_le_bytes(chunk.try_into().unwrap()))
        .collect()
}

/// The texts of an SVG.
fn texts(picture: &dyn Picture) -> Vec<String> {
    let svg = String::from_utf8(picture.render(Format::Svg).unwrap()).unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap();
    let texts = document
        .descendants()
        .filter(|node| node.has_tag_name("text"));
    texts
        .map(|node| node.text().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn every_figure_renders_to_the_same_bytes_in_every_format() {
    for ((name, first), (_, second)) in pictures().into_iter().zip(pictures()) {
        for format in [Format::Png, Format::Svg, Format::Npy] {
            let bytes = first.render(format).unwrap();
            assert!(
                bytes == second.render(format).unwrap(),
                "{name} as {format:?} differs"
            );
        }
    }
}

#[test]
fn png_and_svg_have_the_same_size_and_an_empty_border() {
    for (name, picture) in pictures() {
        let (width, height, pixels) = decode(&picture.render(Format::Png).unwrap());
        let svg = String::from_utf8(picture.render(Format::Svg).unwrap()).unwrap();
        let document = roxmltree::Document::parse(&svg).unwrap();
        let attribute = |name| document.root_element().attribute(name).unwrap();
        assert_eq!(attribute("width"), width.to_string(), "{name}");
        assert_eq!(attribute("height"), height.to_string(), "{name}");
        for (index, pixel) in pixels.chunks_exact(3).enumerate() {
            let (x, y) = (index % width, index / width);
            let at_border = x < 20 || y < 20 || x + 20 >= width || y + 20 >= height;
            assert!(
                !at_border || pixel == [255; 3],
                "{name} has {pixel:?} at ({x}, {y})"
            );
        }
    }
}

type Point = (f32, f32);

/// The contours of an SVG's texts on the canvas as closed polygons, and the canvas: left, top,
/// width and height.
fn outlines(svg: &str) -> (Vec<Vec<Point>>, [f32; 4]) {
    let document = roxmltree::Document::parse(svg).unwrap();
    let numbers = |text: &str| -> Vec<f32> {
        let parts = text.split(|c: char| !(c.is_ascii_digit() || "-.".contains(c)));
        parts
            .filter(|part| !part.is_empty())
            .map(|part| part.parse().unwrap())
            .collect()
    };
    let canvas = numbers(document.root_element().attribute("viewBox").unwrap());
    let paths: BTreeMap<&str, &str> = document
        .descendants()
        .filter(|node| node.has_tag_name("path"))
        .map(|node| (node.attribute("id").unwrap(), node.attribute("d").unwrap()))
        .collect();
    let mut all = Vec::new();
    for glyph in document
        .descendants()
        .filter(|node| node.has_tag_name("use"))
    {
        let name = glyph.attribute("href").unwrap().strip_prefix('#').unwrap();
        let x = glyph.attribute("x").unwrap().parse::<f32>().unwrap();
        let transform = glyph
            .ancestors()
            .find_map(|node| node.attribute("transform"))
            .unwrap();
        let at = numbers(transform.split(')').next().unwrap());
        let placed = |(dx, dy): Point| {
            if transform.contains("rotate(-90)") {
                (at[0] + dy, at[1] - (x + dx))
            } else {
                (at[0] + x + dx, at[1] + dy)
            }
        };
        let contours = paths[name].split('M').skip(1).map(|contour| {
            // The numbers of each command, and the letter of the next command.
            let parts = contour
                .trim_end_matches('Z')
                .split_inclusive(['L', 'Q', 'C']);
            let (mut kind, mut last, mut points) = ('M', (0.0, 0.0), Vec::new());
            for part in parts {
                let numbers = numbers(part);
                let pairs: Vec<Point> = numbers.chunks(2).map(|pair| (pair[0], pair[1])).collect();
                if let ('Q', [control, end]) = (kind, &pairs[..]) {
                    for step in 1_u8..=8 {
                        let t = f32::from(step) / 8.0;
                        let mix = |a: f32, b: f32, c: f32| {
                            (1.0 - t).powi(2) * a + 2.0 * t * (1.0 - t) * b + t * t * c
                        };
                        points.push((mix(last.0, control.0, end.0), mix(last.1, control.1, end.1)));
                    }
                } else {
                    assert!("ML".contains(kind) && pairs.len() == 1, "{kind} {pairs:?}");
                    points.push(pairs[0]);
                }
                last = *pairs.last().unwrap();
                kind = part
                    .chars()
                    .last()
                    .filter(char::is_ascii_alphabetic)
                    .unwrap_or(kind);
            }
            points.into_iter().map(placed).collect::<Vec<_>>()
        });
        all.extend(contours);
    }
    (all, canvas.try_into().unwrap())
}

#[test]
fn glyph_outlines_of_svgs_are_inside_the_canvas() {
    let mut count = 0;
    for (name, picture) in pictures() {
        let svg = String::from_utf8(picture.render(Format::Svg).unwrap()).unwrap();
        let (outlines, [left, top, width, height]) = outlines(&svg);
        for (x, y) in outlines.into_iter().flatten() {
            count += 1;
            // The margin is 28 pixels; 20 of them must be free even of antialiasing and overhanging
            // letters.
            assert!(
                (left + 20.0..left + width - 20.0).contains(&x),
                "{name}: {x}"
            );
            assert!(
                (top + 20.0..top + height - 20.0).contains(&y),
                "{name}: {y}"
            );
        }
    }
    assert!(count > 10_000, "{count} points");
}

#[test]
fn svg_glyphs_cover_the_same_pixels_as_in_the_png() {
    // Texts in every direction, and nothing else.
    let grid = ImageGrid::new([1.0; 4], [4, 1, 1])
        .unwrap()
        .title("Latents & <their> “means” ± µ: VAffinity 0123456789")
        .axes(("z₁ of 50", &[-1.5, 2.0]), ("log p(x) − KL", &[0.0, 0.25]));
    let svg = String::from_utf8(grid.render(Format::Svg).unwrap()).unwrap();
    let (outlines, [left, top, ..]) = outlines(&svg);
    let (width, height, pixels) = decode(&grid.render(Format::Png).unwrap());
    let is_within = |row: usize| {
        let y = top + row as f32 + 0.5;
        let edges = outlines
            .iter()
            .flat_map(|polygon| polygon.iter().zip(polygon.iter().cycle().skip(1)));
        // The points where the line through the pixels' centres crosses the outlines, and the
        // direction.
        let crossings: Vec<(f32, i32)> = edges
            .filter(|(a, b)| (a.1 > y) != (b.1 > y))
            .map(|(a, b)| {
                let x = a.0 + (y - a.1) / (b.1 - a.1) * (b.0 - a.0);
                (x, if b.1 > a.1 { 1 } else { -1 })
            })
            .collect();
        (0..width).map(move |column| {
            let x = left + column as f32 + 0.5;
            let before = crossings.iter().filter(|(place, _)| *place < x);
            before.map(|(_, direction)| direction).sum::<i32>() != 0
        })
    };
    let within: Vec<Vec<bool>> = (0..height).map(|row| is_within(row).collect()).collect();
    let mut covered = 0;
    // The margin is white.
    for row in 1..height - 1 {
        for column in 1..width - 1 {
            let grey = pixels[3 * (row * width + column)];
            let place = format!("({column}, {row}), {grey}");
            if within[row][column] {
                covered += 1;
                assert!(grey < 255, "{place}: inside an outline but white");
            } else {
                assert!(
                    grey > 0x1a,
                    "{place}: fully inked, but the centre is outside"
                );
            }
            let is_near = within[row - 1..=row + 1]
                .iter()
                .any(|row| row[column - 1..=column + 1].contains(&true));
            assert!(is_near || grey > 160, "{place}: ink outside the outlines");
        }
    }
    assert!(covered > 1000, "{covered} pixels of ink");
}

#[test]
fn pixels_of_a_grid_are_exactly_those_of_its_images() {
    let images = noise(6 * 4 * 3);
    let grid = ImageGrid::new(images.as_slice(), [6, 4, 3])
        .unwrap()
        .columns(3);
    let (width, height, pixels) = decode(&grid.render(Format::Png).unwrap());
    // A margin of 28 on each side, images magnified 10 times, gaps of 4.
    let (margin, scale, gap) = (28, 10, 4);
    assert_eq!(
        (width, height),
        (2 * margin + 3 * 30 + 2 * gap, 2 * margin + 2 * 40 + gap)
    );
    for (index, value) in images.iter().enumerate() {
        let (image, row, column) = (index / 12, index % 12 / 3, index % 3);
        for (dx, dy) in [
            (0, 0),
            (scale - 1, 0),
            (0, scale - 1),
            (scale - 1, scale - 1),
        ] {
            let x = margin + image % 3 * (30 + gap) + column * scale + dx;
            let y = margin + image / 3 * (40 + gap) + row * scale + dy;
            let grey = (value * 255.0).round() as u8;
            assert_eq!(
                pixels[3 * (y * width + x)..][..3],
                [grey; 3],
                "pixel {index}"
            );
        }
    }
}

#[test]
fn grids_have_a_readable_size() {
    for (count, columns) in [(100, 10), (16, 4), (10, 10), (400, 20), (900, 30), (25, 5)] {
        let grid = ImageGrid::new(vec![0.0; count * 784], [count, 28, 28]).unwrap();
        let (width, height, _) = decode(&grid.columns(columns).render(Format::Png).unwrap());
        assert!(
            (700..1600).contains(&width) && height < 1600,
            "{count}: {width} × {height}"
        );
    }
}

#[test]
fn numbers_outside_0_to_1_are_clamped_and_nan_is_red() {
    let grid = ImageGrid::new([-3.0, 7.0, f32::NAN], [3, 1, 1])
        .unwrap()
        .gap(0);
    let (width, _, pixels) = decode(&grid.render(Format::Png).unwrap());
    let pixel = |image: usize| &pixels[3 * (30 * width + 28 + 10 * image + 5)..][..3];
    assert_eq!(pixel(0), [0; 3]);
    assert_eq!(pixel(1), [255; 3]);
    assert!(pixel(2)[0] > 200 && pixel(2)[1] < 50);
}

#[test]
fn a_colour_grid_has_the_colours_of_its_images() {
    let images = noise(4 * 2 * 3 * 3);
    let grid = ImageGrid::new(images.as_slice(), [4, 2, 3, 3])
        .unwrap()
        .columns(2);
    let (width, _, pixels) = decode(&grid.render(Format::Png).unwrap());
    for (index, colour) in images.chunks_exact(3).enumerate() {
        let (image, row, column) = (index / 6, index % 6 / 3, index % 3);
        // The centre of a pixel that is magnified ten times.
        let x = 28 + image % 2 * (30 + 4) + 10 * column + 5;
        let y = 28 + image / 2 * (20 + 4) + 10 * row + 5;
        let expected: Vec<u8> = colour.iter().map(|v| (v * 255.0).round() as u8).collect();
        assert_eq!(
            pixels[3 * (y * width + x)..][..3],
            expected,
            "pixel {index}"
        );
    }
    let bytes = grid.render(Format::Npy).unwrap();
    let (header, data) = read_npy(&bytes);
    assert_eq!(header, npy_header("<f4", "4, 2, 3, 3"));
    assert_eq!(floats(data), images);
    // A single channel is grey.
    let grey = ImageGrid::new([0.5; 6], [1, 2, 3, 1]).unwrap();
    let bytes = grey.render(Format::Npy).unwrap();
    assert_eq!(read_npy(&bytes).0, npy_header("<f4", "1, 2, 3"));
}

#[test]
fn one_nan_of_a_colour_makes_the_pixel_red() {
    let grid = ImageGrid::new([0.0, f32::NAN, 1.0], [1, 1, 1, 3]).unwrap();
    let (width, _, pixels) = decode(&grid.render(Format::Png).unwrap());
    let pixel = &pixels[3 * (33 * width + 33)..][..3];
    assert!(
        pixel[0] > 200 && pixel[1] < 50 && pixel[2] < 50,
        "{pixel:?}"
    );
}

#[test]
fn large_images_are_reduced_to_means_and_small_ones_never() {
    // Columns of pixels alternate between 0 and 1; the lower half is 0.
    let image = |height: usize, width: usize| -> Vec<f32> {
        (0..height * width)
            .map(|pixel| (pixel % width % 2 * usize::from(pixel / width < height / 2)) as f32)
            .collect()
    };
    let grid = |count: usize, height: usize, width: usize| {
        let grid = ImageGrid::new(image(height, width).repeat(count), [count, height, width]);
        decode(&grid.unwrap().render(Format::Png).unwrap())
    };
    let (width, height, pixels) = grid(20, 256, 256);
    assert_eq!((width, height), (56 + 10 * 132 - 4, 56 + 2 * 132 - 4));
    let pixel = |x: usize, y: usize| pixels[3 * ((28 + y) * width + 28 + x)];
    assert_eq!(
        [pixel(0, 0), pixel(127, 63), pixel(0, 64), pixel(127, 127)],
        [128, 128, 0, 0]
    );
    assert_eq!(pixel(130, 0), 255, "a gap");
    // A figure of a reasonable size has all pixels.
    let (width, _, pixels) = grid(2, 256, 256);
    assert_eq!(width, 56 + 2 * 256 * 2 + 4);
    assert_eq!(pixels[3 * (28 * width + 28)], 0);
    let (width, ..) = grid(5, 256, 256);
    assert_eq!(width, 56 + 5 * 260 - 4);
    // 100 × 100 images of MNIST have one pixel for each of theirs.
    let many = ImageGrid::new(vec![0.0; 200 * 784], [200, 28, 28])
        .unwrap()
        .columns(100);
    let (width, ..) = decode(&many.render(Format::Png).unwrap());
    assert_eq!(width, 56 + 100 * 32 - 4);
}

#[test]
fn long_column_labels_read_upwards() {
    let grid = |name: &str| {
        let grid = ImageGrid::new(noise(20 * 16), [20, 4, 4]).unwrap();
        grid.columns(20).column_labels([name; 20])
    };
    let (short, ..) = decode(&grid("7").render(Format::Png).unwrap());
    let (long, height, _) = decode(&grid("a name of a class").render(Format::Png).unwrap());
    assert_eq!(short, long);
    assert!(height > 200, "{height}");
    let svg = grid("a name of a class").render(Format::Svg).unwrap();
    assert_eq!(
        String::from_utf8(svg)
            .unwrap()
            .matches("rotate(-90)")
            .count(),
        20
    );
}

#[test]
fn the_y_axis_of_a_grid_points_upwards() {
    // The first row of images, at y = −1, is white: it must be at the bottom.
    let grid = ImageGrid::new([[1.0; 32], [0.0; 32]].concat(), [4, 4, 4])
        .unwrap()
        .axes(("z₁", &[-1.0, 1.0]), ("z₂", &[-1.0, 1.0]));
    let (width, _, pixels) = decode(&grid.render(Format::Png).unwrap());
    let column = width - 28 - 5;
    let pixel = |row: usize| pixels[3 * (row * width + column)];
    assert_eq!((pixel(28 + 20), pixel(28 + 60)), (0, 255));
    for label in ["−1", "1", "z₁", "z₂"] {
        assert!(texts(&grid).iter().any(|text| text == label), "no {label}");
    }
}

#[test]
fn npy_files_contain_the_data() {
    let images = noise(2 * 3 * 4);
    let grid = ImageGrid::new(images.as_slice(), [2, 3, 4]).unwrap();
    let bytes = grid.render(Format::Npy).unwrap();
    let (header, data) = read_npy(&bytes);
    assert_eq!(header, npy_header("<f4", "2, 3, 4"));
    assert_eq!(floats(data), images);

    let curves = Curves::new([1.0, 2.0])
        .panel("a", &[("train", &[3.0, 4.0]), ("test", &[5.0, 6.0])])
        .unwrap()
        .panel("b", &[("train", &[7.0, f64::NAN])])
        .unwrap();
    let bytes = curves.render(Format::Npy).unwrap();
    let (header, data) = read_npy(&bytes);
    assert_eq!(header, npy_header("<f8", "2, 4"));
    let expected = [1.0, 3.0, 5.0, 7.0, 2.0, 4.0, 6.0, f64::NAN];
    assert_eq!(
        data,
        expected
            .into_iter()
            .flat_map(f64::to_le_bytes)
            .collect::<Vec<u8>>()
    );
}

#[test]
fn a_confusion_matrix_counts_pairs_of_true_and_predicted_labels() {
    let matrix = ConfusionMatrix::new([7, 3, 3, 9], [7, 3, 8, 9]).unwrap();
    assert_eq!(matrix.accuracy(), 0.75);
    assert_eq!(matrix.counts()[3], [0, 0, 0, 1, 0, 0, 0, 0, 1, 0]);
    let bytes = matrix.render(Format::Npy).unwrap();
    let (header, data) = read_npy(&bytes);
    assert_eq!(header, npy_header("<i8", "10, 10"));
    let counts = data
        .as_chunks::<8>()
        .0
        .iter()
        .map(|bytes| i64::from_le_bytes(*bytes));
    assert_eq!(counts.sum::<i64>(), 4);
    // Each count that is not 0 is written in its cell.
    let cells = texts(&matrix)
        .into_iter()
        .filter(|text| text == "1")
        .count();
    assert_eq!(
        cells,
        4 + 2,
        "four cells, and the names of a row and a column"
    );
    let axes = |matrix: &ConfusionMatrix, title: &str| texts(matrix).contains(&title.to_owned());
    assert!(axes(&matrix, "true label"));
    let matrix = matrix.y_label("requested label");
    assert!(axes(&matrix, "requested label") && !axes(&matrix, "true label"));
    assert!(ConfusionMatrix::new([1, 2], [1]).is_err());
    let error = ConfusionMatrix::new([1, 2], [1, 10])
        .unwrap_err()
        .to_string();
    assert!(error.contains("label 10 of image 1"), "{error}");
}

#[test]
fn scatter_saves_its_points_labels_and_latents() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/folder/latents.npy");
    let (points, latents) = ([1.0, 2.0, 4.0, 5.0], [1.0, 2.0, 3.0, f32::NAN, 5.0, 6.0]);
    let plain = Scatter::new(points, [3, 9]).unwrap();
    let projected = plain.clone().latents(latents, 3).unwrap();
    let beside = |end: &str| path.with_file_name(format!("latents.{end}"));

    assert_eq!(
        plain.save(&path).unwrap(),
        [path.clone(), beside("labels.npy")]
    );
    let written = projected.save(&path).unwrap();
    assert_eq!(
        written,
        [path.clone(), beside("labels.npy"), beside("latents.npy")]
    );
    let bytes = fs::read(&written[0]).unwrap();
    let (header, data) = read_npy(&bytes);
    assert_eq!(header, npy_header("<f4", "2, 2"));
    assert_eq!(floats(data), points);
    let bytes = fs::read(&written[1]).unwrap();
    let (header, data) = read_npy(&bytes);
    assert_eq!(header, npy_header("<i8", "2,"));
    assert_eq!(
        data,
        [3i64, 9]
            .into_iter()
            .flat_map(i64::to_le_bytes)
            .collect::<Vec<u8>>()
    );
    let bytes = fs::read(&written[2]).unwrap();
    let (header, data) = read_npy(&bytes);
    assert_eq!(header, npy_header("<f4", "2, 3"));
    assert_eq!(
        data,
        latents
            .into_iter()
            .flat_map(f32::to_le_bytes)
            .collect::<Vec<u8>>()
    );

    let picture = folder.path().join("latents.svg");
    assert_eq!(projected.save(&picture).unwrap(), [picture]);
}

#[test]
fn svg_texts_are_searchable_and_escaped() {
    let grid = ImageGrid::new(noise(8), [2, 2, 2])
        .unwrap()
        .columns(1)
        .title("a & b")
        .row_labels(["x < y", "\"q\" > 'r'"])
        .cell_titles(["one", "two"]);
    assert_eq!(
        texts(&grid),
        ["one", "two", "x < y", "\"q\" > 'r'", "a & b"]
    );
}

#[test]
fn the_legend_has_the_labels_that_occur_and_every_class_a_mark() {
    let scatter = Scatter::new([0.0, 0.0, 5.0, 5.0], [3, 8]).unwrap();
    let texts = texts(&scatter);
    let after_legend: Vec<&str> = texts
        .iter()
        .skip_while(|text| *text != "label")
        .skip(1)
        .map(String::as_str)
        .collect();
    assert_eq!(after_legend, ["3", "8"]);
    let legend = texts.iter().position(|text| text == "label").unwrap();
    assert_eq!(texts[legend - 2..legend], ["3", "8"]);
}

#[test]
fn marks_and_legend_have_the_names_of_classes() {
    let scatter = |names: &[&str]| {
        let scatter = Scatter::new([0.0, 0.0, 5.0, 5.0], [12, 1]).unwrap();
        scatter.class_names(names.iter().copied())
    };
    let after_axes = |scatter: &Scatter| -> Vec<String> {
        let texts = texts(scatter);
        let legend = texts.iter().position(|text| text == "label").unwrap();
        texts[legend - 2..].to_vec()
    };
    // Short names are marks.
    let found = after_axes(&scatter(&["A", "cat"]));
    assert_eq!(found, ["cat", "12", "label", "cat", "12"]);
    // Otherwise numbers are, and the legend gives both.
    let found = after_axes(&scatter(&["A", "blue square"]));
    assert_eq!(found, ["1", "12", "label", "1", "blue square", "12", "12"]);
    let long = long_names(20);
    let long: Vec<&str> = long.iter().map(String::as_str).collect();
    let found = after_axes(&scatter(&long));
    assert!(
        found[4].starts_with("Klasse 1 ") && found[4].ends_with('…'),
        "{found:?}"
    );
}

#[test]
fn a_legend_of_a_hundred_classes_is_beside_the_plot_and_has_all_of_them() {
    let labels: Vec<u8> = (0..200).map(|index| index % 100).collect();
    let scatter = Scatter::new(noise(400), labels).unwrap();
    let plain = Scatter::unlabelled(noise(400)).unwrap();
    let (bare, high, _) = decode(&plain.render(Format::Png).unwrap());
    for names in [Vec::new(), long_names(100)] {
        let scatter = scatter.clone().class_names(&names);
        let (width, height, _) = decode(&scatter.render(Format::Png).unwrap());
        // Other tests check that nothing is outside of the picture.
        assert!(height <= high + 10, "{height} instead of {high}");
        assert!(
            width > bare + 60 && width < bare + 800,
            "{width}, without legend {bare}"
        );
        let texts = texts(&scatter);
        let legend = texts.iter().position(|text| text == "label").unwrap();
        for label in 0..100 {
            assert!(texts[legend..].contains(&label.to_string()), "{label}");
        }
    }
}

#[test]
fn points_without_labels_have_no_legend_and_no_marks() {
    let folder = tempfile::tempdir().unwrap();
    let scatter = Scatter::unlabelled([0.0, 0.0, 5.0, 5.0]).unwrap();
    let scatter = scatter.latents(noise(6), 3).unwrap();
    assert!(!texts(&scatter).contains(&"label".to_owned()));
    assert!(scatter.labels().is_empty());
    let svg = String::from_utf8(scatter.render(Format::Svg).unwrap()).unwrap();
    assert_eq!(svg.matches("<circle").count(), 2);
    let written = scatter.save(&folder.path().join("a.npy")).unwrap();
    assert_eq!(written.len(), 2, "points and latents: {written:?}");
}

#[test]
fn a_confusion_matrix_writes_names_and_counts_that_fit() {
    let of = |count: usize, names: &[String]| -> Vec<String> {
        let labels: Vec<u8> = (0..40 * count).map(|index| (index % count) as u8).collect();
        let classes: Vec<u8> = (0..count).map(|label| label as u8).collect();
        let matrix = ConfusionMatrix::of_classes(classes, &labels, &labels).unwrap();
        texts(&matrix.class_names(names))
    };
    let count =
        |texts: &[String], wanted: &str| texts.iter().filter(|text| *text == wanted).count();
    let letters: Vec<String> = ('A'..='Z').map(String::from).collect();
    let found = of(26, &letters);
    assert_eq!((count(&found, "Q"), count(&found, "40")), (2, 26));
    // Cells of 100 classes are too small for counts of two digits, and for all numbers.
    let found = of(100, &[]);
    assert_eq!((count(&found, "95"), count(&found, "40")), (2, 2));
    assert_eq!(count(&found, "96"), 0);
    // Each name is at both axes.
    for classes in [6, 26, 100] {
        let found = of(classes, &long_names(classes));
        for label in 0..classes {
            let start = format!("Klasse {label} ");
            let named = found.iter().filter(|text| text.starts_with(&start));
            assert_eq!(named.count(), 2, "class {label} of {classes}");
        }
    }
}

#[test]
fn points_that_cannot_be_drawn_are_counted() {
    let scatter = Scatter::new([0.0, f32::NAN, 1.0, 2.0, 3.0, 4.0], [1, 2, 3]).unwrap();
    assert!(
        texts(&scatter)
            .iter()
            .any(|text| text == "1 of 3 points are not finite")
    );
}

#[test]
fn curves_name_each_series_once_and_have_integer_epochs() {
    let curves = Curves::new([1.0, 2.0, 3.0])
        .panel(
            "a",
            &[("train", &[3.0, 2.0, 1.0]), ("test", &[3.5, 2.5, 1.5])],
        )
        .unwrap()
        .panel(
            "b",
            &[("train", &[0.3, 0.2, 0.1]), ("test", &[0.3, 0.2, 0.1])],
        )
        .unwrap();
    let texts = texts(&curves);
    let count = |wanted: &str| texts.iter().filter(|text| *text == wanted).count();
    assert_eq!((count("train"), count("test"), count("epoch")), (1, 1, 2));
    assert_eq!(
        (count("1.5"), count("2.5"), count("0.15"), count("0.20")),
        (1, 1, 1, 1)
    );
    assert_eq!(count("2"), 2, "the epoch in each panel: {texts:?}");
}

#[test]
fn a_long_legend_wraps() {
    let names: Vec<String> = (0..12)
        .map(|run| format!("a run with a long name, number {run}"))
        .collect();
    let series: Vec<(&str, &[f64])> = names
        .iter()
        .map(|name| (name.as_str(), &[1.0, 2.0][..]))
        .collect();
    let curves = Curves::new([1.0, 2.0]).panel("loss", &series).unwrap();
    let (width, _, _) = decode(&curves.render(Format::Png).unwrap());
    assert!(width < 1000, "{width} pixels wide");
    assert_eq!(texts(&curves)[..12], names);
}

#[test]
fn errors_name_the_found_and_the_expected_values() {
    let message = |result: Result<Vec<u8>, Error>| result.unwrap_err().to_string();
    let grid = || ImageGrid::new(noise(4), [4, 1, 1]).unwrap().columns(2);
    let unknown = Format::from_path(Path::new("figures/a.jpeg"))
        .unwrap_err()
        .to_string();
    for (message, wanted) in [
        (
            unknown,
            "`figures/a.jpeg` does not end in .png, .svg or .npy",
        ),
        (
            ImageGrid::new(noise(5), [1, 2, 2]).unwrap_err().to_string(),
            "5 pixels are not 1 images × 2 × 2",
        ),
        (
            ImageGrid::new(noise(5), [usize::MAX, 2, 2])
                .unwrap_err()
                .to_string(),
            "5 pixels are not",
        ),
        (
            message(grid().row_labels(["a"]).render(Format::Png)),
            "1 row labels were given for 2 rows: give one for each",
        ),
        (
            message(
                grid()
                    .axes(("x", &[1.0]), ("y", &[1.0]))
                    .render(Format::Svg),
            ),
            "1 y values were given for 4 rows",
        ),
        (
            Scatter::new([1.0, 2.0, 3.0], [1]).unwrap_err().to_string(),
            "3 coordinates are not 2 for each of 1 labels",
        ),
        (
            Scatter::unlabelled([1.0, 2.0, 3.0])
                .unwrap_err()
                .to_string(),
            "3 coordinates are not 2 for each point",
        ),
        (
            ImageGrid::new(noise(8), [1, 2, 2, 2])
                .unwrap_err()
                .to_string(),
            "images of 2 channels cannot be drawn: give 1 (grey) or 3 (red, green, blue)",
        ),
        (
            ImageGrid::new(noise(8), [2, 2, 2, 3])
                .unwrap_err()
                .to_string(),
            "8 pixels are not 2 images × 2 × 2 × 3: give one number for each pixel and channel",
        ),
        (
            Scatter::new([1.0, 2.0], [1])
                .unwrap()
                .latents([1.0], 3)
                .unwrap_err()
                .to_string(),
            "1 latent values are not 1 points × 3 dimensions",
        ),
        (
            Curves::new([1.0])
                .panel("KL", &[("test", &[])])
                .unwrap_err()
                .to_string(),
            "series `test` of panel `KL` has 0 y values for 1 x values",
        ),
    ] {
        assert!(message.starts_with(wanted), "{message}");
    }
}

#[test]
fn invalid_paths_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let grid = ImageGrid::new([0.5], [1, 1, 1]).unwrap();
    let save = |name: &str| grid.save(&folder.path().join(name)).unwrap_err();

    fs::write(folder.path().join("file"), "text").unwrap();
    let error = save("file/a.png");
    assert!(
        matches!(&error, Error::CreateDirectory { directory, .. } if directory.ends_with("file"))
    );
    fs::create_dir(folder.path().join("folder.png")).unwrap();
    let error = save("folder.png");
    assert!(matches!(&error, Error::IsDirectory { path } if path.ends_with("folder.png")));
    assert!(matches!(save("a.gif"), Error::UnknownFormat { .. }));
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        2,
        "something was left behind"
    );
}

#[test]
fn a_failure_leaves_existing_files_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("latents.npy");
    let old = Scatter::new([1.0, 2.0], [1]).unwrap();
    old.save(&path).unwrap();
    let [before, labels] = [path.clone(), path.with_extension("labels.npy")];
    let content = fs::read(&before).unwrap();

    // The second of two files cannot be written, so the first must not be replaced either.
    fs::remove_file(&labels).unwrap();
    fs::create_dir(&labels).unwrap();
    Scatter::new([3.0, 4.0], [2])
        .unwrap()
        .save(&path)
        .unwrap_err();
    assert_eq!(fs::read(&before).unwrap(), content);
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        2,
        "something was left behind"
    );

    fs::remove_dir(&labels).unwrap();
    Scatter::new([3.0, 4.0], [2]).unwrap().save(&path).unwrap();
    assert_ne!(fs::read(&before).unwrap(), content);
}
