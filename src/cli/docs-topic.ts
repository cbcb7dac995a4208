/** What the documentation says of an error's code, and which page is about it. The rows of docs/errors.md are read as they lie in the package. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { nearest, ownFolder } from "../base/index.ts";
import { cliErrors } from "./errors.ts";

interface DocsTopic {
  readonly topic: string;
  /** Of an error: what its code means. */
  readonly meaning: string | null;
  /** Path of a Markdown page. */
  readonly page: string;
}

/** Pages on what a module's errors are about, where it is not the page of its name. */
const pagesByModule: Readonly<Record<string, string>> = {
  base: "loam-yaml",
  cli: "cli",
  data: "data-sources",
  evaluate: "evaluation",
  export: "models",
  governance: "accountability",
  kubernetes: "deploy-kubernetes",
  nn: "model-families",
  onnx: "weights",
  pjrt: "accelerators",
  project: "loam-yaml",
  ranks: "parallel",
  registry: "releases",
  serve: "serving",
  session: "login",
  statistics: "evaluation",
  store: "record",
  text: "tokenizers",
  tracing: "observability",
  train: "training",
};

const folder = (): string => join(ownFolder(), "docs");
const pageOf = (name: string): string => join(folder(), `${name}.md`);

/** Meanings by code. */
export function errorMeanings(): Map<string, string> {
  const rows = readFileSync(pageOf("errors"), "utf8").matchAll(/^\| `([a-z]+\/[A-Za-z]+)`[^|]*\|[^|]*\|[^|]*\|([^|]*)\|$/gm);
  return new Map([...rows].map(([, code, meaning]) => [code!, meaning!.trim()]));
}

/** Errors: cli/usage for what is neither an error's code nor the name of a page. */
export function docsTopic(topic: string): DocsTopic {
  if (existsSync(pageOf(topic)) && /^[a-z0-9-]+$/.test(topic)) return { topic, meaning: null, page: pageOf(topic) };
  const codes = errorMeanings();
  const meaning = codes.get(topic);
  if (meaning !== undefined) {
    const module = topic.split("/")[0]!;
    const page = pageOf(pagesByModule[module] ?? module);
    return { topic, meaning, page: existsSync(page) ? page : pageOf("errors") };
  }
  const pages = readdirSync(folder()).flatMap(file => (file.endsWith(".md") ? [file.slice(0, -3)] : []));
  const near = nearest(topic, [...codes.keys(), ...pages]);
  throw cliErrors.fail("usage", {
    place: "loam docs",
    expected: "an error's code, such as data/sourceEmpty, or a page, such as training",
    received: JSON.stringify(topic),
    ...(near === undefined ? {} : { hint: `Did you mean "${near}"?` }),
  });
}
