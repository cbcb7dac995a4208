/** How a test signs in at a server of its own: the token file, as programs of the machine do, or a one-time URL for a browser. */
import { loginUrlOf, readTokenFiles, tokenFor } from "../../src/session/index.ts";

/** The token of the server at `url`, which serves the project in `folder`. */
export async function tokenOf(folder: string, url: string): Promise<string> {
  const token = tokenFor(await readTokenFiles(folder), url);
  if (token === undefined) throw new Error(`no token file of ${url} in ${folder}`);
  return token;
}

/** Headers that open the console's data and the administration. */
export const signedIn = async (folder: string, url: string): Promise<{ readonly authorization: string }> => ({
  authorization: `Bearer ${await tokenOf(folder, url)}`,
});

/** A URL that signs a browser in once. `at`: the address at which the browser reaches the server. */
export async function loginUrl(folder: string, url: string, at = url): Promise<string> {
  const response = await fetch(`${url}/login/codes`, { method: "POST", headers: await signedIn(folder, url) });
  const { code } = (await response.json()) as { readonly code: string };
  return loginUrlOf(at, code);
}
