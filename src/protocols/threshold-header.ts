/** The response header of a classifier with thresholds by group: the number of texts that its common threshold decided. */

export const commonThresholdHeader = "x-loam-common-threshold";
