/** Ollama's names for Loam's: `mail-small:3` is `mail-small@3`, and `:latest` may be left out. */
import type { Engines } from "../../engines.ts";
import { engineNames } from "../../engines.ts";
import type { AnyEngine } from "../tensorflow/versions.ts";

export const ollamaName = ({ model }: AnyEngine): string => (model.id.includes("@") ? model.id.replace("@", ":") : `${model.id}:latest`);

/** Errors: serve/unknownModel with the name as it was given. */
export function findOllama(engines: Engines, name: string): AnyEngine {
  const routed = engines.routed(name.replace(/:latest$/, "")) ?? engines.routed(name.replace(":", "@"));
  if (routed) return routed;
  const tries = [name, name.replace(":", "@"), name.replace(/:latest$/, ""), `${name}@latest`];
  const all = [...engines.all(), ...engines.encoders()];
  const found = tries.flatMap(t => all.filter(e => engineNames(e).includes(t)).map(engine => ({ engine, asked: t })))[0];
  return found ? engines.use(found.engine, found.asked) : engines.findAny(name);
}
