/** Multi-label classification: each label of a text holds or not, by itself; calibrated probabilities and a threshold a label. */
export { chooseThreshold, fitScale } from "./calibration.ts";
export { compareMultiLabel, type MultiLabelReport } from "./report.ts";
