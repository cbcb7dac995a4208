/** Tuned models of a project: their part of loam.yaml and the links of their lives. */
export { previewFile, previewRecipe } from "../previews.ts";
export { countsText } from "./cross-validation-links.ts";
