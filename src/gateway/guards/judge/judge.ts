/** Opens a judge by the kind of its guard. */
import type { JudgePause, JudgeSpec, OpenJudge } from "./judge-types.ts";

/** What is loaded of a kind only where there is such a guard. */
export async function openJudge(spec: JudgeSpec, pause?: JudgePause): Promise<OpenJudge> {
  if (spec.kind === "blocklist") return (await import("../blocklist/judge.ts")).blocklistJudge(spec);
  return (await import("../private/judge.ts")).privateJudge(spec, pause);
}
