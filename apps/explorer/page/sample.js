// The view "Sample": samples of a model, reproducible by the address.

import {
  chooseSet, complain, entry, followSet, isOpen, megabytes, modelsOf, onceAFrame, open, set as current, title,
} from "./engine.js";
import { chosenLabels, classChips, element, hasLongNames, paint, shaped, tile } from "./tiles.js";

const get = (id) => document.getElementById(id);
/** The number of images that the view shows at first, at most, if it can. */
const AT_FIRST = 60;
/** The largest number of images (of `Model::sample`). */
const MOST = 1000;

/** The current samples; the test reads it. */
export const state = {};

/** The usual number of images: in total, or of each label. */
function usualCount({ isConditional, classesPresent }) {
  if (!isConditional) return 25;
  return Math.max(1, Math.min(5, Math.floor(AT_FIRST / classesPresent.length)));
}

export async function setUpSample() {
  const form = get("sample-form");
  const { model, count, temperature, seed } = form.elements;
  const usual = { temperature: 1, seed: 1 };
  let offered;

  /** Offers the models of the data set. */
  const offer = () => {
    if (offered === current) return;
    offered = current;
    model.replaceChildren(...modelsOf(current).map((known) => element("option", { value: known.name, textContent: title(known) })));
  };
  /** Adapts the form to the model; `labels` are selected. */
  const adapt = (labels) => {
    const { isConditional, classesPresent, set } = entry(model.value);
    const present = isConditional ? classesPresent : [];
    classChips(get("sample-labels"), "checkbox", "label", set, present, labels ?? present);
    get("sample-labels").hidden = !isConditional;
    get("sample-labels").querySelector(".every").hidden = present.length <= 10;
    count.max = isConditional ? Math.max(1, Math.min(10, Math.floor(MOST / present.length))) : 100;
    get("sample-count-label").textContent = isConditional ? "Images of each label" : "Images";
  };

  /** Sets the form from the address; missing and invalid values get their defaults. */
  const read = () => {
    const asked = new URLSearchParams(location.hash.split("?")[1]);
    const named = entry(asked.get("model"));
    if (named) chooseSet(named.set);
    offer();
    const first = modelsOf(current).find((known) => known.isConditional) ?? modelsOf(current)[0];
    model.value = (named ?? first).name;
    adapt(asked.get("labels")?.split(",").map(Number));
    const defaults = { ...usual, count: usualCount(entry(model.value)) };
    for (const field of [count, temperature, seed]) {
      const number = Number(asked.get(field.name) ?? NaN);
      field.value = number >= field.min && number <= field.max ? number : defaults[field.name];
    }
  };
  const whole = (field) => Math.round(Math.min(field.max, Math.max(field.min, field.valueAsNumber || 0)));
  const asked = () => ({
    chosen: entry(model.value),
    labels: entry(model.value).isConditional ? chosenLabels(get("sample-labels")) : [],
    count: whole(count),
    temperature: Number(temperature.value),
    seed: whole(seed),
  });

  const sample = async () => {
    const { chosen, labels, count, temperature, seed } = asked();
    get("sample-temperature").textContent = temperature;
    // All of many labels are not listed: they are the default, also on the command line.
    const isListed = chosen.isConditional && (labels.length <= 10 || labels.length < chosen.classesPresent.length);
    const told = isListed ? `&labels=${labels.join(",")}` : "";
    const address = `#sample?model=${encodeURIComponent(chosen.name)}${told}&count=${count}&temperature=${temperature}&seed=${seed}`;
    if (location.hash.startsWith("#sample")) history.replaceState(null, "", address);
    get("sample-command").textContent =
      `latent sample ${quoted(chosen.argument)}${told && ` --labels ${quoted(namesOf(chosen.set, labels).join(","))}`}` +
      ` --count ${count} --temperature ${temperature} --seed ${seed}`;
    if (chosen.isConditional && labels.length === 0) {
      get("sample-status").textContent = "Select a label.";
      return;
    }
    try {
      if (!isOpen(chosen.name)) get("sample-status").textContent = `Downloading ${chosen.name}, ${megabytes(chosen.bytes)} …`;
      const opened = await open(chosen.name);
      if (model.value !== chosen.name) return;
      get("sample-status").textContent = "";
      const samples = opened.sample(Uint8Array.from(labels), count, temperature, seed);
      const { images } = samples;
      state.samples?.free();
      Object.assign(state, { images, samples, address });
      show(chosen, labels, count, images);
    } catch (error) {
      get("sample-status").textContent = "";
      complain(error);
    }
  };
  const soon = onceAFrame(sample);

  form.addEventListener("input", (event) => {
    if (event.target === model) {
      adapt();
      count.value = usualCount(entry(model.value));
    }
    soon();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    seed.value = crypto.getRandomValues(new Uint32Array(1))[0];
    soon();
  });
  for (const [id, checked] of [["sample-every", true], ["sample-none", false]]) {
    get(id).addEventListener("click", () => {
      get("sample-labels").querySelectorAll("input").forEach((input) => (input.checked = checked));
      soon();
    });
  }
  get("sample-download").addEventListener("click", (event) => {
    if (!state.samples) {
      event.preventDefault();
      return;
    }
    const png = state.samples.png();
    URL.revokeObjectURL(event.currentTarget.href);
    event.currentTarget.href = URL.createObjectURL(new Blob([png], { type: "image/png" }));
  });
  get("sample-link").addEventListener("click", async (event) => {
    const button = event.currentTarget;
    try {
      await navigator.clipboard.writeText(location.href);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Copy it from the address bar";
    }
    setTimeout(() => (button.textContent = "Copy link"), 1500);
  });
  addEventListener("hashchange", () => {
    if (!location.hash.startsWith("#sample") || location.hash === state.address) return;
    if (location.hash === "#sample" && entry(model.value).set === current) {
      // Back from another view: the form is unchanged.
      history.replaceState(null, "", state.address);
      return;
    }
    read();
    sample();
  });
  followSet(() => {
    // In the view, the address names a model of the data set before.
    if (!location.hash.startsWith("#sample")) return;
    if (entry(new URLSearchParams(location.hash.split("?")[1]).get("model"))?.set === current) return;
    history.replaceState(null, "", "#sample");
    read();
    sample();
  });
  read();
  await sample();
}

/** An argument of a shell's command. */
function quoted(argument) {
  return /^[\w.,/=-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}

/** The names of classes on the command line; numbers if a name has a comma. */
function namesOf({ classNames }, labels) {
  return classNames.some((name) => name.includes(",")) ? labels : labels.map((label) => classNames[label]);
}

function show({ family, isConditional, set }, labels, count, images) {
  const total = isConditional ? labels.length * count : count;
  const container = get("sample-images");
  const names = labels.map((label) => set.classNames[label]);
  const shown = names.length > 12 ? `${names.slice(0, 12).join(", ")} and ${names.length - 12} more` : names.join(", ");
  const told = isConditional ? ` of ${shown}` : "";
  container.setAttribute("aria-label", `${total} samples${told} from the ${family}`);
  shaped(container, set);

  const isGrouped = isConditional && !set.isOfDigits;
  container.classList.toggle("grouped", isGrouped);
  if (isGrouped) {
    // Each class has its name above its images.
    const groups = names.map((name, place) => {
      const tiles = [...Array(count).keys()].map((i) => {
        const canvas = tile();
        paint(canvas, set, images, place * count + i);
        return canvas;
      });
      const caption = element("span", { className: "caption", textContent: name, title: name });
      return element("div", { className: "group" }, caption, element("div", { className: "row" }, ...tiles));
    });
    container.style.setProperty("--columns", count);
    container.classList.toggle("named", hasLongNames(set));
    container.replaceChildren(...groups);
    return;
  }
  const columns = isConditional && count > 1 ? count : Math.ceil(Math.sqrt(total));
  // With many labels, two labels a row make the picture wider than high.
  const wide = isConditional && count > 1 && labels.length > 1 && count <= 5 ? 2 * columns : columns;
  container.style.setProperty("--columns", wide);
  if (container.querySelector(".group")) container.replaceChildren();
  while (container.children.length > total) container.lastChild.remove();
  while (container.children.length < total) container.append(tile());
  [...container.children].forEach((canvas, place) => paint(canvas, set, images, place));
}
