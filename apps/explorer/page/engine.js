// The crates as WebAssembly, and the models that they have opened.

import init, * as rust from "./latent_explorer.js";

export { rust };

/** What models.json says: whose places the points are, and what there is of models. */
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

/** The model of this name, fetched when it is first asked for. */
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

/** Models with a plane to walk in, models that are told a digit, and what a person reads in a list. */
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
    throw new Error(`${address} cannot be fetched (${response.status}): build the page again by “just explorer”`);
  }
  return response;
}

/** Says what went wrong, at the top of the page. */
export function complain(error) {
  const alert = document.getElementById("alert");
  alert.textContent = error.message ?? String(error);
  alert.hidden = false;
}

let saying;

/** Tells a screen reader, once nothing has changed for a moment. */
export function say(text) {
  clearTimeout(saying);
  saying = setTimeout(() => (document.getElementById("said").textContent = text), 700);
}

/** Calls `work` once before the next picture, however often it is asked for. */
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
