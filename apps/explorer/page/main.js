// Entry point: shows the view named in the address. A view is set up when it is first shown.

import { complain, index, megabytes, rust, start } from "./engine.js";
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

try {
  await start();
  rust.colours().forEach((_, i, bytes) => {
    if (i % 3 === 0) document.documentElement.style.setProperty(`--d${i / 3}`, `rgb(${bytes.slice(i, i + 3).join(" ")})`);
  });
  const flows = index.models.filter((model) => model.isExact).map((model) => `${model.name}, ${megabytes(model.bytes)}`);
  if (flows.length) document.getElementById("about").textContent = `Flows (${flows.join("; ")}) are downloaded when selected.`;
  addEventListener("hashchange", () => show().catch(complain));
  await show();
  // For the test: milliseconds since the start of the navigation.
  performance.mark("ready");
} catch (error) {
  complain(error);
}
