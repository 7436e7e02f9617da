//! Tests of the page in a browser. `just test-explorer` builds the page and runs them. They need Chromium with its
//! driver, and MNIST for the digits that they draw.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what fails here is a failed test"
)]

mod driver;
#[path = "../examples/page/server.rs"]
mod server;
mod trace;

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, thread};

use candle_core::{DType, Device, IndexOp, Tensor};
use driver::Browser;
use latent_datasets::{Dataset, Shape};
use latent_distributions::Generator;
use latent_explorer::{Model, draw_image};
use latent_models::latent_space::Path as LatentPath;
use latent_models::{AnyModel, Labels, LatentModel};
use latent_tests::{announce, ellipses, mnist, save_pictures};
use latent_tolerance::{SINGLE, rounding};
use latent_training::load_model;
use serde_json::{Value, json};

/// The directory of the page, which `just explorer` builds.
fn page() -> PathBuf {
    let usual = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/explorer");
    let page = env::var_os("LATENT_EXPLORER_PAGE").map_or_else(|| usual.into(), PathBuf::from);
    let is_built = page.join("models.json").is_file();
    assert!(
        is_built,
        "there is no page in {}: `just test-explorer` builds it",
        page.display()
    );
    page
}

/// Starts a server for the page and returns its address.
fn served() -> String {
    served_from(page())
}

fn served_from(page: PathBuf) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || server::serve(&listener, &page));
    address
}

/// Opens a view of the page in a browser and waits until it is ready.
fn opened(part: &str, width: u32, height: u32, scheme: &str) -> Browser {
    let browser = Browser::start(width, height, scheme, width < 500);
    browser.open(&format!("{}{part}", served()));
    ready(&browser);
    browser
}

fn ready(browser: &Browser) -> f64 {
    let ready = "return performance.getEntriesByName('ready')[0]?.startTime
        ?? (document.getElementById('alert').hidden ? null : document.getElementById('alert').textContent)";
    let time = browser.wait_for(ready);
    time.as_f64()
        .unwrap_or_else(|| panic!("the page says: {time}"))
}

/// The test images to draw: the first five of each digit.
fn chosen(test: &Dataset) -> Vec<(u8, Vec<u8>)> {
    let of = |digit: u8| {
        let all = (0..test.len()).filter(move |&index| test.labels()[index] == digit);
        all.take(5)
            .map(move |index| (digit, test.image(index).unwrap().to_vec()))
    };
    (0..10).flat_map(of).collect()
}

/// Draws strokes on a pad with a pointer.
fn draw_on(browser: &Browser, pad: &str, kind: &str, strokes: &[Vec<[f32; 2]>]) {
    let [left, top, width, height] = browser.place_of(&format!("{pad} canvas"));
    for stroke in strokes {
        let place = |&[x, y]: &[f32; 2]| [left + x * width, top + y * height];
        browser.drag(kind, &stroke.iter().map(place).collect::<Vec<_>>());
    }
}

fn numbers(value: &Value) -> Vec<f32> {
    let object = value.as_array().expect("numbers");
    object
        .iter()
        .map(|number| number.as_f64().unwrap() as f32)
        .collect()
}

fn native(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

/// A bound of the difference between values in the browser and native values, which are summed in another order: the
/// rounding error of at most six layers (encoder and decoder) with sums of 784 products. Logits of up to 16 pass through
/// a sigmoid or softmax, whose slope is at most 1/4.
fn rounding_of_networks() -> f32 {
    rounding(SINGLE, 6 * 784, 16.0 / 4.0) as f32
}

fn refuse_complaints(browser: &Browser) {
    assert_eq!(browser.complaints(), [""; 0], "the console");
    let alert = browser.script(
        "return document.getElementById('alert').textContent",
        json!([]),
    );
    assert_eq!(alert, json!(""));
}

#[test]
#[ignore = "needs the page and Chromium: just test-explorer"]
fn drawn_real_digits_are_classified() {
    let Some(splits) = mnist("digits drawn in the browser") else {
        return;
    };
    let browser = opened("#draw", 1280, 1000, "light");
    let begun = ready(&browser);
    assert!(begun < 2000.0, "the page was ready after {begun:.0} ms");

    let (mut right, mut wrong) = (0, Vec::new());
    for (place, (digit, image)) in chosen(&splits.test).into_iter().enumerate() {
        browser.script(
            "document.querySelector('[data-pad=clear]').click()",
            json!([]),
        );
        let kind = ["mouse", "pen", "touch"][place % 3];
        let strokes = trace::strokes(&image);
        draw_on(&browser, "#draw-pad", kind, &strokes);
        let drawn = browser.script(
            "const { pad, seen } = await import('./draw.js');
             while (seen.isPending) await new Promise((next) => setTimeout(next, 50));
             return [pad.strokes.length, document.querySelector('#draw-digits .is-best .name b').textContent];",
            json!([]),
        );
        assert_eq!(
            drawn[0],
            json!(strokes.len()),
            "strokes that were drawn by {kind}"
        );
        if drawn[1] == json!(digit.to_string()) {
            right += 1;
        } else {
            wrong.push(format!("{digit} as {}", drawn[1]));
        }
    }
    announce(&format!(
        "the page was ready after {begun:.0} ms, and classified {right} of 50 drawn test digits correctly{}{}",
        if wrong.is_empty() { "" } else { "; it took " },
        wrong.join(", ")
    ));
    assert!(right >= 45);
    refuse_complaints(&browser);
}

#[test]
#[ignore = "needs the page and Chromium: just test-explorer"]
fn browser_results_agree_with_native_results() {
    let browser = opened("#draw", 1280, 1000, "light");
    let index: Value =
        serde_json::from_slice(&fs::read(page().join("models.json")).unwrap()).unwrap();
    for entry in index["models"].as_array().unwrap() {
        let name = entry["name"].as_str().unwrap();
        let file = page().join(format!("models/{name}.safetensors"));
        let model = load_model(&file, &Device::Cpu).unwrap().model;
        // The inverse of a mixture's distribution function multiplies rounding errors by its slope, which is large between the
        // components. Images have 256 levels: less than half of one.
        let family = entry["family"].as_str().unwrap();
        let has_mixtures = family.contains("multi-scale") || family.contains("mixture");
        let bound = if has_mixtures {
            0.5 / 255.0
        } else {
            rounding_of_networks()
        };
        let difference = differences(&browser, name, &model, bound);
        announce(&format!(
            "{name}: the browser's numbers are at most {difference:.1e} from this machine's"
        ));
    }
    refuse_complaints(&browser);
}

/// The largest difference between the browser's and native results of a model, each of which is within `bound`.
fn differences(browser: &Browser, name: &str, model: &AnyModel, bound: f32) -> f32 {
    let found = browser.script(
        "const { open, rust } = await import('./engine.js');
         const model = await open(arguments[0]);
         const images = [4, 9].map((digit) => rust.drawImage(rust.example(digit, 7), 28, 28, 1));
         const latent = model.encode(images[0], 4);
         const paths = ['linear', 'arc', 'slerp'].map((path) => {
             const way = model.interpolate(path, images[0], 4, images[1], 9, 5);
             return [...way.images];
         });
         return {
             strokes: [4, 9].map((digit) => [...rust.example(digit, 7)].map((x) => Number.isNaN(x) ? null : x)),
             images: images.map((image) => [...image]),
             latent: [...latent],
             decoded: [...model.decode(latent, 4)],
             paths,
             sample: [...model.sample(new Uint8Array([2, 5]), 3, 0.7, 11).images],
             classes: model.isConditional ? [...model.classLogPosterior(images[0])] : null,
             styled: model.isConditional ? [...model.analogies(images[0], 4)] : null,
         };",
        json!([name]),
    );
    let device = &Device::Cpu;
    let labels = |digits: &[u8]| Labels::new(digits, 10, DType::F32, device).unwrap();
    let images = found["images"]
        .as_array()
        .unwrap()
        .iter()
        .zip(found["strokes"].as_array().unwrap());
    let images: Vec<Tensor> = images
        .map(|(image, strokes)| {
            let point = |value: &Value| value.as_f64().map_or(f32::NAN, |x| x as f32);
            let strokes: Vec<f32> = strokes.as_array().unwrap().iter().map(point).collect();
            let image = numbers(image);
            let drawn = draw_image(&strokes, 28, 28, 1);
            let drawn: Vec<f32> = drawn.into_iter().map(f32::from).collect();
            assert_eq!(image, drawn, "the drawing itself");
            (Tensor::from_vec(image, (1, 784), device).unwrap() / 255.0).unwrap()
        })
        .collect();

    let mut largest = 0f32;
    let mut compare = |what: &str, found: &Value, expected: &Tensor| {
        let difference = largest_difference(&numbers(found), &native(expected));
        assert!(difference <= bound, "{name}, {what}: {difference}");
        largest = largest.max(difference);
    };
    let latent = model.encode(&images[0], &labels(&[4])).unwrap();
    compare("latent", &found["latent"], &latent);
    compare(
        "image",
        &found["decoded"],
        &model.decode(&latent, &labels(&[4])).unwrap(),
    );
    let end = model.encode(&images[1], &labels(&[9])).unwrap();
    for (index, path) in [LatentPath::Linear, LatentPath::Arc, LatentPath::Slerp]
        .into_iter()
        .enumerate()
    {
        let between = path
            .interpolate(&latent.i(0).unwrap(), &end.i(0).unwrap(), 5)
            .unwrap();
        let on_the_way = Labels::interpolate([4, 9], 5, 10, DType::F32, device).unwrap();
        compare(
            "path",
            &found["paths"][index],
            &model.decode(&between, &on_the_way).unwrap(),
        );
    }
    let told: &[u8] = match model.conditional() {
        Ok(_) => &[2, 2, 2, 5, 5, 5],
        Err(_) => &[0; 3],
    };
    let mut generator = Generator::stream(11, "sample", 0, 0);
    let prior = (model.sample_prior(told.len(), &mut generator).unwrap() * 0.7).unwrap();
    compare(
        "sample",
        &found["sample"],
        &model.decode(&prior, &labels(told)).unwrap(),
    );
    if let Ok(conditional) = model.conditional() {
        let all: Vec<u8> = (0..10).collect();
        let styled = conditional
            .transfer_style(&images[0], &labels(&[4]), &all)
            .unwrap();
        compare("style", &found["styled"], &styled);
        let generator = &mut Generator::stream(1, "likelihood", 0, 0);
        let classes = conditional
            .class_log_posterior(&images[0], &all, 10, generator)
            .unwrap();
        // Compared as probabilities, which the page shows; their logarithms may be hundreds of nats.
        let shown: Vec<f32> = numbers(&found["classes"])
            .into_iter()
            .map(f32::exp)
            .collect();
        compare("classes", &json!(shown), &classes.exp().unwrap());
    }
    largest
}

#[test]
#[ignore = "needs the page and Chromium: just test-explorer"]
fn dragging_and_arrow_keys_change_the_image() {
    let browser = opened("#walk", 1280, 1000, "light");
    let state = || {
        browser.script(
            "const { state } = await import('./walk.js');
             const canvas = document.getElementById('walk-image');
             return [[...state.latent], [...state.image], canvas.toDataURL(), state.name];",
            json!([]),
        )
    };
    let first = state();
    let name = first[3].as_str().unwrap();
    let model = load_model(
        &page().join(format!("models/{name}.safetensors")),
        &Device::Cpu,
    )
    .unwrap()
    .model;
    let check = |state: &Value| {
        let latent = numbers(&state[0]);
        let latent = Tensor::from_slice(&latent, (1, latent.len()), &Device::Cpu).unwrap();
        let labels = Labels::new(&[0], 10, DType::F32, &Device::Cpu).unwrap();
        let image = native(&model.decode(&latent, &labels).unwrap());
        assert!(largest_difference(&numbers(&state[1]), &image) <= rounding_of_networks());
    };
    check(&first);

    let [left, top, width, height] = browser.place_of("#walk-plane canvas");
    let at = |x: f32, y: f32| [left + x * width, top + y * height];
    browser.drag("mouse", &[at(0.5, 0.5), at(0.4, 0.55), at(0.3, 0.4)]);
    let dragged = state();
    check(&dragged);
    assert_ne!(dragged[0], first[0]);
    assert_ne!(
        dragged[2], first[2],
        "the same image after the point was dragged"
    );
    browser.drag("touch", &[at(0.3, 0.4), at(0.6, 0.7)]);
    let touched = state();
    assert_ne!(
        touched[2], dragged[2],
        "the same image after the point was dragged by touch"
    );

    browser.script(
        "document.querySelector('#walk-plane figure').focus()",
        json!([]),
    );
    browser.press("\u{e014}\u{e014}\u{e013}");
    let pressed = state();
    check(&pressed);
    let moved: Vec<f32> = numbers(&pressed[0])
        .iter()
        .zip(numbers(&touched[0]))
        .map(|(a, b)| a - b)
        .collect();
    // Two steps and one step, each a sum of values of the latent's magnitude.
    let size = f64::from(numbers(&pressed[0])[0].abs().max(1.0));
    let bound = rounding(SINGLE, 8, size) as f32;
    assert!(
        moved[0] > 0.0 && moved[1] > 0.0 && (moved[0] - 2.0 * moved[1]).abs() <= bound,
        "{moved:?}"
    );
    assert_ne!(pressed[2], touched[2]);

    // Interpolation between the drawings with each method.
    let way = |path: &str, share: f64| {
        browser.script(
            "const path = document.querySelector(`[name=path][value=${arguments[0]}]`);
             if (!path.checked) path.click();
             const range = document.getElementById('walk-lambda');
             range.value = arguments[1];
             range.dispatchEvent(new Event('input'));
             await new Promise((next) => setTimeout(next, 300));
             return document.getElementById('walk-between').toDataURL();",
            json!([path, share]),
        )
    };
    let begin = way("linear", 0.0);
    assert_ne!(begin, way("linear", 1.0));
    assert_ne!(way("linear", 0.5), way("arc", 0.5));
    assert_ne!(way("arc", 0.5), way("slerp", 0.5));
    assert_eq!(begin, way("slerp", 0.0));

    // The other models, with more than two latent dimensions.
    let all = browser.script(
        "return [...document.getElementById('walk-model').options].map((option) => option.value)",
        json!([]),
    );
    let mut images = vec![begin];
    for name in all.as_array().unwrap().iter().skip(1) {
        choose_model(&browser, name);
        let image = way("linear", 0.5);
        assert!(
            !images.contains(&image),
            "{name} shows the image of another model"
        );
        images.push(image);
    }
    refuse_complaints(&browser);
}

#[test]
#[ignore = "needs the page and Chromium: just test-explorer"]
fn decoding_takes_less_than_an_animation_frame() {
    let browser = opened("#draw", 1280, 1000, "light");
    let times = browser.script(
        "const { index, open, rust } = await import('./engine.js');
         const median = (work) => {
             const times = [...Array(30).keys()].map(() => {
                 const begun = performance.now();
                 work();
                 return performance.now() - begun;
             });
             return times.sort((a, b) => a - b)[15];
         };
         const image = rust.drawImage(rust.example(3, 1), 28, 28, 1);
         const found = {};
         for (const { name, isExact } of index.models) {
             const model = await open(name);
             const latent = new Float32Array(model.latentSize);
             const of = { isExact, decode: median(() => model.decode(latent, 3)) };
             if (model.isConditional && !isExact) {
                 of.tell = median(() => model.classLogPosterior(image));
                 of.style = median(() => model.analogies(image, 3));
             }
             found[name] = of;
         }
         return found;",
        json!([]),
    );
    announce(&format!("milliseconds in the browser: {times}"));
    for (name, times) in times.as_object().unwrap() {
        let decode = times["decode"].as_f64().unwrap();
        assert!(
            times["isExact"] == json!(true) || decode < 16.0,
            "{name}: {decode} ms"
        );
    }
}

#[test]
#[ignore = "needs the page and Chromium: just test-explorer"]
fn an_address_reproduces_the_samples() {
    let address = "#sample?model=cvae-mlp-50&labels=2,7&count=3&temperature=0.8&seed=42";
    let sampled = |browser: &Browser| {
        let text = "const { state } = await import('./sample.js');
             const link = document.getElementById('sample-download');
             link.addEventListener('click', (event) => event.preventDefault());
             link.click();
             const png = new Uint8Array(await (await fetch(link.href)).arrayBuffer());
             return [[...state.images], [...png], location.hash,
                 document.getElementById('sample-command').textContent];";
        browser.script(text, json!([]))
    };
    let first = sampled(&opened(address, 1280, 1000, "light"));
    let browser = opened(address, 390, 844, "dark");
    let second = sampled(&browser);
    assert_eq!(first, second);
    assert_eq!(first[2], json!(address));

    let bytes = fs::read(page().join("models/cvae-mlp-50.safetensors")).unwrap();
    let model = Model::open("cvae-mlp-50", &bytes).unwrap();
    let images = model.sample(&[2, 7], 3, 0.8, 42).unwrap().images();
    assert!(largest_difference(&numbers(&first[0]), &images) <= rounding_of_networks());
    let png: Vec<u8> = numbers(&first[1]).iter().map(|&byte| byte as u8).collect();
    assert_eq!(png[..8], *b"\x89PNG\r\n\x1a\n");

    // The command that the page shows gives the same samples.
    let folder = tempfile::tempdir().unwrap();
    let command = first[3].as_str().unwrap();
    let mut arguments: Vec<&str> = command.split(' ').skip(1).collect();
    arguments.extend(["--output", "samples.npy"]);
    latent_tests::succeed(folder.path(), &arguments);
    let npy = fs::read(folder.path().join("samples.npy")).unwrap();
    let floats = npy[npy.len() - 4 * images.len()..].chunks_exact(4);
    let drawn: Vec<f32> = floats
        .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
        .collect();
    assert!(largest_difference(&numbers(&first[0]), &drawn) <= rounding_of_networks());

    // Another seed gives another address and other samples.
    browser.script(
        "document.querySelector('#sample-form [type=submit]').click()",
        json!([]),
    );
    let other = sampled(&browser);
    assert_ne!(other[0], first[0]);
    assert_ne!(other[2], first[2]);
    // Invalid values in an address get their defaults.
    browser.open("about:blank");
    browser.open(&format!(
        "{}#sample?model=none&labels=x&count=-3&temperature=hot&seed=1e99",
        served()
    ));
    ready(&browser);
    refuse_complaints(&browser);
}

/// Asserts that a view is not wider than the window.
fn refuse_what_is_too_wide(browser: &Browser, part: &str) {
    let widths = browser.script(
        "const within = (element) => element.getBoundingClientRect().right <= innerWidth + 0.5;
         const elements = [...document.querySelectorAll(`#${arguments[0]} *`)].filter((e) => e.checkVisibility());
         return [document.documentElement.scrollWidth, innerWidth,
             elements.filter((element) => !within(element)).map((element) => element.outerHTML.slice(0, 80))];",
        json!([part]),
    );
    assert_eq!(widths[0], widths[1], "{part} is wider than a phone");
    assert_eq!(widths[2], json!([]), "{part} reaches beyond a phone");
}

#[test]
#[ignore = "needs the page and Chromium: just test-explorer"]
fn the_page_fits_a_phone_and_all_controls_have_accessible_names() {
    let browser = opened("#draw", 390, 844, "dark");
    for part in ["draw", "walk", "sample"] {
        browser.script("location.hash = arguments[0]", json!([part]));
        browser.wait_for(&format!(
            "const canvas = document.querySelector('#{part} .card canvas.tile');
             return canvas?.getContext('2d').getImageData(0, 0, 28, 28).data.some((value) => value > 0)"
        ));
        refuse_what_is_too_wide(&browser, part);
        let labels = browser.labels(&format!(
            "#{part} :is(button, a, input, select, [tabindex], [role=img])"
        ));
        assert!(labels.len() > 5, "{part}: {labels:?}");
        assert!(
            labels.iter().all(|label| !label.trim().is_empty()),
            "{part}: {labels:?}"
        );
    }
    // Drawing by touch does not scroll the page.
    browser.script("location.hash = 'draw'", json!([]));
    browser.script(
        "document.querySelector('[data-pad=clear]').click()",
        json!([]),
    );
    let stroke: Vec<[f32; 2]> = (0..20).map(|i| [0.5, 0.1 + 0.04 * i as f32]).collect();
    draw_on(&browser, "#draw-pad", "touch", &[stroke]);
    let drawn = browser.script(
        "const { pad, seen } = await import('./draw.js');
         while (seen.isPending) await new Promise((next) => setTimeout(next, 50));
         return [pad.strokes.length, pad.strokes[0].length > 5, seen.digit];",
        json!([]),
    );
    assert_eq!(drawn, json!([1, true, 1]));

    // Keyboard: a digit key draws an example, and Backspace clears it.
    browser.script(
        "document.querySelector('#draw-pad canvas').focus()",
        json!([]),
    );
    browser.press("8");
    let told = "const { seen } = await import('./draw.js');
         while (seen.isPending) await new Promise((next) => setTimeout(next, 50));
         return document.querySelector('#draw-digits .is-best .name b')?.textContent ?? 'none'";
    assert_eq!(browser.script(told, json!([])), json!("8"));
    browser.press("\u{e003}");
    assert_eq!(browser.script(told, json!([])), json!("none"));
    refuse_complaints(&browser);
}

/// The names of the classes of the colour images in [`page_of_own_models`].
fn hundred_names() -> Vec<String> {
    let kinds = ["fox", "aquarium fish", "sea"];
    let names = (0..100).map(|number: usize| format!("{} {number:02}", kinds[number % 3]));
    let mut names: Vec<String> = names.collect();
    // The order of the classes of a folder.
    names.sort();
    names
}

/// Builds a page in `folder` with a model of colour images, 12 × 20 pixels of 100 named classes, and one of ellipses
/// without labels, 40 × 24 pixels, and returns its directory.
fn page_of_own_models(folder: &Path) -> PathBuf {
    let names = hundred_names();
    let shape = Shape {
        channels: 3,
        height: 12,
        width: 20,
    };
    let count = 3 * names.len();
    let levels = Generator::new(1).uniform(count * shape.elem_count(), DType::F32, &Device::Cpu);
    let levels = native(&levels.unwrap()).into_iter();
    let images = levels.map(|level| (255.0 * level) as u8).collect();
    let labels = (0..count).map(|index| (index % names.len()) as u8);
    let colour = Dataset::new(shape, names.len(), images, labels.collect()).unwrap();
    let colour = colour.with_class_names(names).unwrap();
    save_pictures(&colour, &folder.join("colour")).unwrap();
    save_pictures(&ellipses(1, 100), &folder.join("ellipses")).unwrap();
    for (experiment, data) in [("cvae-mlp", "colour"), ("vae-mlp", "ellipses")] {
        latent_tests::succeed(
            folder,
            &[
                "train",
                experiment,
                "--data",
                data,
                "--name",
                data,
                "--epochs",
                "1",
                "--no-figures",
            ],
        );
    }

    let built = folder.join("page");
    fs::create_dir(&built).unwrap();
    for file in ["latent_explorer.js", "latent_explorer_bg.wasm"] {
        fs::copy(page().join(file), built.join(file)).unwrap();
    }
    // The builder is an example: cargo has put it beside the directory of the tests.
    let tests = env::current_exe().unwrap();
    let builder = tests.ancestors().nth(2).unwrap().join("examples/page");
    assert!(builder.is_file(), "`just test-explorer` builds the page");
    let arguments = [
        "--out",
        "page",
        "--model",
        "runs/colour",
        "--model",
        "runs/ellipses",
    ];
    let built_page = Command::new(builder)
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(built_page.status.success(), "{built_page:?}");
    built
}

#[test]
#[ignore = "needs the page and Chromium: just test-explorer"]
fn own_models_in_colour_with_100_classes_and_without_labels_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let page = page_of_own_models(folder.path());
    let address = served_from(page.clone());
    let browser = Browser::start(360, 800, "light", true);
    browser.open(&format!("{address}#draw"));
    ready(&browser);

    model_of_100_classes_agrees(&browser, &page);
    most_probable_classes_are_shown(&browser);
    drawings_are_white_and_pictures_are_scaled(&browser);
    every_view_fits(&browser);
    chips_have_names_and_keys(&browser);
    command_of_all_labels_gives_the_samples(&browser, folder.path());
    images_without_labels_have_no_classes(&browser);
    refuse_complaints(&browser);
}

/// The numbers of the colour model are those of this machine.
fn model_of_100_classes_agrees(browser: &Browser, page: &Path) {
    let bytes = fs::read(page.join("models/colour.safetensors")).unwrap();
    let model = Model::open("colour", &bytes).unwrap();
    let found = browser.script(
        "const { pad, seen } = await import('./draw.js');
         const { hand, open, set } = await import('./engine.js');
         while (seen.logs === undefined) await new Promise((next) => setTimeout(next, 50));
         const model = await open(hand(set).name);
         const image = pad.image();
         return { image: [...image], logs: [...seen.logs], label: seen.digit, known: pad.known,
             latent: [...model.encode(image, 7)], styled: [...model.analogies(image, 7)],
             names: model.classNames, shape: [model.height, model.width, model.channels] };",
        json!([]),
    );
    let image: Vec<u8> = numbers(&found["image"])
        .iter()
        .map(|&level| level as u8)
        .collect();
    assert_eq!(found["shape"], json!([12, 20, 3]));
    assert_eq!(found["names"], json!(hundred_names()));
    let close = |what: &str, expected: &[f32]| {
        let difference = largest_difference(&numbers(&found[what]), expected);
        assert!(difference <= rounding_of_networks(), "{what}: {difference}");
    };
    close("latent", &model.encode(&image, 7).unwrap());
    close("styled", &model.analogies(&image, 7).unwrap());
    let probabilities = |logs: Vec<f32>| logs.into_iter().map(f32::exp).collect::<Vec<_>>();
    let logs = probabilities(model.class_log_posterior(&image).unwrap());
    let difference = largest_difference(&probabilities(numbers(&found["logs"])), &logs);
    assert!(difference <= rounding_of_networks());
    let test_images = fs::read(page.join("data/0.bin")).unwrap();
    assert_eq!(image, test_images[..720], "the first example");
}

/// Of 100 classes, the ten most probable ones are shown in descending order, and all of them on request.
fn most_probable_classes_are_shown(browser: &Browser) {
    let columns = "return [...document.querySelectorAll('#draw-digits li')].map((item) => [
             item.querySelector('b').textContent, item.querySelector('canvas').getAttribute('aria-label'),
             item.querySelector('canvas').width, item.classList.contains('is-best')]);";
    let shown = browser.script(columns, json!([]));
    let shown = shown.as_array().unwrap();
    assert_eq!(shown.len(), 10);
    let label = browser.script(
        "const { seen } = await import('./draw.js'); return seen.digit;",
        json!([]),
    );
    let best = &hundred_names()[label.as_u64().unwrap() as usize];
    assert_eq!(shown[0][0], json!(best));
    assert!(shown[0][1].as_str().unwrap().ends_with(best.as_str()));
    assert_eq!((&shown[0][2], &shown[0][3]), (&json!(20), &json!(true)));
    browser.script("document.getElementById('draw-all').click()", json!([]));
    let all = browser.script(
        &format!("await new Promise((next) => setTimeout(next, 1500)); {columns}"),
        json!([]),
    );
    let all: Vec<&Value> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item[0])
        .collect();
    assert_eq!(json!(all), json!(hundred_names()));
}

/// A drawing is white, and a picture of another size is scaled to the image.
fn drawings_are_white_and_pictures_are_scaled(browser: &Browser) {
    browser.script(
        "document.querySelector('[data-pad=clear]').click()",
        json!([]),
    );
    draw_on(
        browser,
        "#draw-pad",
        "touch",
        &[vec![[0.2, 0.5], [0.8, 0.5]]],
    );
    let drawn = browser.script(
        "const { pad } = await import('./draw.js');
         const drawn = [...pad.image()];
         const canvas = new OffscreenCanvas(200, 60);
         const context = canvas.getContext('2d');
         context.fillStyle = 'rgb(200 40 10)';
         context.fillRect(0, 0, 200, 60);
         await pad.openPicture(await canvas.convertToBlob());
         return [drawn, [...pad.image()], document.getElementById('draw-source').textContent];",
        json!([]),
    );
    let grey = numbers(&drawn[0]);
    assert!(
        grey.chunks(3).all(|pixel| pixel[0] == pixel[2]) && grey.iter().any(|&level| level > 99.0)
    );
    let picture: Vec<f32> = [200.0, 40.0, 10.0].repeat(240);
    assert_eq!(numbers(&drawn[1]), picture);
}

/// Every view fits a small phone, and all controls have accessible names.
fn every_view_fits(browser: &Browser) {
    for part in ["draw", "walk", "sample"] {
        browser.script(
            "location.hash = arguments[0]; await new Promise((next) => setTimeout(next, 1500));",
            json!([part]),
        );
        refuse_what_is_too_wide(browser, part);
        if let Some(folder) = env::var_os("LATENT_EXPLORER_PICTURES") {
            let file = Path::new(&folder).join(format!("{part}-100-classes.png"));
            fs::write(file, browser.screenshot(true)).unwrap();
        }
        let labels = browser.labels(&format!(
            "#{part} :is(button, a, input, select, [tabindex], [role=img])"
        ));
        assert!(
            labels.iter().all(|label| !label.trim().is_empty()),
            "{part}: {labels:?}"
        );
    }
}

/// The buttons of classes have the names, and the arrow keys reach the next class.
fn chips_have_names_and_keys(browser: &Browser) {
    let chips = "return [...document.querySelectorAll('#walk-labels label')].map((label) => label.textContent)";
    assert_eq!(browser.script(chips, json!([])), json!(hundred_names()));
    browser.script("location.hash = 'walk'", json!([]));
    browser.script(
        "document.querySelector('#walk-labels input').focus()",
        json!([]),
    );
    browser.press("\u{e014}");
    let chosen = browser.script(
        "await new Promise((next) => setTimeout(next, 300));
         return [document.querySelector('#walk-labels input:checked').value,
             document.getElementById('walk-image').getAttribute('aria-label')];",
        json!([]),
    );
    let name = &hundred_names()[1];
    assert_eq!(
        chosen,
        json!(["1", format!("The decoded image with the label {name}")])
    );
}

/// All of many labels are the default of the command, which gives the same samples.
fn command_of_all_labels_gives_the_samples(browser: &Browser, folder: &Path) {
    browser.script(
        "location.hash = 'sample'; await new Promise((next) => setTimeout(next, 1000));",
        json!([]),
    );
    let sampled = browser.script(
        "const { state } = await import('./sample.js');
         return [document.getElementById('sample-command').textContent, [...state.images]];",
        json!([]),
    );
    let command = sampled[0].as_str().unwrap();
    assert!(
        command.starts_with("latent sample runs/colour --count 1 "),
        "{command}"
    );
    let mut arguments: Vec<&str> = command.split(' ').skip(1).collect();
    arguments.extend(["--output", "samples.npy"]);
    latent_tests::succeed(folder, &arguments);
    let npy = fs::read(folder.join("samples.npy")).unwrap();
    let images = numbers(&sampled[1]);
    let (floats, _) = npy[npy.len() - 4 * images.len()..].as_chunks::<4>();
    let drawn: Vec<f32> = floats.iter().copied().map(f32::from_le_bytes).collect();
    assert!(largest_difference(&images, &drawn) <= rounding_of_networks());
}

/// Images without labels have no classes, and the page says why.
fn images_without_labels_have_no_classes(browser: &Browser) {
    browser.script(
        "const select = document.querySelector('#sets select');
         select.value = 1;
         select.dispatchEvent(new Event('change'));
         location.hash = 'draw';
         await new Promise((next) => setTimeout(next, 2000));",
        json!([]),
    );
    let unlabelled = browser.script(
        "const is = (id) => document.getElementById(id).checkVisibility();
         const { pad } = await import('./draw.js');
         return [is('draw-digits'), is('draw-hand-figure'), is('draw-plane-figure'), pad.image().length,
             document.getElementById('draw-verdict').textContent];",
        json!([]),
    );
    assert_eq!(unlabelled[3], json!(40 * 24));
    let [classes, conditional, flat] = [0, 1, 2].map(|place| unlabelled[place].as_bool().unwrap());
    assert!(!classes && !conditional && flat);
    assert!(unlabelled[4].as_str().unwrap().contains("have no labels"));
    for part in ["walk", "sample"] {
        browser.script(
            "location.hash = arguments[0]; await new Promise((next) => setTimeout(next, 1500));",
            json!([part]),
        );
        refuse_what_is_too_wide(browser, part);
        let hidden = format!("return !document.getElementById('{part}-labels').checkVisibility()");
        assert_eq!(browser.script(&hidden, json!([])), json!(true), "{part}");
    }
}

/// Not a test: writes screenshots of the page to the directory in `LATENT_EXPLORER_PICTURES`.
#[test]
#[ignore = "draws pictures: just explorer-pictures"]
fn pictures() {
    let Some(folder) = env::var_os("LATENT_EXPLORER_PICTURES") else {
        announce(
            "SKIPPED: pictures of the page, since LATENT_EXPLORER_PICTURES names no directory for them",
        );
        return;
    };
    let folder = Path::new(&folder);
    fs::create_dir_all(folder).unwrap();
    for (name, width, height) in [
        ("desktop", 1280, 1000),
        ("tablet", 820, 1100),
        ("phone", 390, 844),
    ] {
        for scheme in ["light", "dark"] {
            let browser = opened("#draw", width, height, scheme);
            let three = written_three();
            browser.script(
                "document.querySelector('[data-pad=clear]').click()",
                json!([]),
            );
            draw_on(&browser, "#draw-pad", "mouse", &three);
            for part in ["draw", "walk", "sample"] {
                browser.script(
                    "location.hash = arguments[0]; scrollTo(0, 0);",
                    json!([part]),
                );
                browser.script(
                    "await new Promise((next) => setTimeout(next, 700))",
                    json!([]),
                );
                fs::write(
                    folder.join(format!("{part}-{name}-{scheme}.png")),
                    browser.screenshot(name != "desktop"),
                )
                .unwrap();
            }
            if name == "desktop" {
                browser.script("location.hash = 'walk'", json!([]));
                choose_model(&browser, &json!("cvae-mlp-50"));
                let file = folder.join(format!("hand-{name}-{scheme}.png"));
                fs::write(file, browser.screenshot(name != "desktop")).unwrap();
            }
            refuse_complaints(&browser);
        }
    }
}

/// Selects a model in the view "Explore" and waits until it is loaded.
fn choose_model(browser: &Browser, name: &Value) {
    browser.script(
        "const { state } = await import('./walk.js');
         const select = document.getElementById('walk-model');
         select.value = arguments[0];
         select.dispatchEvent(new Event('change'));
         while (state.name !== arguments[0] || !state.way) {
             await new Promise((next) => setTimeout(next, 20));
         }",
        json!([name]),
    );
}

/// Strokes of a handwritten three.
fn written_three() -> Vec<Vec<[f32; 2]>> {
    let bow = |y: f32, radius: f32, from: f32, to: f32| {
        (0..=24).map(move |step| {
            let angle = (from + (to - from) * step as f32 / 24.0).to_radians();
            [0.48 + 1.1 * radius * angle.cos(), y + radius * angle.sin()]
        })
    };
    vec![
        bow(0.32, 0.17, -150.0, 95.0)
            .chain(bow(0.67, 0.19, -95.0, 150.0))
            .collect(),
    ]
}
