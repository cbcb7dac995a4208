import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { newSource, readerOf } from "./new-source.ts";

const top = mkdtempSync(join(tmpdir(), "loam-source-"));
afterAll(() => rmSync(top, { recursive: true, force: true }));
const folder = join(top, "project");
const put = (path: string) => {
  mkdirSync(dirname(join(top, path)), { recursive: true });
  writeFileSync(join(top, path), "{}");
};
for (const f of ["project/texts/a.txt", "project/texts/b.txt", "project/records.jsonl", "other/x.html", "other/deep/y.html", "other/z.pdf"])
  put(f);
put("project/node_modules/@x/set/package.json");
put("project/node_modules/@x/set/data/1.eml");
put("project/node_modules/texts/package.json");

test("a folder, a file, a pattern and a package are written as loam.yaml wants them, wherever one stands", () => {
  const of = (text: string, cwd = folder) => newSource(text, cwd, folder).entry;
  expect(of("texts")).toEqual({ folder: "texts" });
  expect(of("npm:texts")).toEqual({ npm: "texts" });
  expect(of("a.txt", join(folder, "texts"))).toEqual({ files: "texts/a.txt" });
  expect(of("records.jsonl")).toEqual({ files: "records.jsonl" });
  expect(of("*.jsonl")).toEqual({ files: "*.jsonl" });
  expect(of("*.txt", join(folder, "texts"))).toEqual({ files: "texts/*.txt" });
  expect(of("../other")).toEqual({ folder: join(top, "other") });
  expect(of("../other/x.html")).toEqual({ folder: join(top, "other"), files: "x.html" });
  expect(of("../other/**/*.html")).toEqual({ folder: join(top, "other"), files: "**/*.html" });
  expect(of("@x/set")).toEqual({ npm: "@x/set" });
  expect(of("s3://bucket/some/letters?region=x")).toEqual({ s3: "s3://bucket/some/letters?region=x" });
  expect(newSource("s3://bucket/some/letters?region=x", folder, folder).called).toBe("letters");
  expect(() => of("nowhere")).toThrow(
    'expected a folder, a file, a pattern, an installed package (npm:NAME) or s3://BUCKET/PREFIX, got "nowhere"',
  );
  expect(() => of("npm:nothing")).toThrow("Run: npm install nothing");
});

test("the reader is what the files tell; where they do not, the possible ones are named", () => {
  const of = (text: string) => readerOf(newSource(text, folder, folder), undefined);
  expect([of("texts"), of("records.jsonl"), of("@x/set"), of("../other/**/*.html")]).toEqual(["text", "jsonl", "email", "html"]);
  expect(() => of("../other")).toThrow("expected one of html (2 files), pdf (1 files), got none");
  expect(() => of("s3://bucket/x")).toThrow("expected a reader");
  expect(readerOf(newSource("../other", folder, folder), "pdf")).toBe("pdf");
});
