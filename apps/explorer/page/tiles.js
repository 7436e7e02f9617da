// Images on canvases, and buttons for classes.
//
// Images that are drawings are ink on paper: a pixel's value is its opacity, and the style sheet sets the colour. Others are
// shown as they are, in colour or from black to white.

import { colour } from "./engine.js";

/** Images with a longer side are shown smoothly, others with visible pixels. */
const SMOOTH = 64;

/** Paints image number `place` of `images`, whose values are 0 to `most`, in the shape of the data set. */
export function paint(canvas, set, images, place = 0, most = 1) {
  fit(canvas, set);
  canvas.classList.toggle("photo", !set.isDrawing);
  const { height, width, channels, isDrawing } = set;
  const context = canvas.getContext("2d");
  const picture = context.createImageData(width, height);
  const first = place * height * width * channels;
  for (let i = 0; i < height * width; i++) {
    const level = (channel) => Math.round((255 / most) * images[first + i * channels + (channel % channels)]);
    if (isDrawing) {
      picture.data[4 * i + 3] = level(0);
    } else {
      picture.data.set([level(0), level(1), level(2), 255], 4 * i);
    }
  }
  context.putImageData(picture, 0, 0);
}

/** Clears an image. */
export function blank(canvas, set) {
  fit(canvas, set);
  canvas.classList.remove("photo");
  canvas.getContext("2d").clearRect(0, 0, set.width, set.height);
}

/** Gives a canvas the shape of the data set's images. */
function fit(canvas, { height, width }) {
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  shaped(canvas, { height, width });
  canvas.classList.toggle("smooth", Math.max(height, width) > SMOOTH);
}

/** Tells the style sheet the shape of images in an element: `--ratio`, width by height. */
export function shaped(element, { height, width }) {
  element.style.setProperty("--ratio", width / height);
}

export function tile(label) {
  const canvas = document.createElement("canvas");
  canvas.className = "tile";
  if (label) describe(canvas, label);
  return canvas;
}

/** Sets the alternative text of a canvas. */
export function describe(canvas, label) {
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
}

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** A number with two decimals and a minus sign. */
export function written(value) {
  return value.toFixed(2).replace("-", "−");
}

/** Whether classes have names that are longer than a few characters. */
export function hasLongNames(set) {
  return set.classNames.some((name) => name.length > 3);
}

/** Radio buttons or checkboxes for the classes with these labels, in place of those before. */
export function classChips(fieldset, type, name, set, labels, chosen) {
  fieldset.querySelectorAll("label").forEach((label) => label.remove());
  fieldset.classList.toggle("many", labels.length > 30);
  for (const label of labels) {
    const input = element("input", { type, name, value: label, checked: chosen.includes(label) });
    const chip = element("label", {}, input, element("span", { textContent: set.classNames[label] }));
    chip.style.setProperty("--colour", colour(label));
    fieldset.append(chip);
  }
}

export function chosenLabels(fieldset) {
  return [...fieldset.querySelectorAll("input:checked")].map((input) => Number(input.value));
}
