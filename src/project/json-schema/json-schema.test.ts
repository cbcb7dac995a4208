import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Ajv2020 from "ajv/dist/2020.js";
import { expect, test } from "vitest";
import { parseYaml } from "../../base/index.ts";
import { checkDocument } from "../part.ts";
import { jsonSchemaOf } from "./index.ts";

type Node = Readonly<Record<string, unknown>>;
const root = fileURLToPath(new URL("../../..", import.meta.url));
const read = (...path: string[]): string => readFileSync(join(root, ...path), "utf8");
const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && !Array.isArray(value);

const Ajv = Ajv2020 as unknown as typeof Ajv2020.default; // a CommonJS module whose types say ESM
const validator = (schema: unknown) => {
  const ajv = new Ajv({ strict: false, validateFormats: false });
  const isValid = ajv.compile(schema as object);
  return (value: unknown): string | undefined => (isValid(value) ? undefined : ajv.errorsText(isValid.errors));
};
const loam = jsonSchemaOf("loam") as Node;
const gateway = jsonSchemaOf("gateway") as Node;
/** Parts of a file, as docs show them: nothing is required, unknown keys are refused as ever. */
const withoutRequired = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(withoutRequired)
    : isNode(value)
      ? Object.fromEntries(
          Object.entries(value).flatMap(([k, v]) => (k === "required" && Array.isArray(v) ? [] : [[k, withoutRequired(v)]])),
        )
      : value;

const whole = validator(loam);
const partial = validator(withoutRequired(loam));
const partialGateway = validator(withoutRequired(gateway));

/** Ways to read a block of docs as a part of a file. */
const top = new Set(Object.keys(loam.properties as Node));
const places: Readonly<Record<string, (block: Node) => string | undefined>> = {
  file: b => partial(b),
  gateway: b => partialGateway(b),
  dataSet: b => partial({ data: { name: b } }),
  model: b => partial({ models: { name: b } }),
  // models without the word, beside other parts
  models(b) {
    const divided = Object.entries(b);
    const [own, others] = [divided.filter(([k]) => !top.has(k)), divided.filter(([k]) => top.has(k))];
    return partial({ ...Object.fromEntries(others), models: Object.fromEntries(own) });
  },
  access: b => partialGateway({ access: b }),
};

/** Blocks of other files: tasks and groups of evaluation, a task of tuning, Prometheus, Kubernetes, LiteLLM. */
const otherFiles: Readonly<Record<string, readonly number[]>> = {
  "evaluation.md": [1, 2, 3, 4],
  "evaluation-tasks.md": [1, 2, 3, 4, 5, 6],
  "tune.md": [2],
  "observability.md": [1],
  "cluster.md": [2],
  "operator.md": [1],
  "gateway.md": [4],
};

interface Block {
  readonly name: string;
  readonly value: Node;
  /** What is wrong with a value in its place. */
  readonly judge: (value: Node) => string | undefined;
}
const files = ["examples", "templates"].flatMap(parent =>
  readdirSync(join(root, parent)).flatMap(name =>
    existsSync(join(root, parent, name, "loam.yaml")) ? [`${parent}/${name}/loam.yaml`] : [],
  ),
);
const wholeFiles: readonly Block[] = files.map(name => ({ name, value: parseYaml(read(name), name) as Node, judge: whole }));
const blocks: readonly Block[] = readdirSync(join(root, "docs"))
  .filter(f => f.endsWith(".md"))
  .flatMap(page =>
    [...read("docs", page).matchAll(/```yaml\n([\s\S]*?)```/g)].flatMap(([, text], i): Block[] => {
      if (otherFiles[page]?.includes(i + 1)) return [];
      const name = `docs/${page}, block ${i + 1}`;
      const value = parseYaml(text!, name) as Node;
      const place = Object.keys(places).find(p => places[p]!(value) === undefined);
      return [{ name, value, judge: places[place ?? "file"]! }];
    }),
  );

test("the schema accepts every loam.yaml of examples and templates, and every block of the docs in its place", () => {
  expect(wholeFiles.length).toBeGreaterThan(8);
  expect(blocks.length).toBeGreaterThan(50);
  const refused = [...wholeFiles, ...blocks].flatMap(({ name, value, judge }) => {
    const why = judge(value);
    return why === undefined ? [] : [`${name}: ${why}`];
  });
  expect(refused).toEqual([]);
});

/** Maps whose keys a user chooses, by what leads there; everything else is a key of Loam's. */
const named = [
  /^(data|models|searches|releases|retention|labels|loop|slo)$/,
  /(^|\.)sources$/,
  /\b(source|sources\.[^.]+)\.(attributes|labels)$/,
  /\.space(\.[^.]+\.when)?$/,
  /(^|\.)(split\.heldOut|heldOut|validation)$/,
  /(^|\.)classes$/,
  /(^|\.)mixture(\.and\.\d+)?\.(weights|maxEpochs|balance)$/,
  /(^|\.)where$/,
  /\.toxicity\.(words(\.[^.]+)?|maxByCategory)$/,
  /\.approvals\.\d+\.keys$/,
  /(^|\.)serve\.models(\.[^.]+\.(labels|split|shadow))?$/,
  /^(gateway\.)?(upstreams|models|guards|passThrough)$/,
  /\bheaders$/,
  /\bwhen\.(metadata|parameters)$/,
  /\bprincipals\.\w+$/,
  /\bprices\.models$/,
  /\bclientAccounts$/,
  /\.table$/,
  /(^|\.)weights$/,
  /\.tune\.thresholds$/,
  /\bguards\.[^.]+\.categories$/,
  /^serve\.moderate\.categories$/,
  /^governance\.owners$/,
  // options of a target, which the target checks when it is planned
  /^deploy\.deployments(\.[^.]+\.wishes)?$/,
];
const isNamed = (path: string) => named.some(pattern => pattern.test(path));

/** A value with one key misspelt, for each of its keys that are Loam's. */
function* misspelt(
  value: unknown,
  path: string,
  rebuild: (changed: unknown) => Node,
): Generator<{ readonly key: string; readonly value: Node }> {
  const below = (key: string | number) => (path === "" ? String(key) : `${path}.${key}`);
  if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) yield* misspelt(item, below(i), changed => rebuild(value.with(i, changed)));
    return;
  }
  if (!isNode(value)) return;
  for (const [key, inner] of Object.entries(value)) {
    const renamed = (to: string) => Object.fromEntries(Object.entries(value).map(([k, v]) => [k === key ? to : k, v]));
    if (!isNamed(path)) yield { key: below(key), value: rebuild(renamed(`${key}x`)) };
    yield* misspelt(inner, below(key), changed => rebuild({ ...value, [key]: changed }));
  }
}

test("each misspelt key of every example is refused, by the schema for editors as by the check of the file", () => {
  const accepted: string[] = [];
  let tried = 0;
  const isChecked = (value: Node) => {
    try {
      checkDocument(value, "loam.yaml");
      return false;
    } catch {
      return true;
    }
  };
  for (const { name, value, judge } of [...wholeFiles, ...blocks]) {
    const isModels = judge === places.models;
    // models without the word are names
    for (const { key, value: wrong } of misspelt(value, isModels ? "models" : "", changed => changed as Node)) {
      tried++;
      const path = isModels ? key.replace(/^models\./, "") : key;
      // a required key is missing then, too: only the key itself counts
      if ((judge === whole ? partial : judge)(wrong) === undefined) accepted.push(`${name}: ${path}`);
      if (judge === whole && !isChecked(wrong)) accepted.push(`${name}: ${path}, by the check`);
    }
  }
  expect(tried).toBeGreaterThan(1000);
  expect(accepted).toEqual([]);
});

test("docs/loam.schema.json is the schema of this source (`npm run docs` writes it)", () => {
  expect(JSON.parse(read("docs", "loam.schema.json"))).toEqual(JSON.parse(JSON.stringify(loam)));
});

test("the reference pages of loam.yaml say what this source says (`npm run docs` writes them)", async () => {
  const script = join(root, "scripts", "parts", "reference.js");
  const { loamYamlPages } = (await import(script)) as { loamYamlPages(schema: unknown): Readonly<Record<string, string>> };
  const pages = Object.entries(loamYamlPages(JSON.parse(JSON.stringify(loam))));
  expect(pages.length).toBeGreaterThan(5);
  for (const [name, text] of pages) expect(read("docs", name), name).toBe(text);
});

test("every key has a description", () => {
  const bare: string[] = [];
  const walk = (node: unknown, path: string): void => {
    if (Array.isArray(node)) for (const [i, item] of node.entries()) walk(item, `${path}[${i}]`);
    if (!isNode(node)) return;
    const { properties, $defs, ...rest } = node;
    for (const [key, inner] of Object.entries((properties ?? {}) as Node)) {
      if ((inner as Node).description === undefined) bare.push(`${path}.${key}`);
      walk(inner, `${path}.${key}`);
    }
    for (const [key, inner] of Object.entries(($defs ?? {}) as Node)) walk(inner, `#${key}`);
    for (const key of ["items", "additionalProperties", "anyOf", "oneOf", "prefixItems"]) if (rest[key]) walk(rest[key], path);
  };
  walk(loam, "loam");
  walk(gateway, "gateway");
  expect(bare).toEqual([]);
});
