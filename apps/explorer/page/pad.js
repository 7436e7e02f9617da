// A canvas for drawing.

import { rust } from "./engine.js";

/** The width of the pen, as a fraction of the canvas. */
const PEN = 0.075;

export class Pad {
  /** `label` is the accessible name, `prompt` the text on an empty canvas; `onChange` is called after every change. */
  constructor(container, { label, prompt = "", onChange }) {
    this.container = container;
    this.onChange = onChange;
    this.strokes = [];
    this.isExample = false;
    this.seed = 1;
    container.dataset.prompt = prompt;
    this.canvas = document.createElement("canvas");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-roledescription", "drawing pad");
    this.canvas.setAttribute("aria-label", `${label}. Press a digit key to draw an example, Backspace to clear.`);
    container.append(this.canvas);
    new ResizeObserver(() => this.paint()).observe(container);

    this.canvas.addEventListener("pointerdown", (event) => this.begin(event));
    this.canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      this.canvas.addEventListener(end, (event) => {
        if (event.pointerId === this.pointer) this.pointer = undefined;
      });
    }
    this.canvas.addEventListener("keydown", (event) => this.press(event));
  }

  get isEmpty() {
    return this.strokes.length === 0;
  }

  /** The drawing as 28 × 28 grey levels, in MNIST's format. */
  image() {
    const flat = this.strokes.flatMap((stroke) => [...stroke.flat(), NaN, NaN]);
    return rust.draw(new Float32Array(flat));
  }

  clear() {
    this.set([]);
  }

  undo() {
    this.set(this.strokes.slice(0, -1));
  }

  /** Draws an example of a digit, a different one in each call. */
  write(digit) {
    const flat = rust.example(digit, this.seed++);
    const strokes = [[]];
    for (let i = 0; i < flat.length; i += 2) {
      if (Number.isNaN(flat[i])) strokes.push([]);
      else strokes.at(-1).push([flat[i], flat[i + 1]]);
    }
    this.set(strokes, true);
  }

  set(strokes, isExample = false) {
    this.strokes = strokes;
    this.isExample = isExample;
    this.pointer = undefined;
    this.changed();
  }

  begin(event) {
    if (event.button !== 0 || this.pointer !== undefined) return;
    if (this.isExample) this.strokes = [];
    this.isExample = false;
    this.pointer = event.pointerId;
    this.canvas.setPointerCapture(event.pointerId);
    this.strokes.push([this.place(event)]);
    this.changed();
  }

  move(event) {
    if (event.pointerId !== this.pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    this.strokes.at(-1).push(...(events.length ? events : [event]).map((event) => this.place(event)));
    this.changed();
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^[0-9]$/.test(event.key)) this.write(Number(event.key));
    else if (event.key === "Backspace" || event.key === "Delete") this.clear();
    else return;
    event.preventDefault();
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  changed() {
    this.container.classList.toggle("is-empty", this.isEmpty);
    this.paint();
    this.onChange();
  }

  paint() {
    const side = Math.round(this.container.clientWidth * devicePixelRatio);
    if (side === 0) return;
    if (this.canvas.width !== side) this.canvas.width = this.canvas.height = side;
    const context = this.canvas.getContext("2d");
    context.clearRect(0, 0, side, side);
    context.lineWidth = PEN * side;
    context.lineCap = context.lineJoin = "round";
    for (const stroke of this.strokes) {
      context.beginPath();
      for (const [x, y] of stroke) context.lineTo(x * side, y * side);
      // Draws a stroke of a single point as a dot.
      context.lineTo(stroke.at(-1)[0] * side, stroke.at(-1)[1] * side);
      context.stroke();
    }
  }
}
