/**
 * The session's cookie. Cookies are shared by all ports of a host, so the name carries the port: two servers do not end each other's sessions.
 * Under TLS it has the prefix `__Host-`, which a browser takes only with `Secure`, `Path=/` and no domain (RFC 6265bis, section 4.1.3).
 */

const cookieNames = (port: number): readonly [plain: string, secure: string] => [`loam-session-${port}`, `__Host-loam-session-${port}`];

const attributes = "Path=/; HttpOnly; SameSite=Strict";

/** Without an age: the browser forgets it when it closes, the server at the latest when the session is over. */
export const setCookie = (port: number, id: string, isSecure: boolean): string => {
  const [plain, secure] = cookieNames(port);
  return isSecure ? `${secure}=${id}; ${attributes}; Secure` : `${plain}=${id}; ${attributes}`;
};

export const clearCookie = (port: number, isSecure: boolean): string => `${setCookie(port, "", isSecure)}; Max-Age=0`;

/** Values of the session's cookie in a Cookie header. `isSecure`: only the name that a page without TLS cannot set. */
export function sessionIds(header: string, port: number, isSecure: boolean): string[] {
  const [plain, secure] = cookieNames(port);
  const names = isSecure ? [secure] : [plain, secure];
  return header.split(";").flatMap(pair => {
    const at = pair.indexOf("=");
    const value = pair.slice(at + 1).trim();
    return at > 0 && names.includes(pair.slice(0, at).trim()) && value !== "" ? [value] : [];
  });
}
