/** The user's folder for what belongs to no project. */
import { homedir } from "node:os";
import { environment } from "../base/index.ts";

/** The folder whose `.loam` holds models, and what was measured of this machine, outside of projects. */
export const homeFolder = (): string => environment().LOAM_HOME || homedir();
