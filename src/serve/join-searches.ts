/** From requests that share a beam search to the search: its bounds are checked, its ends are said in tokens and texts. */
import { defined } from "../base/index.ts";
import { beamOptions, samplingOptions } from "../nn/index.ts";
import { checkBeams } from "./admission.ts";
import { BeamGroup } from "./beam-group.ts";
import type { GenerationRequest } from "./generation.ts";
import type { Sequence } from "./sequence.ts";
import type { ServedModel } from "./served-model.ts";
import type { TokenGuard } from "./token-guard.ts";

interface SearchSetting {
  readonly model: ServedModel;
  readonly slots: number;
  readonly cacheTokens: number;
  /** Tokens of an answer at most. */
  readonly maxTokensOf: (request: GenerationRequest) => number;
  readonly guardOf: (request: GenerationRequest) => TokenGuard | undefined;
}

/**
 * Gives the answers of each search their search. Errors: nn/sampling; serve/parameter where it is wider than the slots or shall give more
 * than it keeps.
 */
export function joinSearches(requests: readonly GenerationRequest[], made: readonly Sequence[], setting: SearchSetting): void {
  for (const beams of new Set(requests.map(r => r.beams))) {
    if (!beams) continue;
    const mine = [...requests.keys()].filter(i => requests[i]!.beams === beams && requests[i]!.maxTokens !== 0);
    if (mine.length === 0) continue;
    const answers = mine.map(i => made[i]!) as [Sequence, ...Sequence[]];
    const search = searchOf(requests[mine[0]!]!, answers, setting);
    for (const a of answers) a.search = search;
  }
}

function searchOf(
  request: GenerationRequest,
  answers: readonly [Sequence, ...Sequence[]],
  { model, maxTokensOf, guardOf, ...cache }: SearchSetting,
) {
  const options = beamOptions(request.beams, "beams");
  const maxTokens = maxTokensOf(request);
  checkBeams(model.id, cache, { width: options.width, answers: answers.length, length: request.tokens.length + maxTokens });
  const stops = (request.stop ?? []).filter(s => s !== "");
  const isOver = (answer: readonly number[]): boolean => {
    const text = model.tokenizer.decode(answer, { skipSpecialTokens: request.skipSpecialTokens ?? true });
    return stops.some(s => text.includes(s));
  };
  return new BeamGroup({
    answers,
    prompt: request.tokens,
    options,
    sampling: samplingOptions(request.sampling),
    maxTokens,
    stopTokens: new Set(request.stopTokens ?? model.stopTokens ?? []),
    ...defined({ form: request.form, guard: guardOf(request) }),
    ...(stops.length > 0 ? { isOver } : {}),
  });
}
