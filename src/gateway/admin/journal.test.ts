import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe } from "vitest";
import { openState } from "../state/state.ts";
import { journalLaws } from "./journal.laws.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-journal-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("in memory", () => journalLaws(() => openState({ url: "memory:", root: folder })));
describe("in a SQLite file", () => journalLaws(name => openState({ url: `sqlite:${name}.db`, root: folder })));
