/** Schemas that the bench compiles and follows: one of 50 fields of every kind, and three that people ask chat models for. */

type Schema = Readonly<Record<string, unknown>>;

const kinds: readonly ((i: number) => Schema)[] = [
  () => ({ type: "string" }),
  i => ({ type: "string", maxLength: 40 + i }),
  i => ({ type: "integer", minimum: -i, maximum: 1000 * i }),
  () => ({ type: "number", minimum: 0, exclusiveMaximum: 99.5 }),
  () => ({ type: "boolean" }),
  i => ({ enum: Array.from({ length: 12 }, (_, k) => `option ${i} ${k}`) }),
  () => ({ type: "string", format: "date-time" }),
  () => ({ type: ["string", "null"], pattern: "^[A-Z]{2}-\\d{4,8}$" }),
  () => ({ type: "array", items: { type: "string", minLength: 1, maxLength: 20 }, minItems: 1, maxItems: 8 }),
  () => ({ $ref: "#/$defs/address" }),
];

/** 50 fields, five of each kind; every third may be left out. */
export const fiftyFields: Schema = {
  $defs: {
    address: {
      type: "object",
      properties: {
        street: { type: "string" },
        zip: { type: "string", pattern: "^\\d{5}$" },
        parent: { anyOf: [{ $ref: "#/$defs/address" }, { type: "null" }] },
      },
      required: ["street", "zip"],
      additionalProperties: false,
    },
  },
  type: "object",
  properties: Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`field_${i}_of_the_record`, kinds[i % kinds.length]!(i)])),
  required: Array.from({ length: 50 }, (_, i) => i).flatMap(i => (i % 3 === 0 ? [] : [`field_${i}_of_the_record`])),
  additionalProperties: false,
};

const closed = (properties: Readonly<Record<string, Schema>>): Schema => ({
  type: "object",
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});

export interface Task {
  readonly prompt: string;
  readonly schema: Schema;
}

export const tasks: readonly Task[] = [
  {
    prompt: "Describe a person as JSON with name, age, city and three hobbies.",
    schema: closed({
      name: { type: "string", maxLength: 40 },
      age: { type: "integer", minimum: 0, maximum: 120 },
      city: { type: "string", maxLength: 40 },
      hobbies: { type: "array", items: { type: "string", maxLength: 30 }, minItems: 3, maxItems: 3 },
      email: { type: ["string", "null"], format: "email" },
    }),
  },
  {
    prompt: "Classify this review as JSON: The food was cold but the staff were kind.",
    schema: closed({
      sentiment: { enum: ["positive", "negative", "mixed"] },
      score: { type: "number", minimum: 0, maximum: 1, multipleOf: 0.01 },
      reasons: {
        type: "array",
        items: closed({ aspect: { enum: ["food", "staff", "price", "place"] }, quote: { type: "string", maxLength: 60 } }),
        minItems: 1,
        maxItems: 3,
      },
      summary: { type: "string", maxLength: 120 },
    }),
  },
  {
    prompt: "Plan a meeting as JSON with a title, a date, people and an agenda.",
    schema: closed({
      title: { type: "string", maxLength: 60 },
      start: { type: "string", format: "date-time" },
      people: { type: "array", items: { type: "string", pattern: "^[A-Z][a-z]+$" }, minItems: 2, maxItems: 4 },
      agenda: {
        type: "array",
        items: closed({ topic: { type: "string", maxLength: 50 }, minutes: { type: "integer", minimum: 5, maximum: 60, multipleOf: 5 } }),
        minItems: 2,
        maxItems: 3,
      },
    }),
  },
];
