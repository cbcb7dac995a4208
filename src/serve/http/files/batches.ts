/** /v1/batches: begin, list, look at and cancel batches, as OpenAI does. */
import { z } from "zod";
import { serveErrors } from "../../errors.ts";
import { type ContractRoute, get, post } from "../contract.ts";
import { type AppContext, bodyOf, callerOf, newId, type Services } from "../exchange.ts";
import { mayUse } from "../owner.ts";
import { parseBody } from "../parse.ts";
import { type Batch, batchEndpoints } from "./batch-runner.ts";
import { pageOf } from "./pages.ts";

export const batchRequest = z.object({
  input_file_id: z.string(),
  endpoint: z.enum(batchEndpoints),
  completion_window: z.literal("24h"),
  metadata: z.record(z.string().max(64), z.string().max(512)).nullish(),
});

async function create(c: AppContext, { files, batches, created }: Services): Promise<Response> {
  const body = parseBody(batchRequest, await bodyOf(c));
  const caller = callerOf(c);
  const input = files.get(caller, body.input_file_id, "input_file_id");
  if (input.purpose !== "batch")
    throw serveErrors.fail("parameter", {
      place: "input_file_id",
      expected: "a file with the purpose batch",
      received: `"${input.purpose}"`,
    });
  // its output and its errors, of which nobody knows how long they will be
  files.checkRoom(caller, "input_file_id", { files: 2, bytes: 0 });
  const now = created();
  const batch: Batch = {
    id: newId("batch"),
    object: "batch",
    endpoint: body.endpoint,
    errors: null,
    input_file_id: input.id,
    completion_window: body.completion_window,
    status: "validating",
    output_file_id: null,
    error_file_id: null,
    created_at: now,
    in_progress_at: null,
    // nothing expires: a batch takes as long as it takes
    expires_at: null,
    finalizing_at: null,
    completed_at: null,
    failed_at: null,
    expired_at: null,
    cancelling_at: null,
    cancelled_at: null,
    request_counts: { total: 0, completed: 0, failed: 0 },
    metadata: body.metadata ?? null,
    owner: caller.owner,
    caller: caller.note,
  };
  batches().create(batch);
  return c.json(shown(batch));
}

/** As clients see it. */
const shown = ({ caller: _, owner: __, ...batch }: Batch) => batch;

function found(c: AppContext, { batches }: Services): Batch {
  const id = c.req.param("id") ?? "";
  const batch = batches().get(id);
  if (batch && mayUse(callerOf(c), batch)) return batch;
  throw serveErrors.fail("unknownFile", { place: "id", message: `there is no batch "${id.slice(0, 60)}"` });
}

export const batchRoutes: readonly ContractRoute[] = [
  { ...post("/v1/batches", create), isDeferred: true },
  get("/v1/batches", (c, { batches }) => {
    const own = batches()
      .list()
      .filter(batch => mayUse(callerOf(c), batch));
    return c.json(pageOf(c, own.map(shown)));
  }),
  get("/v1/batches/:id", (c, services) => c.json(shown(found(c, services)))),
  post("/v1/batches/:id/cancel", (c, services) => {
    const batch = found(c, services);
    services.batches().cancel(batch);
    return c.json(shown(batch));
  }),
];
