/** Tuned models of a project: their part of loam.yaml and the links of their lives. */

export { previewFile, previewRecipe } from "../previews.ts";
export { surroundingsOf } from "./surroundings.ts";
export { tuneLinks } from "./tuned-life.ts";
