// Entry point: shows the view named in the address. A view is set up when it is first shown.

import { chooseSet, complain, followSet, hand, index, megabytes, modelsOf, plane, set, size, start } from "./engine.js";
import { setUpDraw } from "./draw.js";
import { setUpSample } from "./sample.js";
import { setUpWalk } from "./walk.js";

const parts = { draw: setUpDraw, walk: setUpWalk, sample: setUpSample };
const begun = new Set();

async function show() {
  const [name] = location.hash.slice(1).split("?");
  const part = Object.hasOwn(parts, name) ? name : "draw";
  for (const other of Object.keys(parts)) {
    document.getElementById(other).hidden = other !== part;
    const link = document.querySelector(`nav a[href="#${other}"]`);
    if (other === part) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${document.querySelector(`#${part} h1`).textContent} – latent explorer`;
  if (!begun.has(part)) {
    begun.add(part);
    await parts[part]();
  }
}

/** Offers the data sets of the page, if there are several. */
function offerSets() {
  const label = document.getElementById("sets");
  const select = label.querySelector("select");
  index.sets.forEach((known, place) => {
    const isUnique = index.sets.every((other) => other === known || other.name !== known.name);
    select.append(new Option(isUnique ? known.name : `${known.name}, ${size(known)}`, place));
  });
  select.addEventListener("change", () => chooseSet(index.sets[select.value]));
  label.hidden = index.sets.length < 2;
  const follow = () => {
    select.value = index.sets.indexOf(set);
    document.title = `${document.querySelector("main > section:not([hidden]) h1").textContent} – latent explorer`;
    const others = modelsOf(set).filter((model) => ![plane(set), hand(set)].includes(model));
    const sizes = others.map((model) => `${model.name}, ${megabytes(model.bytes)}`);
    document.getElementById("about").textContent = others.length ? `Other models (${sizes.join("; ")}) are downloaded when selected.` : "";
  };
  followSet(follow);
  follow();
}

try {
  await start();
  addEventListener("hashchange", () => show().catch(complain));
  const shown = show();
  offerSets();
  await shown;
  // For the test: milliseconds since the start of the navigation.
  performance.mark("ready");
} catch (error) {
  complain(error);
}
