// Builds the pages' assets into OUT (the first argument): app.js, app.css, icons.svg, fonts/,
// LICENCES.txt.
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { build, transform } from "esbuild";
import { compile } from "sass";

const OUT = process.argv[2];
if (!OUT) throw new Error("usage: node build.js OUT");
const ITALIA = "node_modules/bootstrap-italia/dist";
const BROWSERS = ["es2022"];
const FONTS = ["regular", "600", "700"].map(
  (weight) => `titillium-web-v10-latin-ext_latin-${weight}.woff2`,
);
const ICONS = [
  "arrow-down-triangle", "arrow-left", "arrow-right", "arrow-up-triangle", "ban", "calendar",
  "chart-line", "check", "check-circle", "clock", "close", "close-circle", "download", "error",
  "expand", "files", "hearing", "help-circle", "horn", "inbox", "info-circle", "key", "list",
  "lock", "mail", "minus-circle", "note", "pa", "pencil", "plug", "print", "refresh", "restore",
  "search", "settings", "star-full", "telephone", "unlocked", "user", "warning", "warning-circle",
  "wifi",
];

async function script(name) {
  await build({
    entryPoints: [`src/${name}`],
    outfile: `${OUT}/${name}`,
    bundle: true,
    minify: true,
    format: "iife",
    target: BROWSERS,
    legalComments: "none", // see licences()
  });
}

async function style() {
  const { css } = compile("src/app.scss", {
    loadPaths: ["node_modules"],
    quietDeps: true,
    silenceDeprecations: ["import"],
  });
  const { code } = await transform(css, { loader: "css", minify: true, target: BROWSERS });
  await writeFile(`${OUT}/app.css`, code);
}

async function icons() {
  const all = await readFile(`${ITALIA}/svg/sprites.svg`, "utf8");
  const symbols = ICONS.map((name) => {
    const found = all.match(new RegExp(`<symbol id="it-${name}"[^>]*>.*?</symbol>`, "s"));
    if (!found) throw new Error(`bootstrap-italia has no icon it-${name}`);
    return found[0];
  });
  const sprite = `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>`;
  await writeFile(`${OUT}/icons.svg`, sprite);
}

async function fonts() {
  await mkdir(`${OUT}/fonts`);
  for (const name of [...FONTS, "OFL.txt"]) {
    await cp(`${ITALIA}/fonts/Titillium_Web/${name}`, `${OUT}/fonts/${name}`);
  }
}

// The licences of what is bundled ask to be passed on with it.
async function licences() {
  const packages = ["bootstrap-italia", "htmx.org", "uplot"];
  const texts = packages.map(async (name) => {
    const text = await readFile(`node_modules/${name}/LICENSE`, "utf8");
    return `${name}\n\n${text}`;
  });
  await writeFile(`${OUT}/LICENCES.txt`, (await Promise.all(texts)).join("\n\n"));
}

await rm(OUT, { recursive: true, force: true });
await mkdir(OUT, { recursive: true });
await Promise.all([script("app.js"), script("worker.js"), style(), icons(), fonts(), licences()]);
