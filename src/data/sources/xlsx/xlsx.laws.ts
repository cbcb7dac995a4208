/** Tests' own: the smallest workbook with some rows. */
import { zipOf } from "../docx.laws.ts";

interface SmallWorkbook {
  /** XML of each shared text. */
  readonly texts: readonly string[];
  /** XML of each row. Style 1 is a date of every program, 2 one of the file's own. */
  readonly rows: readonly string[];
}

export function workbookFile({ texts, rows }: SmallWorkbook): Buffer {
  const parts = {
    "xl/workbook.xml": '<workbook xmlns:r="r"><sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": '<Relationships><Relationship Id="rId1" Target="worksheets/sheet1.xml"/></Relationships>',
    "xl/sharedStrings.xml": `<sst>${texts.map(t => `<si><t>${t}</t></si>`).join("")}</sst>`,
    "xl/styles.xml":
      '<styleSheet><numFmts><numFmt numFmtId="164" formatCode="[$-409]d/m/yyyy\\ h:mm;@"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/></cellXfs></styleSheet>',
    "xl/worksheets/sheet1.xml": `<worksheet><sheetData>${rows.join("")}</sheetData></worksheet>`,
  };
  return zipOf(parts);
}
