//! Corrupt files: whatever is wrong with a file, reading it ends quickly with a value or an error,
//! and allocates at most a small multiple of its size.
#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use candle_core::Device;
use flate2::Compression;
use flate2::write::GzEncoder;
use image::{ExtendedColorType, ImageFormat};
use latent_datasets::{
    Idx, ImageOptions, Shape, arrays_from_file, cifar10_from_directory, decode_picture,
    from_parquet, synthetic,
};
use latent_tests::{
    announce, directory_in_memory, letters, mutated, parquet_of, save_arrays, shapes,
};
use latent_tolerance::scaled;
use latent_training::{Experiment, Run, Silent, load_model, train};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// The number of mutations of each kind of file.
fn mutations() -> u64 {
    scaled(2000, 100) as u64
}

/// A file in which every byte is significant.
struct Exact<'a> {
    what: &'a str,
    bytes: &'a [u8],
    /// The size of the header in bytes; half of all mutations are in it.
    header: usize,
}

impl Exact<'_> {
    /// Reads the file, its prefixes, the file with additional bytes, and many mutations; `read`
    /// returns whether it was accepted.
    fn hold(&self, read: impl Fn(&[u8]) -> bool) {
        let Self {
            what,
            bytes,
            header,
        } = *self;
        // A wrong checksum is found only after the whole file has been read.
        let bound = |length| 12 * (length + bytes.len()) + (1 << 20);
        let refused = hold(what, bytes, header, mutations(), bound, &read);
        // 65 % of the mutations remove or insert bytes, and few of these restore the right length.
        let mutations = mutations();
        assert!(
            refused > mutations / 2,
            "{what}: {refused} of {mutations} refused"
        );
        let lengths = (0..64).chain((0..200).map(|part| part * bytes.len() / 200));
        for length in lengths.filter(|&length| length < bytes.len()) {
            assert!(!read(&bytes[..length]), "{what}: its first {length} bytes");
        }
        for more in [&b"\0"[..], b"more"] {
            assert!(!read(&[bytes, more].concat()), "{what} and {more:?}");
        }
        assert!(read(bytes), "{what}: the file itself, again");
    }
}

/// Reads many mutations of a file; returns how many were refused. No more is allocated at a time than `bound` of the
/// length of a mutation.
fn hold(
    what: &str,
    original: &[u8],
    header: usize,
    mutations: u64,
    bound: impl Fn(usize) -> usize,
    read: impl Fn(&[u8]) -> bool,
) -> u64 {
    // Allocates lazily created tables and thread pools, which do not belong to the file.
    assert!(read(original), "{what}: the file itself");
    let begun = Instant::now();
    let (mut refused, mut most, mut slowest) = (0, 0, Duration::ZERO);
    for seed in 0..mutations {
        let file = mutated(original, header, seed);
        let before = ALLOCATED.current_usage();
        ALLOCATED.reset_peak_usage();
        let start = Instant::now();
        if !read(&file) {
            refused += 1;
        }
        slowest = slowest.max(start.elapsed());
        let asked = ALLOCATED.peak_usage() - before;
        assert!(asked < bound(file.len()), "{what} {seed}: {asked} bytes");
        most = most.max(asked);
    }
    assert!(slowest < Duration::from_secs(5), "{what}: {slowest:?}");
    announce(&format!(
        "{mutations} mutations of {what}: {refused} refused, at most {} KiB allocated, {:.1} s",
        most >> 10,
        begun.elapsed().as_secs_f64()
    ));
    refused
}

/// A single test, since the memory of parallel tests would be counted too.
#[test]
fn corrupt_files_are_refused_without_a_panic_or_much_memory() {
    let directory = directory_in_memory();
    let path = directory.path();
    idx();
    experiments();
    runs(path);
    parquet(path);
    own_data(path);
}

/// The sources of a user's own data: pictures, arrays, and the files of CIFAR-10.
fn own_data(path: &Path) {
    let many = scaled(10_000, 100) as u64;
    let colour = shapes(1, 6);
    let shape = colour.shape();
    let (side, pixels) = (shape.width as u32, colour.image(0).unwrap());
    let picture = path.join("picture");
    let options = ImageOptions::default();
    let read_picture = |bytes: &[u8]| {
        fs::write(&picture, bytes).unwrap();
        decode_picture(&picture, &options).is_ok_and(|found| {
            assert_eq!(found.pixels.len(), found.shape.elem_count());
            true
        })
    };
    for format in [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::Gif,
        ImageFormat::Bmp,
        ImageFormat::WebP,
    ] {
        image::save_buffer_with_format(
            &picture,
            pixels,
            side,
            side,
            ExtendedColorType::Rgb8,
            format,
        )
        .unwrap();
        let whole = fs::read(&picture).unwrap();
        // A header may declare a large picture, up to the limit of 256 MiB, of which a decoder has a copy.
        let refused = hold(
            &format!("{format:?}"),
            &whole,
            64,
            many,
            |_| 600 << 20,
            read_picture,
        );
        assert!(
            refused > many / 10,
            "{format:?}: {refused} of {many} refused"
        );
    }

    let bound = |length: usize| 20 * length + (1 << 21);
    let archive = path.join("data.npz");
    save_arrays(&letters(1, 26), &archive).unwrap();
    let whole = fs::read(&archive).unwrap();
    let read_arrays = |bytes: &[u8]| {
        fs::write(&archive, bytes).unwrap();
        arrays_from_file(&archive).is_ok_and(|reading| {
            let train = &reading.splits.train;
            assert_eq!(train.images().len(), train.len() * train.pixels());
            true
        })
    };
    let refused = hold("a NumPy archive", &whole, 400, many, bound, read_arrays);
    assert!(refused > many / 2, "{refused} of {many} archives refused");
    // The same arrays as a file: its first 128 bytes are the header.
    let mut array = b"\x93NUMPY\x01\0".to_vec();
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (20, 4, 4), }\n";
    array.extend((header.len() as u16).to_le_bytes());
    array.extend(header.bytes());
    array.extend([7; 320]);
    let refused = hold("a NumPy array", &array, 80, many, bound, read_arrays);
    assert!(refused > many / 2, "{refused} of {many} arrays refused");

    let place = path.join("cifar");
    fs::create_dir(&place).unwrap();
    let mut record = vec![3];
    record.extend(vec![9; 3072]);
    for number in 1..=5 {
        fs::write(place.join(format!("data_batch_{number}.bin")), &record).unwrap();
    }
    let batch = place.join("test_batch.bin");
    let refused = hold("a batch of CIFAR-10", &record, 1, many, bound, |bytes| {
        fs::write(&batch, bytes).unwrap();
        cifar10_from_directory(&place).is_ok()
    });
    assert!(refused > many / 2, "{refused} of {many} batches refused");
}

fn idx() {
    let mut plain = vec![0, 0, 8, 3, 0, 0, 0, 9, 0, 0, 0, 28, 0, 0, 0, 28];
    plain.extend((0..9 * 28 * 28).map(|i| (i % 251) as u8));
    let read = |bytes: &[u8]| Idx::read(Path::new("file"), bytes);
    let file = Exact {
        what: "an IDX file",
        bytes: &plain,
        header: 16,
    };
    file.hold(|bytes| {
        // A mutation could in theory produce a gzip stream of the file; none of these does.
        let accepted = read(bytes);
        accepted.is_ok_and(|idx| {
            let sizes = idx.dimensions().iter();
            let sizes = sizes.flat_map(|&size| (size as u32).to_be_bytes());
            let header = [0, 0, 8, idx.dimensions().len() as u8].into_iter();
            let again = header.chain(sizes).chain(idx.data().iter().copied());
            assert!(
                again.eq(bytes.iter().copied()),
                "the data differ from the file's"
            );
            true
        })
    });

    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&plain).unwrap();
    let packed = packed.finish().unwrap();
    let file = Exact {
        what: "a gzip IDX file",
        bytes: &packed,
        header: 20,
    };
    file.hold(|bytes| {
        read(bytes).is_ok_and(|idx| {
            assert!(
                idx.data() == &plain[16..],
                "the data differ from the compressed ones"
            );
            true
        })
    });
}

fn experiments() {
    let text = "name = 'small'\nseed = 3\n[model]\nkind = 'conditional-vae'\nhidden = [16, 8]\n\
                latent_size = 2\nobjective = { bound = 'importance-weighted', samples = 5 }\n[training]\n\
                epochs = 3\nbatch_size = 32\nlearning_rate = 1e-3\nvalidation_images = 5\npatience = 2\n\
                schedule = { kind = 'cosine', min_lr = 0.0 }\n[data]\nsource = 'synthetic'\n";
    let read = |text: &str| {
        let parsed = Experiment::parse(text, "file", &[]);
        parsed.is_ok_and(|experiment| {
            experiment
                .check_for("file", Shape::grey(28, 28), 10)
                .is_ok()
        })
    };
    let bound = |length| 12 * (length + text.len()) + (1 << 20);
    hold(
        "an experiment",
        text.as_bytes(),
        text.len(),
        mutations(),
        bound,
        |bytes| std::str::from_utf8(bytes).is_ok_and(read),
    );
    // Arbitrary text may be a valid experiment; these changes are not.
    for (sound, false_one) in [
        ("kind = 'conditional-vae'", "kind = 'conditional'"),
        ("kind = 'conditional-vae'\n", ""),
        ("hidden = [16, 8]", "hidden = [16, 0]"),
        ("hidden = [16, 8]", "hidden = [16, -8]"),
        ("hidden = [16, 8]", "hidden = '16'"),
        ("latent_size = 2", "latent_size = 0"),
        ("latent_size = 2", "latent_size = 18446744073709551616"),
        ("latent_size = 2", "latent_size = 2\nlatent_size = 3"),
        ("latent_size = 2", "latent_sizes = 2"),
        ("samples = 5", "samples = 0"),
        ("epochs = 3", "epochs = 0"),
        ("batch_size = 32", "batch_size = 0"),
        ("learning_rate = 1e-3", "learning_rate = nan"),
        ("learning_rate = 1e-3", "learning_rate = -1e-3"),
        ("learning_rate = 1e-3", "learning_rate = 1e400"),
        ("source = 'synthetic'", "source = 'somewhere'"),
        ("[data]", "[date]"),
        ("name = 'small'", "name = small"),
    ] {
        let lie = text.replacen(sound, false_one, 1);
        assert_ne!(lie, text, "{sound} is in the experiment");
        assert!(!read(&lie), "accepted: {false_one}");
    }
}

/// Files in the hub's Parquet format.
fn parquet(path: &Path) {
    let digits = synthetic(1, 20, 20);
    let whole = parquet_of(&digits.train).unwrap();
    // The parquet crate panics on some files; the reader turns that into errors, and the messages
    // are only noise here.
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name() != Some("parquet") {
            usual(panic);
        }
    }));
    let (train, test) = (path.join("train.parquet"), path.join("test.parquet"));
    fs::write(&test, parquet_of(&digits.test).unwrap()).unwrap();
    let file = Exact {
        what: "a data set in Parquet",
        bytes: &whole,
        header: whole.len(),
    };
    file.hold(|bytes| {
        fs::write(&train, bytes).unwrap();
        from_parquet("mutated", &train, &test).is_ok_and(|splits| {
            let train = &splits.train;
            assert_eq!(train.images().len(), train.len() * train.pixels());
            true
        })
    });
}

/// The files of a run: weights, and the training state from which it is resumed.
fn runs(path: &Path) {
    let digits = synthetic(1, 20, 20);
    for (name, model) in [
        ("vae", "hidden = [4]\nlatent_size = 2\n"),
        (
            "flow",
            "hidden = [1]\ncouplings = 1\nmask = 'checkerboard'\n",
        ),
    ] {
        let text = format!(
            "name = 'small'\n[model]\nkind = '{name}'\n{model}\
             [training]\nepochs = 1\nbatch_size = 20\n[data]\nsource = 'synthetic'\n"
        );
        let experiment = Experiment::parse(&text, "small", &[]).unwrap();
        let run = Run::create(&path.join(name), &experiment, &digits, None, false).unwrap();
        train(&run, &digits, &Device::Cpu, &mut Silent).unwrap();

        let model = fs::read(run.model_path()).unwrap();
        let file = path.join("file.safetensors");
        let what = Exact {
            what: &format!("a {name}"),
            bytes: &model,
            header: 2600,
        };
        what.hold(|bytes| {
            fs::write(&file, bytes).unwrap();
            load_model(&file, &Device::Cpu).is_ok()
        });
        if name == "flow" {
            continue;
        }
        let state = run.directory().join("state.safetensors");
        let whole = fs::read(&state).unwrap();
        let file = Exact {
            what: "a training state",
            bytes: &whole,
            header: 3600,
        };
        file.hold(|bytes| {
            fs::write(&state, bytes).unwrap();
            train(&run, &digits, &Device::Cpu, &mut Silent).is_ok()
        });
    }
}
