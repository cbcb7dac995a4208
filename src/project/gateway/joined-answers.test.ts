/** The gateway's and the server's answers as one. */
import { expect, test } from "vitest";
import { joinedMetrics, joinedModels } from "./joined-answers.ts";

test("no metric stands twice, and none is lost", () => {
  const a = "# HELP a A.\n# TYPE a counter\na 1\n# HELP p P.\n# TYPE p gauge\np 1\n";
  const b = '# HELP p P.\n# TYPE p gauge\np 2\n\n# HELP b B.\n# TYPE b counter\nb{x="# HELP a"} 3\n';
  expect(joinedMetrics(a, b)).toBe(
    '# HELP a A.\n# TYPE a counter\na 1\n# HELP p P.\n# TYPE p gauge\np 1\n# HELP b B.\n# TYPE b counter\nb{x="# HELP a"} 3\n',
  );
});

test("of a metric that one has series of and the other only knows, the series count; OpenMetrics ends once", () => {
  const empty = "# HELP loam_x X.\n# TYPE loam_x gauge\n# HELP a A.\n# TYPE a counter\na_total 1\n# EOF\n";
  const full = "# HELP loam_x X.\n# TYPE loam_x gauge\nloam_x 3\n# HELP a A.\n# TYPE a counter\na_total 2\n# EOF\n";
  const joined = "# HELP loam_x X.\n# TYPE loam_x gauge\nloam_x 3\n# HELP a A.\n# TYPE a counter\na_total 1\n# EOF\n";
  expect(joinedMetrics(empty, full)).toBe(joined);
});

test("each model stands once, the server's own first", () => {
  const list = (...ids: string[]) => ({ object: "list", data: ids.map(id => ({ id })) });
  expect(joinedModels(list("cloud", "mail"), list("mail@1", "mail"))).toEqual(list("mail@1", "mail", "cloud"));
});
