import type { Adds, Reads } from "../step.ts";

/** How long the model's answers are, for the strategy that goes by their cost. */
export function learnLength({ route, runtime, end }: Reads<"route" | "runtime">): Adds | undefined {
  if (route.strategy !== "cost") return undefined;
  let isLearnt = false;
  return {
    end: how => {
      if (how.usage && !isLearnt) runtime.memory(route.name).answered(how.usage.outputTokens);
      isLearnt = true;
      end(how);
    },
  };
}
