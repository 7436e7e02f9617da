// The view "Explore": a movable point, a slider for each latent dimension, and interpolation between two drawings.

import { complain, entry, hand, index, isOpen, megabytes, onceAFrame, open, say, title } from "./engine.js";
import { mostProbable, words } from "./draw.js";
import { Pad } from "./pad.js";
import { Plane } from "./plane.js";
import { chosenDigits, digitChips, element, paint, tile, written } from "./tiles.js";

const get = (id) => document.getElementById(id);
/** The number of interpolation steps, and of images in the row. */
const STEPS = 41;
const SHOWN = 11;
/** Dimensions whose latents have a smaller standard deviation are unused by the decoder (posterior collapse). */
const EMPTY = 0.1;

/** The current model, latent and interpolation; the test reads it. */
export const state = {};

export async function setUpWalk() {
  const select = get("walk-model");
  for (const model of index.models) {
    select.append(element("option", { value: model.name, textContent: title(model) }));
  }
  digitChips(get("walk-digits"), "radio", "walk-digit", [3], () => decode());
  const film = [...Array(SHOWN).keys()].map((place) => {
    const canvas = tile();
    const item = element("li", {}, canvas);
    item.addEventListener("click", () => {
      get("walk-lambda").value = place / (SHOWN - 1);
      showWay();
    });
    get("walk-film").append(item);
    return { canvas, item };
  });

  const decode = onceAFrame(() => {
    if (!state.latent || !state.map) return;
    const [digit = 0] = chosenDigits(get("walk-digits"));
    state.image = state.model.decode(state.latent, digit);
    paint(get("walk-image"), state.image);
    const { dimensions } = entry(state.name).cloud;
    const place = dimensions.slice(0, 2).map((dimension) => state.latent[dimension]);
    state.map.show(place);
    get("walk-place").textContent =
      `z = (${place.map(written).join(", ")})` +
      (entry(state.name).isConditional ? "" : `, nearest images: ${words(state.map.digitAt(place))}`) +
      `. Coloured points: ${index.data}.`;
    say(get("walk-place").textContent);
    for (const { dimension, input, output } of state.sliders) {
      input.value = state.latent[dimension];
      output.textContent = written(state.latent[dimension]);
    }
  });

  const showWay = onceAFrame(() => {
    const { way, map } = state;
    if (!way) return;
    const step = Math.round(get("walk-lambda").value * (STEPS - 1));
    paint(get("walk-between"), way.images, step);
    film.forEach(({ canvas, item }, place) => {
      const shown = Math.round((place / (SHOWN - 1)) * (STEPS - 1));
      paint(canvas, way.images, shown);
      item.classList.toggle("is-here", Math.abs(shown - step) <= (STEPS - 1) / (2 * SHOWN));
    });
    if (map) {
      const { dimensions } = entry(state.name).cloud;
      const place = (step) => dimensions.slice(0, 2).map((d) => way.latents[step * state.model.latentSize + d]);
      map.showWay([...Array(STEPS).keys()].map(place), place(step));
    }
  });

  const findWay = onceAFrame(() => {
    if (!state.model || !state.hand || start.isEmpty || end.isEmpty) return;
    const images = [start.image(), end.image()];
    const digits = images.map((image) => mostProbable(state.hand.classLogPosterior(image)));
    const path = document.querySelector("[name=path]:checked").value;
    const way = state.model.interpolate(path, images[0], digits[0], images[1], digits[1], STEPS);
    state.way = { images: way.images, latents: way.latents };
    way.free();
    showWay();
  });

  const start = new Pad(get("walk-start"), { label: "First drawing", prompt: "draw", onChange: findWay });
  const end = new Pad(get("walk-end"), { label: "Second drawing", prompt: "draw", onChange: findWay });
  get("walk-lambda").addEventListener("input", showWay);
  get("walk-path").addEventListener("change", findWay);

  const choose = async () => {
    const chosen = entry(select.value);
    try {
      if (!isOpen(chosen.name)) get("walk-status").textContent = `Downloading ${chosen.name}, ${megabytes(chosen.bytes)} …`;
      const model = await open(chosen.name);
      state.hand ??= await open(hand().name);
      if (select.value !== chosen.name) return;
      Object.assign(state, { name: chosen.name, model, way: undefined });
    } catch (error) {
      get("walk-status").textContent = "";
      complain(error);
      return;
    }
    get("walk-status").textContent = chosen.isExact
      ? "The latents of a flow have one dimension for each pixel: too many for a plot, but interpolation works."
      : "";
    get("walk-digits").hidden = !chosen.isConditional || chosen.isExact;
    get("walk-space").hidden = chosen.isExact;
    state.map = undefined;
    if (!chosen.isExact) {
      state.map = new Plane(get("walk-plane"), chosen.cloud, {
        label: "Latent space: the arrow keys move the point",
        named: !chosen.isConditional,
        onMove: (place) => {
          place.forEach((value, axis) => (state.latent[chosen.cloud.dimensions[axis]] = value));
          decode();
        },
      });
      state.latent = new Float32Array(chosen.latentSize);
      makeSliders(chosen, decode);
      decode();
    }
    findWay();
  };
  select.addEventListener("change", choose);
  get("walk-zero").addEventListener("click", () => {
    state.latent.fill(0);
    decode();
  });
  start.write(7);
  end.write(0);
  await choose();
}

/** A slider for each latent dimension, in descending order of the standard deviation of the test images. */
function makeSliders({ cloud, latentSize }, decode) {
  const container = get("walk-sliders");
  const all = get("walk-all");
  const show = (count) => {
    container.replaceChildren();
    state.sliders = cloud.dimensions.slice(0, count).map((dimension, place) => {
      const most = Math.max(3, Math.ceil(4 * cloud.spreads[place]));
      const input = element("input", { type: "range", min: -most, max: most, step: "any", value: state.latent[dimension] });
      const output = element("output");
      const name = element("span", {}, "z", element("sub", { textContent: dimension + 1 }));
      container.append(element("label", {}, name, input, output));
      input.addEventListener("input", () => {
        state.latent[dimension] = input.valueAsNumber;
        decode();
      });
      return { dimension, input, output };
    });
    all.hidden = count >= latentSize;
    decode();
  };
  const used = cloud.spreads.filter((spread) => spread > EMPTY).length;
  all.textContent = `Show all ${latentSize} (the other ${latentSize - used} are unused)`;
  all.onclick = () => show(latentSize);
  show(used);
}
