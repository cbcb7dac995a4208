/** Where the labels that people gave are kept. */
import { join } from "node:path";

/** Every answer, a line each, in the order they came. */
export const votesFile = (folder: string, name: string): string => join(folder, "labels", `${name}.votes.jsonl`);
/** The texts with the class that most gave them: a folder of its own, so that a data set can name it. */
export const labelledFile = (folder: string, name: string): string => join(folder, "labels", name, "labelled.jsonl");
