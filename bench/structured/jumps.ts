/** The same answers asked of an engine twice: with a form that tells what is certain, so that it is said without steps, and with one that does not. */
import type { FormState } from "../../src/nn/index.ts";
import { createEngine, type GenerationRequest, type ServedModel } from "../../src/serve/index.ts";
import type { Device } from "../../src/tensor/index.ts";

export interface Jumped {
  /** Of all answers: tokens, engine steps, milliseconds. */
  readonly tokens: number;
  readonly steps: number;
  readonly ms: number;
}

const silent = (state: FormState): FormState => ({
  mask: state.mask,
  isAccepting: state.isAccepting,
  isComplete: state.isComplete,
  next: token => {
    const next = state.next(token);
    return next && silent(next);
  },
});

export async function jumps(
  model: ServedModel,
  device: Device,
  asked: readonly { readonly prompt: readonly number[]; readonly form: FormState }[],
): Promise<{ readonly ahead: Jumped; readonly stepwise: Jumped }> {
  const engine = createEngine({ model, device, slots: 2, room: 512 });
  await engine.ready;
  let steps = 0;
  engine.observe({ step: () => steps++ });
  const sums = { ahead: { tokens: 0, steps: 0, ms: 0 }, stepwise: { tokens: 0, steps: 0, ms: 0 } };
  const ask = async (into: Jumped & { tokens: number; steps: number; ms: number }, request: GenerationRequest): Promise<void> => {
    steps = 0;
    const began = performance.now();
    for await (const event of engine.submit(request)) if (event.kind === "end") into.tokens += event.usage.completionTokens;
    into.ms += performance.now() - began;
    // the last step is told of when all of it is done
    await new Promise(resolve => setImmediate(resolve));
    into.steps += steps;
  };
  for (const [seed, { prompt, form }] of asked.entries()) {
    const request = { tokens: prompt, maxTokens: 200, seed, sampling: { temperature: 0.7 }, cacheSalt: `${seed}` };
    // the prompt is known to both, and so are the masks
    await ask({ tokens: 0, steps: 0, ms: 0 }, { ...request, maxTokens: 1, form });
    await ask(sums.stepwise, { ...request, form: silent(form) });
    await ask(sums.ahead, { ...request, form });
  }
  await engine.close();
  return sums;
}
