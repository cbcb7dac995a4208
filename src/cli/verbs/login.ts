/** `loam login`: a fresh login URL of a server that runs on this machine, asked for with the token of its token file; or that token. */

import { wrongArgument } from "../../project/index.ts";
import { issueLogin } from "../../project/login/index.ts";
import { loginUrlOf } from "../../session/index.ts";
import { numberOption, textOption } from "../options.ts";
import { openPage } from "../serving/open-page.ts";
import type { VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

export const login: VerbRun = async (context, _words, options) => {
  const { out } = context;
  const port = numberOption(options, "port", "login", { least: 1, most: 65_535, whole: true });
  const address = textOption(options, "url");
  if (address !== undefined && !/^https?:$/.test(URL.canParse(address) ? new URL(address).protocol : ""))
    throw wrongArgument("loam login: --url", "an address such as https://loam.example.org", address);
  const { server, code, expiresInSeconds } = await issueLogin(folderOf(context, options), port);
  if (options.token === true) {
    out.line(server.token);
    return out.result({ url: server.url, token: server.token });
  }
  const loginUrl = loginUrlOf(address ?? server.url, code);
  out.line(loginUrl);
  out.warn(`  This link signs in once, within ${Math.round(expiresInSeconds / 60)} minutes.`);
  out.result({ url: server.url, loginUrl, expiresInSeconds });
  if (options.open === true) openPage(loginUrl);
};
