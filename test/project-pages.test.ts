/** The pages on a project's beginning, its file and its artifact store as a reader follows them: every block of commands in order. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { root } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";
import { followPage, type ReaderShell } from "./support/page-session.ts";
import { trainedToy } from "./support/project.ts";

const page = (name: string): string => readFileSync(join(root, "docs", name), "utf8");

/** The template's table as somebody's spreadsheet writes it. */
function exportTickets({ folder }: ReaderShell): void {
  const lines = readFileSync(join(folder, "data", "tickets.csv"), "utf8")
    .trim()
    .split("\n")
    .slice(1);
  const rows = lines.map((line, i) => `${line.replace(/,(\w+)$/, ";$1")};2024-01-${String((i % 28) + 1).padStart(2, "0")}`);
  mkdirSync(join(folder, "exports"));
  const text = ["Ticket;Category;Day", ...rows].join("\r\n").replaceAll("please", "für Übung");
  writeFileSync(join(folder, "exports", "tickets.csv"), Buffer.from(text, "latin1"));
}

deepTest("docs/new-project.md: every command runs, and a folder is described as the page shows it", async () => {
  await followPage(page("new-project.md"), {
    own: { "npx loam run": "sed -i 's/tokens: 60k/tokens: 8k/; s/epochs: 3/epochs: 1/' loam.yaml\nnpx loam run" },
    before: { "loam data look": exportTickets },
  });
});

deepTest("docs/loam-yaml.md: the command prints the schema that editors read", async () => {
  const { folder } = await followPage(page("loam-yaml.md"));
  const schema = (path: string): unknown => JSON.parse(readFileSync(path, "utf8"));
  expect(schema(join(folder, "loam.schema.json"))).toEqual(schema(join(root, "docs", "loam.schema.json")));
});

deepTest("docs/record.md: every command runs, and what is removed and rebuilt comes as the page shows", async () => {
  const cwd = await trainedToy();
  // curated in another way and back
  const another = [
    "sed -i 's/steps: .clean./steps: [clean, { length: { minWords: 3 } }]/' loam.yaml",
    "loam data run",
    "sed -i 's/, { length: { minWords: 3 } }//' loam.yaml",
  ];
  // src/store/record-page.test.ts has the worked example
  const [guide] = page("record.md").split("## A worked example");
  await followPage(guide!, { cwd, before: { "loam trace": async at => void (await at.run(another.join("\n"))) } });
});
