// The WebAssembly module and the loaded models.

import init, * as rust from "./latent_explorer.js";

export { rust };

/** The contents of models.json: the name of the data, and the models with their encoded test images. */
export let index;

const opened = new Map();

export async function start() {
  const json = fetchChecked("models.json").then((response) => response.json());
  [index] = await Promise.all([json, init()]);
  index.data = index.data.replace(/^\d+/, (count) => Number(count).toLocaleString("en"));
  for (const { cloud } of index.models) {
    if (!cloud) continue;
    cloud.points = Float32Array.from(cloud.points, (hundredths) => hundredths / 100);
    cloud.labels = Uint8Array.from(cloud.labels, Number);
  }
}

export function entry(name) {
  return index.models.find((model) => model.name === name);
}

/** Loads a model; it is downloaded once. */
export function open(name) {
  if (!opened.has(name)) {
    const model = fetchChecked(`models/${name}.safetensors`)
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

/** The first unconditional model with two latent dimensions, and the first conditional VAE. */
export const plane = () => index.models.find((model) => model.latentSize === 2 && !model.isConditional);
export const hand = () => index.models.find((model) => model.isConditional && !model.isExact);

export function title({ name, family, latentSize, isExact }) {
  return `${family}, ${isExact ? "exact" : `${latentSize} dimensions`} (${name})`;
}

export function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
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
