/** A real nginx (Debian's nginx-light is enough) in a folder of its own, on Unix sockets, one for each way of being set up. */
import { spawn } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { request as httpRequest, type OutgoingHttpHeaders } from "node:http";
import { delimiter, join } from "node:path";
import { onTestFinished } from "vitest";
import { temporaryFolder } from "./project.ts";

const canRun = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** `LOAM_NGINX`, then the search path, then Debian's place, which is in no user's path. */
export function findNginx(): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter).filter(f => f !== ""), "/usr/sbin"];
  const named = process.env.LOAM_NGINX;
  return [...(named ? [named] : []), ...folders.map(f => join(f, "nginx"))].find(canRun);
}

/** What stands beside `proxy_pass`, by name. */
export const nginxForms = {
  /** As the manual begins: nginx writes `Host: 127.0.0.1:PORT` itself. */
  plain: "",
  /** As most guides go on: the client's own Host. */
  host: "proxy_set_header Host $host;",
  /** As a proxy says whom it speaks for. */
  forwarded: `proxy_set_header Forwarded "for=$remote_addr;host=$http_host;proto=$scheme";
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Real-IP $remote_addr;`,
} as const;
export type NginxForm = keyof typeof nginxForms;

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}
export interface Asked {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string;
}

/** A request as it is given, Host and all: over a Unix socket or to an address. */
export function rawRequest(
  to: { readonly socketPath: string } | { readonly port: number },
  path: string,
  asked: Asked = {},
): Promise<Reply> {
  const { method = "GET", headers = {}, body } = asked;
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const sent = httpRequest({ ...to, host: "127.0.0.1", method, path, headers: { ...length, ...headers }, agent: false }, response => {
      let text = "";
      response.setEncoding("utf8").on("data", piece => {
        text += piece;
      });
      response.on("end", () => resolve({ status: response.statusCode!, headers: response.headers, body: text }));
      response.on("error", reject);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** In front of a server; ends with the test. */
export async function startNginx(upstream: string): Promise<(form: NginxForm, path: string, asked?: Asked) => Promise<Reply>> {
  const folder = temporaryFolder("nginx");
  const socket = (form: string) => join(folder, `${form}.sock`);
  const forms = Object.entries(nginxForms);
  const servers = forms.map(
    ([name, more]) => `server { listen unix:${socket(name)}; location / { proxy_pass ${upstream}; proxy_http_version 1.1; ${more} } }`,
  );
  const places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(p => `${p}_temp_path ${folder}/${p};`).join(" ");
  const file = join(folder, "nginx.conf");
  await writeFile(
    file,
    `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
events {}
http { access_log off; ${places}
${servers.join("\n")}
}
`,
  );
  const child = spawn(findNginx()!, ["-p", folder, "-e", join(folder, "error.log"), "-c", file], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", piece => {
    said += piece;
  });
  const ended = new Promise<void>(resolve => child.on("close", () => resolve()));
  onTestFinished(async () => {
    child.kill("SIGTERM");
    await ended;
  });
  while (!forms.every(([name]) => existsSync(socket(name)))) {
    if (child.exitCode !== null) throw new Error(`nginx ended: ${said}`);
    await new Promise(resolve => setTimeout(resolve, 20));
  }
  return (form, path, asked) => rawRequest({ socketPath: socket(form) }, path, asked);
}
