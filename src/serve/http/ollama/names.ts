/** Ollama's names for Loam's: `mail-small:3` is `mail-small@3`, and `:latest` may be left out. What is not there is said in Ollama's own words. */
import { isLoamError } from "../../../base/index.ts";
import { type AnyEngine, type Engines, engineNames } from "../../engines.ts";
import { serveErrors } from "../../errors.ts";
import type { ListedMetadata, ModelMetadata } from "../../model-metadata.ts";

export const ollamaName = ({ model }: ListedMetadata): string =>
  model.id.includes("@") ? model.id.replace("@", ":") : `${model.id}:latest`;

const routedNames = (name: string): readonly string[] => [name.replace(/:latest$/, ""), name.replace(":", "@")];
const listedNames = (name: string): readonly string[] => [name, name.replace(":", "@"), name.replace(/:latest$/, ""), `${name}@latest`];

const codes = ["serve/unknownModel", "serve/unknownVersion", "serve/unknownLabel"];
/** Clients look for these words before they pull. */
function inOllamasWords<T>(name: string, find: () => T): T {
  try {
    return find();
  } catch (error) {
    if (!isLoamError(error) || !codes.includes(error.code)) throw error;
    const { expected, hint } = error.problem;
    const message = `model '${name.slice(0, 100)}' not found: expected ${expected}`;
    throw serveErrors.fail("unknownModel", { message, hint }, error);
  }
}

/** The engine of a name, for a request that uses it. Errors: serve/unknownModel with the name as it was given. */
export const findOllama = (engines: Engines, name: string): AnyEngine =>
  inOllamasWords(name, () => {
    for (const asked of routedNames(name)) {
      const routed = engines.routed(asked);
      if (routed) return routed;
    }
    const all = engines.models();
    const found = listedNames(name).flatMap(t => all.filter(e => engineNames(e).includes(t)).map(model => ({ model, asked: t })))[0];
    return found ? engines.use(found.model, found.asked) : engines.findAny(name);
  });

/** As `findOllama`, for a request that is only told of it: nothing wakes. */
export const describeOllama = (engines: Engines, name: string): ModelMetadata =>
  inOllamasWords(name, () => {
    const asked = routedNames(name).find(n => engines.described(n)) ?? listedNames(name).find(n => isListed(engines, n));
    return engines.describe(asked ?? name);
  });

const isListed = (engines: Engines, name: string): boolean => engines.models().some(m => engineNames(m).includes(name));
