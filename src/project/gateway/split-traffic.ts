/**
 * How a model's requests are divided among its targets, and a change of it. The file is changed, nothing else in it (comments stay), after the whole of it
 * was checked with the change; a gateway that runs takes it up within two seconds.
 */
import { parseYaml, readText, writeFileAtomic } from "../../base/index.ts";
import { checkConfig, type ModelRoute, readConfig } from "../../gateway/index.ts";
import { editYaml } from "../edit/edit-yaml.ts";
import { wrongArgument } from "../errors.ts";
import { projectFile } from "../project-file.ts";
import { type GatewayPlace, gatewayFile, gatewayOf } from "./gateway-place.ts";

const wrong = (place: string, expected: string, received: string, hint?: string) =>
  wrongArgument(`loam gateway split: ${place}`, expected, received, hint);

/** `local/small=9`, by a target's id or its upstream alone. Errors: project/argument. */
export function weightsOf(route: ModelRoute, given: readonly string[]): ReadonlyMap<number, number> {
  const weights = new Map<number, number>();
  const ids = route.targets.map(t => t.id).join(", ");
  for (const text of given) {
    const at = text.lastIndexOf("=");
    const [name, number] = [text.slice(0, at), text.slice(at + 1)];
    if (at < 1 || !/^\d{1,7}(\.\d+)?$/.test(number)) throw wrong(text, "TARGET=WEIGHT, such as local/small=9", JSON.stringify(text));
    const found = route.targets.flatMap((t, i) => (t.id === name || t.upstream === name ? [i] : []));
    if (found.length !== 1)
      throw wrong(text, `one target of ${route.name}: ${ids}`, found.length === 0 ? `"${name}"` : `"${name}", which is several`);
    if (weights.has(found[0]!)) throw wrong(text, "each target once", `"${name}" twice`);
    weights.set(found[0]!, Number(number));
  }
  return weights;
}

export interface TargetShare {
  readonly target: string;
  readonly weight: number;
  readonly priority: number;
  /** Of the requests of its priority, in [0, 1]. */
  readonly share: number;
}

/** Weight and share of each target among those of its priority. */
export const sharesOf = (targets: ModelRoute["targets"]): TargetShare[] =>
  targets.map(({ id, weight, priority }) => {
    const total = targets.filter(t => t.priority === priority).reduce((n, t) => n + t.weight, 0);
    return { target: id, weight, priority, share: total > 0 ? weight / total : 0 };
  });

export interface TrafficSplit {
  /** Path of the file. */
  readonly config: string;
  readonly model: string;
  readonly strategy: ModelRoute["strategy"];
  readonly sticky: ModelRoute["sticky"];
  readonly isChanged: boolean;
  readonly targets: readonly TargetShare[];
}

/** Without weights only told. Errors: project/argument; those of the file. */
export async function splitTraffic(at: GatewayPlace, model: string, given: readonly string[] = []): Promise<TrafficSplit> {
  const { path, config, isProjects } = await gatewayOf(at);
  const route = config.routes.get(model);
  if (!route) throw wrong(model, `a model of ${path}: ${[...config.routes.keys()].slice(0, 10).join(", ")}`, JSON.stringify(model));
  if (given.length > 0 && isProjects)
    throw wrong(model, `a ${gatewayFile}`, `the part gateway of ${projectFile}`, "Change the shares under serve.models there.");
  const weights = weightsOf(route, given);
  let now: ModelRoute = route;
  if (weights.size > 0) {
    const before = readText(path);
    let text = before;
    for (const [index, value] of weights)
      text = editYaml(text, { kind: "set", path: ["models", route.name, "targets", String(index)], key: "weight", value }, path);
    // nothing is written that the gateway would not take up
    await checkConfig(parseYaml(text, path), path, config.folder);
    if (text !== before) writeFileAtomic(path, text);
    now = (await readConfig(path)).routes.get(route.name)!;
  }
  const { strategy, sticky, targets } = now;
  return { config: path, model: route.name, strategy, sticky, isChanged: weights.size > 0, targets: sharesOf(targets) };
}
