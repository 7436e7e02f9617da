//! Weights of other programs.

use std::fs;

use candle_core::{Device, safetensors};
use latent_tests::{fail, object, succeed};

use super::small_runs::trained;

#[test]
fn weights_are_imported_where_they_fit_the_experiment() {
    let directory = trained(&[]);
    let at = directory.path();
    let import = |experiment, arguments: &[&'static str]| {
        let what = [
            "import",
            "run/model.safetensors",
            experiment,
            "--output",
            "new.safetensors",
        ];
        [&what[..], arguments].concat()
    };
    // What the file says of itself is not asked for.
    let files = &object(at, &import("vae-2d", &["--set", "model.hidden=[32]"]))["files"];
    assert_eq!(files[0], "new.safetensors");
    let measured = |model| object(at, &["evaluate", model, "--limit", "300"])["elbo"].clone();
    assert_eq!(measured("new.safetensors"), measured("run"));

    let small = ["--set", "model.hidden=[32]"];
    for (arguments, expected) in [
        (import("vae-2d", &small), "--overwrite"),
        (
            import("vae-2d", &["--overwrite"]),
            "encoder.0.weight is [32, 784], expected [512, 784]",
        ),
        (import("vae-conv", &["--overwrite"]), "decoder.3.bias [32]"),
        (import("vae-2", &["--overwrite"]), "did you mean `vae-2d`"),
    ] {
        let message = fail(at, &arguments, 1);
        assert!(message.contains(expected), "{message}");
    }
    assert_eq!(measured("new.safetensors"), measured("run"));
    succeed(
        at,
        &import("vae-2d", &["--set", "model.hidden=[32]", "--overwrite"]),
    );
}

#[test]
fn weights_of_pytorch_are_imported_without_the_names_of_its_wrappers() {
    let directory = trained(&[]);
    let at = directory.path();
    let trained = safetensors::load(at.join("run/model.safetensors"), &Device::Cpu).unwrap();
    let import = |weights| {
        let what = [
            "import",
            weights,
            "vae-2d",
            "--output",
            "new.safetensors",
            "--overwrite",
        ];
        [&what[..], &["--set", "model.hidden=[32]"]].concat()
    };
    let save = |name: &str, rename: &dyn Fn(&str) -> String| {
        let tensors = trained
            .iter()
            .map(|(tensor, values)| (rename(tensor), values.clone()));
        safetensors::save(&tensors.collect(), at.join(name)).unwrap();
    };
    let measured = |model| object(at, &["evaluate", model])["elbo"].clone();
    let renamings: [fn(&str) -> String; 2] = [
        |name| format!("module._orig_mod.{name}"),
        // A part of the model was compiled.
        |name| name.replacen("encoder.", "encoder._orig_mod.", 1),
    ];
    for rename in renamings {
        save("wrapped.safetensors", &rename);
        succeed(at, &import("wrapped.safetensors"));
        assert_eq!(measured("new.safetensors"), measured("run"));
    }

    // What is there and what is not, with shapes.
    save("others.safetensors", &|name| format!("vae.{name}"));
    let message = fail(at, &import("others.safetensors"), 1);
    let count = trained.len();
    for words in [
        format!("{count} missing: decoder.0.bias [32], "),
        format!("{count} not part of the model: vae.decoder.0.bias [32], "),
        "vae.mean.weight [2, 32]".to_owned(),
    ] {
        assert!(message.contains(&words), "{words}: {message}");
    }

    // PyTorch's own files, by name or by contents.
    // Windows has no quotes in names.
    let quotes = if cfg!(windows) { '\'' } else { '"' };
    let quoted = format!("my {quotes}weights{quotes}.ckpt");
    for (name, contents) in [
        ("weights.pt", &b"PK\x03\x04 and so on"[..]),
        ("weights.pth", b"anything"),
        (&quoted, b""),
        ("weights", b"\x80\x02\x8a\x0al\xfc\x9cF"),
    ] {
        fs::write(at.join(name), contents).unwrap();
        let message = fail(at, &import(name), 1);
        let literal = name.replace('"', "\\\"");
        for words in [
            format!("torch.load(\"{literal}\", "),
            "safetensors.torch.save_file(".to_owned(),
            "`latent import`".to_owned(),
        ] {
            assert!(message.contains(&words), "{words}: {message}");
        }
        let message = fail(at, &["sample", name], 1);
        assert!(message.contains("torch.load("), "{message}");
    }
}
