// The WebAssembly module, the data sets and the loaded models.

import init, * as rust from "./latent_explorer.js";

export { rust };

/** The contents of models.json: the data sets, and the models with the latents of their test images. */
export let index;
/** The data set that the page shows. */
export let set;

const opened = new Map();
const followers = [];
let colours;

export async function start() {
  const json = fetchChecked("models.json").then((response) => response.json());
  [index] = await Promise.all([json, init()]);
  colours = rust.classColours();
  for (const known of index.sets) known.points = known.points.replace(/^\d+/, (count) => Number(count).toLocaleString("en"));
  for (const model of index.models) {
    model.set = index.sets[model.set];
    const { cloud } = model;
    if (!cloud) continue;
    cloud.points = Float32Array.from(cloud.points, (hundredths) => hundredths / 100);
    cloud.labels = Uint8Array.from(cloud.labels);
  }
  set = index.sets[0];
}

/** Calls `work` when another data set is chosen. */
export function followSet(work) {
  followers.push(work);
}

export function chooseSet(chosen) {
  if (chosen === set) return;
  set = chosen;
  for (const work of followers) work();
}

export function modelsOf(set) {
  return index.models.filter((model) => model.set === set);
}

export function entry(name) {
  return index.models.find((model) => model.name === name);
}

/** Loads a model; it is downloaded once. */
export function open(name) {
  if (!opened.has(name)) {
    const model = fetchChecked(entry(name).file)
      .then((response) => response.arrayBuffer())
      .then((bytes) => new rust.Model(name, new Uint8Array(bytes)));
    model.catch(() => opened.delete(name));
    opened.set(name, model);
  }
  return opened.get(name);
}

export function isOpen(name) {
  return opened.has(name);
}

/** Test images of a data set, with their labels if they have some; none for digits, which the page draws, and if they were not found. */
export async function examples(set) {
  if (!set.examples) return [];
  const { file, labels, count } = set.examples;
  set.loadedExamples ??= fetchChecked(file).then((response) => response.arrayBuffer());
  const bytes = new Uint8Array(await set.loadedExamples);
  const size = bytes.length / count;
  return [...Array(count).keys()].map((place) => ({
    pixels: bytes.subarray(place * size, (place + 1) * size),
    label: labels[place],
    what: "test image",
  }));
}

/** The model of the latent plane: an unconditional VAE, if possible with two latent dimensions. */
export function plane(set) {
  const models = modelsOf(set).filter((model) => !model.isExact && !model.isConditional);
  return models.find((model) => model.latentSize === 2) ?? models[0];
}

/** The model that gives labels: a conditional VAE. */
export function hand(set) {
  return modelsOf(set).find((model) => model.isConditional && !model.isExact);
}

export function title({ name, family, latentSize, isExact }) {
  return `${family}, ${isExact ? "exact" : `${latentSize} dimension${latentSize === 1 ? "" : "s"}`} (${name})`;
}

export function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** The colour of a class, that of images without a label if there is none. */
export function colour(label) {
  if (label === undefined) return "#3f90da";
  return `rgb(${colours.slice(3 * label, 3 * label + 3).join(" ")})`;
}

/** "40 × 24 pixels" */
export function size({ height, width }) {
  return `${height} × ${width} pixels`;
}

async function fetchChecked(address) {
  const response = await fetch(address);
  if (!response.ok) {
    throw new Error(`${address} cannot be downloaded (status ${response.status}); build the page again with “just explorer”`);
  }
  return response;
}

/** Shows an error at the top of the page. */
export function complain(error) {
  const alert = document.getElementById("alert");
  alert.textContent = error.message ?? String(error);
  alert.hidden = false;
}

let saying;

/** Announces a text to screen readers, after 700 ms without another one. */
export function say(text) {
  clearTimeout(saying);
  saying = setTimeout(() => (document.getElementById("said").textContent = text), 700);
}

/** A function that calls `work` at most once in each animation frame. */
export function onceAFrame(work) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      try {
        work();
      } catch (error) {
        complain(error);
      }
    });
  };
}
