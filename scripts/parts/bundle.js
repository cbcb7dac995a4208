/**
 * The command line as few files: dist/src/cli/main.js with what it imports, split where the source imports dynamically, so that a verb loads
 * what it uses. A module that only re-exports costs nothing here. Libraries of plain JavaScript are inside; native ones stay packages.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { inRoot } from "./places.js";

const outdir = inRoot("dist/bundle");

/** Libraries inside the bundle, with what they import. */
const inside = new Set([
  "zod",
  "yaml",
  "commander",
  "jose",
  "hono",
  "@hono/node-server",
  "@hono/zod-openapi",
  "@hono/zod-validator",
  "@asteasolutions/zod-to-openapi",
  "openapi3-ts",
  "@huggingface/jinja",
  "htmlparser2",
  "domutils",
  "domhandler",
  "dom-serializer",
  "domelementtype",
  "entities",
  "kysely",
]);

const packageOf = path =>
  path
    .split("/")
    .slice(0, path.startsWith("@") ? 2 : 1)
    .join("/");

/** What a module calls itself stays its file in dist/src: child programs, worker threads and templates are found from there. */
const sources = {
  name: "own-sources",
  transform: {
    filter: { id: /[\\/]dist[\\/]src[\\/].*\.js$/, code: /import\.meta\.url/ },
    handler(code, id) {
      const from = relative(outdir, id).split(sep).join("/");
      return { code: code.replaceAll("import.meta.url", `new URL(${JSON.stringify(from)}, import.meta.url).href`) };
    },
  },
  load: {
    // fifty languages, of which Loam speaks one
    filter: { id: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ },
    handler: () => ({ code: 'export { default as en } from "./en.js";' }),
  },
};

const imports = /^import \{([^}]*)\} from "(\.[^"]+)";$/gm;
const reexports = /^export \{([^}]*)\} from "(\.[^"]+)";$/gm;
const stars = /^export \* from "(\.[^"]+)";$/gm;
const declared = /^export (?:async )?(?:const|let|function\*?|class) (\w+)/gm;
/** `a as b` as names outside and inside. */
const namesOf = list =>
  list
    .split(",")
    .map(x => x.trim().split(/\s+as\s+/))
    .filter(([name]) => name !== "")
    .map(([name, as = name]) => ({ name, as }));

/**
 * Imports from an index become imports from the files that it names: an index reaches all of a module, and what a verb reaches is loaded with it, used
 * or not. tsc writes imports and exports a line each.
 */
function directImports() {
  const known = new Map();
  const reexportsOf = file => {
    if (!known.has(file)) {
      const text = readFileSync(file, "utf8");
      const found = new Map();
      for (const [, from] of text.matchAll(stars)) {
        const target = resolve(dirname(file), from);
        const own = [...readFileSync(target, "utf8").matchAll(declared)].map(m => m[1]);
        for (const name of [...own, ...reexportsOf(target).keys()]) found.set(name, { file: target, name });
      }
      for (const [, list, from] of text.matchAll(reexports))
        for (const { name, as } of namesOf(list)) found.set(as, { file: resolve(dirname(file), from), name });
      known.set(file, found);
    }
    return known.get(file);
  };
  const origin = (file, name) => {
    const next = reexportsOf(file).get(name);
    return next ? origin(next.file, next.name) : { file, name };
  };
  return {
    name: "direct-imports",
    transform: {
      filter: { id: /[\\/]dist[\\/]src[\\/].*\.js$/ },
      handler(code, id) {
        const rewrite = (whole, list, from) => {
          const target = resolve(dirname(id), from);
          if (reexportsOf(target).size === 0) return whole;
          return namesOf(list)
            .map(({ name, as }) => {
              const { file, name: inner } = origin(target, name);
              const path = relative(dirname(id), file).split(sep).join("/");
              return `import { ${inner} as ${as} } from "${path.startsWith(".") ? path : `./${path}`}";`;
            })
            .join(" ");
        };
        return { code: code.replace(imports, rewrite) };
      },
    },
  };
}

const webOutdir = inRoot("dist/web");

/**
 * What `loam deploy web` puts into its folder: the module, the page and the service worker, for a browser and without packages. Loam's text module speaks
 * of bytes as Node's Buffer does; a small one of the same name stands in for it.
 */
export async function bundleWeb() {
  const { build } = await import("rolldown");
  rmSync(webOutdir, { recursive: true, force: true });
  const folder = "dist/src/deploy/web/page";
  for (const [name, file] of [
    ["loam-web", "load.js"],
    ["page", "page.js"],
    ["service-worker", "service-worker.js"],
  ])
    await build({
      input: { [name]: inRoot(`${folder}/${file}`) },
      platform: "browser",
      external: /^node:/,
      treeshake: { moduleSideEffects: false },
      plugins: [directImports(), { name: "one-language", load: sources.load }],
      transform: { inject: { Buffer: [inRoot(`${folder}/bytes.js`), "Bytes"] } },
      logLevel: "warn",
      output: { dir: webOutdir, format: "esm", entryFileNames: "[name].js", minify: true, codeSplitting: false },
    });
}

/** What is inside, for lists of materials: name, version, licence. */
function bundledPackages(chunks) {
  const folders = new Set();
  for (const { moduleIds = [] } of chunks)
    for (const id of moduleIds) {
      const found = /^(.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+)[\\/]/.exec(id);
      if (found) folders.add(found[1]);
    }
  return [...folders].sort().map(folder => {
    const { name, version, license = null } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return { name, version, license };
  });
}

/** Nothing of Loam does anything when it is imported. */
export async function bundleCli() {
  // on a new machine this file is loaded before any package is there
  const { build } = await import("rolldown");
  rmSync(outdir, { recursive: true, force: true });
  const { output } = await build({
    input: { main: inRoot("dist/src/cli/main.js") },
    platform: "node",
    external: id => /^[^./\0]/.test(id) && !id.startsWith(inRoot("")) && (id.startsWith("node:") || !inside.has(packageOf(id))),
    treeshake: { moduleSideEffects: [{ test: /[\\/]dist[\\/]src[\\/]/, sideEffects: false }] },
    plugins: [directImports(), sources],
    logLevel: "warn",
    output: { dir: outdir, format: "esm", entryFileNames: "[name].js", chunkFileNames: "[name]-[hash].js", comments: { jsdoc: false }, minify: false },
  });
  writeFileSync(join(outdir, "packages.json"), `${JSON.stringify(bundledPackages(output), undefined, 1)}\n`);
}
