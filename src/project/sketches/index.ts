/** What models were trained on, as sketches. */
export { dataSketchStage, documentsSketch, languageTeller, privateClasses } from "./data-sketch.ts";
export { tokenizerDigest } from "./model-sketch.ts";
export { dataSketch, modelSketch, readSketch } from "./read-sketch.ts";
export { dataSketchLink, trainedSketchLinks, tunedSketchLinks } from "./sketch-links.ts";
