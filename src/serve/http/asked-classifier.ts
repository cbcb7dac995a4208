/** A served classifier, asked by the server itself instead of a request: found, woken and held on to as for one. */
import type { Engines } from "../engines.ts";
import { serveErrors } from "../errors.ts";
import { Asleep, Visit } from "../lifecycle/visit.ts";
import { type Classes, classifyTexts } from "./classify-texts.ts";
import { awake } from "./visited.ts";

export interface AskedClassifier {
  /** `folders@3`. */
  readonly version: string;
  /** Identity of what decides its answers. */
  readonly fingerprint: string;
  classify(texts: readonly string[]): Promise<Classes>;
}

/**
 * What `use` makes of the version that the name means now; it is not unloaded meanwhile. Of several versions that share a name's requests, `user` is always
 * given the same. Errors: serve/unsupported where the model does not tell which one class a text has, those of finding and waking it, those of `use`.
 */
export async function askClassifier<T>(
  engines: Engines,
  { model, user, signal }: { readonly model: string; readonly user: string; readonly signal: AbortSignal },
  use: (classifier: AskedClassifier) => Promise<T>,
): Promise<T> {
  const visit = new Visit({ user: () => user });
  const own = engines.seenBy(visit);
  const found = async () => {
    for (;;)
      try {
        return own.findEncoder(model);
      } catch (error) {
        if (!(error instanceof Asleep)) throw error;
        await awake(error, signal);
      }
  };
  try {
    const engine = await found();
    if (engine.model.config.classifier?.kind !== "one")
      throw serveErrors.fail("unsupported", {
        place: "model",
        expected: "a classifier whose classes exclude each other",
        received: engine.model.id,
        hint: "`loam tune` with task: classify makes one.",
      });
    return await use({
      version: engine.model.id,
      fingerprint: engine.fingerprint,
      classify: texts => classifyTexts(engine, texts, signal),
    });
  } finally {
    visit.end();
  }
}
