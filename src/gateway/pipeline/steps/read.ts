import { readAsk } from "../../http/ask.ts";
import type { Adds, Reads } from "../step.ts";

const added = (ask: Adds<"ask">["ask"]): Adds<"ask"> => ({ ask });

/** What is asked for: the body, with bounds, as OpenAI's API has it. Errors: gateway/mediaType, tooLarge, body, cancelled, parameter, untranslated. */
export function read({ request, api, contract }: Reads<"api" | "contract">): Adds<"ask"> | Promise<Adds<"ask">> {
  const ask = readAsk(request, api, contract);
  return ask instanceof Promise ? ask.then(added) : added(ask);
}
