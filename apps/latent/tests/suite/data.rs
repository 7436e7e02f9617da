//! Data sets: what is shown, refused and warned about.

use std::fs;

use latent_datasets::{Dataset, Splits, save_idx, synthetic};
use latent_tests::{fail, latent, object, outcome, succeed};

#[test]
fn images_that_look_wrong_are_reported_with_the_remedy() {
    type Change<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;

    let directory = tempfile::tempdir().unwrap();
    let digits = synthetic(1, 100, 20);
    let transposed = |image: &[u8]| -> Vec<u8> {
        (0..784)
            .map(|index| image[index % 28 * 28 + index / 28])
            .collect()
    };
    let changes: [(&str, Change); 4] = [
        ("", &<[u8]>::to_vec),
        ("store black as 0 and white as 255", &|image| {
            image.iter().map(|&pixel| u8::from(pixel > 127)).collect()
        }),
        ("255 minus each pixel", &|image| {
            image.iter().map(|pixel| 255 - pixel).collect()
        }),
        ("exchange rows and columns", &transposed),
    ];
    for (remedy, change) in changes {
        let changed = |data: &Dataset| {
            let images = data.images().chunks(784).flat_map(change).collect();
            Dataset::new(data.shape(), data.classes(), images, data.labels().to_vec()).unwrap()
        };
        let splits = Splits {
            name: "changed".to_owned(),
            train: changed(&digits.train),
            validation: None,
            test: changed(&digits.test),
        };
        let path = directory.path().join("data");
        save_idx(&splits, &path, |_| Ok(())).unwrap();
        // With --json too: it is no progress.
        let info = [
            "data",
            "info",
            "--data",
            "idx",
            "--data-dir",
            "data",
            "--json",
        ];
        let (stdout, stderr, code) = outcome(latent(directory.path()).args(info));
        assert_eq!(code, 0, "{stderr}");
        assert_eq!(
            stdout.contains(r#""findings":[]"#),
            remedy.is_empty(),
            "{stdout}"
        );
        let warnings: Vec<_> = stderr
            .lines()
            .filter(|line| line.contains("warning: "))
            .collect();
        if remedy.is_empty() {
            assert_eq!(warnings, [""; 0]);
        } else {
            assert_eq!(warnings.len(), 1, "{stderr}");
            assert!(warnings[0].contains(remedy), "{stderr}");
        }
        let (_, stderr, _) = outcome(latent(directory.path()).args(info).arg("--quiet"));
        assert_eq!(stderr, "");
    }
}

#[test]
fn the_data_can_be_looked_at() {
    let directory = tempfile::tempdir().unwrap();
    let info = object(directory.path(), &["data", "info", "--data", "synthetic"]);
    assert_eq!(info["train"]["images"], 60_000);
    assert_eq!(info["test"]["images_by_class"][3], 1000);
    let show = succeed(
        directory.path(),
        &["data", "show", "--index", "3", "--output", "three.png"],
    );
    assert!(
        show.starts_with("image 3 of synthetic (train): 3\n") && show.contains('█'),
        "{show}"
    );
    assert!(directory.path().join("three.png").is_file());
    assert_eq!(
        object(directory.path(), &["data", "show"])["pixels"]
            .as_array()
            .unwrap()
            .len(),
        784
    );
    let message = fail(directory.path(), &["data", "show", "--index", "60000"], 1);
    assert!(
        message.contains("there is no image 60000: the data set has 60000"),
        "{message}"
    );
}

#[test]
fn other_images_than_the_model_was_trained_on_are_pointed_out() {
    let directory = tempfile::tempdir().unwrap();
    let write = |folder: &str, ink: u8| {
        let folder = directory.path().join(folder);
        fs::create_dir(&folder).unwrap();
        for (part, count) in [("train", 12u8), ("t10k", 4)] {
            let images = [
                &[0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 2, 0, 0, 0, 3][..],
                &vec![ink; usize::from(count) * 6],
            ]
            .concat();
            let labels = [
                &[0, 0, 8, 1, 0, 0, 0, count][..],
                &vec![7; usize::from(count)],
            ]
            .concat();
            fs::write(folder.join(format!("{part}-images-idx3-ubyte")), images).unwrap();
            fs::write(folder.join(format!("{part}-labels-idx1-ubyte")), labels).unwrap();
        }
    };
    write("mine", 200);
    write("others", 10);
    // Images of 2 × 3 pixels, one class, fewer than a picture would like: all of it still works.
    let train = [
        "train",
        "vae-2d",
        "--epochs",
        "1",
        "--data",
        "idx",
        "--data-dir",
        "mine",
        "--output",
        "run",
    ];
    let stdout = succeed(directory.path(), &train);
    assert!(stdout.contains("latent evaluate run --json\n"), "{stdout}");
    let stderr = |folder: &str| {
        outcome(latent(directory.path()).args(["evaluate", "run", "--data-dir", folder])).1
    };
    assert!(!stderr("mine").contains("note:"));
    assert!(stderr("others").contains("note: run was trained on other data"));
    let message = fail(
        directory.path(),
        &["evaluate", "run", "--data", "synthetic"],
        1,
    );
    assert!(
        message.contains("2 × 3") && message.contains("28 × 28"),
        "{message}"
    );
    succeed(directory.path(), &["interpolate", "run"]);
}

#[test]
fn damaged_data_is_named_with_its_remedy() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    fs::create_dir(&data).unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(data.join(name), bytes).unwrap();
    let images = |count: u8| {
        [
            &[0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 28, 0, 0, 0, 28][..],
            &vec![9; usize::from(count) * 784],
        ]
        .concat()
    };
    let labels = |labels: &[u8]| [&[0, 0, 8, 1, 0, 0, 0, labels.len() as u8][..], labels].concat();
    write("train-images-idx3-ubyte", &images(2));
    write("train-labels-idx1-ubyte", &labels(&[3, 4]));
    write("t10k-images-idx3-ubyte", &images(1));
    write("t10k-labels-idx1-ubyte", &labels(&[5]));
    let info = |source| ["data", "info", "--data", source, "--data-dir", "data"];

    let found = object(directory.path(), &info("idx"));
    assert_eq!(found["train"]["images"], 2);
    assert!(fail(directory.path(), &info("auto"), 1).contains("not MNIST's"));

    let promise = |count: [u8; 4]| {
        [
            &[0, 0, 8, 3][..],
            &count,
            &[0, 0, 0, 28, 0, 0, 0, 28],
            &[0; 784],
        ]
        .concat()
    };
    let mut cut = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut cut, &images(2)).unwrap();
    let cut = cut.finish().unwrap();
    for (name, bytes, part) in [
        (
            "train-images-idx3-ubyte",
            &promise([0, 0, 0, 2])[..],
            "the file is truncated",
        ),
        (
            "train-images-idx3-ubyte",
            &promise([255, 255, 255, 255]),
            "the file is truncated",
        ),
        (
            "train-images-idx3-ubyte",
            &promise([0, 0, 0, 1])[..700],
            "the file is truncated",
        ),
        (
            "train-images-idx3-ubyte",
            &[&images(2)[..], &[0]].concat(),
            "but more follow",
        ),
        (
            "train-images-idx3-ubyte",
            b"<html></html>",
            "starts with the bytes",
        ),
        (
            "train-images-idx3-ubyte",
            &cut[..cut.len() / 2],
            "the gzip stream is truncated",
        ),
        (
            "train-labels-idx1-ubyte",
            &labels(&[3]),
            "one image for each label",
        ),
        ("train-labels-idx1-ubyte", &[], "is empty"),
    ] {
        let whole = fs::read(data.join(name)).unwrap();
        write(name, bytes);
        let message = fail(directory.path(), &info("idx"), 1);
        assert!(
            message.contains(part) && message.contains(name),
            "{part}: {message}"
        );
        write(name, &whole);
    }
    fs::remove_file(data.join("t10k-labels-idx1-ubyte")).unwrap();
    assert!(fail(directory.path(), &info("auto"), 1).contains("t10k-labels-idx1-ubyte not found"));
}
