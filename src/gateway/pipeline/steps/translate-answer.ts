import { translated } from "../../translate/translated.ts";
import type { Adds, Reads } from "../step.ts";

/** The answer in the words of the client's API, where that is not OpenAI's. */
export function translateAnswer({ config, contract, ask, exchange }: Reads<"ask" | "contract">): Adds | undefined {
  if (!contract) return undefined;
  return {
    onAnswer: answer => {
      // what guards looked at is not given in the upstream's own words, which they did not see
      const passage = exchange.isFiltered ? undefined : ask.native?.passage;
      const [upstream = ""] = exchange.target?.split("/") ?? [];
      // a server that signs its reasoning wants the signature back: without it the reasoning is left out
      const isShown = ask.reasoned?.isShown === true && config.upstreams.get(upstream)?.reasoning === "vllm";
      return translated(answer, contract, passage, { inputTokens: exchange.inputTokens, showsReasoning: isShown });
    },
  };
}
