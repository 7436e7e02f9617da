// A canvas for drawing, which also shows test images and opened pictures.

import { complain, examples, modelsOf, open, rust, set as current } from "./engine.js";
import { paint as paintImage, shaped } from "./tiles.js";

/** The width of the pen for digits, as a fraction of the canvas. */
const PEN = 0.075;

export class Pad {
  /** `label` is the accessible name, `prompt` the text on an empty canvas; `onChange` is called after every change. */
  constructor(container, { label, prompt = "", onChange }) {
    this.container = container;
    this.label = label;
    this.onChange = onChange;
    this.strokes = [];
    this.isExample = false;
    this.seed = 1;
    container.dataset.prompt = prompt;
    this.canvas = document.createElement("canvas");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-roledescription", "drawing pad");
    container.append(this.canvas);
    this.use(current);
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

  /** Empties the pad for images of a data set. */
  use(set) {
    this.set = set;
    this.strokes = [];
    this.picture = undefined;
    this.container.classList.toggle("photo", !set.isDrawing);
    shaped(this.container, set);
    const keys = set.isOfDigits ? "a digit key to draw an example" : "E for an example";
    this.canvas.setAttribute("aria-label", `${this.label}. Press ${keys}, Backspace to clear.`);
    this.container.classList.add("is-empty");
    this.paint();
  }

  get isEmpty() {
    return this.strokes.length === 0 && !this.picture;
  }

  /** The label of the image, if it is a test image. */
  get known() {
    return this.picture?.label;
  }

  /** The drawing or picture as an image of the data set. */
  image() {
    if (this.picture) return this.picture.pixels;
    const flat = this.strokes.flatMap((stroke) => [...stroke.flat(), NaN, NaN]);
    const { height, width, channels } = this.set;
    return rust.drawImage(new Float32Array(flat), height, width, channels);
  }

  clear() {
    this.draw([]);
  }

  undo() {
    this.draw(this.strokes.slice(0, -1));
  }

  /** Shows an example, a different one in each call: a digit as strokes, a test image, or a sample of a model. */
  async example() {
    const { set } = this;
    if (set.isOfDigits) {
      this.write(Math.floor(10 * Math.random()));
      return;
    }
    try {
      const images = await examples(set);
      const picture = images.length ? images[Math.floor(images.length * Math.random())] : await sampled(set, this.seed++);
      if (this.set === set) this.show(picture);
    } catch (error) {
      complain(error);
    }
  }

  /** Draws an example of a digit, a different one in each call. */
  write(digit) {
    const flat = rust.example(digit, this.seed++);
    const strokes = [[]];
    for (let i = 0; i < flat.length; i += 2) {
      if (Number.isNaN(flat[i])) strokes.push([]);
      else strokes.at(-1).push([flat[i], flat[i + 1]]);
    }
    this.draw(strokes, true);
  }

  /** Shows an image: its `pixels`, its `label` if it is known, and `what` it is. */
  show(picture) {
    this.strokes = [];
    this.picture = picture;
    this.pointer = undefined;
    this.changed();
  }

  /** Opens a picture: it is scaled until it covers an image, and the middle is cut out. */
  async openPicture(file) {
    const { height, width, channels } = this.set;
    let bitmap;
    try {
      bitmap = await createImageBitmap(file);
    } catch {
      complain(new Error(`${file.name} is not a picture that this browser can open; choose a PNG, JPEG, GIF or WebP file`));
      return;
    }
    const scale = Math.max(width / bitmap.width, height / bitmap.height);
    const [wide, high] = [scale * bitmap.width, scale * bitmap.height];
    const context = new OffscreenCanvas(width, height).getContext("2d");
    context.fillRect(0, 0, width, height);
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, (width - wide) / 2, (height - high) / 2, wide, high);
    const { data } = context.getImageData(0, 0, width, height);
    this.show({ pixels: rust.fromPicture(data, channels), what: "picture" });
  }

  draw(strokes, isExample = false) {
    this.strokes = strokes;
    this.picture = undefined;
    this.isExample = isExample;
    this.pointer = undefined;
    this.changed();
  }

  begin(event) {
    if (event.button !== 0 || this.pointer !== undefined) return;
    if (this.isExample) this.strokes = [];
    this.isExample = false;
    this.picture = undefined;
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
    if (this.set.isOfDigits && /^[0-9]$/.test(event.key)) this.write(Number(event.key));
    else if (!this.set.isOfDigits && event.key.toLowerCase() === "e") this.example();
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
    const width = Math.round(this.container.clientWidth * devicePixelRatio);
    const height = Math.round(this.container.clientHeight * devicePixelRatio);
    if (width === 0) return;
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    const context = this.canvas.getContext("2d");
    context.clearRect(0, 0, width, height);
    if (this.picture) {
      const pixels = document.createElement("canvas");
      paintImage(pixels, this.set, this.picture.pixels, 0, 255);
      context.imageSmoothingEnabled = pixels.classList.contains("smooth");
      context.drawImage(pixels, 0, 0, width, height);
      return;
    }
    context.strokeStyle = this.set.isDrawing ? "black" : "white";
    context.lineWidth = (this.set.isDrawing ? PEN : rust.penWidth()) * Math.min(width, height);
    context.lineCap = context.lineJoin = "round";
    for (const stroke of this.strokes) {
      context.beginPath();
      for (const [x, y] of stroke) context.lineTo(x * width, y * height);
      // Draws a stroke of a single point as a dot.
      context.lineTo(stroke.at(-1)[0] * width, stroke.at(-1)[1] * height);
      context.stroke();
    }
  }
}

/** A sample of the first model of a data set, where there are no test images. */
async function sampled(set, seed) {
  const [known] = modelsOf(set);
  const model = await open(known.name);
  const { classesPresent, isConditional } = known;
  const label = isConditional ? classesPresent[seed % classesPresent.length] : undefined;
  const samples = model.sample(Uint8Array.of(label ?? 0), 1, 1, seed);
  const pixels = Uint8Array.from(samples.images, (value) => Math.round(255 * value));
  samples.free();
  return { pixels, label, what: "sample" };
}

/** Sets up the buttons of a pad: elements in `container` with `data-pad`. */
export function padButtons(container, pad) {
  const deeds = { undo: () => pad.undo(), clear: () => pad.clear(), example: () => pad.example() };
  container.querySelectorAll("button[data-pad]").forEach((button) => {
    if (deeds[button.dataset.pad]) button.addEventListener("click", deeds[button.dataset.pad]);
  });
  const file = container.querySelector("input[type=file]");
  container.querySelector("[data-pad=picture]").addEventListener("click", () => file.click());
  file.addEventListener("change", async () => {
    if (file.files[0]) await pad.openPicture(file.files[0]);
    // So that the same file can be opened again.
    file.value = "";
  });
}
