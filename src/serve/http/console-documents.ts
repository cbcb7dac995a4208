/** /api/data/:artifact/...: documents as pages of a list, one with its history, groups of like ones. Restricted as all of /api (`console-api.ts`). */
import { Hono } from "hono";
import { defined } from "../../base/index.ts";
import type { DocumentSource } from "../document-source.ts";
import { clustersQuery, documentQuery, documentsQuery } from "./console-answers/documents.ts";
import type { AppEnvironment } from "./exchange.ts";
import { parseBody } from "./parse.ts";

const flag = (text: "true" | "false" | undefined): boolean | undefined => (text === undefined ? undefined : text === "true");

export function documentRoutes(
  source: DocumentSource | undefined,
  checkedId: (id: string | undefined) => string,
  found: <T>(value: T | undefined, id: string) => T,
): Hono<AppEnvironment> {
  const api = new Hono<AppEnvironment>();
  api.get("/data/:artifact/documents", async c => {
    const artifact = checkedId(c.req.param("artifact"));
    const { edited, descending, ...query } = parseBody(documentsQuery, c.req.query());
    const wanted = { ...query, ...defined({ edited: flag(edited), descending: flag(descending) }) };
    return c.json(found(await source?.page(artifact, wanted), artifact));
  });
  api.get("/data/:artifact/document", async c => {
    const artifact = checkedId(c.req.param("artifact"));
    const { id, against } = parseBody(documentQuery, c.req.query());
    return c.json(found(await source?.document(artifact, id, against), artifact));
  });
  api.get("/data/:artifact/clusters", async c => {
    const artifact = checkedId(c.req.param("artifact"));
    return c.json(found(await source?.clusters(artifact, parseBody(clustersQuery, c.req.query())), artifact));
  });
  return api;
}
