/**
 * How busy a model's server says it is: requests that wait in its queue and the share of its cache (keys and values) that is in use, read from its
 * metrics in Prometheus' text form. Names of Loam, of vLLM and of the other servers that Kubernetes' Gateway API Inference Extension reads
 * (its proposal 003, "model server protocol").
 */

export interface Load {
  readonly waiting: number;
  /** 0 to 1; 0 where the server does not say. */
  readonly cacheUse: number;
}

interface Source {
  readonly name: string;
  /** Only rows with this label, where the server has several of one name. */
  readonly label?: string;
}
const waitingNames: readonly Source[] = [
  { name: "loam_queued_requests" },
  { name: "vllm:num_requests_waiting" },
  { name: "sglang:num_queue_reqs" },
  { name: "tgi_queue_size" },
  { name: "llamacpp:requests_deferred" },
  { name: "nv_trt_llm_request_metrics", label: 'request_type="waiting"' },
];
const cacheNames: readonly Source[] = [
  { name: "loam_kv_cache_utilisation_ratio" },
  { name: "vllm:kv_cache_usage_perc" },
  { name: "vllm:gpu_cache_usage_perc" },
  { name: "sglang:token_usage" },
  { name: "llamacpp:kv_cache_usage_ratio" },
  { name: "nv_trt_llm_kv_cache_block_metrics", label: 'kv_cache_block_type="fraction"' },
];

/** Values of the first name that the text has: a server that says the same under two names is not counted twice. */
function valuesOf(text: string, names: readonly Source[]): readonly number[] {
  for (const { name, label } of names) {
    const values: number[] = [];
    for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + name.length)) {
      const next = text[at + name.length];
      if ((at > 0 && text[at - 1] !== "\n") || (next !== "{" && next !== " ")) continue;
      const end = text.indexOf("\n", at);
      const line = text.slice(at, end < 0 ? text.length : end);
      if (label !== undefined && !line.includes(label)) continue;
      // a label's value may hold anything; the value comes after the last brace, before a time stamp
      const value = Number(
        line
          .slice(next === "{" ? line.lastIndexOf("}") + 1 : name.length)
          .trim()
          .split(/\s+/)[0],
      );
      if (Number.isFinite(value) && value >= 0) values.push(value);
    }
    if (values.length > 0) return values;
  }
  return [];
}

/** All of a server's models wait for the same processors, so their queues are added; of caches the fullest counts. Undefined where it says nothing of a queue. */
export function readLoad(text: string): Load | undefined {
  const waiting = valuesOf(text, waitingNames);
  if (waiting.length === 0) return undefined;
  return { waiting: waiting.reduce((a, b) => a + b), cacheUse: Math.min(1, Math.max(0, ...valuesOf(text, cacheNames))) };
}

/** What was read, and when; and what was under way here at that time, so that what was sent since can be added. */
export interface LoadSample extends Load {
  readonly atMs: number;
  readonly outstanding: number;
}

/** A value older than so many times between two looks is none; one of a second is always better than none. */
const staleAfter = 3;
const leastStaleMs = 1_000;
export const isFresh = (sample: LoadSample, everyMs: number, nowMs: number): boolean =>
  nowMs - sample.atMs <= Math.max(leastStaleMs, staleAfter * everyMs);

/** A cache this near to full is as good as full. */
const fullest = 0.99;
/**
 * Work before a new request: those that wait, those sent since the value was read, and, as a cache fills, what that will hold up (in a queue with
 * random arrivals the wait grows as use / (1 - use)). Where the server says nothing now, all that is under way to it from here.
 */
export const pressure = (load: Load | undefined, sentSince: number, outstanding: number): number =>
  load === undefined ? outstanding : load.waiting + sentSince + Math.min(load.cacheUse, fullest) / (1 - Math.min(load.cacheUse, fullest));
