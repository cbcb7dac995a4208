/** Tuned models of a project: their part of loam.yaml and the links of their lives. */
export { baseLink } from "./base-link.ts";
export { baseText } from "./base-text.ts";
export { withFoldsFirst } from "./folds-first.ts";
export { encoderOfFormat, recipePreview } from "./preview-examples.ts";
export { surroundingsOf } from "./surroundings.ts";
export { canBeCrossValidated, type TunedModel, tunedModel } from "./tune-part.ts";
export { tuneLinks } from "./tuned-life.ts";
