import type { VerbRun } from "../verb.ts";

export const chat: VerbRun = async () => {};
