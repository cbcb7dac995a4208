/** `loam login`: a fresh login URL of a server that runs on this machine, asked for with the token of its token file; or that token. */
import { z } from "zod";
import { loginUrlOf, type RunningServer } from "../../session/index.ts";
import { cliErrors } from "../errors.ts";
import { runningServers } from "../login/running-servers.ts";
import { numberOption, textOption } from "../options.ts";
import { openPage } from "../serving/open-page.ts";
import type { VerbRun } from "../verb.ts";

const place = "loam login";
/** A server of this machine answers at once or not at all. */
const timeoutMs = 5_000;

const issued = z.object({ code: z.string(), expiresInSeconds: z.number() });

/** Undefined where nobody answers there, or another server than the file's. */
async function newCode({ url, token }: RunningServer): Promise<z.output<typeof issued> | undefined> {
  try {
    const response = await fetch(new URL("/login/codes", url), {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      redirect: "error",
      signal: AbortSignal.timeout(timeoutMs),
    });
    return issued.safeParse(await response.json()).data;
  } catch {
    return undefined;
  }
}

export const login: VerbRun = async (context, _words, options) => {
  const { out } = context;
  const port = numberOption(options, "port", "login", { least: 1, most: 65_535, whole: true });
  const address = textOption(options, "url");
  if (address !== undefined && !/^https?:$/.test(URL.canParse(address) ? new URL(address).protocol : ""))
    throw cliErrors.fail("usage", { place: `${place}: --url`, expected: "an address such as https://loam.example.org", received: address });
  const servers = await runningServers(context, options);
  for (const server of servers.filter(s => port === undefined || new URL(s.url).port === String(port))) {
    const given = await newCode(server);
    if (!given) continue;
    if (options.token === true) {
      out.line(server.token);
      return out.result({ url: server.url, token: server.token });
    }
    const loginUrl = loginUrlOf(address ?? server.url, given.code);
    out.line(loginUrl);
    out.warn(`  This link signs in once, within ${Math.round(given.expiresInSeconds / 60)} minutes.`);
    out.result({ url: server.url, loginUrl, expiresInSeconds: given.expiresInSeconds });
    if (options.open === true) openPage(loginUrl);
    return;
  }
  throw cliErrors.fail("usage", {
    place,
    expected: port === undefined ? "a running server of this folder's project" : `a running server on port ${port}`,
    received: servers.length === 0 ? "none" : `no answer at ${servers.map(s => s.url).join(", ")}`,
    hint: "Start one: loam serve. Or name its project's folder: -C FOLDER.",
  });
};
