/** The made-up project's file as forms, and a run that prints a line each time somebody looks. */
type Answer = readonly [status: number, body: object];

const field = (path: string, kind: string, value: string | null, more: object = {}) => ({
  path,
  kind,
  help: `Help of ${path}.`,
  isRequired: false,
  choices: [] as string[],
  usual: null as string | null,
  example: null as string | null,
  value,
  ...more,
});

export function fakeProject(isEmpty: boolean, isViewer: boolean) {
  const parts = isEmpty
    ? []
    : [
        { path: "models.mail-small", kind: "model", name: "mail-small", command: ["train", "--model", "mail-small"] },
        { path: "data.mail", kind: "data", name: "mail", command: ["data", "run", "mail"] },
      ];
  const fields = [
    field("layers", "number", "6", { isRequired: true }),
    field("family", "choice", null, { choices: ["gpt", "llama"], usual: "llama" }),
    field("train.on", "text", "mail", { isRequired: true }),
    field("train.rate", "number", "0.001"),
    field("train.schedule", "yaml", null, { usual: "cosine" }),
  ];
  const tuned = [
    field("base", "text", "mail-small", { isRequired: true }),
    field("tune.task", "choice", "classify", { choices: ["classify", "instruct"] }),
    field("tune.on", "text", "folder-labelled"),
    field("tune.label", "text", "label"),
  ];
  let run: { id: number; command: string[]; path: string; state: string; endedAt: number | null; output: string } | null = null;
  const shown = () => run && { ...run, by: "loam-console", startedAt: Date.now() - 4_000, code: run.state === "running" ? null : 0 };
  const refuse = (status: number, code: string, message: string): Answer => [status, { error: { code, message } }];

  function part(path: string, given: Record<string, unknown> | undefined, labels: string | null): Answer {
    const there = parts.find(p => p.path === path);
    const name = path.slice(path.indexOf(".") + 1);
    if (!given) {
      if (!there && !path.startsWith("models.")) return refuse(404, "project/nothing", `${path}: loam.yaml has no such data set.`);
      const of = there ?? { path, kind: "tuned", name, command: ["tune", name] };
      return [200, { ...of, isThere: there !== undefined, digest: "made up", fields: there && labels === null ? fields : tuned }];
    }
    const changes = given.changes as { path: string; value: string | null }[];
    const wrong = changes.find(c => c.path === "layers" && !(Number(c.value) >= 1));
    const place = `loam.yaml: ${path}.layers`;
    return [
      200,
      {
        diff: changes.flatMap(c => [
          ...(there ? [`-    ${c.path}: ${fields.find(f => f.path === c.path)?.value ?? ""}`] : []),
          ...(c.value === null ? [] : [`+    ${c.path}: ${c.value}`]),
        ]),
        problem: wrong ? { code: "base/config", place, message: `${place}: expected at least 1, got ${wrong.value}.` } : null,
        digest: "made up",
        isWritten: given.write === true && !wrong,
      },
    ];
  }

  /** Undefined where the address is none of these. */
  return (method: string, url: URL, given: Record<string, unknown>): Answer | undefined => {
    const path = url.pathname.replace(/^\/api\/project\//, "");
    if (path === url.pathname) return undefined;
    if (isViewer && method !== "GET") return refuse(403, "gateway/forbidden", "admin: this needs the role admin, and vera has viewer.");
    if (path === "parts") return [200, { parts, labels: isEmpty ? [] : ["folder"] }];
    const of = /^parts\/(.+)$/.exec(path)?.[1];
    if (of !== undefined) return part(decodeURIComponent(of), method === "POST" ? given : undefined, url.searchParams.get("labels"));
    if (path === "run/stop" && method === "POST") {
      if (!run) return refuse(404, "project/nothing", "run: no run is under way.");
      run = { ...run, state: "stopped", endedAt: Date.now(), output: `${run.output}loam: stopped\n` };
      return [200, shown()!];
    }
    if (path !== "run") return undefined;
    if (method === "GET") {
      if (run?.state === "running") run = { ...run, output: `${run.output}step ${run.output.split("\n").length}\n` };
      return [200, { run: shown() }];
    }
    if (run?.state === "running") return refuse(409, "project/running", "run: `loam train` runs already, started by loam-console.");
    const asked = String(given.path);
    const command = [
      ...(parts.find(p => p.path === asked)?.command ?? ["tune", asked.replace("models.", "")]),
      ...(given.force ? ["--force"] : []),
    ];
    run = { id: (run?.id ?? 0) + 1, command, path: asked, state: "running", endedAt: null, output: "reading texts\n" };
    return [200, shown()!];
  };
}
