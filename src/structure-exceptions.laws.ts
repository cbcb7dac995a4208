/** For `structure.test.ts`: what does not hold yet, by reason. The lists only get shorter: what is mended leaves them. */

/** Names that several files export, by the reason why. */
export const knownDuplicates: Readonly<Record<string, readonly string[]>> = {};

/** Functions over 80 lines, by file: each a piece of work of its own. */
export const knownLongFunctions: readonly string[] = [
  // the state of one lease, of one connection: closures over it
  "deploy/operator/lease.ts openLease",
  "kubernetes/connection.ts openConnection",
  "cli/searching/page.ts studyPage",
  "data/augment/augment.ts augment",
  "data/blend.ts blendStage",
  "data/sources/compressed/bzip2.ts bunzip2",
  "data/sources/guarded/guarded.ts readGuarded",
  "data/sources/s3/client.ts openBucket",
  "data/stage.ts documentsStage",
  "data/steps/decontaminate/cover.ts coverer",
  "data/steps/decontaminate/search.ts searcher",
  "data/steps/heuristics/words/text-view.ts read",
  "data/steps/repeats/repeats.ts planOf",
  "data/steps/split/choose.ts chooseSides",
  "data/steps/split/choose.ts reduceStream",
  "data/steps/split/plan.ts linked",
  "evaluate/baselines/ngram.ts trainNgram",
  "evaluate/models/path-scorer.ts pathScorer",
  "gateway/migrate/export/apigee.ts exportApigee",
  "project/gateway/behind-gateway.ts behindGateway",
  "project/labelling/label-source.ts labelSource",
  "project/serving/console-source.ts consoleSource",
  "registry/gates/metric-gate.ts metricGate",
  "registry/oci/connection.ts connect",
  "serve/http/app.ts createApp",
  "serve/metrics.ts createServeMetrics",
  "store/blobs/folder.ts folderBlobs",
  "store/blobs/s3.ts s3Blobs",
  "store/check-rows.ts expectRows",
  "store/locks.ts acquireLock",
  "store/log/check-log.ts checkLog",
  "store/records/sqlite.ts recordsOf",
  "store/studies/trials.ts trialBoard",
  "store/tasks.ts take",
  "store/tasks.ts taskBoard",
  "text/bpe/train.ts trainMerges",
  "text/constrain/automaton.ts automatonOfExpression",
  "text/constrain/machine.ts compileGrammar",
  "text/pattern.ts toRegExp",
  "train/trainer.ts createTrainer",
  "tune/classify/evaluate-stage.ts evaluateClassifierStage",
  "tune/classify/evaluate-stage.ts run",
  "tune/contrast/fit.ts tuneContrast",
  "tune/cross-validation/report.ts crossValidationReport",
  "tune/instruct/stage.ts exampleStage",
  "tune/methods/tuning.ts tuningOf",
  "tune/preference/tune-ratings.ts tuneRatings",
  "tune/preference/tune.ts tunePreference",
  "tune/text-head/fit.ts fitHead",
];

/** How many casts of a file have no reason yet. */
export const knownCasts: readonly string[] = [];

/** Exports that nothing imports. */
export const knownUnused: readonly string[] = [
  "data/augment/methods/template/match.ts TemplateMatch",
  "data/augment/methods/template/template.ts CompiledTemplate",
  // the bundle puts it in place of Buffer
  "deploy/web/page/bytes.ts Bytes",
];
