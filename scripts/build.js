/**
 * Builds what is stale: the library and the benches with tsc into dist/, the console with Vite into console/dist, the documentation's pages into dist/site.
 * A hash of the sources decides; `--force` builds anyway, `library`, `console` or `site` only that part.
 */
import "../bin/node-version.js";
import { existsSync, realpathSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { bundleCli, bundleWeb } from "./parts/bundle.js";
import { node } from "./parts/child.js";
import { locked } from "./parts/lock.js";
import { carryPdfjs } from "./parts/pdfjs.js";
import { checkers, inRoot, programs } from "./parts/places.js";
import { main, say, step, Trouble } from "./parts/say.js";
import { filesBelow, hashOf, readStamps, writeStamp } from "./parts/stamps.js";

const stamps = inRoot("dist/.stamps.json");
const isTest = f => /\.(test|laws)\.tsx?$/.test(f);
const lock = "package-lock.json";

/** Output of sources that are gone. */
function removeOrphans() {
  for (const folder of ["src", "bench"])
    for (const f of filesBelow(`dist/${folder}`)) {
      const source = f.replace(/^dist\//, "").replace(/(\.d\.ts|\.js)$/, ".ts");
      if (source.endsWith(".ts") && (isTest(source) || !existsSync(inRoot(source)))) rmSync(inRoot(f));
    }
}

const parts = {
  library: {
    text: "writing JavaScript and declarations of src and bench with tsc",
    sources: () => [
      ...["src", "bench"].flatMap(folder =>
        filesBelow(folder, f => /\.(ts|mjs|json)$/.test(f) && !isTest(f) && !f.startsWith("bench/peers/")),
      ),
      ...["tsconfig.json", "tsconfig.build.json", "scripts/parts/bundle.js", "scripts/parts/pdfjs.js"],
      lock,
    ],
    isThere: () => existsSync(inRoot("dist/bundle/main.js")) && existsSync(inRoot("dist/web/loam-web.js")),
    async build() {
      // what it writes is the same; types are checked by `npm test`, for a fifth of the processor time here
      const { code, output } = await node(programs.tsc, ["-p", "tsconfig.build.json", "--noCheck", ...checkers, "--pretty", "false"]);
      if (code !== 0) throw new Trouble(`tsc: expected no errors, got exit code ${code}:\n${output.trimEnd()}`);
      removeOrphans();
      carryPdfjs();
      await bundleCli();
      await bundleWeb();
      return "compiled src and bench into dist";
    },
  },
  console: {
    text: "bundling the console with Vite",
    sources: () => [...filesBelow("console", f => !f.startsWith("console/dist/") && !isTest(f)), lock],
    isThere: () => existsSync(inRoot("console/dist/index.html")),
    async build() {
      const { code, output } = await node(programs.vite, ["build", "console", "--logLevel", "warn"]);
      if (code !== 0) throw new Trouble(`vite: expected the console to build, got exit code ${code}:\n${output.trimEnd()}`);
      return "bundled the console into console/dist";
    },
  },
  site: {
    text: "writing the documentation's pages",
    sources: () => [...filesBelow("docs"), ...filesBelow("scripts/site"), "scripts/parts/anchors.js", "scripts/parts/site.js", lock],
    isThere: () => existsSync(inRoot("dist/site/index.html")),
    async build() {
      // its packages may not have been there when this file was loaded
      const { buildSite } = await import("./parts/site.js");
      const { pages } = buildSite();
      return `wrote ${pages} pages of documentation into dist/site`;
    },
  },
};

const isFresh = (name, hash) => parts[name].isThere() && readStamps(stamps)[name] === hash;

/** Builds what is stale among `names`; says nothing where nothing is, unless `verbose`. */
export async function build(names = Object.keys(parts), { force = false, verbose = false } = {}) {
  for (const name of names) {
    const part = parts[name];
    if (!part) throw new Trouble(`build: expected one of ${Object.keys(parts).join(", ")}, got "${name}".`, 2);
    if (name === "console" && !existsSync(inRoot("console"))) continue;
    const hash = hashOf(part.sources());
    if (!force && isFresh(name, hash)) {
      if (verbose) say(`build ${name}`, "up to date");
      continue;
    }
    await locked(inRoot("dist/.building"), async () => {
      // Somebody else may have built it while we waited.
      if (!force && isFresh(name, hash)) return;
      await step(`build ${name}`, () => part.text, part.build);
      writeStamp(stamps, name, hash);
    });
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url))
  await main(async args => {
    const names = args.filter(a => !a.startsWith("--"));
    await build(names.length ? names : undefined, { force: args.includes("--force"), verbose: true });
  });
