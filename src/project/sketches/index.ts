/** What models were trained on, as sketches. */
export { dataSketchStage, documentsSketch, languageTeller, privateClasses } from "./data-sketch.ts";
export { dataSketch, modelSketch, readSketch, tokenizerDigest } from "./read-sketch.ts";
export { dataSketchLink, trainedSketchLinks, tunedSketchLinks } from "./sketch-links.ts";
