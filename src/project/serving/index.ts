/** Serving a project: which models, opened how, and what the console reads of the record. */

export type { ServingEvent } from "../events.ts";
export type { ChatQuestion, Reply, Turn } from "./ask.ts";
export { type AskOptions, generateOnce, openChat, type ProjectChat } from "./chat.ts";
export { consoleSource } from "./console-source.ts";
export { findModel } from "./find-model.ts";
export { foundFiles } from "./found-files.ts";
export { deviceOf } from "./open-engine.ts";
export { longestOf, normalises, poolingOf, readServedReader, readsTexts, saysVectors } from "./read-encoder.ts";
export { readServedModel } from "./read-model.ts";
export { serveLambda } from "./serve-lambda.ts";
export type { ProjectServer, ServeOptions } from "./serve-options.ts";
export { serveModels } from "./server.ts";
export { versionPolicy } from "./version-policy.ts";
