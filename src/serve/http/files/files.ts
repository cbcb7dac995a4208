/** /v1/files: upload, list, read and delete, as OpenAI does; what batches read and write. */
import { serveErrors } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { readBodyBytes } from "../body.ts";
import { type Contract, del, get, post, under } from "../contract.ts";
import { type AppContext, callerOf, type Services } from "../exchange.ts";
import { checkOrigin } from "../hosts.ts";
import { withoutOwner } from "../owner.ts";
import { batchRoutes } from "./batches.ts";
import { pageOf } from "./pages.ts";

const purposes = ["assistants", "batch", "fine-tune", "vision", "user_data", "evals"];

async function form(c: AppContext): Promise<FormData> {
  const type = c.req.header("content-type") ?? "";
  if (!/^multipart\/form-data\s*;/i.test(type))
    throw serveErrors.fail("mediaType", { place: "content-type", expected: "multipart/form-data", received: `"${type.slice(0, 60)}"` });
  // a file that is read while it is sent has no declared length
  const bytes = await readBodyBytes(c.req.raw, { mostBytes: limits.fileBytes, hint: "Send several smaller files." });
  try {
    return await new Response(bytes, { headers: { "content-type": type } }).formData();
  } catch (error) {
    throw serveErrors.fail("body", { place: "body", expected: "a multipart form", received: "something else" }, error);
  }
}

async function upload(c: AppContext, { files, created }: Services): Promise<Response> {
  if (!c.var.exchange.isOriginTrusted) checkOrigin(c.req.raw);
  const given = await form(c);
  const file = given.get("file");
  const purpose = given.get("purpose");
  if (!(file instanceof File)) throw serveErrors.fail("missing", { place: "file", message: "the parameter is needed: a file" });
  if (typeof purpose !== "string") throw serveErrors.fail("missing", { place: "purpose", message: "the parameter is needed: a string" });
  if (!purposes.includes(purpose))
    throw serveErrors.fail("parameter", {
      place: "purpose",
      expected: `one of ${purposes.join(", ")}`,
      received: JSON.stringify(purpose.slice(0, 40)),
    });
  const name = file.name.slice(0, 255) || "file";
  return c.json(withoutOwner(files.add(callerOf(c), name, purpose, new Uint8Array(await file.arrayBuffer()), created())));
}

function list(c: AppContext, { files }: Services): Response {
  const purpose = c.req.query("purpose");
  return c.json(
    pageOf(
      c,
      files
        .list(callerOf(c))
        .filter(f => purpose === undefined || f.purpose === purpose)
        .map(withoutOwner),
    ),
  );
}

const id = (c: AppContext): string => c.req.param("id") ?? "";

export const files: Contract = {
  name: "files",
  endpoint: "files",
  routes: [
    post("/v1/files", upload),
    get("/v1/files", list),
    get("/v1/files/:id", (c, services) => c.json(withoutOwner(services.files.get(callerOf(c), id(c))))),
    del("/v1/files/:id", (c, services) => {
      services.files.remove(callerOf(c), id(c));
      return c.json({ id: id(c), object: "file", deleted: true });
    }),
    get("/v1/files/:id/content", (c, services) => {
      const file = services.files.get(callerOf(c), id(c));
      return new Response(services.files.content(file), {
        headers: { "content-type": "application/octet-stream", "content-length": String(file.bytes) },
      });
    }),
    ...under("batches", batchRoutes),
  ],
};
