/** Tuned models of a project: their part of loam.yaml and the links of their lives. */
export { surroundingsOf } from "./surroundings.ts";
export { tuneLinks } from "./tuned-life.ts";
export { previewFile, previewRecipe } from "../previews.ts";
