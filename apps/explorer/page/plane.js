// A scatter plot of the latents of test images, coloured by class, with a movable point.

import { colour, rust } from "./engine.js";
import { element } from "./tiles.js";

export class Plane {
  /**
   * `onMove`, if given, is called with the new position of the point. `names`, if given, are the names of the classes: each
   * is shown at the median of its class, for a model whose classes are separated. Of more than ten, or long ones, those
   * that would cover others are left out.
   */
  constructor(container, cloud, { onMove, label, names }) {
    const figure = element("figure", { className: "plane" });
    container.replaceChildren(figure);
    this.figure = figure;
    this.cloud = cloud;
    // The axes cover 99.8 % of the coordinates, so that outliers do not crowd the others; without points, the prior.
    const sizes = cloud.points.map(Math.abs).sort();
    this.range = sizes.length ? 1.08 * sizes[Math.floor(0.998 * (sizes.length - 1))] : 3;
    this.canvas = element("canvas");
    this.line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 1 1");
    svg.setAttribute("preserveAspectRatio", "none");
    svg.append(this.line);
    const subscript = (dimension) => `z${String(dimension + 1).replace(/\d/g, (d) => "₀₁₂₃₄₅₆₇₈₉"[d])}`;
    figure.append(this.canvas, svg);
    figure.append(element("span", { className: "axis x", textContent: `${subscript(cloud.dimensions[0])} →` }));
    if (cloud.dimensions.length > 1) {
      figure.append(element("span", { className: "axis y", textContent: `↑ ${subscript(cloud.dimensions[1])}` }));
    }
    this.names = names ? this.nameClasses(names) : [];
    this.mayCover = !names || (names.length <= 10 && names.every((name) => name.length <= 3));
    this.marker = element("span", { className: "marker", hidden: true });
    this.other = element("span", { className: "marker small", hidden: true });
    figure.append(this.other, this.marker);
    figure.setAttribute("aria-label", label);
    new ResizeObserver(() => this.paint()).observe(figure);
    if (onMove) this.listen(onMove);
    else figure.setAttribute("role", "img");
  }

  /** The most frequent label among the test images nearest to a position; `undefined` if they have none. */
  labelAt([x, y = 0]) {
    const { points, labels } = this.cloud;
    return labels.length ? rust.nearestLabel(points, labels, x, y) : undefined;
  }

  show(place) {
    this.mark(this.marker, place);
  }

  hide() {
    this.marker.hidden = true;
  }

  /** Draws an interpolation path and the current position on it; nothing without positions. */
  showWay(places, here) {
    const point = ([x, y]) => this.share([x, y]).join(",");
    this.line.setAttribute("points", places.map(point).join(" "));
    if (here) this.mark(this.other, here);
    else this.other.hidden = true;
  }

  mark(marker, place) {
    const [x, y] = this.share(place).map((share) => Math.min(1, Math.max(0, share)));
    marker.style.left = `${100 * x}%`;
    marker.style.top = `${100 * y}%`;
    marker.hidden = false;
    this.place = marker === this.marker ? place : this.place;
  }

  /** Converts a position to coordinates from 0 to 1 in the figure. */
  share([x, y = 0]) {
    return [0.5 + x / (2 * this.range), 0.5 - y / (2 * this.range)];
  }

  listen(onMove) {
    const { figure, canvas } = this;
    figure.tabIndex = 0;
    figure.classList.add("can-walk");
    figure.setAttribute("role", "application");
    figure.setAttribute("aria-roledescription", "latent plane");
    const limit = (value) => Math.min(this.range, Math.max(-this.range, value));
    const move = (place) => {
      // Set before the next animation frame, since keys may repeat faster.
      this.place = place.map(limit);
      onMove(this.place);
    };
    const to = (event) => {
      const box = canvas.getBoundingClientRect();
      const x = (2 * (event.clientX - box.left)) / box.width - 1;
      const y = 1 - (2 * (event.clientY - box.top)) / box.height;
      move([x * this.range, y * this.range]);
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      to(event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (canvas.hasPointerCapture(event.pointerId)) to(event);
    });
    const directions = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    figure.addEventListener("keydown", (event) => {
      const direction = directions[event.key];
      if (!direction || !this.place) return;
      event.preventDefault();
      const step = (event.shiftKey ? 0.1 : 0.02) * this.range;
      move(this.place.map((value, axis) => value + step * direction[axis]));
    });
  }

  /** Adds the name of each class at its median, so that colour is not the only distinction. */
  nameClasses(names) {
    const { points, labels } = this.cloud;
    const values = names.map(() => [[], []]);
    labels.forEach((label, i) => [0, 1].forEach((axis) => values[label][axis].push(points[2 * i + axis])));
    const middle = (all) => all.sort((a, b) => a - b)[all.length >> 1];
    const place = (label) => this.share(values[label].map(middle));
    const added = [];
    // Large classes first, since the names of the others may be left out.
    const order = [...names.keys()].filter((label) => values[label][0].length > 0);
    order.sort((a, b) => values[b][0].length - values[a][0].length);
    for (const label of order) {
      const [x, y] = place(label);
      const name = element("span", { className: names[label].length > 3 ? "name long" : "name", textContent: names[label] });
      name.setAttribute("aria-hidden", "true");
      name.style.left = `${100 * x}%`;
      name.style.top = `${100 * y}%`;
      this.figure.append(name);
      added.push(name);
    }
    return added;
  }

  /** Hides the names that would cover others. */
  separateNames() {
    if (this.mayCover) return;
    const free = [];
    for (const name of this.names) {
      name.style.visibility = "";
      const box = name.getBoundingClientRect();
      // The boxes are higher than their letters.
      const edge = box.height / 5;
      const covers = (other) =>
        box.left < other.right && other.left < box.right && box.top + edge < other.bottom - edge && other.top + edge < box.bottom - edge;
      if (free.some(covers)) name.style.visibility = "hidden";
      else free.push(box);
    }
  }

  paint() {
    const side = Math.round(this.figure.clientWidth * devicePixelRatio);
    if (side === 0) return;
    this.separateNames();
    this.canvas.width = this.canvas.height = side;
    const context = this.canvas.getContext("2d");
    const { points, labels } = this.cloud;
    const radius = Math.max(1.7 * devicePixelRatio, side / 200);
    context.globalAlpha = 0.75;
    for (let i = 0; i < points.length / 2; i++) {
      const [x, y] = this.share([points[2 * i], points[2 * i + 1]]);
      context.fillStyle = colour(labels[i]);
      context.beginPath();
      context.arc(x * side, y * side, radius, 0, 2 * Math.PI);
      context.fill();
    }
  }
}
