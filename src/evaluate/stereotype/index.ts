/** Tasks on stereotypes: StereoSet, CrowS-Pairs, WinoBias and BBQ, by the likelihoods of texts. */
export type { StereotypeFacts, StereotypeItem } from "./form.ts";
export { hasStereotypeParts, isStereotypeOutput, stereotypeComplaints, stereotypeKinds, stereotypeOutputs } from "./kinds.ts";
export { partMeasure, stereotypeMeasures, stereotypeParts } from "./measures.ts";
export { stereosetEntries } from "./stereoset.ts";
export { associationTest, weatMeasures, weatTargets } from "./weat.ts";
