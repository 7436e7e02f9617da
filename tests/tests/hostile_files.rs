//! Files that lie: whatever is wrong with them, reading ends soon, in a value or an error, and asks for
//! no more memory than a small multiple of their size.
#![expect(clippy::unwrap_used, reason = "what fails here is a failed test")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use candle_core::Device;
use flate2::Compression;
use flate2::write::GzEncoder;
use latent_datasets::{Idx, Shape, from_parquet, synthetic};
use latent_tests::{announce, directory_in_memory, mutated, parquet_of};
use latent_tolerance::scaled;
use latent_training::{Experiment, Run, Silent, load_model, train};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// How many mutations of each kind of file are read.
fn mutations() -> u64 {
    scaled(2000, 100) as u64
}

/// A file whose every byte counts.
struct Exact<'a> {
    what: &'a str,
    bytes: &'a [u8],
    /// How many bytes are its header, which half of all mutations are to.
    header: usize,
}

impl Exact<'_> {
    /// Reads the file, parts of it, more than it, and many mutations; `read` says whether it was accepted.
    fn hold(&self, read: impl Fn(&[u8]) -> bool) {
        let Self {
            what,
            bytes,
            header,
        } = *self;
        let refused = hold(what, bytes, header, &read);
        // Of the mutations 65 % lose bytes or get others, and few of these have the right length again.
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

/// Reads many mutations of a file; returns how many were refused.
fn hold(what: &str, original: &[u8], header: usize, read: impl Fn(&[u8]) -> bool) -> u64 {
    // Lazily made tables and thread pools are not the file's.
    assert!(read(original), "{what}: the file itself");
    let begun = Instant::now();
    let (mut refused, mut most, mut slowest) = (0, 0, Duration::ZERO);
    let mutations = mutations();
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
        // A checksum may be what makes it false; then the whole has been read.
        let bound = 12 * (file.len() + original.len()) + (1 << 20);
        assert!(asked < bound, "{what} {seed}: {asked} bytes");
        most = most.max(asked);
    }
    assert!(slowest < Duration::from_secs(5), "{what}: {slowest:?}");
    announce(&format!(
        "{mutations} mutations of {what}: {refused} refused, at most {} KiB asked for, {:.1} s",
        most >> 10,
        begun.elapsed().as_secs_f64()
    ));
    refused
}

/// One test, since the memory of others would be counted in.
#[test]
fn files_that_lie_are_refused_without_a_panic_or_much_memory() {
    let directory = directory_in_memory();
    let path = directory.path();
    idx();
    experiments();
    runs(path);
    parquet(path);
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
        // A mutation may make a gzip stream of it in theory, and none of these does.
        let accepted = read(bytes);
        accepted.is_ok_and(|idx| {
            let sizes = idx.dimensions().iter();
            let sizes = sizes.flat_map(|&size| (size as u32).to_be_bytes());
            let header = [0, 0, 8, idx.dimensions().len() as u8].into_iter();
            let again = header.chain(sizes).chain(idx.data().iter().copied());
            assert!(
                again.eq(bytes.iter().copied()),
                "other data than the file's"
            );
            true
        })
    });

    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&plain).unwrap();
    let packed = packed.finish().unwrap();
    let file = Exact {
        what: "a packed IDX file",
        bytes: &packed,
        header: 20,
    };
    file.hold(|bytes| {
        read(bytes).is_ok_and(|idx| {
            assert!(idx.data() == &plain[16..], "other data than were packed");
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
    hold("an experiment", text.as_bytes(), text.len(), |bytes| {
        std::str::from_utf8(bytes).is_ok_and(read)
    });
    // Any text may be an experiment; these are not.
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

/// What a hub serves.
fn parquet(path: &Path) {
    let digits = synthetic(1, 20, 20);
    let whole = parquet_of(&digits.train).unwrap();
    // The crate that reads them panics on some; those are errors, and their messages only noise here.
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

/// What a run leaves behind: weights and the state that it is resumed from.
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
