/** What a server says of its models when it starts: in which form the weights are, and how long a sequence may be. */
import { formatBytes } from "../../base/index.ts";
import type { ServingEvent } from "../../project/index.ts";

type Form = NonNullable<ServingEvent["forms"]>[string];

const chosenBy: Readonly<Record<Form["chosen"], string>> = {
  given: "as asked for",
  measured: "chosen by measuring at this start",
  kept: "chosen by measuring at an earlier start on this processor",
};

/** Perplexity against exact: `+0.61 %`. */
function change({ perplexity, fullPerplexity }: NonNullable<Form["cost"]>): string {
  const percent = 100 * (perplexity / fullPerplexity - 1);
  return `${percent < 0 ? "-" : "+"}${Math.abs(percent).toFixed(2)} %`;
}

/** Its weights: `int8 weights, chosen by ...: perplexity +0.61 % against exact on 510 tokens`. */
export function formLine(model: string, { name, chosen, isStored, cost }: Form): string {
  const measured = cost
    ? `: perplexity ${change(cost)} against exact, KL ${cost.divergence.toPrecision(2)} nats on ${cost.tokens} tokens of neutral text`
    : "";
  const again = isStored === false ? " The choice could not be stored in ~/.loam: the next start measures again." : "";
  return `${model}: ${name} weights, ${chosenBy[chosen]}${measured} (--quantize exact: float32).${again}`;
}

/** Its length, where the model could read more. */
export function contextLine({ context, longest, reason, cacheBytes, availableBytes }: NonNullable<ServingEvent["context"]>): string {
  if (reason !== "memory" || cacheBytes === undefined || availableBytes === undefined)
    return `${context} tokens of prompt and answer together; the model reads ${longest} (--context).`;
  const free = `half of the ${formatBytes(availableBytes)} of free memory`;
  return `${context} tokens of prompt and answer together: twice as many would take more than ${free} for keys and values. The model reads ${longest} (--context).`;
}
