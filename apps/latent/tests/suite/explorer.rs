//! The explorer computes what the command line does.

use std::fs;

use latent_explorer::Model;
use latent_tests::succeed;

#[test]
fn samples_are_those_of_the_command_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    for (kind, size, labels) in [
        ("vae", "latent_size = 3", None),
        ("flow", "couplings = 2", None),
        ("conditional-flow", "couplings = 2", Some("4,2")),
    ] {
        let text = format!(
            "name = '{kind}'\n[model]\nkind = '{kind}'\nhidden = [16]\n{size}\n\
             [training]\nepochs = 1\nbatch_size = 32\n[data]\nsource = 'synthetic'\nlimit = 256\n"
        );
        fs::write(path.join("tiny.toml"), text).unwrap();
        succeed(
            path,
            &["train", "tiny.toml", "--output", kind, "--no-figures"],
        );
        let mut arguments = vec!["sample", kind, "--count", "3", "--seed", "9"];
        arguments.extend(["--temperature", "0.7"]);
        arguments.extend(labels.iter().flat_map(|labels| ["--labels", labels]));
        for file in ["samples.npy", "samples.png"] {
            succeed(path, &[&arguments[..], &["--output", file]].concat());
        }

        let bytes = fs::read(path.join(kind).join("model.safetensors")).unwrap();
        let model = Model::open(kind, &bytes).unwrap();
        let samples = model.sample(&[4, 2], 3, 0.7, 9).unwrap();
        let images = samples.images();
        let npy = fs::read(path.join("samples.npy")).unwrap();
        let numbers = npy[npy.len() - 4 * images.len()..].chunks_exact(4);
        let drawn = numbers.map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
        assert!(images.into_iter().eq(drawn), "{kind}");
        let picture = fs::read(path.join("samples.png")).unwrap();
        assert!(samples.png().unwrap() == picture, "{kind}");
    }
}
