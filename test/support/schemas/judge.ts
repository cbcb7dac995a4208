/** Another's opinion on what is valid: ajv, with formats as Node's own parsers see them. */
import { isIPv4, isIPv6 } from "node:net";
import { Ajv2020 } from "ajv/dist/2020.js";

const isDate = (t: string): boolean => /^\d{4}-\d\d-\d\d$/.test(t) && new Date(`${t}T00:00:00Z`).toISOString().startsWith(t);
const isTime = (t: string): boolean =>
  /^\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(t) && !Number.isNaN(Date.parse(`2024-01-01T${t.replace(/(\.\d{3})\d+/, "$1")}`));
const safely =
  (is: (t: string) => boolean) =>
  (t: string): boolean => {
    try {
      return is(t);
    } catch {
      return false;
    }
  };

const formats: Readonly<Record<string, (t: string) => boolean>> = {
  date: isDate,
  time: isTime,
  "date-time": t => t[10] === "T" && isDate(t.slice(0, 10)) && isTime(t.slice(11)),
  ipv4: isIPv4,
  ipv6: isIPv6,
  uuid: t => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(t),
  email: t => /^[^\s@]+@[^\s@]+\.[^\s@.]+$/.test(t),
  uri: t => URL.canParse(t),
  hostname: t => t.length <= 253 && t.split(".").every(l => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(l)),
  duration: t => /^P(?!$)(\d+W|(\d+Y)?(\d+M)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?)$/.test(t),
};

/** Whether values are valid under the schema. Names that ajv does not know are annotations; known formats are assertions. */
export function judgeOf(schema: unknown): (value: unknown) => boolean {
  const ajv = new Ajv2020({
    strict: false,
    logger: false,
    allErrors: false,
    multipleOfPrecision: 9,
    unicodeRegExp: true,
    validateSchema: false,
  });
  for (const [name, is] of Object.entries(formats)) ajv.addFormat(name, safely(is));
  const judge = ajv.compile(schema as object);
  return value => judge(value) === true;
}
