/**
 * Words replaced by words of like meaning (EDA's synonym replacement, Wei & Zou 2019), from the user's own table: Loam has none, since what
 * may stand for what depends on the texts. A file is JSON (`{"buy": ["get", "purchase"]}`) or lines `buy<tab>get, purchase`.
 */
import { dataErrors } from "../../../errors.ts";
import { changed, plainMethod } from "../../method.ts";
import { caseLike, joinedPieces, wordPieces } from "../../words.ts";
import { synonymPart, synonymTable } from "./options.ts";

function parseTable(text: string, path: string): Record<string, string[]> {
  if (/^\s*\{/.test(text)) {
    try {
      return synonymTable.parse(JSON.parse(text));
    } catch (error) {
      throw dataErrors.fail(
        "resource",
        { place: path, expected: 'a table such as {"buy": ["get", "purchase"]}', received: (error as Error).message.split("\n")[0]! },
        error,
      );
    }
  }
  const rows = text.split(/\r?\n/).filter(line => line.trim() !== "" && !line.startsWith("#"));
  const read = rows.map((line, i): [string, string[]] => {
    const [word = "", list] = line.split("\t");
    const words = (list ?? "").split(",").flatMap(w => w.trim() || []);
    if (words.length === 0)
      throw dataErrors.fail("resource", {
        place: `${path}: entry ${i + 1}`,
        expected: "a word, a tab, and words with commas between",
        received: JSON.stringify(line.slice(0, 60)),
      });
    return [word.trim(), words];
  });
  return Object.fromEntries(read);
}

export const synonym = plainMethod({
  ...synonymPart,
  needs: o => (o.file === undefined ? [] : [{ kind: "file", path: o.file }]),
  async prepare(o, resources): Promise<ReadonlyMap<string, readonly string[]>> {
    const given = o.table ?? parseTable((await resources.file(o.file!)).toString("utf8"), o.file!);
    return new Map(Object.entries(given).map(([w, list]) => [w.toLowerCase(), list]));
  },
  vary({ text }, draw, { rate }, synonyms) {
    const pieces = wordPieces(text).map(p => {
      const list = p.isWord ? synonyms.get(p.text.toLowerCase()) : undefined;
      if (!list || draw.uniform() >= rate) return p;
      return { ...p, text: caseLike(list[draw.below(list.length)]!, p.text) };
    });
    return changed(text, joinedPieces(pieces));
  },
});
