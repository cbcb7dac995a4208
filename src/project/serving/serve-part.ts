/**
 * `serve:` of loam.yaml: one model, or several with their versions, labels and shares; and what that asks of the server. Every verb reads the
 * file, so nothing of the server is loaded here: labels and times are looked at when it starts.
 */
import { z } from "zod";
import type { RulesData } from "../../serve/index.ts";
import { projectErrors } from "../errors.ts";
import { versionPolicy } from "./version-policy.ts";

const version = z.string().regex(/^\d{1,15}$/, "the number of a version");
const keepAlive = z.union([z.string(), z.number()]);
const servedModel = z.strictObject({
  /** Which versions are served and followed: latest, latest:2, all, 1,3. */
  versions: z.union([z.string(), z.number().int()]).transform(String).optional(),
  labels: z.record(z.string(), z.number().int().min(0)).default({}),
  /** Weights of versions for requests that name none. */
  split: z.record(version, z.number().int().min(0).max(1_000_000)).default({}),
  /** Percent of requests that are copied to a version. */
  shadow: z.record(version, z.number().int().min(0).max(100)).default({}),
  keepAlive: keepAlive.optional(),
  /** Class probabilities over the temperature that tuning recorded. */
  calibrated: z.boolean().optional(),
});

/** Fine-tuning jobs that clients ask the server for. */
const fineTuningPart = z.strictObject({
  /** Jobs that train at once; each has a process of its own. */
  parallel: z.number().int().min(1).max(16).default(1),
  /** Seconds between a job's checkpoints: what a crash may cost. */
  checkpointSeconds: z.number().min(0).default(30),
  /** Ends of epochs that a job keeps as models, the newest; each takes the disk of a model. */
  checkpoints: z.number().int().min(1).max(50).default(3),
});
export type FineTuningPart = z.output<typeof fineTuningPart>;

export const servePart = z.strictObject({
  /** A model or version: mail-small, mail-small@2, mail-small@latest. */
  model: z.string().optional(),
  /** Several, by name. */
  models: z.record(z.string(), servedModel.prefault({})).optional(),
  /** How long a model without work stays in memory. */
  keepAlive: keepAlive.optional(),
  /** Calibrated class probabilities of all classifiers; a model may say otherwise. */
  calibrated: z.boolean().default(false),
  /** Files of public keys, one of which must have signed whatever is loaded. */
  signedBy: z.array(z.string().min(1)).default([]),
  host: z.string().default("127.0.0.1"),
  port: z.number().int().min(0).max(65_535).default(8080),
  /** Sequences that are decoded at once. */
  slots: z.number().int().min(1).max(256).default(8),
  /** Tenants of the gateway share computed prompt prefixes. */
  sharedPrefixCache: z.boolean().default(false),
  fineTuning: fineTuningPart.prefault({}),
});
export type ServePart = z.output<typeof servePart>;

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
          ...(policy ? { policy } : {}),
          ...(keep === undefined ? {} : { keepAlive: keep }),
        },
      ];
    }),
  );
}
