// Images on canvases: a pixel's value is its opacity; the style sheet sets the colour.

const SIDE = 28;

/** Paints image number `place` of `images`, whose values are 0 to `most`. */
export function paint(canvas, images, place = 0, most = 1) {
  const context = canvas.getContext("2d");
  const picture = context.createImageData(SIDE, SIDE);
  const first = place * SIDE * SIDE;
  for (let i = 0; i < SIDE * SIDE; i++) {
    picture.data[4 * i + 3] = Math.round((255 / most) * images[first + i]);
  }
  context.putImageData(picture, 0, 0);
}

export function blank(canvas) {
  canvas.getContext("2d").clearRect(0, 0, SIDE, SIDE);
}

export function tile(label) {
  const canvas = document.createElement("canvas");
  canvas.className = "tile";
  canvas.width = canvas.height = SIDE;
  if (label) {
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", label);
  }
  return canvas;
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

/** Radio buttons or checkboxes for the digits 0 to 9. */
export function digitChips(fieldset, type, name, chosen, onChange) {
  for (let digit = 0; digit < 10; digit++) {
    const input = element("input", { type, name, value: digit, checked: chosen.includes(digit) });
    const label = element("label", {}, input, element("span", { textContent: digit }));
    label.style.setProperty("--colour", `var(--d${digit})`);
    fieldset.append(label);
  }
  fieldset.addEventListener("change", onChange);
}

export function chosenDigits(fieldset) {
  return [...fieldset.querySelectorAll("input:checked")].map((input) => Number(input.value));
}
