/** The examples of configuration in docs/gateway*.md, each held against the schema as it stands there; whole ones are read as the gateway reads its file. */

import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { check, parseYaml } from "../../base/index.ts";
import { isRow } from "../../protocols/index.ts";
import { openControl } from "../control.ts";
import { type ControlGiven, controlPart } from "../control-config.ts";
import { checkConfig } from "./read-config.ts";
import { gatewaySchema } from "./schema.ts";

type Row = Readonly<Record<string, unknown>>;

const docs = new URL("../../../docs/", import.meta.url);
const pages = readdirSync(docs).filter(name => /^gateway.*\.md$/.test(name));
const examples = pages.flatMap(page => {
  const text = readFileSync(new URL(page, docs), "utf8");
  return [...text.matchAll(/^```ya?ml\n([\s\S]*?)^```$/gm)].flatMap((m, i) => {
    const value: unknown = parseYaml(m[1]!, `${page}, example ${i + 1}`);
    if (!isRow(value)) throw new TypeError(`${page}, example ${i + 1} is no mapping`);
    // a file of LiteLLM is there to be imported
    return value.model_list === undefined ? [{ name: `${page}, example ${i + 1}`, value }] : [];
  });
});

/** What the file of a project says of its gateway, as gateway.yaml says it (`demoKey` is the project's). */
function ofGateway({ serve: _, gateway, ...rest }: Row): Row {
  if (!isRow(gateway)) return rest;
  const { demoKey: __, ...own } = gateway;
  return { ...rest, ...own };
}

/** Holds parts of a file, and of its part `access`, against what each must be; a key of neither is an error of the schema. */
function checkParts(value: Row, place: string): void {
  const outer = new Set(Object.keys(gatewaySchema.shape));
  const file = ofGateway(value);
  const entries = Object.entries(file);
  const access = entries.filter(([key]) => Object.hasOwn(controlPart.shape, key) && !outer.has(key));
  check(gatewaySchema.partial(), Object.fromEntries(entries.filter(e => !access.includes(e))), place);
  check(controlPart, { ...(isRow(file.access) ? file.access : {}), ...Object.fromEntries(access) }, `${place}: access`);
}

/** Names of the environment that a file reads. */
function variablesOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(variablesOf);
  if (!isRow(value)) return [];
  return typeof value.env === "string" ? [value.env] : Object.values(value).flatMap(variablesOf);
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "loam-pages-"));
  await writeFile(join(folder, "words.txt"), "project nightfall\n");
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

test("every page of the gateway is read, and what is wrong in an example is found", () => {
  expect(pages.length).toBeGreaterThan(9);
  expect(examples.length).toBeGreaterThan(17);
  expect(() => checkParts({ listen: { prot: 1 } }, "x")).toThrow("prot");
  expect(() => checkParts({ model: {} }, "x")).toThrow("model");
  expect(() => checkParts({ policies: [{ id: "a", effect: "perhaps" }] }, "x")).toThrow("effect");
  expect(() => checkParts({ serve: {}, gateway: { access: { limit: [] } } }, "x")).toThrow("limit");
});

for (const { name, value } of examples) {
  test(`${name} is what the gateway's file may say`, () => checkParts(value, name));

  if (value.upstreams !== undefined && value.models !== undefined)
    test(`${name} is a whole file: the names in it are there`, async () => {
      for (const variable of variablesOf(value)) vi.stubEnv(variable, "a-secret-of-the-environment");
      const config = await checkConfig(value, name, folder);
      const control = await openControl({
        state: "memory:",
        root: folder,
        config: config.access as ControlGiven,
      });
      await control.close();
      for (const guard of config.guards) await guard.close();
    });
}
