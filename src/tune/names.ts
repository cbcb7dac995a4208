/** Names and paths as recipes write them. */
import { z } from "zod";

/** Of a data set. */
export const dataSetName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9-]*$/, "a short name of letters, digits and -");

/** A path, not the name of a data set. */
export const isFilePath = (on: string): boolean => /[./\\]/.test(on);
export const exampleFile = z.string().refine(isFilePath, "a path to a file of examples, such as data/chats.jsonl");
/** A file of examples, from the project's folder; or a data set, whose train side is read and whose `columns` say what is asked and answered. */
export const examplesOn = z.string().refine(on => isFilePath(on) || dataSetName.safeParse(on).success, {
  error: "a path to a file of examples, such as data/chats.jsonl, or the name of a data set",
});

/** Another model of the file, or a version of the record: `mail-small`, `minilm`, `minilm@2`. */
export const modelName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}(@[A-Za-z0-9._-]+)?$/, "a model's name, or name@version");
