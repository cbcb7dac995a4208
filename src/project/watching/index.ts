/** What monitors know of the project's models. */
export { type EvaluatedQuality, type ModelQuality, modelQuality, removeOwner } from "./feedback/index.ts";
