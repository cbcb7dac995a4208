/** Made-up fine-tuning jobs: one that is done and one that goes on, and can be paused, resumed and cancelled. */
type Status = "running" | "paused" | "succeeded" | "cancelled";
const nextOf: Readonly<Record<string, { readonly from: readonly Status[]; readonly to: Status; readonly said: string }>> = {
  pause: { from: ["running"], to: "paused", said: "The job was paused." },
  resume: { from: ["paused"], to: "running", said: "The job goes on." },
  cancel: { from: ["running", "paused"], to: "cancelled", said: "The job was cancelled." },
};
const steps = 48;

function madeUpEvents(id: string, startedMs: number, done: number) {
  const event = (n: number, message: string, data: object = {}, level = "info") => ({
    id: `ftevent-${id.slice(6)}-${n}`,
    object: "fine_tuning.job.event",
    created_at: Math.floor(startedMs / 1000) + n,
    level,
    message,
    type: "step" in data ? "metrics" : "message",
    data,
  });
  const told = Array.from({ length: done }, (_, i) => {
    const loss = 0.2 + 3 / (1 + i / 4);
    const data = {
      step: i + 1,
      total_steps: steps,
      train_loss: loss,
      train_mean_token_accuracy: 1 - loss / 4,
      valid_loss: 0.4 + 3 / (1 + Math.floor(i / 6)),
      valid_mean_token_accuracy: 0.9 - 0.6 / (1 + Math.floor(i / 6)),
    };
    return event(i + 3, `Step ${i + 1}/${steps}: training loss=${loss.toFixed(4)}`, data);
  });
  const copies = "validation_file:1 is a copy of training_file:1.";
  return [event(0, `Created fine-tuning job: ${id}`), event(1, copies, {}, "warn"), event(2, "Training begins."), ...told];
}

export function fakeJobs(startedMs: number, isEmpty: boolean) {
  const jobOf = (i: number, status: Status, done: number) => {
    const id = `ftjob-${`${i}`.repeat(24)}`;
    const isDone = status === "succeeded";
    const at = Math.floor(startedMs / 1000) - 600 / i;
    return {
      job: {
        id,
        object: "fine_tuning.job",
        model: "mail-small",
        fine_tuned_model: isDone ? "ft-mail-small-polite-11111111" : null,
        status,
        organization_id: "local",
        training_file: "file-polite",
        validation_file: "file-polite-valid",
        result_files: [],
        hyperparameters: { n_epochs: 3, batch_size: "auto", learning_rate_multiplier: "auto" },
        integrations: [],
        metadata: null,
        created_at: at,
        finished_at: isDone ? at + 300 : null,
        estimated_finish: isDone ? null : at + 900,
        trained_tokens: isDone ? 47_200 : null,
        seed: i,
        method: { type: "supervised" },
        error: null,
      },
      events: madeUpEvents(id, startedMs - 600_000 / i, done),
      checkpoints: isDone
        ? [48, 32, 16].map(step => ({
            id: `ftckpt-${step}`,
            object: "fine_tuning.job.checkpoint",
            created_at: at,
            fine_tuning_job_id: id,
            step_number: step,
            fine_tuned_model_checkpoint: `ft-mail-small-polite-11111111${step === 48 ? "" : `-step-${step}`}@1`,
            metrics: { step, train_loss: 20 / step, full_valid_loss: 24 / step, full_valid_mean_token_accuracy: 0.8 + step / 500 },
          }))
        : [],
    };
  };
  const all = isEmpty ? [] : [jobOf(2, "running", 20), jobOf(1, "succeeded", steps)];
  const list = (data: readonly { readonly id: string }[]) => ({
    object: "list",
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: false,
  });

  /** Status and body of an answer; undefined for a path that is not its own. */
  return (method: string, url: URL): readonly [status: number, body: object] | undefined => {
    const [, id, part] = /^\/v1\/fine_tuning\/jobs(?:\/([^/]+)(?:\/(\w+))?)?$/.exec(url.pathname) ?? [];
    if (!url.pathname.startsWith("/v1/fine_tuning/jobs")) return undefined;
    if (id === undefined) return [200, list(all.map(j => j.job))];
    const one = all.find(j => j.job.id === id);
    const refused = (status: number, code: string, message: string) => [status, { error: { code, message } }] as const;
    if (!one) return refused(404, "not_found", `there is no fine-tuning job "${id}"`);
    if (part === "events") {
      const after = one.events.findIndex(e => e.id === url.searchParams.get("after"));
      return [200, list(one.events.slice(after + 1))];
    }
    if (part === "checkpoints") return [200, list(one.checkpoints)];
    const next = nextOf[part ?? ""];
    if (method !== "POST" || !next) return refused(404, "not_found", `${url.pathname}: expected a path of the API.`);
    if (!next.from.includes(one.job.status))
      return refused(400, "invalid_status", `${id}: expected a job that is ${next.from.join(" or ")}, got one that is ${one.job.status}.`);
    one.job.status = next.to;
    const last = one.events.at(-1)!;
    one.events.push({ ...last, id: `${last.id}-${one.events.length}`, message: next.said, type: "message", data: {} });
    return [200, one.job];
  };
}
