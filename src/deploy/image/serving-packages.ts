/**
 * What of an installed Loam is in a serving image: the bundle of the command line, the console, and the packages that `loam serve FOLDER` may load, each
 * with its own. Curation, training data, databases and object stores are left out: a served folder reaches none of them. An end-to-end test
 * follows every import from the verb `serve` and holds it against the two tables.
 */
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, sep } from "node:path";
import { z } from "zod";
import { check } from "../../base/index.ts";
import { deployErrors } from "../errors.ts";

/** Packages that are loaded by name, and what for. */
export const servedPackages: Readonly<Record<string, string>> = {
  koffi: "calls ONNX Runtime and machine code",
  re2js: "patterns of structured output and of adapters' configurations",
  "prom-client": "/metrics",
  "@opentelemetry/api": "spans",
  "@opentelemetry/exporter-trace-otlp-http": "--otlp: traces",
  "@opentelemetry/sdk-trace-node": "--otlp: traces",
  "@opentelemetry/otlp-exporter-base": "metrics pushed by OTLP",
  "@opentelemetry/otlp-transformer": "metrics pushed by OTLP",
  "@opentelemetry/sdk-metrics": "metrics pushed by OTLP",
  "@grpc/grpc-js": "--grpc: Open Inference Protocol",
  protobufjs: "--grpc: Open Inference Protocol",
  "@bokuweb/zstd-wasm": "content-encoding: zstd",
  undici: "the operator's client of the Kubernetes API, which runs from the same image",
};

/** Packages that code beneath `serve` names and a served folder never loads. */
export const leftOutPackages: Readonly<Record<string, string>> = {
  libsql: "records; a folder has none",
  pg: "records",
  "@aws-sdk/client-s3": "files of records in object stores",
  ioredis: "the gateway's shared state",
  "seek-bzip": "data sources",
  fzstd: "data sources",
  "csv-parse": "data sources and tasks",
  eld: "curation: languages",
  mammoth: "data sources",
  yauzl: "data sources",
  "modern-tar": "data sources",
  "hyparquet-writer": "data export",
  fflate: "archives of `loam deploy`",
  "@azure/functions": "named by the program that `loam deploy azure-functions` writes",
};

/** In a package, what is documentation, types or a test, or a build that Node does not load. */
const isUnread = (path: string, name: string): boolean =>
  /\.(map|md|markdown|ts|mts|cts|flow|yml|yaml|tsbuildinfo)$|^(\.|CHANGELOG|HISTORY|AUTHORS|Makefile)/i.test(name) ||
  /(^|\/)(test|tests|__tests__|examples?|docs?|benchmark|bench|\.github|build\/esm|build\/esnext|musl_x64|musl_arm64)(\/|$)/.test(path);

/** Of a package with native files: those that are loaded. */
export interface NativeFile {
  readonly package: string;
  /** Within the package. */
  readonly file: string;
}

const manifest = z.looseObject({
  name: z.string(),
  version: z.string(),
  license: z.string().optional(),
  dependencies: z.record(z.string(), z.string()).optional(),
  optionalDependencies: z.record(z.string(), z.string()).optional(),
});

interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  /** An SPDX expression, where the package names one. */
  readonly license: string | null;
  readonly folder: string;
}

/** The folder of a package as Node finds it from `from`: in the nearest node_modules above. */
function findPackage(name: string, from: string): string | undefined {
  for (let at = from; ; at = dirname(at)) {
    const folder = join(basename(at) === "node_modules" ? at : join(at, "node_modules"), name);
    if (existsSync(join(folder, "package.json"))) return realpathSync(folder);
    if (dirname(at) === at) return undefined;
  }
}

function readManifest(folder: string): z.output<typeof manifest> {
  const path = join(folder, "package.json");
  return check(manifest, JSON.parse(readFileSync(path, "utf8")), path);
}

const notInstalled = (name: string): Error =>
  deployErrors.fail("missing", {
    place: `node_modules/${name}`,
    expected: "the package, installed",
    received: "none",
    hint: "Run `npm ci` where Loam is installed, without --omit=optional.",
  });

/** Of a store whose links go round over two versions of a name: no folders hold that, for each would lie in the other. */
const endless = (name: string, at: readonly string[]): Error =>
  deployErrors.fail("missing", {
    place: placeText([...at, name]),
    expected: "packages that can be placed in folders",
    received: `${name} within itself: two versions of a package need each other`,
    hint: "Install Loam with npm, or with one version of the package.",
  });

/** A package at its place in the bundle: a path of names, each in the node_modules of the one before. */
interface PlacedPackage extends InstalledPackage {
  readonly place: readonly string[];
}

const placeText = (place: readonly string[]): string => place.map(name => `node_modules/${name}`).join("/");

/**
 * The packages of the table, those of natives, and all that they depend on, placed where Node finds them from Loam's own folder at the top, however they are
 * installed here: hoisted, linked, or in a store. A name's second version lies in the package that needs it. Errors: deploy/missing.
 */
export function installedPackages(packageFolder: string, natives: readonly NativeFile[]): PlacedPackage[] {
  const found = new Map<string, PlacedPackage>();
  const queue: { readonly added: PlacedPackage; readonly needs: readonly (readonly [name: string, isOptional: boolean])[] }[] = [];
  const add = (name: string, from: string, at: readonly string[], isOptional: boolean): void => {
    const folder = findPackage(name, from);
    if (folder === undefined) {
      if (isOptional) return;
      throw notInstalled(name);
    }
    // as Node looks: in the node_modules of the package itself, then of those around it
    const seen = at.map((_, i) => found.get(placeText([...at.slice(0, at.length - i), name]))).find(p => p !== undefined);
    const visible = seen ?? found.get(placeText([name]));
    if (visible?.folder === folder) return;
    const around = at.map((_, i) => found.get(placeText(at.slice(0, i + 1)))!.folder);
    if (visible !== undefined && around.includes(folder)) throw endless(name, at);
    const place = visible === undefined ? [name] : [...at, name];
    const { version, license = null, name: ownName, dependencies = {}, optionalDependencies = {} } = readManifest(folder);
    const added = { name: ownName, version, license, folder, place };
    found.set(placeText(place), added);
    const needs = Object.keys({ ...dependencies, ...optionalDependencies });
    queue.push({ added, needs: needs.map(need => [need, need in optionalDependencies] as const) });
  };
  const own = realpathSync(packageFolder);
  for (const name of [...Object.keys(servedPackages), ...natives.map(n => n.package)]) add(name, own, [], false);
  for (const { added, needs } of queue) for (const [name, isOptional] of needs) add(name, added.folder, added.place, isOptional);
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, p]) => p);
}

const strayLink = (path: string, received: string): Error =>
  deployErrors.fail("missing", {
    place: path,
    expected: "a symbolic link to a file or folder of its own package",
    received,
    hint: "Install the package again, or replace the link by what it names.",
  });

/** What a symbolic link names. Errors: deploy/missing where that is outside `folder`, which a bundle has no place for, or nothing. */
function linked(path: string, folder: string): { readonly real: string; readonly isFolder: boolean } {
  if (!existsSync(path)) throw strayLink(path, "one to nothing");
  const real = realpathSync(path);
  const within = relative(folder, real);
  if (within === ".." || within.startsWith(`..${sep}`) || isAbsolute(within)) throw strayLink(path, `one to ${real}`);
  return { real, isFolder: statSync(real).isDirectory() };
}

/**
 * Files below a folder, in order, that `leaves` does not leave out. What a symbolic link within the folder names has its place under both names. Errors:
 * deploy/missing for links that leave the folder, lead nowhere or go round.
 */
function filesBelow(folder: string, leaves: (path: string, name: string) => boolean): string[] {
  const out: string[] = [];
  const own = realpathSync(folder);
  const walk = (at: string, above: readonly string[]): void => {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      const path = join(at, entry.name);
      const shown = relative(folder, path).split(sep).join("/");
      if (entry.name === "node_modules" || leaves(shown, entry.isDirectory() ? "" : entry.name)) continue;
      const link = entry.isSymbolicLink() ? linked(path, own) : undefined;
      if (link?.isFolder ?? entry.isDirectory()) {
        const real = link?.real ?? realpathSync(path);
        if (above.includes(real)) throw strayLink(path, "one to a folder that it lies in");
        walk(path, [...above, real]);
      } else if (link || entry.isFile()) out.push(path);
    }
  };
  walk(folder, [own]);
  return out;
}

/** A file here and its place beneath /app. */
export interface PlacedFile {
  readonly from: string;
  readonly to: string;
  readonly sizeBytes: number;
}

export interface ServingBundle {
  /** Other people's packages. */
  readonly library: readonly PlacedFile[];
  /** Loam's own program and console. */
  readonly code: readonly PlacedFile[];
  readonly packages: readonly InstalledPackage[];
}

const placed = (root: string, paths: readonly string[], at = ""): PlacedFile[] =>
  paths.map(from => ({ from, to: `${at}${relative(root, from).split(sep).join("/")}`, sizeBytes: statSync(from).size }));

/** Own files of an installation. */
const ownFiles = ["package.json", "LICENSE", "bin", "dist/bundle", "models", "console/dist"] as const;

/**
 * The files of a serving image, from the installation in `packageFolder`: Loam at the top, packages in node_modules beneath it, whatever the installation's
 * own layout, so that the program has the same path in each image. Of packages with native libraries only the named files are taken. Errors:
 * deploy/missing.
 */
export function servingBundle(packageFolder: string, natives: readonly NativeFile[]): ServingBundle {
  const own = realpathSync(packageFolder);
  const packages = installedPackages(own, natives);
  const nativeOf = new Map(natives.map(n => [n.package, n.file]));
  const library = packages.flatMap(({ name, folder, place }) => {
    const file = nativeOf.get(name);
    const kept = ["package.json", "LICENSE", file];
    const files = filesBelow(folder, (path, fileName) =>
      file === undefined ? isUnread(path, fileName) : fileName !== "" && !kept.includes(path),
    );
    return placed(folder, files, `${placeText(place)}/`);
  });
  const code = ownFiles.flatMap(name => {
    const path = join(own, name);
    if (!existsSync(path)) {
      // npm's tarball has it, a checkout may not have built it: the image then has no console
      if (name === "console/dist") return [];
      throw deployErrors.fail("missing", {
        place: path,
        expected: name === "dist/bundle" ? "the built command line" : "a part of Loam",
        received: "none",
        hint: "Run `npm run build` in Loam's folder.",
      });
    }
    return statSync(path).isDirectory() ? filesBelow(path, () => false) : [path];
  });
  const listed = new Map(packages.map(p => [`${p.name}@${p.version}`, p]));
  return { library, code: placed(own, code), packages: [...listed.values()] };
}
