/**
 * Which model `--against` means: whatever `--model` could name, or a bare alias (`prod`) of the model that is evaluated. Where a model has that very name, the
 * name wins: an alias can always be written with its model, `mail@prod`.
 */
import { nearest } from "../../base/index.ts";
import { listModels } from "../../store/index.ts";
import { projectErrors } from "../errors.ts";
import { isHub } from "../models/hub.ts";
import { isPath } from "../models/paths.ts";
import { knownModels } from "../serving/find-model.ts";
import { isEndpoint, type OpenEvaluated } from "./open-model.ts";

/** `given` with the model before an alias that has none. Errors: project/argument for what is neither a model nor an alias of the evaluated one. */
export async function againstModel(given: string, evaluated: Pick<OpenEvaluated, "ofModel" | "store">, folder: string): Promise<string> {
  if (given.includes("@") || isEndpoint(given) || isPath(given) || isHub(given)) return given;
  const names = await knownModels(folder);
  if (names.includes(given)) return given;
  const { ofModel, store } = evaluated;
  const versions = (await listModels(store)).find(m => m.model === ofModel)?.versions ?? [];
  const aliases = versions.flatMap(v => v.aliases).sort();
  if (aliases.includes(given)) return `${ofModel}@${given}`;
  const near = nearest(given, [...aliases, ...names]);
  const either = ofModel === undefined ? "" : `, or an alias of ${ofModel}: ${aliases.join(", ")}`;
  throw projectErrors.fail("argument", {
    place: "loam eval --against",
    expected: `a model (${names.join(", ") || "none is here yet"})${either}`,
    received: `"${given}"`,
    hint: near
      ? `Did you mean "${near}"?`
      : ofModel === undefined
        ? "A bare alias is one of the model that is evaluated: --model NAME, or write NAME@ALIAS."
        : `\`loam models promote ${ofModel}@VERSION ${given}\` gives the alias to a version.`,
  });
}
