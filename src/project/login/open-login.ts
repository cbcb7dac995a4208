/** A server's login as programs of this machine find it: its token file beside the project's artifacts, for as long as the server runs. */
import { type Login, writeTokenFile } from "../../session/index.ts";

interface LoginPlace {
  /** The project's or home's, which holds `.loam`. */
  readonly folder: string;
  /** Where the server listens. */
  readonly url: string;
  readonly warn: (text: string) => void;
}

/** Returns a function that removes the file. On a disk that cannot be written it warns; the login URL works without the file. */
export async function openLogin(login: Login, { folder, url, warn }: LoginPlace): Promise<() => Promise<void>> {
  login.listening(url);
  try {
    return await writeTokenFile(folder, { url, token: login.token, pid: process.pid, startedMs: Date.now() });
  } catch (error) {
    warn(
      `loam: no token file (${error instanceof Error ? error.message : String(error)}): \`loam login\` and verbs that talk to this server do not find it.`,
    );
    return async () => {};
  }
}

/** The line for people. */
export const loginLine = (loginUrl: string): string =>
  `  Console: ${loginUrl}\n  This link signs in once, within 10 minutes. New link: loam login`;
