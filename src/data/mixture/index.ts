/** The balance of the training side as a decision apart from the documents: how often each is taken, and what that makes of the shares. */
export { type MixtureInfo, mixtureColumnFile, mixtureFile, mixtureFiles, readTimes } from "./files.ts";
export { type MixtureOptions, mixtureOptions, mixtureVersion } from "./options.ts";
export { type MixturePlan, planMixture } from "./plan.ts";
export { type AttributeBalance, type MixtureReport, tellMixture, type ValueBalance, worthOf } from "./report.ts";
export { type MixtureTable, mixtureTable, type TableBuilder } from "./table.ts";
