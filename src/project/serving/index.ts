/** Serving a project: which models, opened how, and what the console reads of the record. */
export { type Ask, type Reply, reply, type Turn } from "./ask.ts";
export { consoleSource } from "./console-source.ts";
export { type Found, findModel } from "./find-model.ts";
export { foundFiles } from "./found-files.ts";
export { keptRules } from "./kept-rules.ts";
export { type ModelVersions, modelVersions, type NamedVersion } from "./model-versions.ts";
export { deviceOf, openEngine } from "./open-engine.ts";
export { longestOf, normalises, poolingOf, readServedReader, readsTexts, saysVectors } from "./read-encoder.ts";
export { readServedModel } from "./read-model.ts";
export { calibratedIn, servedAs, servedNames } from "./served-as.ts";
export { startModels } from "./start-models.ts";
export { versionPolicy } from "./version-policy.ts";
