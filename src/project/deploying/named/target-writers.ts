/** Targets that a deployment of loam.yaml can name: its wishes checked, its plan written. A target is a row. */
import { z } from "zod";
import { check } from "../../../base/index.ts";
import { type NamedDeployment, type NamedTarget, webWeightForms } from "../../../deploy/index.ts";
import type { Watch } from "../../call.ts";
import type { Workplace } from "../../workspace.ts";
import { deployWeb } from "../deploy-web.ts";

/** Writes the plan to a folder of which nothing exists. `place` names the wishes in errors. */
type TargetWriter = (at: Workplace, part: NamedDeployment, to: string, place: string, watch: Watch) => Promise<unknown>;

const webWishes = z.strictObject({
  weights: z.enum(webWeightForms).optional(),
  context: z.int().min(16).optional(),
  webgpu: z.boolean().optional(),
  mostBytes: z.int().positive().optional(),
});

export const targetWriters: { readonly [T in NamedTarget]: TargetWriter } = {
  web: (at, { model, wishes }, to, place, watch) => deployWeb(at, model, { to, ...check(webWishes, wishes, place) }, watch),
};
