/**
 * Runs a judge where it holds up nobody: small inputs at once, since a thread would take longer than they do; large ones in a thread. A program that
 * runs from its TypeScript has no threads (Node 20 loads none): there large inputs take turns with everything else.
 */
import type { Stop } from "../../upstreams/stop.ts";
import type { FindSpans } from "../private/find.ts";
import { openJudge } from "./judge.ts";
import type { JudgeInput, JudgeResult, JudgeSpec } from "./judge-types.ts";
import { canThread, type JudgePool, sharedPool } from "./pool.ts";

/** Characters of an input that is judged at once: median 1.5 ms for a list of 16 words, 0.6 ms for private data (AMD EPYC, Zen 5). */
const inlineCharacters = 4_096;

interface Runner {
  readonly find: FindSpans | undefined;
  /** Undefined where it was ended. Errors: GuardFailure. */
  run(input: JudgeInput, key: string, stop: Stop): JudgeResult | undefined | Promise<JudgeResult | undefined>;
  close(): void;
}

const sizeOf = ({ texts, fixed }: JudgeInput): number => {
  let size = 0;
  for (const text of texts) size += text.length;
  for (const text of fixed) size += text.length;
  return size;
};

export async function runnerOf(spec: JudgeSpec, pool: JudgePool | undefined = canThread() ? sharedPool() : undefined): Promise<Runner> {
  const { judge, find } = await openJudge(spec);
  const handle = pool?.add(spec);
  return {
    find,
    run: (input, key, stop) => {
      if (sizeOf(input) > inlineCharacters)
        return pool && handle !== undefined ? pool.run(handle, input, key, stop) : inTurns(judge(input), stop);
      const judging = judge(input);
      for (;;) {
        const step = judging.next();
        if (step.done) return step.value;
      }
    },
    close: () => {
      if (handle !== undefined) pool?.remove(handle);
    },
  };
}

async function inTurns(judging: ReturnType<Awaited<ReturnType<typeof openJudge>>["judge"]>, stop: Stop): Promise<JudgeResult | undefined> {
  for (;;) {
    const step = judging.next();
    if (step.done) return step.value;
    await new Promise(resume => setImmediate(resume));
    if (stop.reason) return undefined;
  }
}
