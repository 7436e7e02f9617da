// The view "Draw": reconstructions of a drawing, its latent, its label by Bayes' rule, and style transfer.

import { complain, hand, index, onceAFrame, open, plane, say } from "./engine.js";
import { Pad } from "./pad.js";
import { Plane } from "./plane.js";
import { blank, element, paint, tile, written } from "./tiles.js";

const get = (id) => document.getElementById(id);
const WORDS = ["zeros", "ones", "twos", "threes", "fours", "fives", "sixes", "sevens", "eights", "nines"];

export let pad;
/** The current drawing and its classification; the test reads it. */
export const seen = {};

export function words(digit) {
  return WORDS[digit];
}

/** The label with the highest posterior. */
export function mostProbable(logProbabilities) {
  return logProbabilities.indexOf(Math.max(...logProbabilities));
}

export async function setUpDraw() {
  const map = new Plane(get("draw-plane"), plane().cloud, { label: `Latent plane with ${index.data}`, named: true });
  const columns = tenDigits(get("draw-digits"));
  get("draw-plane-size").textContent = plane().latentSize;
  get("draw-hand-size").textContent = hand().latentSize;

  let small, large;
  const look = onceAFrame(() => {
    if (!large) return;
    if (pad.isEmpty) {
      nothing(map, columns);
      return;
    }
    const image = pad.image();
    seen.image = image;
    paint(get("draw-seen"), image, 0, 255);

    const place = small.encode(image, 0);
    paint(get("draw-plane-rebuilt"), small.decode(place, 0));
    map.show([...place]);
    const near = words(map.digitAt(place));
    get("draw-place").textContent = `z = (${written(place[0])}, ${written(place[1])}), nearest images: ${near}. Coloured points: ${index.data}.`;

    const logs = large.classLogPosterior(image);
    const digit = mostProbable(logs);
    const styled = large.analogies(image, digit);
    Object.assign(seen, { digit, logs });
    paint(get("draw-hand-rebuilt"), styled, digit);
    get("draw-told").textContent = digit;
    columns.forEach((column, shown) => column.show(styled, Math.exp(logs[shown]), shown === digit));
    verdict(logs, digit);
  });

  pad = new Pad(get("draw-pad"), { label: "Canvas for drawing a digit", prompt: "draw here", onChange: look });
  document.querySelectorAll("[data-pad]").forEach((button) => {
    const deeds = { undo: () => pad.undo(), clear: () => pad.clear(), example: () => pad.write(Math.floor(10 * Math.random())) };
    button.addEventListener("click", deeds[button.dataset.pad]);
  });
  try {
    [small, large] = await Promise.all([open(plane().name), open(hand().name)]);
    if (pad.isEmpty) pad.write(5);
    else look();
  } catch (error) {
    complain(error);
  }
}

function tenDigits(list) {
  return [...Array(10).keys()].map((digit) => {
    const canvas = tile(`Your style with the label ${digit}`);
    const share = element("span");
    const bar = element("div", { className: "bar" });
    const name = element("div", { className: "name" }, String(digit), share);
    const item = element("li", {}, canvas, name, element("div", { className: "track" }, bar));
    item.style.setProperty("--colour", `var(--d${digit})`);
    list.append(item);
    return {
      show(images, probability, isBest) {
        paint(canvas, images, digit);
        share.textContent = percent(probability);
        bar.style.transform = `scaleX(${probability})`;
        item.classList.toggle("is-best", isBest);
      },
      hide() {
        blank(canvas);
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
function verdict(logs, digit) {
  const order = [...logs.keys()].sort((a, b) => logs[b] - logs[a]);
  const ahead = logs[order[0]] - logs[order[1]];
  const text = `Predicted label: ${digit}. Its log-posterior is ${ahead.toFixed(1)} nats above that of ${order[1]}.`;
  get("draw-verdict").textContent = text;
  say(text);
}

function nothing(map, columns) {
  delete seen.digit;
  ["draw-seen", "draw-plane-rebuilt", "draw-hand-rebuilt"].forEach((id) => blank(get(id)));
  map.hide();
  columns.forEach((column) => column.hide());
  get("draw-told").textContent = "?";
  get("draw-place").textContent = `Coloured points: ${index.data}.`;
  get("draw-verdict").textContent = "No drawing yet.";
}
