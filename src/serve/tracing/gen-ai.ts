/**
 * Requests as metrics of OpenTelemetry's GenAI conventions: how long one took, when its first token came, how long each further one took. Told by the same
 * port as spans. Attributes are what the server knows of itself: the name that a model is served by, never the name that a client wrote.
 */
import type { Meter } from "@opentelemetry/api";
import { defined } from "../../base/index.ts";
import { genAiAttributes, genAiHistogram } from "../../tracing/index.ts";
import type { Tracing } from "./tracing.ts";

/** What answers to one request did so far. */
interface Answers {
  firstMs: number | undefined;
  /** Mean time of a further token, one each answer, in ms. */
  readonly perTokenMs: number[];
}

const msPerSecond = 1_000;

export function genAiMetrics(meter: Meter, close: () => Promise<void>): Tracing {
  const duration = genAiHistogram(meter, "gen_ai.server.request.duration");
  const firstToken = genAiHistogram(meter, "gen_ai.server.time_to_first_token");
  const perToken = genAiHistogram(meter, "gen_ai.server.time_per_output_token");
  /** Of requests under way, by their ids. A client that gives two the same id has their tokens counted for the later one. */
  const open = new Map<string, Answers>();
  return {
    request({ id }) {
      const startMs = performance.now();
      const answers: Answers = { firstMs: undefined, perTokenMs: [] };
      open.set(id, answers);
      return {
        traceId: null,
        within: run => run(),
        end: ({ operation, model, error, status }) => {
          if (open.get(id) === answers) open.delete(id);
          // contracts whose addresses do not say what is asked for continue texts, where answers were made
          const kind = operation ?? (answers.firstMs === undefined ? undefined : "text_completion");
          if (kind === undefined) return;
          const what = { operation: kind, provider: "loam", ...defined({ model: model?.split("@")[0], responseModel: model }) };
          const failed = error ?? (status >= 400 ? String(status) : undefined);
          duration.record((performance.now() - startMs) / msPerSecond, genAiAttributes({ ...what, ...defined({ error: failed }) }));
          if (failed !== undefined) return;
          if (answers.firstMs !== undefined) firstToken.record(answers.firstMs / msPerSecond, genAiAttributes(what));
          for (const ms of answers.perTokenMs) perToken.record(ms / msPerSecond, genAiAttributes(what));
        },
      };
    },
    watch: engine =>
      void engine.observe({
        firstToken: (ms, { requestId }) => {
          const answers = requestId === undefined ? undefined : open.get(requestId);
          if (answers) answers.firstMs = Math.min(answers.firstMs ?? ms, ms);
        },
        finished: (_outcome, { completionTokens }, totalMs, { requestId }) => {
          const answers = requestId === undefined ? undefined : open.get(requestId);
          if (answers?.firstMs !== undefined && completionTokens > 1)
            answers.perTokenMs.push((totalMs - answers.firstMs) / (completionTokens - 1));
        },
      }),
    close,
  };
}

/** Several who are told of the same requests. */
export function joinedTracing(all: readonly Tracing[]): Tracing | undefined {
  if (all.length < 2) return all[0];
  return {
    request(of) {
      const traces = all.map(t => t.request(of));
      return {
        traceId: traces.find(t => t.traceId !== null)?.traceId ?? null,
        within: run => traces.reduceRight<typeof run>((inner, t) => () => t.within(inner), run)(),
        end: how => {
          for (const t of traces) t.end(how);
        },
      };
    },
    watch: engine => {
      for (const t of all) t.watch(engine);
    },
    close: async () => void (await Promise.all(all.map(t => t.close()))),
  };
}
