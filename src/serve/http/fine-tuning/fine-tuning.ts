/**
 * /v1/fine_tuning/jobs: create, look at, list, cancel, pause and resume jobs; their events and checkpoints, as OpenAI does. A job trains on this
 * machine and puts a model among those that are served, so every route is restricted (`access.ts`). Who trains is a port.
 */
import { requestFields } from "../../../protocols/index.ts";
import { serveErrors } from "../../errors.ts";
import { restricted } from "../access.ts";
import { type Contract, type ContractRoute, get, post } from "../contract.ts";
import { type AppContext, callerOf, type Services } from "../exchange.ts";
import { pageOf } from "../files/pages.ts";
import { mayUse } from "../owner.ts";
import { checkedBody } from "../request-fields.ts";
import type { FineTuning, FineTuningJobData, JobFile } from "./port.ts";
import { jobBody } from "./request.ts";

/** OpenAI: entries of a page where nobody says. */
const usual = { jobs: 20, events: 20, checkpoints: 10 };

/** Errors: serve/unsupported where nobody trains. */
function tuningOf({ fineTuning }: Services): FineTuning {
  if (fineTuning) return fineTuning;
  throw serveErrors.fail("unsupported", {
    place: "server",
    message: "this server trains nothing",
    hint: "`loam serve` does, where it serves a project's models: start it in the folder of a loam.yaml.",
  });
}

/** An uploaded file that is meant for training. Errors: serve/unknownFile, serve/parameter. */
function fileOf(c: AppContext, { files }: Services, param: "training_file" | "validation_file", id: string): JobFile {
  const known = files.get(callerOf(c), id, param);
  if (known.purpose !== "fine-tune")
    throw serveErrors.fail("parameter", { place: param, expected: "a file with the purpose fine-tune", received: `"${known.purpose}"` });
  return { id, path: files.contentPath(known) };
}

async function create(c: AppContext, services: Services): Promise<Response> {
  const body = jobBody(await checkedBody(c, requestFields.fineTuning));
  const job = await tuningOf(services).create({
    model: body.model,
    trainingFile: fileOf(c, services, "training_file", body.training_file),
    validationFile: body.validation_file == null ? null : fileOf(c, services, "validation_file", body.validation_file),
    suffix: body.suffix ?? null,
    seed: body.seed ?? null,
    method: body.method,
    metadata: body.metadata ?? null,
    owner: callerOf(c).owner,
  });
  return c.json(job);
}

/** Errors: serve/unknownFile. */
function found(c: AppContext, services: Services): FineTuningJobData {
  const id = c.req.param("id") ?? "";
  const tuning = tuningOf(services);
  const job = tuning.get(id);
  if (job && mayUse(callerOf(c), { owner: tuning.ownerOf(id) })) return job;
  throw serveErrors.fail("unknownFile", { place: "id", message: `there is no fine-tuning job "${id.slice(0, 60)}"` });
}

function list(c: AppContext, services: Services): Response {
  const tuning = tuningOf(services);
  const caller = callerOf(c);
  const own = tuning.list().filter(({ id }) => mayUse(caller, { owner: tuning.ownerOf(id) }));
  return c.json(pageOf(c, own.filter(wanted(c)), usual.jobs));
}

/** `metadata[team]=mail` keeps the jobs that bear it; `metadata=null` those that bear none. */
function wanted(c: AppContext): (job: FineTuningJobData) => boolean {
  const asked = Object.entries(c.req.query()).flatMap(([key, value]) => {
    const name = /^metadata\[(.+)\]$/.exec(key)?.[1];
    return name === undefined ? [] : [[name, value] as const];
  });
  const none = c.req.query("metadata") === "null";
  return ({ metadata }) => (none ? metadata === null : asked.every(([name, value]) => metadata?.[name] === value));
}

const ofJobs = (handle: ContractRoute["handle"]) => restricted(handle);

const wish = (kind: "cancel" | "pause" | "resume") =>
  post(
    `/v1/fine_tuning/jobs/:id/${kind}`,
    ofJobs((c, services) => c.json(tuningOf(services).wish(found(c, services).id, kind))),
  );

export const fineTuning: Contract = {
  name: "fine-tuning",
  endpoint: "fine-tuning",
  routes: [
    post("/v1/fine_tuning/jobs", ofJobs(create)),
    get("/v1/fine_tuning/jobs", ofJobs(list)),
    get(
      "/v1/fine_tuning/jobs/:id",
      ofJobs((c, services) => c.json(found(c, services))),
    ),
    get(
      "/v1/fine_tuning/jobs/:id/events",
      ofJobs((c, services) => c.json(pageOf(c, tuningOf(services).events(found(c, services).id), usual.events))),
    ),
    get(
      "/v1/fine_tuning/jobs/:id/checkpoints",
      ofJobs((c, services) => c.json(pageOf(c, tuningOf(services).checkpoints(found(c, services).id), usual.checkpoints))),
    ),
    wish("cancel"),
    wish("pause"),
    wish("resume"),
  ],
};
