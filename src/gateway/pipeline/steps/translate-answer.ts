import { translated } from "../../translate/translated.ts";
import type { Adds, Reads } from "../step.ts";

/** The answer in the words of the client's API, where that is not OpenAI's. */
export function translateAnswer({ contract, ask, exchange }: Reads<"ask" | "contract">): Adds | undefined {
  if (!contract) return undefined;
  // what guards looked at is not given in the upstream's own words, which they did not see
  return {
    onAnswer: answer =>
      translated(answer, contract, exchange.isFiltered ? undefined : ask.native?.passage, { inputTokens: exchange.inputTokens }),
  };
}
