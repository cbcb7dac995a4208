/** Made-up rows of the table of runs: the two trainings, tunings of other units, trials of a search, one that failed; filtered and annotated as the server does. */
import type { ServerResponse } from "node:http";
import { random } from "../../src/base/index.ts";
import { queryRuns } from "../../src/project/run-table/query-runs.ts";
import type { RunRow } from "../../src/project/run-table/run-row.ts";
import { type MadeUpRun, nats } from "./data.ts";

const minute = 60_000;

/** A run without curves. */
function row(id: string, startedMs: number, stage: string, values: Record<string, string | number>, units: Record<string, string>): RunRow {
  return {
    id,
    artifact: values.artifact === undefined ? null : String(values.artifact),
    stage,
    values: { id, stage, state: "done", started: startedMs, ...values },
    units: { cost: "USD", coreHours: "core-hours", energy: "kWh", ...units },
    note: null,
    tags: [],
  };
}

function trained(run: MadeUpRun, i: number): RunRow {
  const tookMs = (run.tokens / run.tokensPerSecond) * 1000;
  const coreHours = (2 * tookMs) / 3_600_000;
  return row(
    `${i + 1}f0c2a9e41b7d803`,
    run.endedMs - tookMs,
    i === 0 ? "tune-instruct-merged" : "train",
    {
      name: `mail-small@${run.version}`,
      model: "mail-small",
      version: `mail-small@${run.version}`,
      kind: i === 0 ? "tuning" : "training",
      ended: run.endedMs,
      duration: tookMs,
      loss: nats(run.bitsPerByte),
      bitsPerByte: run.bitsPerByte,
      heldOutNats: nats(run.bitsPerByte),
      tokens: run.tokens,
      coreHours,
      cost: coreHours * 0.04,
      energy: coreHours * 0.01,
      data: "mail",
      artifact: run.artifact,
      "options.layers": run.layers,
      "options.width": run.width,
      "options.optimizer": run.optimizer,
    },
    { loss: "nats per token", heldOutNats: "nats per token" },
  );
}

/** Trials of a search: rate, layers and optimizer against a loss per text. */
function trials(count: number, nowMs: number): RunRow[] {
  const draw = random("trials");
  return Array.from({ length: count }, (_, i) => {
    const rate = 10 ** (-4 + 2.5 * draw.uniform());
    const layers = 1 + Math.floor(4 * draw.uniform());
    const optimizer = draw.uniform() < 0.5 ? "adamw" : "muon";
    const loss = 0.2 + 0.1 * Math.log10(rate / 3e-3) ** 2 + 0.02 * draw.uniform() + (optimizer === "muon" ? 0 : 0.02);
    const state = i % 17 === 5 ? "failed" : "done";
    return row(
      `7a${i.toString(16).padStart(14, "0")}`,
      nowMs - (300 + 3 * i) * minute,
      "tune-classify",
      {
        name: "mail-spam",
        model: "mail-spam",
        kind: "trial",
        study: "spam-rate",
        trial: count - 1 - i,
        state,
        duration: 40_000 + 20_000 * draw.uniform(),
        ...(state === "done" ? { loss, macroF1: 1 - loss / 2 } : { error: "out of memory" }),
        cost: 0.0002 * (1 + draw.uniform()),
        "options.recipe.rate": Number(rate.toPrecision(3)),
        "options.layers": layers,
        "options.optimizer": optimizer,
      },
      { loss: "nats per text" },
    );
  });
}

export function fakeRunTable(runs: readonly MadeUpRun[], nowMs: number, numTrials: number) {
  const rows = new Map<string, RunRow>();
  if (runs.length > 0) {
    const source = row(
      "00data",
      nowMs - 400 * minute,
      "data",
      { name: "mail", kind: "data", duration: 22_000, artifact: "documents-0d1" },
      {},
    );
    const all = [...runs.map(trained).reverse(), ...trials(numTrials, nowMs), source];
    for (const r of all) rows.set(r.id, r);
  }
  const number = (text: string | null, otherwise: number) => (text === null ? otherwise : Number(text));

  function annotate(
    id: string,
    given: { note?: string | null; addTags?: string[]; removeTags?: string[]; by: string },
  ): object | undefined {
    const before = rows.get(id);
    if (!before) return undefined;
    const at = Date.now();
    const note = given.note === undefined ? before.note : given.note ? { text: given.note, by: given.by, at } : null;
    const tags = [
      ...before.tags.filter(t => !given.removeTags?.includes(t.tag)),
      ...(given.addTags ?? []).map(tag => ({ tag, by: given.by, at })),
    ];
    const { note: _, tags: __, ...values } = before.values;
    const said = { ...(note ? { note: note.text } : {}), ...(tags.length > 0 ? { tags: tags.map(t => t.tag).join(", ") } : {}) };
    rows.set(id, { ...before, note, tags, values: { ...values, ...said } });
    return { note, tags };
  }

  /** Answers the addresses of the table; false: not one of them. */
  return (
    response: ServerResponse,
    url: URL,
    body: () => Promise<Record<string, unknown>>,
    send: (response: ServerResponse, body: unknown, status?: number) => void,
  ): boolean => {
    const refuse = (status: number, code: string, message: string) => send(response, { error: { code, message } }, status);
    const [, of, id] = /^\/api\/run-table(\/([^/]+))?$/.exec(url.pathname) ?? [undefined, undefined, undefined];
    if (url.pathname !== "/api/run-table" && of === undefined) return false;
    if (id !== undefined) {
      void body().then(given => {
        const annotation = annotate(id, given as Parameters<typeof annotate>[1]);
        if (annotation) send(response, annotation);
        else refuse(404, "unknownRecord", `id: expected the id of a run, got "${id}".`);
      });
      return true;
    }
    const query = url.searchParams;
    try {
      const table = queryRuns([...rows.values()], {
        filter: query.get("filter") ?? undefined,
        search: query.get("search") ?? undefined,
        sort: query.get("sort") ?? undefined,
        group: query.get("group") ?? undefined,
        isTraining: query.get("training") === "yes",
        ids: query.get("ids")?.split(","),
        offset: number(query.get("offset"), 0),
        limit: number(query.get("limit"), 100),
      });
      send(response, table);
    } catch (error) {
      refuse(400, "project/argument", (error as Error).message);
    }
    return true;
  };
}
