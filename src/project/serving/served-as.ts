/**
 * `serve:` of loam.yaml: one model, or several with their versions, labels and shares; and what that asks of the server. Every verb reads the
 * file, so nothing of the server is loaded here: labels and times are looked at when it starts.
 */
import { defined } from "../../base/index.ts";
import type { RulesData } from "../../serve/index.ts";
import type { ServePart } from "../../serve/part.ts";
import { projectErrors } from "../errors.ts";
import { versionPolicy } from "./version-policy.ts";

export interface ServedAs extends RulesData {
  readonly keepAlive?: string | number;
}

/** Which models' class probabilities are served calibrated; `all` is the command line's word for every one. */
export const calibratedIn =
  (part: ServePart | undefined, all: boolean) =>
  (name: string): "all" | "named" | undefined => {
    const named = Object.entries(part?.models ?? {}).find(([written]) => written.split("@")[0] === name)?.[1].calibrated;
    if (named !== undefined && !all) return named ? "named" : undefined;
    return all || part?.calibrated ? "all" : undefined;
  };

/** Names of models or versions to serve, the first one first. */
export const servedNames = (part: ServePart | undefined): readonly string[] =>
  part?.models ? Object.keys(part.models) : part?.model === undefined ? [] : [part.model];

/**
 * What each of `models` asks for. Without `versions`, those that labels and shares point at, else the newest. `place` names the file in
 * errors: project/argument, project/reference.
 */
export function servedAs(part: ServePart | undefined, place: string): ReadonlyMap<string, ServedAs> {
  if (part && (part.model === undefined) === (part.models === undefined))
    throw projectErrors.fail("reference", {
      place: `${place}: serve`,
      expected: "either model or models",
      received: part.model === undefined ? "neither" : "both",
      hint: "Name what is served: serve: { model: NAME }, or serve: { models: { NAME: {} } }",
    });
  return new Map(
    Object.entries(part?.models ?? {}).map(([name, { versions, labels, split, shadow, keepAlive: rest }]) => {
      const at = `${place}: serve.models.${name}`;
      const shares = [...Object.entries(split), ...Object.entries(shadow)].filter(([, share]) => share > 0);
      const pointed = [...new Set([...Object.values(labels), ...shares.map(([number]) => Number(number))])];
      const policy =
        versions !== undefined
          ? versionPolicy(versions, `${at}.versions`)
          : pointed.length > 0
            ? ({ kind: "specific", versions: pointed } as const)
            : undefined;
      const keep = rest ?? part?.keepAlive;
      return [
        name,
        {
          labels,
          weights: split,
          shadow,
          ...defined({ policy, keepAlive: keep }),
        },
      ];
    }),
  );
}
