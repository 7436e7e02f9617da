// Draw a digit: what is left of it, where it lies, which it is, and all ten in the same hand.

import { complain, hand, index, onceAFrame, open, plane, say } from "./engine.js";
import { Pad } from "./pad.js";
import { Plane } from "./plane.js";
import { blank, element, paint, tile, written } from "./tiles.js";

const get = (id) => document.getElementById(id);
const WORDS = ["zeros", "ones", "twos", "threes", "fours", "fives", "sixes", "sevens", "eights", "nines"];

export let pad;
/** Opened models, and what they made of the drawing. */
export const seen = {};

export function words(digit) {
  return WORDS[digit];
}

/** What a digit would be taken for: the most probable. */
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
    get("draw-place").textContent = `(${written(place[0])}, ${written(place[1])}), among ${near}. ${index.data} in colour.`;

    const logs = large.classLogProbabilities(image);
    const digit = mostProbable(logs);
    const styled = large.analogies(image, digit);
    Object.assign(seen, { digit, logs });
    paint(get("draw-hand-rebuilt"), styled, digit);
    get("draw-told").textContent = digit;
    columns.forEach((column, shown) => column.show(styled, Math.exp(logs[shown]), shown === digit));
    verdict(logs, digit);
  });

  pad = new Pad(get("draw-pad"), { label: "Page to draw a digit on", prompt: "draw here", onChange: look });
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
    const canvas = tile(`Your hand writing ${digit}`);
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

/** In words, and how sure: probabilities of images are nearly 0 or 1, so the distance is said in nats. */
function verdict(logs, digit) {
  const order = [...logs.keys()].sort((a, b) => logs[b] - logs[a]);
  const ahead = logs[order[0]] - logs[order[1]];
  const text = `This is a ${digit}, as the model sees it: ${ahead.toFixed(1)} nats more likely than a ${order[1]}.`;
  get("draw-verdict").textContent = text;
  say(text);
}

function nothing(map, columns) {
  delete seen.digit;
  ["draw-seen", "draw-plane-rebuilt", "draw-hand-rebuilt"].forEach((id) => blank(get(id)));
  map.hide();
  columns.forEach((column) => column.hide());
  get("draw-told").textContent = "?";
  get("draw-place").textContent = `${index.data} in colour.`;
  get("draw-verdict").textContent = "Nothing is drawn yet.";
}
