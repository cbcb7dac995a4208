/** For tests: real certificates by the program `openssl`, which Node's own crypto cannot sign. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

export const hasOpenssl = ((): boolean => {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

const openssl = (folder: string, ...words: string[]): void => void execFileSync("openssl", words, { cwd: folder, stdio: "pipe" });
const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** `NAME.pem` and `NAME.key`, good for signing others. */
export function authority(folder: string, name: string): void {
  openssl(folder, "req", "-x509", ...newKey, "-keyout", `${name}.key`, "-out", `${name}.pem`, "-days", "2", "-subj", `/CN=${name}`);
}

/** `NAME.pem` and `NAME.key` signed by an authority. `names`: `IP:127.0.0.1,URI:spiffe://x`. */
export function certificate(
  folder: string,
  name: string,
  { by, subject, names, days = 2 }: { readonly by: string; readonly subject: string; readonly names?: string; readonly days?: number },
): void {
  openssl(folder, "req", "-new", ...newKey, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", subject);
  writeFileSync(join(folder, `${name}.ext`), `basicConstraints=CA:FALSE\n${names ? `subjectAltName=${names}\n` : ""}`);
  const signed = ["-CA", `${by}.pem`, "-CAkey", `${by}.key`, "-CAcreateserial", "-days", String(days), "-extfile", `${name}.ext`];
  openssl(folder, "x509", "-req", "-in", `${name}.csr`, "-out", `${name}.pem`, ...signed);
}

/** `NAME.crl`: the authority's list, with these certificates revoked. */
export function revocations(folder: string, by: string, revoked: readonly string[]): void {
  writeFileSync(join(folder, `${by}.index`), "");
  writeFileSync(join(folder, `${by}.number`), "1000\n");
  writeFileSync(
    join(folder, `${by}.cnf`),
    `[ca]\ndefault_ca=d\n[d]\ndatabase=${by}.index\ncrlnumber=${by}.number\ndefault_md=sha256\ndefault_crl_days=2\n`,
  );
  const ca = ["ca", "-config", `${by}.cnf`, "-cert", `${by}.pem`, "-keyfile", `${by}.key`];
  for (const name of revoked) openssl(folder, ...ca, "-revoke", `${name}.pem`);
  openssl(folder, ...ca, "-gencrl", "-out", `${by}.crl`);
}
