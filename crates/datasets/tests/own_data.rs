//! Data sets of a user's own: folders of pictures, NumPy files, CIFAR-10's files.
#![cfg(feature = "pictures")]
#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

mod files;

use std::fs;
use std::path::Path;

use files::{Npy, grey, npz, save, solid};
use image::{DynamicImage, ImageBuffer, ImageFormat, Luma, LumaA, Rgba};
use latent_datasets::{
    Dataset, DecodedPicture, DrawingOptions, ImageOptions, Shape, Size, Source, arrays_from_file,
    cifar10_from_directory, decode_picture, load, pictures_from_directory, prepare_drawing,
};

const PLAIN: ImageOptions = ImageOptions {
    size: None,
    grey: false,
    invert: false,
};

fn sized(height: u32, width: u32) -> ImageOptions {
    ImageOptions {
        size: Some(Size { height, width }),
        ..PLAIN
    }
}

/// The message of an error, without the directory.
fn message<T: std::fmt::Debug>(result: Result<T, latent_datasets::Error>, path: &Path) -> String {
    let message = result.unwrap_err().to_string();
    message
        .replace(&path.display().to_string(), "DATA")
        .replace('\\', "/")
}

#[test]
fn a_folder_of_classes_becomes_labelled_images_with_names() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    // Class b has three times as many pictures as class a; each picture has its own grey value.
    for index in 0..7_u8 {
        save(
            &path.join(format!("a/{index}.png")),
            &grey(2, 3, 10 + index),
        );
    }
    for index in 0..21_u8 {
        save(
            &path.join(format!("b/{index}.png")),
            &grey(2, 3, 100 + index),
        );
    }
    fs::write(path.join("a/notes.txt"), "not a picture").unwrap();
    fs::write(path.join("a/.hidden.png"), "not a picture").unwrap();
    fs::create_dir(path.join(".thumbnails")).unwrap();

    let reading = pictures_from_directory(path, &PLAIN).unwrap();
    let splits = reading.splits;
    assert_eq!(splits.train.shape(), Shape::grey(2, 3));
    assert_eq!(splits.train.class_names(), ["a", "b"]);
    assert_eq!((splits.train.len(), splits.test.len()), (24, 4));
    // A seventh of each class.
    assert_eq!(splits.test.counts_by_class(), [1, 3]);
    assert!(reading.notes.iter().any(|note| note.contains("a seventh")));

    let mut all = Vec::new();
    for data in [&splits.train, &splits.test] {
        for (index, name) in data.names().iter().enumerate() {
            let (class, file) = name.split_once('/').unwrap();
            let number: u8 = file.strip_suffix(".png").unwrap().parse().unwrap();
            let (label, first) = if class == "a" { (0, 10) } else { (1, 100) };
            assert_eq!(data.labels()[index], label);
            assert_eq!(data.image(index).unwrap(), [first + number; 6]);
            all.push(name.clone());
        }
    }
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 28, "each picture is in one split");

    // The same images in the same order, whatever the order of the file system.
    let again = pictures_from_directory(path, &PLAIN).unwrap().splits;
    assert!(again.train == splits.train && again.test == splits.test);
}

#[test]
fn given_splits_are_kept_and_numbers_are_in_their_order() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    for (split, count) in [("train", 3_u8), ("test", 2), ("valid", 1)] {
        for class in ["2", "10"] {
            for index in 0..count {
                let file = path.join(format!("{split}/{class}/{index}.png"));
                save(&file, &grey(1, 1, index));
            }
        }
    }
    let splits = pictures_from_directory(path, &PLAIN).unwrap().splits;
    assert_eq!(splits.train.class_names(), ["2", "10"]);
    let validation = splits.validation.unwrap();
    let counts = [&splits.train, &splits.test, &validation].map(Dataset::len);
    assert_eq!(counts, [6, 4, 2]);
    assert!(
        splits
            .test
            .names()
            .iter()
            .all(|name| name.starts_with("test/"))
    );
}

#[test]
fn a_flat_folder_has_no_labels_and_may_be_in_colour() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    for index in 0..9_u8 {
        save(&path.join(format!("{index}.png")), &grey(40, 24, index));
    }
    // Stored in colour, but grey: nothing changes.
    save(&path.join("9.png"), &solid(40, 24, [7, 7, 7]));
    let splits = pictures_from_directory(path, &PLAIN).unwrap().splits;
    assert_eq!(splits.train.shape(), Shape::grey(40, 24));
    assert!(!splits.train.is_labelled());
    assert_eq!((splits.train.len(), splits.test.len()), (9, 1));

    // One picture in colour, and all are.
    save(&path.join("9.png"), &solid(40, 24, [1, 2, 3]));
    let splits = pictures_from_directory(path, &PLAIN).unwrap().splits;
    assert_eq!(splits.train.shape().channels, 3);
    let all = [&splits.train, &splits.test];
    let found = all.into_iter().find_map(|data| {
        let index = data.names().iter().position(|name| name == "9.png");
        data.image(index?)
    });
    assert_eq!(found.unwrap()[..6], [1, 2, 3, 1, 2, 3]);
    let options = ImageOptions {
        grey: true,
        ..PLAIN
    };
    let reading = pictures_from_directory(path, &options).unwrap();
    assert_eq!(reading.splits.train.shape().channels, 1);
    assert!(
        reading
            .notes
            .contains(&"1 picture colours converted to grey".to_owned())
    );
}

#[test]
fn every_kind_of_folder_that_is_no_data_set_has_its_message() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let place = |name: &str| {
        let path = root.join(name);
        fs::create_dir(&path).unwrap();
        path
    };
    let refused = |path: &Path| message(pictures_from_directory(path, &PLAIN), path);

    let path = place("empty");
    assert_eq!(refused(&path), "DATA: there are no images");
    assert!(
        message(Source::of_path(&path), &path)
            .starts_with("DATA: there is no data set in this directory;")
    );

    let path = place("one");
    save(&path.join("a.png"), &grey(2, 2, 9));
    assert_eq!(
        refused(&path),
        "DATA: there is one image; one for training and one for the test are the least"
    );

    let path = place("sizes");
    save(&path.join("a.png"), &grey(2, 2, 9));
    save(&path.join("b.png"), &grey(2, 3, 9));
    assert_eq!(
        refused(&path),
        "DATA: the pictures have several sizes: a.png has 2 × 2 pixels (height × width), b.png has 2 × 3"
    );
    let splits = pictures_from_directory(&path, &sized(4, 4)).unwrap().splits;
    assert_eq!(splits.train.image(0).unwrap(), [9; 16]);

    let path = place("classes");
    save(&path.join("a/1.png"), &grey(2, 2, 9));
    fs::create_dir(path.join("b")).unwrap();
    assert_eq!(
        refused(&path),
        "DATA/b: the directory of a class has no pictures"
    );
    save(&path.join("b/c/1.png"), &grey(2, 2, 9));
    assert_eq!(
        refused(&path),
        "DATA/b/c: a directory within that of a class, where pictures are expected"
    );
    fs::remove_dir_all(path.join("b")).unwrap();
    save(&path.join("2.png"), &grey(2, 2, 9));
    assert_eq!(
        refused(&path),
        "DATA/2.png: a picture beside the directories of classes, such as `a`"
    );

    let path = place("many");
    for class in 0..257 {
        save(&path.join(format!("{class}/1.png")), &grey(1, 1, 9));
    }
    assert_eq!(
        refused(&path),
        "DATA: there are 257 classes, expected at most 256"
    );

    let path = place("single");
    save(&path.join("a.png"), &grey(2, 2, 9));
    let file = path.join("a.png");
    assert!(
        message(Source::of_path(&file), &path).starts_with("DATA/a.png: this is a single picture;")
    );
    let nothing = path.join("nothing");
    assert!(
        message(Source::of_path(&nothing), &path)
            .starts_with("DATA/nothing: there is no such file")
    );
}

#[test]
fn few_unreadable_pictures_are_left_out_and_many_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    for index in 0..40 {
        save(&path.join(format!("{index}.png")), &grey(2, 2, 9));
    }
    let whole = fs::read(path.join("0.png")).unwrap();
    fs::write(path.join("1.png"), &whole[..whole.len() / 2]).unwrap();
    fs::write(path.join("2.png"), "<html>").unwrap();
    let reading = pictures_from_directory(path, &PLAIN).unwrap();
    assert_eq!(reading.splits.train.len() + reading.splits.test.len(), 38);
    let note = &reading.notes[0];
    assert!(
        note.starts_with("2 of 40 pictures cannot be read and are left out: 1.png ("),
        "{note}"
    );
    assert!(
        note.contains("; 2.png (its content is not PNG, JPEG, GIF, BMP or WebP)"),
        "{note}"
    );

    for index in 3..9 {
        fs::write(path.join(format!("{index}.png")), "").unwrap();
    }
    let message = message(pictures_from_directory(path, &PLAIN), path);
    assert!(
        message
            .starts_with("DATA: 8 of 40 pictures cannot be read, more than one in twenty: 1.png ("),
        "{message}"
    );
    assert!(
        message.ends_with("; …") && message.matches(".png (").count() == 5,
        "{message}"
    );
}

#[cfg(unix)]
#[test]
fn symbolic_links_cannot_lead_in_a_circle() {
    use std::os::unix::fs::symlink;

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    save(&path.join("a/1.png"), &grey(2, 2, 9));
    symlink(path, path.join("a/again")).unwrap();
    let message = message(pictures_from_directory(path, &PLAIN), path);
    assert!(
        message.starts_with("DATA/a/again: a directory within that of a class"),
        "{message}"
    );
    fs::remove_file(path.join("a/again")).unwrap();
    symlink(path.join("a/2.png"), path.join("a/2.png")).unwrap();
    save(&path.join("a/3.png"), &grey(2, 2, 9));
    let message = pictures_from_directory(path, &PLAIN)
        .unwrap_err()
        .to_string();
    assert!(message.contains("2.png ("), "{message}");
}

/// Saves and decodes a picture.
fn decoded(
    picture: &DynamicImage,
    format: ImageFormat,
    options: &ImageOptions,
) -> (Shape, Vec<u8>, Vec<String>) {
    let file = tempfile::NamedTempFile::new().unwrap();
    picture.save_with_format(file.path(), format).unwrap();
    let found = decode_picture(file.path(), options).unwrap();
    let conversions = found.conversions.iter().map(ToString::to_string).collect();
    (found.shape, found.pixels, conversions)
}

#[test]
fn every_kind_of_pixel_is_converted_and_says_so() {
    let deep = ImageBuffer::from_pixel(2, 1, Luma([257_u16 * 77]));
    let found = decoded(&deep.into(), ImageFormat::Png, &PLAIN);
    assert_eq!(
        found,
        (
            Shape::grey(1, 2),
            vec![77; 2],
            vec!["rounded to 8 bits".to_owned()]
        )
    );

    // Half transparent black on white is grey; opaque pixels stay.
    let mut pixels = ImageBuffer::from_pixel(2, 1, Rgba([0, 0, 0, 128_u8]));
    pixels.put_pixel(1, 0, Rgba([10, 20, 30, 255]));
    let (shape, pixels, said) = decoded(&pixels.into(), ImageFormat::Png, &PLAIN);
    assert_eq!(
        (shape.channels, pixels),
        (3, vec![127, 127, 127, 10, 20, 30])
    );
    assert_eq!(said, ["transparent pixels put on white"]);
    let opaque = ImageBuffer::from_pixel(1, 1, LumaA([9, 255_u8]));
    assert_eq!(
        decoded(&opaque.into(), ImageFormat::Png, &PLAIN),
        (Shape::grey(1, 1), vec![9], vec![])
    );

    // GIF has a palette.
    let colour = solid(2, 3, [255, 0, 0]);
    let (shape, pixels, said) = decoded(&colour, ImageFormat::Gif, &PLAIN);
    assert_eq!(
        (shape.channels, &pixels[..3], said),
        (3, &[255, 0, 0][..], vec![])
    );
    for format in [ImageFormat::Bmp, ImageFormat::WebP] {
        assert_eq!(decoded(&colour, format, &PLAIN).1, pixels);
    }
    let grey_option = ImageOptions {
        grey: true,
        ..PLAIN
    };
    let (shape, pixels, said) = decoded(&colour, ImageFormat::Png, &grey_option);
    assert_eq!(
        (shape.channels, said),
        (1, vec!["colours converted to grey".to_owned()])
    );
    // The luminance of red.
    assert_eq!(pixels, [54; 6]);
}

#[test]
fn a_picture_is_scaled_until_it_covers_the_size_and_its_middle_is_taken() {
    // Three columns, dark, bright, dark, of a picture of 4 × 12: the middle 4 × 4 is bright.
    let picture = ImageBuffer::from_fn(12, 4, |x, _| {
        Luma([if (4..8).contains(&x) { 200_u8 } else { 20 }])
    });
    let (shape, pixels, said) = decoded(&picture.clone().into(), ImageFormat::Png, &sized(4, 4));
    assert_eq!(
        (shape, said),
        (Shape::grey(4, 4), vec!["scaled to the size".to_owned()])
    );
    assert_eq!(pixels, [200; 16]);
    let (_, pixels, said) = decoded(&picture.into(), ImageFormat::Png, &sized(4, 12));
    assert_eq!((pixels.len(), said.len()), (48, 0));
}

/// A JPEG whose EXIF data say that it must be turned by 90° to the right.
#[test]
fn the_orientation_of_a_photograph_is_applied() {
    let picture = ImageBuffer::from_fn(16, 8, |x, _| Luma([if x < 8 { 0_u8 } else { 255 }]));
    let file = tempfile::NamedTempFile::new().unwrap();
    DynamicImage::from(picture)
        .save_with_format(file.path(), ImageFormat::Jpeg)
        .unwrap();
    let bytes = fs::read(file.path()).unwrap();
    let mut exif =
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".to_vec();
    let length = (exif.len() + 2) as u16;
    let mut turned = bytes[..2].to_vec();
    turned.extend([0xff, 0xe1]);
    turned.extend(length.to_be_bytes());
    turned.append(&mut exif);
    turned.extend(&bytes[2..]);
    fs::write(file.path(), turned).unwrap();
    let found = decode_picture(file.path(), &PLAIN).unwrap();
    assert_eq!(found.shape, Shape::grey(16, 8));
    // The left half, which is black, is now the upper one.
    assert!(
        found.pixels[..40].iter().all(|&pixel| pixel < 20),
        "{:?}",
        found.pixels
    );
    assert!(
        found.pixels[88..].iter().all(|&pixel| pixel > 235),
        "{:?}",
        found.pixels
    );
    assert_eq!(found.conversions.len(), 1);
}

#[test]
fn a_picture_that_declares_more_than_fits_is_refused_before_it_is_decoded() {
    let file = tempfile::NamedTempFile::new().unwrap();
    grey(1, 1, 0)
        .save_with_format(file.path(), ImageFormat::Png)
        .unwrap();
    let mut bytes = fs::read(file.path()).unwrap();
    for (width, height) in [
        (16_384_u32, 16_384_u32),
        (1 << 30, 1),
        (1, 1 << 30),
        (u32::MAX, u32::MAX),
    ] {
        // Width and height are the first fields of the header, whose checksum follows them.
        bytes[16..20].copy_from_slice(&width.to_be_bytes());
        bytes[20..24].copy_from_slice(&height.to_be_bytes());
        // Sixteen bits of red, green and blue for each pixel.
        bytes[24..26].copy_from_slice(&[16, 2]);
        let mut sum = flate2::Crc::new();
        sum.update(&bytes[12..29]);
        bytes[29..33].copy_from_slice(&sum.sum().to_be_bytes());
        fs::write(file.path(), &bytes).unwrap();
        let message = decode_picture(file.path(), &PLAIN).unwrap_err().to_string();
        assert!(
            message.contains("the picture cannot be read: it "),
            "{message}"
        );
    }
}

#[test]
fn arrays_of_every_name_and_type_become_images() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data.npz");
    let bytes: Vec<u8> = (0..7 * 6).collect();
    let labels: Vec<u8> = vec![2, 0, 1, 2, 0, 1, 2];
    let images = [
        Npy::new("|u1", "(7, 2, 3)", bytes.clone()),
        Npy::new(
            "<i4",
            "(7, 2, 3)",
            bytes
                .iter()
                .flat_map(|&byte| i32::from(byte).to_le_bytes())
                .collect(),
        ),
        Npy::new(
            ">i2",
            "(7, 2, 3)",
            bytes
                .iter()
                .flat_map(|&byte| i16::from(byte).to_be_bytes())
                .collect(),
        ),
        Npy::new(
            "<f4",
            "(7, 2, 3)",
            bytes
                .iter()
                .flat_map(|&byte| (f32::from(byte) / 255.0).to_le_bytes())
                .collect(),
        ),
        Npy::new(
            "<f8",
            "(7, 2, 3, 1)",
            bytes
                .iter()
                .flat_map(|&byte| (f64::from(byte) / 255.0).to_le_bytes())
                .collect(),
        ),
    ];
    let numbers = [
        Npy::new("|u1", "(7,)", labels.clone()),
        Npy::new(
            "<i8",
            "(7, 1)",
            labels
                .iter()
                .flat_map(|&label| i64::from(label).to_le_bytes())
                .collect(),
        ),
    ];
    let names = [("images", "labels"), ("x", "y"), ("arr_0", "arr_1")];
    for (images, labels_array, names) in images.iter().flat_map(|images| {
        numbers
            .iter()
            .flat_map(move |labels| names.map(|names| (images, labels, names)))
    }) {
        npz(&path, &[(names.0, images), (names.1, labels_array)]);
        let splits = arrays_from_file(&path).unwrap().splits;
        assert_eq!(splits.name, "data");
        assert_eq!((splits.train.len(), splits.test.len()), (6, 1));
        assert_eq!(
            (splits.train.shape(), splits.train.classes()),
            (Shape::grey(2, 3), 3)
        );
        for (index, name) in splits.train.names().iter().enumerate() {
            let place = name.strip_prefix(names.0).unwrap();
            let place: usize = place[1..place.len() - 1].parse().unwrap();
            assert_eq!(
                splits.train.image(index).unwrap(),
                &bytes[6 * place..6 * place + 6]
            );
            assert_eq!(splits.train.labels()[index], labels[place]);
        }
    }
}

#[test]
fn splits_of_an_archive_are_kept_and_channels_come_last() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("medical.npz");
    // One image of 1 × 2 pixels: red 1 2, green 3 4, blue 5 6.
    let train = Npy::new("|u1", "(1, 3, 1, 2)", vec![1, 2, 3, 4, 5, 6]);
    let test = Npy::new("|u1", "(2, 1, 2, 3)", (0..12).collect());
    let one = Npy::new("|u1", "(1, 1)", vec![3]);
    let two = Npy::new("|u1", "(2, 1)", vec![0, 1]);
    npz(
        &path,
        &[
            ("train_images", &train),
            ("train_labels", &one),
            ("val_images", &train),
            ("val_labels", &one),
            ("test_images", &test),
            ("test_labels", &two),
        ],
    );
    let reading = arrays_from_file(&path).unwrap();
    let splits = reading.splits;
    assert_eq!(splits.train.image(0).unwrap(), [1, 3, 5, 2, 4, 6]);
    assert_eq!(splits.validation.unwrap().len(), 1);
    assert_eq!((splits.test.len(), splits.test.classes()), (2, 4));
    assert!(
        reading.notes[0].contains("channels before height and width"),
        "{:?}",
        reading.notes
    );
}

#[test]
fn a_single_array_may_have_its_labels_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("letters.npy");
    fs::write(&path, Npy::new("|b1", "(2, 1, 2)", vec![0, 1, 1, 1]).file()).unwrap();
    let data = arrays_from_file(&path).unwrap().splits.train;
    assert!(!data.is_labelled() && data.images().iter().all(|pixel| [0, 255].contains(pixel)));
    let labels = Npy::new(
        "<i8",
        "(2,)",
        [1_i64, 0]
            .iter()
            .flat_map(|label| label.to_le_bytes())
            .collect(),
    );
    fs::write(directory.path().join("letters.labels.npy"), labels.file()).unwrap();
    assert_eq!(arrays_from_file(&path).unwrap().splits.train.classes(), 2);
}

#[test]
fn every_kind_of_array_that_is_no_data_set_has_its_message() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data.npz");
    let good = Npy::new("|u1", "(2, 1, 1)", vec![1, 2]);
    let label = |kind: &str, bytes: Vec<u8>| Npy::new(kind, "(2,)", bytes);
    let of = |images: &Npy, labels: &Npy| {
        npz(&path, &[("images", images), ("labels", labels)]);
        message(arrays_from_file(&path), &path)
    };
    let ok = label("|u1", vec![0, 1]);
    let images = |kind: &str, shape: &str, bytes: Vec<u8>| of(&Npy::new(kind, shape, bytes), &ok);
    let start = "DATA: not a NumPy data set of images: `images`";
    for (found, expected) in [
        (
            images("|u1", "(2, 3)", vec![0; 6]),
            " is 2 × 3, expected images × height × width, with 1 or 3 channels at the end if there are more dimensions",
        ),
        (
            images("|u1", "(2, 2, 2, 4)", vec![0; 32]),
            " is 2 × 2 × 2 × 4, expected images × height × width, with 1 or 3 channels at the end if there are more dimensions",
        ),
        (
            images("|u1", "(2, 0, 1)", vec![]),
            " is 2 × 0 × 1, expected images with at least one pixel",
        ),
        (
            images("<c8", "(2, 1, 1)", vec![0; 16]),
            ": its elements are of type <c8, expected numbers, booleans or texts",
        ),
        (
            images("<i2", "(2, 1, 1)", vec![0, 1, 0, 0]),
            " has the pixel 256, expected 0 to 255",
        ),
        (
            images(
                "<f4",
                "(2, 1, 1)",
                [0.5_f32, 1.5]
                    .iter()
                    .flat_map(|x| x.to_le_bytes())
                    .collect(),
            ),
            " has the pixel 1.5, expected 0 to 1 for floats; store bytes from 0 to 255 instead",
        ),
        (
            images(
                "|u1",
                "(1000000000000, 1000000000000, 1000000000000)",
                vec![0],
            ),
            ": its header declares 1000000000000 × 1000000000000 × 1000000000000 elements of 1 bytes, more than \
             2147483648 bytes",
        ),
        (
            images("|u1", "(3, 1, 1)", vec![0; 2]),
            ": its header declares 3 bytes of data but only 2 follow",
        ),
        (
            images("|u1", "(1, 1, 1)", vec![0; 2]),
            ": its header declares 1 bytes of data but more follow",
        ),
    ] {
        assert_eq!(found, format!("{start}{expected}"));
    }
    for (labels, expected) in [
        (
            label("<f4", vec![0; 8]),
            "the labels of `images` are no whole numbers, which are expected",
        ),
        (
            label("|i1", vec![0, 255]),
            "`images` has the label -1, expected whole numbers from 0 to 255",
        ),
        (
            Npy::new("|u1", "(3,)", vec![0; 3]),
            "`images` has 2 images but 3 labels",
        ),
        (
            Npy::new("|u1", "(2, 2)", vec![0; 4]),
            "the labels of `images` are 2 × 2, expected one number for each image",
        ),
    ] {
        assert_eq!(
            of(&good, &labels),
            format!("DATA: not a NumPy data set of images: {expected}")
        );
    }
    let mut column_major = good;
    column_major.is_column_major = true;
    assert!(of(&column_major, &ok).contains("column-major (Fortran) order"));
    npz(&path, &[("weights", &ok)]);
    assert!(
        message(arrays_from_file(&path), &path)
            .contains("it has the arrays weights; expected `images`")
    );
    fs::write(&path, "<html>").unwrap();
    assert!(
        message(arrays_from_file(&path), &path).contains("it does not start as a NumPy file does")
    );
    fs::write(&path, "PK<html>").unwrap();
    assert!(message(arrays_from_file(&path), &path).contains("it is damaged"));
}

#[test]
fn cifar10_is_read_with_its_classes_and_channels_last() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("cifar-10-batches-bin");
    fs::create_dir(&place).unwrap();
    let record = |label: u8| {
        let planes = [1, 2, 3].map(|value| [value; 1024]).concat();
        [vec![label], planes].concat()
    };
    for number in 1..=5 {
        fs::write(
            place.join(format!("data_batch_{number}.bin")),
            record(number),
        )
        .unwrap();
    }
    let message = message(cifar10_from_directory(directory.path()), &place);
    assert_eq!(
        message,
        "DATA: test_batch.bin not found, with or without `.gz`"
    );
    let test = [record(0), record(9)].concat();
    fs::write(place.join("test_batch.bin"), test).unwrap();
    assert_eq!(Source::of_path(directory.path()).unwrap(), Source::Cifar10);
    let splits = load(Source::Cifar10, Some(directory.path()), &PLAIN)
        .unwrap()
        .splits;
    assert_eq!(
        (splits.name.as_str(), splits.train.labels()),
        ("cifar10", &[1, 2, 3, 4, 5][..])
    );
    assert_eq!(splits.test.image(1).unwrap()[..6], [1, 2, 3, 1, 2, 3]);
    assert_eq!(splits.train.class_name(9), "truck");

    fs::write(place.join("test_batch.bin"), record(10)).unwrap();
    let message = cifar10_from_directory(directory.path())
        .unwrap_err()
        .to_string();
    assert!(
        message.ends_with("image 0 has the label 10, expected 0 to 9"),
        "{message}"
    );
    fs::write(place.join("test_batch.bin"), &record(1)[1..]).unwrap();
    let message = cifar10_from_directory(directory.path())
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("it has 3072 bytes, expected a multiple of 3073"),
        "{message}"
    );
}

#[test]
fn options_apply_to_every_source() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data.npy");
    fs::write(&path, Npy::new("|u1", "(4, 2, 2, 3)", vec![200; 48]).file()).unwrap();
    let options = ImageOptions {
        grey: true,
        invert: true,
        ..sized(3, 5)
    };
    let loaded = load(Source::of_path(&path).unwrap(), Some(&path), &options).unwrap();
    assert_eq!(loaded.splits.train.shape(), Shape::grey(3, 5));
    assert!(loaded.splits.test.images().iter().all(|&pixel| pixel == 55));
    // Synthetic digits, too.
    let options = ImageOptions {
        invert: true,
        ..PLAIN
    };
    let loaded = load(Source::Synthetic, None, &options).unwrap();
    assert!(loaded.splits.train.pixel_statistics().mean > 0.5);
    assert_eq!(loaded.findings, [latent_datasets::Finding::Inverted]);
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_files_of_any_schema_give_images_labels_and_the_names_of_classes() {
    use files::{parquet, png};
    use latent_datasets::parquet_from_path;

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let red = || png(&solid(2, 3, [255, 0, 0]));
    let dark = || png(&grey(2, 3, 7));
    let train = [
        (red(), "a.png", 1),
        (dark(), "b.png", 0),
        (red(), "c.png", 1),
    ];
    // Several files of one split; the names of splits are those of the files.
    let place = path.join("data");
    fs::create_dir(&place).unwrap();
    parquet(
        &place.join("train-00000-of-00002.parquet"),
        &train[..2],
        &["blue", "red", "rare"],
    );
    parquet(
        &place.join("train-00001-of-00002.parquet"),
        &train[2..],
        &["blue", "red", "rare"],
    );
    parquet(
        &place.join("test-00000-of-00001.parquet"),
        &train[..1],
        &["blue", "red", "rare"],
    );
    assert_eq!(Source::of_path(path).unwrap(), Source::Parquet);
    let splits = load(Source::Parquet, Some(path), &PLAIN).unwrap().splits;
    assert_eq!(splits.train.shape().channels, 3);
    assert_eq!(splits.train.class_names(), ["blue", "red", "rare"]);
    let mut names = splits.train.names().to_vec();
    names.sort_unstable();
    assert_eq!(names, ["a.png", "b.png", "c.png"]);
    for (index, name) in splits.train.names().iter().enumerate() {
        let is_red = name != "b.png";
        assert_eq!(splits.train.labels()[index], u8::from(is_red));
        let first = if is_red { [255, 0, 0] } else { [7, 7, 7] };
        assert_eq!(splits.train.image(index).unwrap()[..3], first);
    }
    assert_eq!(splits.test.names(), ["a.png"]);

    // A single file; classes that are only numbered.
    let file = path.join("whole.parquet");
    let rows: Vec<_> = (0..14)
        .map(|index| (dark(), "same.png", index % 2))
        .collect();
    parquet(&file, &rows, &["0", "1"]);
    let splits = parquet_from_path(&file, &PLAIN).unwrap().splits;
    assert_eq!(
        (
            splits.train.len(),
            splits.test.len(),
            splits.train.classes()
        ),
        (12, 2, 2)
    );
    assert!(splits.train.class_names().is_empty());

    parquet(&file, &[(dark(), "a.png", 256), (dark(), "b.png", 0)], &[]);
    let message = message(parquet_from_path(&file, &PLAIN), &file);
    assert!(
        message.contains("the label 256 in the column `fine_label`, expected 0 to 255"),
        "{message}"
    );
    fs::write(&file, "<html>").unwrap();
    let message = parquet_from_path(&file, &PLAIN).unwrap_err().to_string();
    assert!(
        message.contains("not a Parquet data set of images"),
        "{message}"
    );
}

/// The file was written by Pillow 13: 8 × 8 pixels of the grey value 90 as cyan, magenta, yellow and black.
#[test]
fn a_picture_for_printing_becomes_one_for_the_screen() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/cmyk.jpg");
    let found = decode_picture(&path, &PLAIN).unwrap();
    // JPEG is not exact: up to half a step of quantisation at this quality.
    assert!(
        found.pixels.iter().all(|pixel| pixel.abs_diff(90) < 8),
        "{:?}",
        found.pixels
    );
    let conversions: Vec<String> = found.conversions.iter().map(ToString::to_string).collect();
    assert_eq!(conversions, ["converted from CMYK"]);
}

#[test]
fn an_archive_may_name_its_classes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data.npz");
    let images = Npy::new("|u1", "(2, 1, 1)", vec![1, 2]);
    let labels = Npy::new("|u1", "(2,)", vec![0, 1]);
    let texts = |names: &[&str], big: bool| {
        let character = |character: char| {
            let number = u32::from(character);
            if big {
                number.to_be_bytes()
            } else {
                number.to_le_bytes()
            }
        };
        let text = |name: &&str| -> Vec<u8> {
            let characters = name.chars().chain(std::iter::repeat('\0')).take(5);
            characters.flat_map(character).collect()
        };
        let kind = if big { ">U5" } else { "<U5" };
        Npy::new(
            kind,
            &format!("({},)", names.len()),
            names.iter().flat_map(text).collect(),
        )
    };
    for big in [false, true] {
        let names = texts(&["Käse", "Brot", "Wein"], big);
        npz(
            &path,
            &[
                ("images", &images),
                ("labels", &labels),
                ("class_names", &names),
            ],
        );
        let data = arrays_from_file(&path).unwrap().splits.train;
        assert_eq!(data.class_names(), ["Käse", "Brot", "Wein"]);
    }
    for (names, expected) in [
        (
            texts(&["a"], false),
            "`class_names` has 1 names for 2 classes",
        ),
        (
            texts(&["a", "a"], false),
            "2 names for 2 classes (a, a), expected a different name for each class",
        ),
        (labels, "`class_names` has no texts"),
    ] {
        let labels = Npy::new("|u1", "(2,)", vec![0, 1]);
        npz(
            &path,
            &[
                ("images", &images),
                ("labels", &labels),
                ("class_names", &names),
            ],
        );
        let message = message(arrays_from_file(&path), &path);
        assert!(message.ends_with(expected), "{message}");
    }
}

/// A dark bar, six times as high as wide, on grey paper with noise: the strokes are cut out, and not the noise.
#[test]
fn the_noise_of_the_paper_is_no_ink() {
    let mut state = 1_u32;
    let pixels = (0..100 * 100).map(|place| {
        // The high bits of a linear congruential generator: noise of at most 40 levels.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (state >> 16) % 81;
        let is_ink = (20..80).contains(&(place / 100)) && (45..55).contains(&(place % 100));
        (if is_ink { 10 } else { 130 } + noise) as u8
    });
    let picture = DecodedPicture {
        shape: Shape::grey(100, 100),
        pixels: pixels.collect(),
        conversions: Vec::new(),
    };
    let prepared = prepare_drawing(&picture, (28, 28), DrawingOptions::default()).unwrap();
    let inked = (0..784).filter(|&place| prepared.pixels[place] > 0);
    let columns: Vec<usize> = inked.map(|place| place % 28).collect();
    let width = columns.iter().max().unwrap() - columns.iter().min().unwrap() + 1;
    // A sixth of 20 pixels, and a pixel on each side for the edges.
    assert!(width <= 6, "{width} columns");
}
