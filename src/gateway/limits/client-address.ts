/**
 * Whose an address is, for limits by it. A network of IPv6 is given to one customer whole, at least 64 bits of it to a home (RFC 6177), who may take
 * another address for each request: so addresses count by their network. An IPv4 address that is written as IPv6 (RFC 4291, section 2.5.5.2), as a socket
 * that takes both does, is the IPv4 address.
 */
import { isIPv4, isIPv6 } from "node:net";

const numGroups = 8;
const groupBits = 16;

/** The eight groups of an IPv6 address without a zone. */
function groupsOf(text: string): number[] {
  // the Web's form of it: one way of writing each address, in hexadecimal alone
  const [head = "", tail] = new URL(`http://[${text}]`).hostname.slice(1, -1).split("::");
  const numbers = (part: string) => (part === "" ? [] : part.split(":").map(group => Number.parseInt(group, 16)));
  const [first, last] = [numbers(head), numbers(tail ?? "")];
  return [...first, ...new Array<number>(numGroups - first.length - last.length).fill(0), ...last];
}

/** `2001:db8:1:2::/64` for every address of that network; an IPv4 address as it is, and so what is no address. `prefix` in bits. */
export function clientAddress(ip: string, prefix: number): string {
  const text = ip.replace(/%.*$/s, "");
  if (isIPv4(text) || !isIPv6(text)) return ip;
  const groups = groupsOf(text);
  if (groups.slice(0, 5).every(group => group === 0) && groups[5] === 0xffff)
    return [groups[6]! >> 8, groups[6]! & 0xff, groups[7]! >> 8, groups[7]! & 0xff].join(".");
  const kept = groups.map((group, i) => {
    const bits = Math.min(groupBits, Math.max(0, prefix - i * groupBits));
    return group & (0xffff << (groupBits - bits)) & 0xffff;
  });
  const network = new URL(`http://[${kept.map(group => group.toString(16)).join(":")}]`).hostname.slice(1, -1);
  return `${network}/${prefix}`;
}
