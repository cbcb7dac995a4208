/** `deploy:` of `loam.yaml`: deployments by name. What a target's wishes are is checked by the target when it is planned. */
import { z } from "zod";
import { pricesPart } from "./prices/part.ts";

export const namedTargets = ["web"] as const;
export type NamedTarget = (typeof namedTargets)[number];

const version = z.string().regex(/^[A-Za-z0-9][\w.-]*(@[A-Za-z0-9][\w.-]*)?$/, "NAME, NAME@ALIAS or NAME@3");

const deploymentPart = z.strictObject({
  target: z.enum(namedTargets).describe("Target, as in `loam deploy TARGET`."),
  model: version.meta({ description: "Version: an alias is followed by each `apply`.", examples: ["mail-small@prod"] }),
  to: z
    .string()
    .min(1)
    .meta({ description: "Folder of the deployment; `current` in it is the generation in use.", examples: ["deployed/mail-page"] }),
  wishes: z.record(z.string(), z.json()).default({}).describe("Options of the target."),
});
export type NamedDeployment = z.output<typeof deploymentPart>;

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9-]*$/, "a short name of letters, digits and -");

export const deployPart = z.strictObject({
  deployments: z.record(name, deploymentPart).default({}).describe("Deployments by name."),
  prices: pricesPart.default({}).describe("Prices of clouds that replace the built-in ones, for `loam deploy cost`."),
});
