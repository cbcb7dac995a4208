/**
 * Parameters of beam search: vLLM's `use_beam_search`, `length_penalty`, `early_stopping` (with Hugging Face's meanings), and `beam_width`,
 * `num_beam_groups`, `diversity_penalty`. What draws tokens cannot stand beside them, and is refused by name.
 */
import type { BeamOptions } from "../../nn/index.ts";
import { type SearchFields, searchFields } from "../../protocols/index.ts";
import { serveErrors } from "../errors.ts";

/** What may stand beside a search, and the values with which it says nothing. */
interface Beside extends SearchFields {
  readonly n?: number | null | undefined;
  readonly best_of?: number | null | undefined;
  readonly [key: string]: unknown;
}

/** Parameters of drawing, with the values that leave a search as it is. */
const drawing: Readonly<Record<string, readonly unknown[]>> = {
  temperature: [0, 1],
  top_p: [1],
  top_k: [0, -1],
  min_p: [0],
  typical_p: [1],
  mirostat: [0],
};

const names = Object.keys(searchFields).filter(k => k !== "use_beam_search") as (keyof SearchFields)[];

/** The search that a request asks for. Errors: serve/parameter where its parameters stand without it, or those of drawing with it. */
export function beamsOf(body: Beside): Partial<BeamOptions> | undefined {
  if (!body.use_beam_search) {
    const stray = names.find(k => body[k] != null);
    if (stray === undefined) return undefined;
    throw serveErrors.fail("parameter", { place: stray, expected: "use_beam_search: true beside it", received: "none" });
  }
  for (const [place, idle] of Object.entries(drawing))
    if (body[place] != null && !idle.includes(body[place]))
      throw serveErrors.fail("parameter", {
        place,
        expected: `${idle.join(" or ")} beside use_beam_search, which draws no tokens`,
        received: String(body[place]),
      });
  const width = body.beam_width ?? body.best_of ?? body.n ?? 1;
  const groups = body.num_beam_groups ?? 1;
  if (width % groups !== 0)
    throw serveErrors.fail("parameter", {
      place: "num_beam_groups",
      expected: `a divisor of the ${width} beams`,
      received: String(groups),
    });
  if ((body.n ?? 1) > width)
    throw serveErrors.fail("parameter", {
      place: "n",
      expected: `at most ${width} answers of a search of ${width} beams`,
      received: String(body.n),
    });
  return {
    width,
    groups,
    ...(body.length_penalty == null ? {} : { lengthPenalty: body.length_penalty }),
    ...(body.early_stopping == null ? {} : { earlyStopping: body.early_stopping }),
    ...(body.diversity_penalty == null ? {} : { diversityPenalty: body.diversity_penalty }),
  };
}
