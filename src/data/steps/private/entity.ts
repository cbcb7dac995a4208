/** What makes two findings one entity: the value without the ways of writing it. */
import { parse6 } from "./ip.ts";
import { isRegion, phoneNumber } from "./phone-library.ts";
import type { PrivateSpan } from "./types.ts";

/** The canonical form of a found value: `+1 (212) 736-5000` and `212-736-5000` are one, and `A@b.com` and `a@b.com`. */
export function entityOf({ type, kind }: Pick<PrivateSpan, "type" | "kind">, value: string): string {
  switch (type) {
    case "phone": {
      const dialled = value.replace(/^00/, "+");
      const parsed = kind !== undefined && isRegion(kind) ? phoneNumber(dialled.replace(/^\+(\d+) ?\(0\)/, "+$1 "), kind) : undefined;
      return parsed?.number ?? value.replace(/\D/g, "");
    }
    case "email":
    case "name":
    case "place":
      return value.normalize("NFC").toLowerCase().replace(/\s+/g, " ");
    case "ip":
    case "ipReserved":
      return value.includes(":") ? (parse6(value)?.join(":") ?? value) : value;
    case "card":
    case "iban":
    case "nationalId":
      return value.replace(/[^\p{L}\p{N}]/gu, "").toUpperCase();
    default:
      return value;
  }
}
