/**
 * The licence step on the licence files of the packages installed here (npm's in `node_modules`, Python's in the peers' environment): the
 * package's own metadata is the truth, the files' text alone is what the step sees.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { licenceIds, parseExpression } from "../src/data/steps/licence/expression.ts";
import { findLicence } from "../src/data/steps/licence/find.ts";
import { licenceOfValue } from "../src/data/steps/licence/names.ts";
import { type Bar, type BenchContext, type BenchResult, digits } from "./harness.ts";

interface Package {
  readonly name: string;
  /** An SPDX expression. */
  readonly truth: string;
  readonly text: string;
}

const licenceFile = /^(?:(?:un)?licen[cs]e|copying)(?:[.-](?:md|txt|markdown|mit|apache[\w.-]*|bsd))?$/i;
const read = (folder: string, files: readonly string[]) => files.map(f => readFileSync(join(folder, f), "utf8")).join("\n\n");

function npmPackages(folder: string, out = new Map<string, Package>()): Map<string, Package> {
  if (!existsSync(folder)) return out;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name.startsWith(".")) continue;
    const here = join(folder, entry.name);
    if (entry.name.startsWith("@")) {
      npmPackages(here, out);
      continue;
    }
    npmPackages(join(here, "node_modules"), out);
    const file = join(here, "package.json");
    if (!existsSync(file)) continue;
    const { name, version, license } = JSON.parse(readFileSync(file, "utf8")) as { name?: string; version?: string; license?: unknown };
    const files = readdirSync(here).filter(f => licenceFile.test(f));
    const truth = typeof license === "string" ? licenceOfValue(license) : undefined;
    if (truth !== undefined && files.length > 0)
      out.set(`npm ${name}@${version}`, { name: `npm ${name}@${version}`, truth, text: read(here, files) });
  }
  return out;
}

/** Only packages whose metadata has an SPDX expression: older fields are free text. */
function pythonPackages(peers: string): Package[] {
  const library = join(peers, ".venv", "lib");
  if (!existsSync(library)) return [];
  const site = join(library, readdirSync(library).find(n => n.startsWith("python"))!, "site-packages");
  return readdirSync(site)
    .filter(n => n.endsWith(".dist-info") && existsSync(join(site, n, "METADATA")) && existsSync(join(site, n, "licenses")))
    .flatMap(n => {
      const said = /^License-Expression: (.+)$/m.exec(readFileSync(join(site, n, "METADATA"), "utf8"))?.[1];
      const truth = said && licenceOfValue(said);
      const files = readdirSync(join(site, n, "licenses")).filter(f => licenceFile.test(f));
      return truth && files.length > 0 ? [{ name: `python ${n}`, truth, text: read(join(site, n, "licenses"), files) }] : [];
    });
}

const idSet = (e: string): Set<string> => new Set(licenceIds(parseExpression(e) ?? { kind: "id", id: e }));

export const run = async ({ peers, say }: BenchContext): Promise<BenchResult> => {
  say("reading licence files");
  const all = [...npmPackages(join(process.cwd(), "node_modules")).values(), ...(peers ? pythonPackages(peers) : [])];
  const counts = new Map<string, { right: number; said: number; true: number }>();
  const count = (id: string) => {
    const c = counts.get(id) ?? { right: 0, said: 0, true: 0 };
    counts.set(id, c);
    return c;
  };
  const apart: string[] = [];
  let [same, bytes] = [0, 0];
  const began = performance.now();
  for (const { name, truth, text } of all) {
    bytes += Buffer.byteLength(text);
    const said = findLicence(text, {}, [])?.licences ?? ["unknown"];
    const [t, s] = [idSet(truth), new Set(said.flatMap(l => [...idSet(l)]))];
    for (const id of t) count(id).true++;
    for (const id of s) {
      count(id).said++;
      if (t.has(id)) count(id).right++;
    }
    if (t.size === s.size && [...t].every(id => s.has(id))) same++;
    else apart.push(`${name} says ${truth}, its text ${said.join(" AND ")}`);
  }
  const rate = bytes / 1e3 / (performance.now() - began);
  const [right, said, truths] = (["right", "said", "true"] as const).map(k => [...counts.values()].reduce((n, c) => n + c[k], 0)) as [
    number,
    number,
    number,
  ];
  const bars: Bar[] = [
    { name: "precision over all licences named", want: ">= 0.95", got: digits(right / said), holds: right / said >= 0.95 },
    { name: "recall", want: ">= 0.95", got: digits(right / truths), holds: right / truths >= 0.95 },
  ];
  return {
    method: `${all.length} packages with licence files and an SPDX expression in their metadata; precision and recall of the identifiers in it`,
    ours: {
      packages: all.length,
      "same set": same,
      "MB/s": digits(rate),
      ...Object.fromEntries(
        [...counts]
          .sort(([a, x], [b, y]) => y.true - x.true || y.said - x.said || (a < b ? -1 : 1))
          .map(([id, c]) => [
            id,
            `${c.true} packages, precision ${c.said ? digits(c.right / c.said) : "-"}, recall ${c.true ? digits(c.right / c.true) : "-"}`,
          ]),
      ),
    },
    peers: {},
    ratios: {},
    bars,
    notes: apart,
  };
};
