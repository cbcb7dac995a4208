/** The readers by name. Adding one is a file and a row. */
import { email } from "./email/reader.ts";
import { jsonl } from "./json.ts";
import type { Reader, ReaderName } from "./source.ts";
import { text } from "./text.ts";

export const readers: { readonly [N in ReaderName]: Reader } = { email, text, jsonl };
