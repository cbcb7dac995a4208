/** Everything that steps add to a request, field by field; each step names those that it reads and adds (`step.ts`). */

import type { AdmittedRequest } from "../http/admitted-request.ts";
import type { ModelAction } from "../http/ask.ts";
import type { ModelFields } from "../http/model-addresses.ts";
import type { Identity } from "../identity/contract.ts";
import type { Demand, Subjects } from "../limits/contract.ts";
import type { ServedRequest } from "../own/served-request.ts";
import type { PassedRequest } from "../passthrough/passed-request.ts";
import type { Attempts } from "../routing/attempts.ts";
import type { ModelRoute } from "../routing/route.ts";

export interface PipelineFields extends Omit<AdmittedRequest, "exchange" | "headers" | "end">, ModelFields, PassedRequest, ServedRequest {
  readonly identity: Identity;
  /** The model that is asked for. */
  readonly route: ModelRoute;
  readonly action: ModelAction;
  /** That model, then those that may stand in for it. */
  readonly candidates: readonly ModelRoute[];
  readonly subjects: Subjects;
  readonly demand: Demand;
  readonly attempts: Attempts;
}
