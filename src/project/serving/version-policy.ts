/** `--versions`: which versions of a model are served, as one word. */
import type { VersionPolicy } from "../../serve/index.ts";
import { projectErrors } from "../errors.ts";

/** `all`, `latest`, `latest:2`, `1,3`. Errors: project/argument. */
export function versionPolicy(text: string, place = "loam serve: --versions"): VersionPolicy {
  const latest = /^latest(?::([1-9]\d{0,3}))?$/.exec(text);
  if (latest) return { kind: "latest", count: Number(latest[1] ?? 1) };
  if (text === "all") return { kind: "all" };
  if (/^\d{1,9}(,\d{1,9})*$/.test(text)) return { kind: "specific", versions: text.split(",").map(Number) };
  throw projectErrors.fail("argument", {
    place,
    expected: "latest, latest:2, all, or numbers such as 1,3",
    received: JSON.stringify(text),
  });
}
