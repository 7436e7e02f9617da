// The view "Explore": a movable point, a slider for each latent dimension, and interpolation between two images.

import {
  complain, entry, examples, followSet, hand, isOpen, megabytes, modelsOf, onceAFrame, open, say, set as current, title,
} from "./engine.js";
import { mostProbable, pointsOf, words } from "./draw.js";
import { Pad, padButtons } from "./pad.js";
import { Plane } from "./plane.js";
import { chosenLabels, classChips, describe, element, paint, shaped, tile, written } from "./tiles.js";

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
    const { cloud, isConditional, set } = entry(state.name);
    const label = isConditional ? chosenLabels(get("walk-labels"))[0] : 0;
    state.image = state.model.decode(state.latent, label);
    paint(get("walk-image"), set, state.image);
    describe(get("walk-image"), `The decoded image${isConditional ? ` with the label ${set.classNames[label]}` : ""}`);
    const place = cloud.dimensions.slice(0, 2).map((dimension) => state.latent[dimension]);
    state.map.show(place);
    const nearest = isConditional ? undefined : state.map.labelAt(place);
    get("walk-place").textContent =
      `z = (${place.map(written).join(", ")})` +
      (nearest === undefined ? "" : `, nearest images: ${words(set, nearest)}`) +
      `. ${pointsOf(set)}`;
    say(get("walk-place").textContent);
    for (const { dimension, input, output } of state.sliders) {
      input.value = state.latent[dimension];
      output.textContent = written(state.latent[dimension]);
    }
  });

  const showWay = onceAFrame(() => {
    const { way, map } = state;
    if (!way) return;
    const { cloud, set } = entry(state.name);
    const step = Math.round(get("walk-lambda").value * (STEPS - 1));
    paint(get("walk-between"), set, way.images, step);
    film.forEach(({ canvas, item }, place) => {
      const shown = Math.round((place / (SHOWN - 1)) * (STEPS - 1));
      paint(canvas, set, way.images, shown);
      item.classList.toggle("is-here", Math.abs(shown - step) <= (STEPS - 1) / (2 * SHOWN));
    });
    if (map) {
      const place = (step) => cloud.dimensions.slice(0, 2).map((d) => way.latents[step * state.model.latentSize + d]);
      map.showWay([...Array(STEPS).keys()].map(place), place(step));
    }
  });

  const findWay = onceAFrame(() => {
    if (!state.model || start.isEmpty || end.isEmpty) return;
    const { isConditional, set } = entry(state.name);
    if (start.set !== set) return;
    const images = [start.image(), end.image()];
    // Only a conditional model needs labels; those of test images are known.
    const labels = [start, end].map((pad, place) => {
      if (!isConditional) return 0;
      return pad.known ?? mostProbable(state.judge.classLogPosterior(images[place]));
    });
    const path = document.querySelector("[name=path]:checked").value;
    const way = state.model.interpolate(path, images[0], labels[0], images[1], labels[1], STEPS);
    state.way = { images: way.images, latents: way.latents };
    way.free();
    showWay();
  });

  const start = new Pad(get("walk-start"), { label: "First image", prompt: "draw", onChange: findWay });
  const end = new Pad(get("walk-end"), { label: "Second image", prompt: "draw", onChange: findWay });
  padButtons(get("walk-start-side"), start);
  padButtons(get("walk-end-side"), end);
  get("walk-labels").addEventListener("change", decode);
  get("walk-lambda").addEventListener("input", showWay);
  get("walk-path").addEventListener("change", findWay);

  const choose = async () => {
    const chosen = entry(select.value);
    try {
      if (!isOpen(chosen.name)) get("walk-status").textContent = `Downloading ${chosen.name}, ${megabytes(chosen.bytes)} …`;
      const model = await open(chosen.name);
      // A flow takes long to give labels, so a conditional VAE does, if there is one.
      const judge = chosen.isConditional ? await open((hand(chosen.set) ?? chosen).name) : undefined;
      if (select.value !== chosen.name) return;
      Object.assign(state, { name: chosen.name, model, judge, way: undefined });
    } catch (error) {
      get("walk-status").textContent = "";
      complain(error);
      return;
    }
    const { set, classesPresent, isConditional, isExact } = chosen;
    get("walk-status").textContent = isExact
      ? "The latents of a flow have one dimension for each pixel: too many for a plot, but interpolation works."
      : "";
    get("walk-labels").hidden = !isConditional || isExact;
    get("walk-space").hidden = isExact;
    state.map = undefined;
    if (!isExact) {
      if (isConditional && state.labelled !== set) {
        const usual = set.isOfDigits ? 3 : classesPresent[0];
        classChips(get("walk-labels"), "radio", "walk-label", set, classesPresent, [usual]);
        state.labelled = set;
      }
      state.map = new Plane(get("walk-plane"), chosen.cloud, {
        label: "Latent space: the arrow keys move the point",
        names: !isConditional && set.classNames.length ? set.classNames : undefined,
        onMove: (place) => {
          chosen.cloud.dimensions.slice(0, 2).forEach((dimension, axis) => (state.latent[dimension] = place[axis]));
          decode();
        },
      });
      state.latent = new Float32Array(chosen.latentSize);
      makeSliders(chosen, decode);
      decode();
    }
    findWay();
  };

  /** Offers the models of the data set, with two of its images. */
  const use = async () => {
    const set = current;
    const { isOfDigits } = set;
    select.replaceChildren(...modelsOf(set).map((model) => element("option", { value: model.name, textContent: title(model) })));
    const ends = isOfDigits ? "drawings" : "images";
    get("walk-lead").textContent = `Every point decodes to an image. Drag the point, or interpolate between two ${ends}.`;
    get("walk-between-title").textContent = `Interpolation between two ${ends}`;
    for (const canvas of document.querySelectorAll("#walk canvas.tile")) shaped(canvas, set);
    for (const buttons of document.querySelectorAll("#walk .end .buttons")) {
      buttons.hidden = isOfDigits;
      buttons.querySelector("[data-pad=picture]").hidden = set.isDrawing;
    }
    start.use(set);
    end.use(set);
    const chosen = choose();
    if (isOfDigits) {
      start.write(7);
      end.write(0);
    } else {
      try {
        const [first, ...others] = await examples(set);
        if (set !== current) return;
        if (others.length) {
          start.show(first);
          end.show(others.slice(0, 8).find((other) => other.label !== first.label) ?? others.at(-1));
        } else {
          await Promise.all([start.example(), end.example()]);
        }
      } catch (error) {
        complain(error);
      }
    }
    await chosen;
  };
  select.addEventListener("change", choose);
  get("walk-zero").addEventListener("click", () => {
    state.latent.fill(0);
    decode();
  });
  followSet(use);
  await use();
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
  const used = Math.max(2, cloud.spreads.filter((spread) => spread > EMPTY).length);
  all.textContent = `Show all ${latentSize} (the other ${latentSize - used} are unused)`;
  all.onclick = () => show(latentSize);
  show(used);
}
