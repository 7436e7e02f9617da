// The view "Sample": samples of a model, reproducible by the address.

import { complain, entry, index, isOpen, megabytes, onceAFrame, open, title } from "./engine.js";
import { chosenDigits, digitChips, element, paint, tile } from "./tiles.js";

const get = (id) => document.getElementById(id);
const USUAL = { count: 5, temperature: 1, seed: 1 };

/** The current samples; the test reads it. */
export const state = {};

export async function setUpSample() {
  const form = get("sample-form");
  const { model, count, temperature, seed } = form.elements;
  for (const known of index.models) {
    model.append(element("option", { value: known.name, textContent: title(known) }));
  }
  digitChips(get("sample-digits"), "checkbox", "digit", [...Array(10).keys()], () => {});

  /** Sets the form from the address; missing and invalid values get their defaults. */
  const read = () => {
    const asked = new URLSearchParams(location.hash.split("?")[1]);
    const usual = index.models.find((known) => known.isConditional) ?? index.models[0];
    model.value = entry(asked.get("model"))?.name ?? usual.name;
    const digits = (asked.get("digits") ?? "0,1,2,3,4,5,6,7,8,9").split(",");
    get("sample-digits").querySelectorAll("input").forEach((input) => (input.checked = digits.includes(input.value)));
    limitCount();
    for (const field of [count, temperature, seed]) {
      const number = Number(asked.get(field.name) ?? NaN);
      field.value = number >= field.min && number <= field.max ? number : USUAL[field.name];
    }
  };
  const limitCount = () => {
    const told = entry(model.value).isConditional;
    count.max = told ? 10 : 100;
    get("sample-count-label").textContent = told ? "Images of each label" : "Images";
    get("sample-digits").hidden = !told;
  };
  const whole = (field) => Math.round(Math.min(field.max, Math.max(field.min, field.valueAsNumber || 0)));
  const asked = () => ({
    chosen: entry(model.value),
    digits: entry(model.value).isConditional ? chosenDigits(get("sample-digits")) : [],
    count: whole(count),
    temperature: Number(temperature.value),
    seed: whole(seed),
  });

  const sample = async () => {
    const { chosen, digits, count, temperature, seed } = asked();
    get("sample-temperature").textContent = temperature;
    const told = chosen.isConditional ? `&digits=${digits.join(",")}` : "";
    const address = `#sample?model=${chosen.name}${told}&count=${count}&temperature=${temperature}&seed=${seed}`;
    if (location.hash.startsWith("#sample")) history.replaceState(null, "", address);
    get("sample-command").textContent =
      `latent sample ${chosen.name}${told && ` --labels ${digits.join(",")}`}` +
      ` --count ${count} --temperature ${temperature} --seed ${seed}`;
    if (chosen.isConditional && digits.length === 0) {
      get("sample-status").textContent = "Select a label.";
      return;
    }
    try {
      if (!isOpen(chosen.name)) get("sample-status").textContent = `Downloading ${chosen.name}, ${megabytes(chosen.bytes)} …`;
      const opened = await open(chosen.name);
      if (model.value !== chosen.name) return;
      get("sample-status").textContent = "";
      const numbers = new Uint8Array(digits);
      const samples = opened.sample(numbers, count, temperature, seed);
      const { images } = samples;
      state.samples?.free();
      Object.assign(state, { images, samples, address });
      show(chosen, digits, count, images);
    } catch (error) {
      get("sample-status").textContent = "";
      complain(error);
    }
  };
  const soon = onceAFrame(sample);

  form.addEventListener("input", (event) => {
    if (event.target === model) {
      limitCount();
      count.value = entry(model.value).isConditional ? 5 : 25;
    }
    soon();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    seed.value = crypto.getRandomValues(new Uint32Array(1))[0];
    soon();
  });
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
    if (location.hash === "#sample") {
      // Back from another view: the form is unchanged.
      history.replaceState(null, "", state.address);
      return;
    }
    read();
    sample();
  });
  read();
  await sample();
}

function show({ family, isConditional }, digits, count, images) {
  const total = isConditional ? digits.length * count : count;
  const columns = isConditional && count > 1 ? count : Math.ceil(Math.sqrt(total));
  const container = get("sample-images");
  const told = isConditional ? ` of ${digits.join(", ")}` : "";
  container.setAttribute("aria-label", `${total} samples${told} from the ${family}`);
  // With many labels, two labels a row make the picture wider than high.
  const wide = isConditional && count > 1 && digits.length > 1 && count <= 5 ? 2 * columns : columns;
  container.style.setProperty("--columns", wide);
  while (container.children.length > total) container.lastChild.remove();
  while (container.children.length < total) container.append(tile());
  [...container.children].forEach((canvas, place) => paint(canvas, images, place));
}
