/** session: who administers a server: one-time login codes, sessions of browsers, and the token file of local programs. */
export { sessionErrors } from "./errors.ts";
export { csrfHeader, Login, type LoginOptions, loginPaths, loginUrlOf, type SessionCaller, type SessionInfo } from "./login.ts";
export { codePrefix } from "./login-codes.ts";
export { type RunningServer, readTokenFiles, serversFolder, tokenFor, writeTokenFile } from "./token-file.ts";
