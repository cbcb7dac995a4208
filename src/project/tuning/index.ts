/** Tuned models of a project: their part of loam.yaml and the links of their lives. */

export { canBeCrossValidated, type TunedModel, tunedModel } from "../../tune/part.ts";
export { baseLink } from "./base-link.ts";
export { baseText } from "./base-text.ts";
export { countsText, crossValidationLabel, withFoldsFirst } from "./cross-validation-links.ts";
export { checkpointLink, instructLinks, preferenceLinks } from "./instruct-links.ts";
export { encoderOfFormat, recipePreview } from "./preview-examples.ts";
