/**
 * The addresses that the console and administrators use, with what they answer: the source of `/api/openapi.json`. Loaded when that is asked for. The
 * contracts of other clients (OpenAI, Ollama, TensorFlow Serving, KServe, SageMaker) have descriptions of their own; of them only what the console reads is here.
 */
import { z } from "zod";
import { defined } from "../../base/index.ts";
import { type ApiOperation, type OpenApiDocument, openApiDocument } from "../../base/openapi.ts";
import { actionBodies, actions, approvedVersion, movedAlias, promotedVersion } from "./console-answers/actions.ts";
import { changes } from "./console-answers/changes.ts";
import { runCost, runProfile } from "./console-answers/cost.ts";
import { consoleDataReport } from "./console-answers/data-report.ts";
import { deploymentBodies, deploymentList, rolledBackDeployment } from "./console-answers/deployments.ts";
import { clusterPage, clustersQuery, documentPage, documentQuery, documentsQuery, lookedAtDocument } from "./console-answers/documents.ts";
import { classified, engine, regressed, served, serving, version, versionList } from "./console-answers/engine.ts";
import { comparedEvaluations, evaluationDiffQuery, listedEvaluation } from "./console-answers/evaluation-list.ts";
import { consoleEvaluation } from "./console-answers/evaluations.ts";
import { adminBodies, givenLabel } from "./console-answers/given.ts";
import { actList, entryProof, lawReport } from "./console-answers/governance.ts";
import { checkpoints, job, jobEvents, jobList } from "./console-answers/jobs.ts";
import { labelBatch, labelDisagreements, labelState } from "./console-answers/labels.ts";
import { consoleModel, consoleRun, dataSet, graph, maskedExamples, metrics, overview, session } from "./console-answers/project.ts";
import { logged, modelReleases, verdicts } from "./console-answers/releases.ts";
import { givenAnnotation, runAnnotation, runTable, runTableQuery } from "./console-answers/run-table.ts";
import { editedPart, runState, shownPartForm, shownParts, startBodies, startedRun } from "./console-answers/starting.ts";
import { versionReport } from "./console-answers/version-report.ts";
import {
  watchedDriftAnswer,
  watchedHistoryAnswer,
  watchedLoopAnswer,
  watchedQualityAnswer,
  watchedSamplesAnswer,
  watchedStatusAnswer,
} from "./console-answers/watch.ts";
import { actsQuery } from "./console-governance.ts";
import { formQuery } from "./console-start.ts";
import { watchHistoryQuery, watchSamplesQuery } from "./console-watch.ts";

const read = (path: string, summary: string, answer: z.ZodType, query?: z.ZodObject): ApiOperation => ({
  method: "GET",
  path,
  summary,
  answer,
  ...defined({ query }),
});
const send = (path: string, summary: string, answer: z.ZodType, body?: z.ZodType): ApiOperation => ({
  method: "POST",
  path,
  summary,
  answer,
  ...defined({ body }),
});

const consoleOperations: readonly ApiOperation[] = [
  read("/api/session", "Says who the page is to the server.", session),
  read("/api/overview", "Says what is served, of what project, on what machine.", overview),
  read("/api/models", "Lists model versions, the newest first.", z.array(consoleModel)),
  read("/api/runs", "Lists runs that train: those under way, then the newest.", z.array(consoleRun)),
  read("/api/run-table", "Lists runs as a table: filtered, searched, sorted, grouped.", runTable, runTableQuery),
  send("/api/run-table/:run", "Writes the note and the tags of a run.", runAnnotation, givenAnnotation),
  read("/api/runs/:artifact/metrics", "Gives the logged steps of a run.", metrics),
  read("/api/runs/:artifact/examples", "Shows which tokens of its first examples a tuned model was trained on.", maskedExamples),
  read("/api/runs/:artifact/cost", "Says what a run cost, with everything behind it.", runCost),
  read("/api/runs/:artifact/profile", "Says what the kernels of a run's training step took.", runProfile),
  read("/api/evaluations", "Lists reports of evaluations.", z.array(consoleEvaluation)),
  read("/api/evaluations/list", "Lists every evaluation with its main figures, the newest first.", z.array(listedEvaluation)),
  read("/api/evaluations/diff", "Compares two evaluations of one task item by item.", comparedEvaluations, evaluationDiffQuery),
  read("/api/graph", "Gives the lineage of an artifact or a model version.", graph, z.object({ id: z.string() })),
  read("/api/data", "Lists curated data sets, the newest first.", z.array(dataSet)),
  read("/api/data/:artifact", "Reports what curation did.", consoleDataReport),
  read("/api/data/:artifact/documents", "Lists documents by words and filters, a page at a time.", documentPage, documentsQuery),
  read(
    "/api/data/:artifact/document",
    "Gives a document with its history, and its difference to another.",
    lookedAtDocument,
    documentQuery,
  ),
  read("/api/data/:artifact/clusters", "Lists groups of like documents, the largest first.", clusterPage, clustersQuery),
  read("/api/labels", "Lists the label sets of the project.", z.array(labelState)),
  read("/api/labels/:name", "Gives texts for a person to label.", labelBatch, z.object({ by: z.string() })),
  read("/api/labels/:name/disagreements", "Lists texts on which people differ, with who gave what.", labelDisagreements),
  send("/api/labels/:name", "Keeps a label; null takes it back.", labelState, givenLabel),
  read("/api/releases", "Lists models with versions, aliases and the history of releases.", z.array(modelReleases)),
  read("/api/releases/:version", "Says which gates a version passes, with approvals and signatures.", verdicts),
  read("/api/actions", "Says under whose name actions are recorded, and whether the project can be changed.", actions),
  send(
    "/api/releases/:version/promote",
    "Gives a version an alias, if it passes the alias's gates.",
    promotedVersion,
    actionBodies.promote,
  ),
  send("/api/releases/:model/rollback", "Gives an alias back to the version that had it before.", movedAlias, actionBodies.rollback),
  send(
    "/api/releases/:version/approve",
    "Approves a version for an alias, or withdraws the approval.",
    approvedVersion,
    actionBodies.approve,
  ),
  read("/api/deployments", "Lists deployments of loam.yaml: versions, approvals, acts, differences.", deploymentList),
  send(
    "/api/deployments/:name/rollback",
    "Makes the generation before, or a named one, the current one of a deployment.",
    rolledBackDeployment,
    deploymentBodies.rollback,
  ),
  read("/api/project/parts", "Lists models and data sets of loam.yaml, with the commands that run them.", shownParts),
  read("/api/project/parts/:path", "Gives a part of loam.yaml as fields of a form.", shownPartForm, formQuery),
  send("/api/project/parts/:path", "Shows what changes make of loam.yaml; with `write` writes them.", editedPart, startBodies.edit),
  read("/api/project/run", "Gives the newest run that the console started, with its output.", runState),
  send("/api/project/run", "Starts a run of a part, or of the whole project.", startedRun, startBodies.start),
  send("/api/project/run/stop", "Stops the run; what is done is kept.", startedRun),
  read(
    "/api/reports/:version",
    "Reports what was measured of a version, alone or beside another.",
    versionReport,
    z.object({ against: z.string().optional() }),
  ),
  read("/api/logged/:artifact", "Gives a run's options and every figure that it logged.", logged),
  read(
    "/api/engine",
    "Gives the load of an engine, now and over the last minutes.",
    engine,
    z.object({ model: z.string().optional().describe("default: the first that is served") }),
  ),
  read("/api/serving", "Lists served versions with their load.", serving),
  read("/api/watch", "Says what monitors know: figures of served versions, objectives, alarms.", watchedStatusAnswer),
  read("/api/watch/history", "Gives a figure of a version over time.", watchedHistoryAnswer, watchHistoryQuery),
  read("/api/watch/drift", "Compares live traffic with what each served version was trained on.", z.array(watchedDriftAnswer)),
  read("/api/watch/quality", "Gives the quality of models on their traffic, by version and day.", z.array(watchedQualityAnswer)),
  read("/api/watch/samples", "Gives redacted examples of requests of an alarm, if they are kept.", watchedSamplesAnswer, watchSamplesQuery),
  read("/api/watch/loops", "Gives the state of retraining loops, with the evidence of their rounds.", z.array(watchedLoopAnswer)),
  read("/api/governance/acts", "Lists who did what, from the log of acts.", actList, actsQuery),
  read("/api/governance/proofs/:position", "Proves that an entry is in the log.", entryProof),
  read("/api/governance/reports/:kind", "Reports what the artifact store shows for a law or framework.", lawReport),
  {
    ...read("/api/events", "Streams which resources changed, as server-sent events `changes`; a comment is the heartbeat.", changes),
    contentType: "text/event-stream",
  },
  read("/api/openapi.json", "Gives this description.", z.object({ openapi: z.string() })),
];

const jobAt = "/v1/fine_tuning/jobs";
const page = z.object({ after: z.string().optional(), limit: z.string().optional(), order: z.enum(["asc", "desc"]).optional() });
const jobOperations: readonly ApiOperation[] = [
  send(jobAt, "Creates a fine-tuning job.", job, z.object({ model: z.string(), training_file: z.string() })),
  read(jobAt, "Lists fine-tuning jobs, the newest first.", jobList, page),
  read(`${jobAt}/:id`, "Gives a fine-tuning job.", job),
  read(`${jobAt}/:id/events`, "Lists events of a job.", jobEvents, page),
  read(`${jobAt}/:id/checkpoints`, "Lists checkpoints of a job.", checkpoints, page),
  send(`${jobAt}/:id/cancel`, "Cancels a job.", job),
  send(`${jobAt}/:id/pause`, "Pauses a job.", job),
  send(`${jobAt}/:id/resume`, "Resumes a job.", job),
];

const adminOperations: readonly ApiOperation[] = [
  read("/v1/admin/models", "Lists versions with their states, labels and weights.", versionList),
  send("/v1/admin/load", "Loads a version.", version.nullable(), adminBodies.load),
  send("/v1/admin/unload", "Unloads a version.", z.strictObject({ model: z.string(), state: z.literal("unloaded") }), adminBodies.unload),
  send("/v1/admin/label", "Points a label at a version; null removes it.", versionList, adminBodies.label),
  send("/v1/admin/split", "Splits requests between versions.", versionList, adminBodies.split),
  send(
    "/v1/admin/policy",
    "Sets which versions of a model are loaded.",
    versionList.extend({ failed: z.array(z.string()) }),
    adminBodies.policy,
  ),
  send(
    "/v1/admin/follow",
    "Looks now for versions and aliases that have changed in the artifact store.",
    versionList.extend({ failed: z.array(z.string()) }),
    adminBodies.follow,
  ),
];

const texts = z.object({ examples: z.array(z.object({ text: z.string() })).min(1) });
/** Of contracts with other clients, what the console reads. */
const modelOperations: readonly ApiOperation[] = [
  read("/v1/models", "Lists models by the names that requests use.", served),
  send("/v1/models/{model}:classify", "Gives the classes of texts with scores.", classified, texts),
  send("/v1/models/{model}:regress", "Gives the predicted numbers of texts.", regressed, texts),
];

export const operations: readonly ApiOperation[] = [...consoleOperations, ...jobOperations, ...adminOperations, ...modelOperations];

export const consoleRefusal = z
  .object({ error: z.object({ code: z.string().nullable(), message: z.string() }) })
  .meta({ id: "Refusal", description: "A refusal; `code` is in docs/errors.md, or OpenAI's under /v1." });

export const consoleDocument = (version: string): OpenApiDocument =>
  openApiDocument({ title: "Loam server", version, error: consoleRefusal, operations });
