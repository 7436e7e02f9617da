// The view "Draw": reconstructions of an image, its latent, its label by Bayes' rule, and style transfer.

import {
  colour, complain, examples, followSet, hand, modelsOf, onceAFrame, open, plane, say, set as current, size,
} from "./engine.js";
import { Pad, padButtons } from "./pad.js";
import { Plane } from "./plane.js";
import { blank, describe, element, hasLongNames, paint, tile, written } from "./tiles.js";

const get = (id) => document.getElementById(id);
const WORDS = ["zeros", "ones", "twos", "threes", "fours", "fives", "sixes", "sevens", "eights", "nines"];
/** Of more classes, the most probable ones are shown. */
const SHOWN = 10;
/** After a longer computation, in milliseconds, the next one waits until the drawing pauses. */
const SLOW = 150;

export let pad;
/** The current drawing and its classification, and whether the latter is still to come; the test reads it. */
export const seen = {};

/** A class in a text: "threes" for a digit, otherwise its name. */
export function words(set, label) {
  return set.isOfDigits ? WORDS[label] : set.classNames[label];
}

/** The label with the highest posterior. */
export function mostProbable(logProbabilities) {
  return logProbabilities.indexOf(Math.max(...logProbabilities));
}

/** A sentence about the points of a latent plane. */
export function pointsOf(set) {
  if (!set.points) return "The test images were not found, so the plane has no points.";
  return `${set.classNames.length ? "Coloured points" : "Points"}: ${set.points}.`;
}

export async function setUpDraw() {
  let set, map, columns, small, large, showsAll, timer, took;

  const look = onceAFrame(() => {
    if (!small && !large) return;
    clearTimeout(timer);
    seen.isPending = false;
    if (pad.isEmpty) {
      nothing(set, map, columns);
      return;
    }
    const image = pad.image();
    seen.image = image;
    paint(get("draw-seen"), set, image, 0, 255);
    get("draw-source").textContent = source(set, pad);
    if (small) {
      const latent = small.encode(image, 0);
      paint(get("draw-plane-rebuilt"), set, small.decode(latent, 0));
      place(latent);
    }
    seen.isPending = large && took > SLOW;
    if (seen.isPending) timer = setTimeout(judge, 200, image);
    else if (large) judge(image);
  });

  /** Marks the latent of the drawing in the plane. */
  const place = (latent) => {
    const shown = map.cloud.dimensions.slice(0, 2).map((dimension) => latent[dimension]);
    map.show(shown);
    const label = small ? map.labelAt(shown) : undefined;
    const near = label === undefined ? "" : `, nearest images: ${words(set, label)}`;
    const what = latent.length <= 2 ? "z" : `(${map.cloud.dimensions.slice(0, 2).map((d) => `z${d + 1}`).join(", ")})`;
    const values = shown.map(written).join(", ");
    get("draw-place").textContent = `${what} = (${values})${near}. ${pointsOf(set)}`;
  };

  const judge = (image) => {
    const begun = performance.now();
    const logs = large.classLogPosterior(image);
    const label = mostProbable(logs);
    const styled = large.analogies(image, label);
    Object.assign(seen, { digit: label, logs, isPending: false });
    paint(get("draw-hand-rebuilt"), set, styled, label);
    get("draw-told").textContent = set.classNames[label];
    if (!small) place(large.encode(image, label));
    const { classesPresent } = hand(set);
    const order = [...classesPresent].sort((a, b) => logs[b] - logs[a]);
    const labels = classesPresent.length <= SHOWN || showsAll ? classesPresent : order.slice(0, SHOWN);
    columns.forEach((column, slot) => {
      column.show(labels[slot], styled, Math.exp(logs[labels[slot]]), labels[slot] === label);
    });
    verdict(set, logs, order);
    took = performance.now() - begun;
  };

  /** Makes a column for each class that is shown. */
  const makeColumns = () => {
    const count = hand(set)?.classesPresent.length ?? 0;
    columns = classColumns(get("draw-digits"), set, showsAll ? count : Math.min(count, SHOWN));
    const all = get("draw-all");
    all.hidden = count <= SHOWN;
    all.textContent = showsAll ? `Show the ${SHOWN} most probable classes` : `Show all ${count} classes`;
    all.setAttribute("aria-expanded", String(showsAll));
  };

  const use = async () => {
    const chosen = (set = current);
    [small, large, map] = [];
    [showsAll, took] = [false, 0];
    clearTimeout(timer);
    delete seen.digit;
    const [flat, labelling] = [plane(set), hand(set)];
    describeSet(set, flat, labelling);
    makeColumns();
    pad.use(set);
    const mapped = flat ?? labelling;
    if (!mapped) return;
    const names = mapped === flat && set.classNames.length ? set.classNames : undefined;
    map = new Plane(get("draw-plane"), mapped.cloud, { label: `Latent plane with ${set.points}`, names });
    nothing(set, map, columns);
    try {
      const [first] = await examples(set);
      const opened = await Promise.all([flat, labelling].map((model) => model && open(model.name)));
      if (set !== chosen) return;
      [small, large] = opened;
      if (!pad.isEmpty) look();
      else if (set.isOfDigits) pad.write(5);
      else if (first) pad.show(first);
      else await pad.example();
    } catch (error) {
      complain(error);
    }
  };

  pad = new Pad(get("draw-pad"), { label: "Canvas for drawing", prompt: "draw here", onChange: look });
  padButtons(get("draw-buttons"), pad);
  get("draw-all").addEventListener("click", () => {
    showsAll = !showsAll;
    makeColumns();
    look();
  });
  followSet(use);
  await use();
}

/** Adapts titles and texts to a data set and its models. */
function describeSet(set, flat, labelling) {
  const { isOfDigits, isDrawing, channels, classNames } = set;
  get("draw-title").textContent = isOfDigits ? "Draw a digit" : isDrawing ? "Draw an image" : "Draw or open an image";
  const colours = channels === 3 ? "in colour" : "in grey";
  const has = !!(flat ?? labelling);
  const [count, verb] = flat && labelling ? ["Two models", "encode"] : ["A model", "encodes"];
  const inputs = isDrawing ? "a test image or your drawing" : "a test image, your drawing or a picture";
  let lead = `${count} of ${set.name} (${size(set)}, ${colours}) ${verb} ${inputs}.`;
  if (isOfDigits) lead = "Two models encode your drawing: a VAE with two latent dimensions, and a VAE that is conditional on the digit.";
  if (!has) lead = `Drawings need a VAE: the flows of ${set.name} are in the views Explore and Sample.`;
  get("draw-lead").textContent = lead;
  get("draw-hint").textContent = isOfDigits
    ? "Draw with mouse, pen or finger. Keyboard: a digit key draws an example, Backspace clears."
    : `${
        isDrawing
          ? "Drawings are scaled and centred like MNIST’s."
          : `The pen is white; what you draw is scaled to ${size(set)}.` +
            (channels === 3 ? " For other colours, open a picture:" : " You can also open a picture:") +
            " it is scaled until it covers the image, and its middle is cut out."
      } Keyboard: E shows an example, Backspace clears.`;
  get("draw-picture").hidden = isDrawing;
  get("draw-buttons").classList.toggle("four", !isDrawing);
  get("draw-size").textContent = size(set);
  describe(get("draw-seen"), `The image in ${size(set)}`);
  get("draw-source").textContent = source(set);

  get("draw-columns").hidden = get("draw-styles").hidden = !has;
  get("draw-plane-figure").hidden = !flat;
  get("draw-hand-figure").hidden = !labelling;
  if (flat) {
    get("draw-plane-size").textContent = dimensions(flat);
    get("draw-plane-family").textContent = `reconstruction by ${isOfDigits ? "the VAE" : flat.name}`;
  }
  if (labelling) {
    get("draw-hand-size").textContent = dimensions(labelling);
    get("draw-hand-family").textContent = `reconstruction by ${isOfDigits ? "the conditional VAE" : labelling.name}`;
  }
  get("draw-probabilities").hidden = !labelling;
  get("draw-digits").hidden = !labelling;
  if (labelling) return;
  const reason = classNames.length
    ? `${modelsOf(set)[0].name} is not: train cvae-conv on these images, for example`
    : `the images of ${set.name} have no labels`;
  get("draw-verdict").textContent =
    `Style transfer and class probabilities need a model that is conditional on the label; ${reason}.`;
}

function dimensions({ latentSize }) {
  return `${latentSize} latent dimension${latentSize === 1 ? "" : "s"}`;
}

/** The origin of the image that the models see. */
function source(set, pad) {
  if (pad?.picture) {
    const { what, label } = pad.picture;
    return label === undefined ? what : `${what}: ${set.classNames[label]}`;
  }
  if (set.isDrawing) return "scaled and centred like MNIST";
  return "scaled to the size of the model’s images";
}

/** `count` columns of a class: an image, its name and its probability. */
function classColumns(list, set, count) {
  list.replaceChildren();
  list.classList.toggle("named", hasLongNames(set));
  list.style.setProperty("--count", Math.min(count, SHOWN));
  return [...Array(count).keys()].map(() => {
    const canvas = tile();
    const caption = element("b");
    const share = element("span");
    const bar = element("div", { className: "bar" });
    const name = element("div", { className: "name" }, caption, share);
    const item = element("li", {}, canvas, name, element("div", { className: "track" }, bar));
    list.append(item);
    return {
      show(label, images, probability, isBest) {
        const text = set.classNames[label];
        describe(canvas, `Your style with the label ${text}`);
        caption.textContent = caption.title = text;
        item.style.setProperty("--colour", colour(label));
        paint(canvas, set, images, label);
        share.textContent = percent(probability);
        bar.style.transform = `scaleX(${probability})`;
        item.classList.toggle("is-best", isBest);
      },
      hide(label) {
        const text = set.classNames[label] ?? "";
        caption.textContent = text;
        describe(canvas, text ? `The label ${text}, without a drawing` : "No drawing");
        blank(canvas, set);
        share.textContent = "";
        bar.style.transform = "scaleX(0)";
        item.classList.remove("is-best");
      },
    };
  });
}

function percent(probability) {
  if (probability > 0.9995) return "100 %";
  if (probability < 0.0005) return "0 %";
  return `${(100 * probability).toFixed(1)} %`;
}

/** Shows the predicted label. Posterior probabilities are nearly 0 or 1, so the margin is given in nats. */
function verdict({ classNames }, logs, [best, second]) {
  const ahead =
    second === undefined
      ? ""
      : ` Its log-posterior is ${(logs[best] - logs[second]).toFixed(1)} nats above that of ${classNames[second]}.`;
  const text = `Predicted label: ${classNames[best]}.${ahead}`;
  get("draw-verdict").textContent = text;
  say(text);
}

function nothing(set, map, columns) {
  delete seen.digit;
  ["draw-seen", "draw-plane-rebuilt", "draw-hand-rebuilt"].forEach((id) => blank(get(id), set));
  map.hide();
  const labels = hand(set)?.classesPresent ?? [];
  columns.forEach((column, slot) => column.hide(labels.length <= SHOWN ? labels[slot] : undefined));
  get("draw-told").textContent = "?";
  get("draw-source").textContent = source(set);
  get("draw-place").textContent = pointsOf(set);
  if (hand(set)) get("draw-verdict").textContent = "No drawing yet.";
}
