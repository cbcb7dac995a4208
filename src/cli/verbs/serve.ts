import type { VerbRun } from "../verb.ts";

export const serve: VerbRun = async () => {};
