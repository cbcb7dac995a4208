/** All verbs, in the order in which a user meets them. A new verb is a row in verb-rows/ and a file in verbs/. */
import type { Verb } from "./verb.ts";
import { dataVerbs } from "./verb-rows/data.ts";
import { deployVerbs } from "./verb-rows/deploy.ts";
import { evaluationVerbs } from "./verb-rows/evaluation.ts";
import { gatewayVerbs } from "./verb-rows/gateway.ts";
import { lifeVerbs } from "./verb-rows/life.ts";
import { logVerbs } from "./verb-rows/log.ts";
import { loopVerbs } from "./verb-rows/loop.ts";
import { modelsVerbs } from "./verb-rows/models.ts";
import { runsVerbs } from "./verb-rows/runs.ts";
import { chatVerb, consoleVerb, explainVerb, loginVerb, serveVerb } from "./verb-rows/serving.ts";
import { tuneVerbs } from "./verb-rows/tune.ts";
import { completionVerb, upkeepVerbs } from "./verb-rows/upkeep.ts";
import { watchVerbs } from "./verb-rows/watch.ts";

/** What the first words of verbs of two words stand for. */
export const groups: Readonly<Record<string, string>> = {
  deploy: "Make a version run elsewhere: images, Kubernetes, serverless platforms, SageMaker, the browser",
  watch: "Monitor served models: figures, alarms, objectives, history, quality, drift; write dashboards and alert rules",
  data: "Curate data: run it, see what happened to every document and why, try other thresholds",
  labels: "Work with what people labelled: write it for a trainer",
};

export const verbs: readonly Verb[] = [
  ...lifeVerbs,
  ...tuneVerbs,
  ...runsVerbs,
  ...dataVerbs,
  ...evaluationVerbs,
  ...modelsVerbs,
  ...loopVerbs,
  ...deployVerbs,
  serveVerb,
  consoleVerb,
  loginVerb,
  ...gatewayVerbs,
  ...watchVerbs,
  chatVerb,
  explainVerb,
  ...logVerbs,
  ...upkeepVerbs,
  completionVerb(() => verbs),
];
