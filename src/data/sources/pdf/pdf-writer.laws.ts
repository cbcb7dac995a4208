/** A tiny writer of PDF files for tests: objects as text, streams as bytes; the cross-reference table is made here. */

export type PdfObject = string | { readonly dictionary: string; readonly stream: Buffer };

/** A file of numbered objects (the first is 1), of which `root` is the catalog. */
export function pdfFile(objects: readonly PdfObject[], { root = 1, trailer = "" } = {}): Buffer {
  const parts: Buffer[] = [Buffer.from("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "latin1")];
  const offsets: number[] = [];
  let at = parts[0]!.length;
  const add = (bytes: Buffer) => {
    parts.push(bytes);
    at += bytes.length;
  };
  for (const [i, object] of objects.entries()) {
    offsets.push(at);
    if (typeof object === "string") add(Buffer.from(`${i + 1} 0 obj\n${object}\nendobj\n`, "latin1"));
    else {
      add(Buffer.from(`${i + 1} 0 obj\n<< ${object.dictionary} /Length ${object.stream.length} >>\nstream\n`, "latin1"));
      add(object.stream);
      add(Buffer.from("\nendstream\nendobj\n"));
    }
  }
  const xref = offsets.map(o => `${String(o).padStart(10, "0")} 00000 n \n`).join("");
  const size = objects.length + 1;
  const end = `xref\n0 ${size}\n0000000000 65535 f \n${xref}trailer\n<< /Size ${size} /Root ${root} 0 R ${trailer} >>\nstartxref\n${at}\n%%EOF\n`;
  return Buffer.concat([...parts, Buffer.from(end)]);
}

/** Letters at a place on a page: points from the lower left corner. */
export interface Drawn {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly size?: number;
  /** Degrees, counter-clockwise. */
  readonly turn?: number;
}

const escaped = (text: string) => text.replace(/[\\()]/g, c => `\\${c}`);

export const drawing = (drawn: readonly Drawn[]): Buffer =>
  Buffer.from(
    drawn
      .map(({ text, x, y, size = 10, turn = 0 }) => {
        const [c, s] = [Math.cos((turn * Math.PI) / 180), Math.sin((turn * Math.PI) / 180)].map(v => v.toFixed(5));
        return `BT /F1 ${size} Tf ${c} ${s} ${Number(s) === 0 ? 0 : `-${s}`.replace("--", "")} ${c} ${x} ${y} Tm (${escaped(text)}) Tj ET\n`;
      })
      .join(""),
    "latin1",
  );

/** A document of pages of letters in Courier, whose letters are all 0.6 of the size wide: 595 x 842 points. */
export function pdfOf(pages: readonly (readonly Drawn[])[], { info = "", more = "" } = {}): Buffer {
  const font = 3;
  const pageAt = (i: number) => 5 + 2 * i;
  return pdfFile(
    [
      "<< /Type /Catalog /Pages 2 0 R >>",
      `<< /Type /Pages /Count ${pages.length} /Kids [${pages.map((_, i) => `${pageAt(i)} 0 R`).join(" ")}] >>`,
      "<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>",
      `<< ${info} >>`,
      ...pages.flatMap((drawn, i): PdfObject[] => [
        `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 ${font} 0 R >> >> /Contents ${pageAt(i) + 1} 0 R >>`,
        { dictionary: "", stream: drawing(drawn) },
      ]),
    ],
    { trailer: `/Info 4 0 R ${more}` },
  );
}
