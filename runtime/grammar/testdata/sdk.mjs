// Writes sdk.jsonl: our own definitions as the converters of JavaScript's SDKs
// turn them into JSON Schema. Run in a folder with zod 4.6.7, zod-to-json-schema
// 3.25.2 and openai 6.49.0 installed: node sdk.mjs > sdk.jsonl
import * as z from "zod";
import { z as z3 } from "zod/v3";
import { zodToJsonSchema } from "zod-to-json-schema";
import { zodResponseFormat, zodFunction } from "openai/helpers/zod";

// Each definition takes the version of zod, so that both can have it.
const both = {
  text: (z) => z.object({ a: z.string(), b: z.string().min(2), c: z.string().max(9), d: z.string().length(4), e: z.string().regex(/^[A-Z]{2}-\d{3,5}$/) }),
  affixes: (z) => z.object({ a: z.string().startsWith("in-"), b: z.string().endsWith(".go"), c: z.string().includes("fer"), d: z.string().min(3).max(8).startsWith("x") }),
  formats: (z) => z.object({ mail: z.string().email(), link: z.string().url(), id: z.string().uuid(), at: z.string().datetime() }),
  moments: (z) => z.object({ at: z.string().datetime({ offset: true }), day: z.string().date(), clock: z.string().time(), span: z.string().duration() }),
  ids: (z) => z.object({ a: z.string().cuid(), b: z.string().cuid2(), c: z.string().ulid(), d: z.string().nanoid() }),
  encoded: (z) => z.object({ a: z.string().base64() }),
  integers: (z) => z.object({ a: z.number().int(), b: z.number().int().min(1).max(12), c: z.number().int().positive(), d: z.number().int().nonnegative(), e: z.number().int().multipleOf(5) }),
  numbers: (z) => z.object({ a: z.number(), b: z.number().min(-1).max(1), c: z.number().gt(0).lt(10), d: z.number().negative(), e: z.number().multipleOf(0.25), f: z.number().gte(0.5) }),
  scalars: (z) => z.object({ yes: z.boolean(), nothing: z.null(), fixed: z.literal("fixed"), seven: z.literal(7), truth: z.literal(true) }),
  enumeration: (z) => z.object({ size: z.enum(["s", "m", "l", "extra large"]), level: z.nativeEnum({ low: 0, mid: 1, high: 2 }), name: z.nativeEnum({ a: "alpha", b: "beta" }) }),
  optional: (z) => z.object({ a: z.string().optional(), b: z.number().int().nullable(), c: z.boolean().nullish(), d: z.string().default("d") }),
  lists: (z) => z.object({ a: z.array(z.string().max(5)), b: z.array(z.number().int()).min(1), c: z.array(z.boolean()).max(3), d: z.array(z.enum(["x", "y"])).length(2), e: z.array(z.boolean()).nonempty() }),
  pairs: (z) => z.object({ a: z.tuple([z.string().max(3), z.number().int()]), b: z.tuple([z.boolean()]).rest(z.null()) }),
  matrix: (z) => z.array(z.array(z.number().int().min(0).max(9)).length(3)).min(2).max(3),
  records: (z) => z.object({ a: z.record(z.string(), z.number().int()), b: z.record(z.string(), z.object({ v: z.boolean() })) }),
  union: (z) => z.object({ v: z.union([z.string().max(4), z.number().int(), z.boolean(), z.null()]) }),
  objects: (z) => z.union([z.object({ x: z.number().int(), y: z.number().int() }), z.object({ name: z.string().max(5) })]),
  events: (z) => z.object({ event: z.discriminatedUnion("type", [z.object({ type: z.literal("open"), file: z.string().max(9) }), z.object({ type: z.literal("close"), code: z.number().int().min(0).max(255) }), z.object({ type: z.literal("tick") })]) }),
  strict: (z) => z.object({ a: z.string().max(3) }).strict(),
  loose: (z) => z.object({ a: z.string().max(3) }).passthrough(),
  rest: (z) => z.object({ a: z.string().max(3) }).catchall(z.number().int()),
  both: (z) => z.object({ v: z.intersection(z.object({ a: z.number().int() }), z.object({ b: z.string().max(3) })) }),
  partial: (z) => z.object({ a: z.number().int(), b: z.string().max(4) }).partial(),
  picked: (z) => z.object({ a: z.number().int(), b: z.string().max(4), c: z.null() }).omit({ c: true }).extend({ d: z.boolean() }),
  described: (z) => z.object({ a: z.string().max(5).describe("A name"), b: z.number().int().min(0).describe("How many") }).describe("An order"),
  person: (z) => z.object({ name: z.string().min(1).max(20), age: z.number().int().min(0).max(150), mail: z.string().email().optional(), tags: z.array(z.string().max(8)).max(3), address: z.object({ street: z.string().max(12), zip: z.string().regex(/^\d{5}$/), country: z.enum(["de", "fr", "pl"]) }).nullable() }),
  steps: (z) => z.object({ steps: z.array(z.object({ explanation: z.string().max(20), output: z.string().max(10) })).min(1).max(4), answer: z.string().max(10) }),
  shared: (z) => { const money = z.object({ amount: z.number().min(0), currency: z.enum(["EUR", "USD"]) }); return z.object({ net: money, gross: money, fees: z.array(money).max(2) }); },
  weather: (z) => z.object({ city: z.string().max(12), unit: z.enum(["c", "f"]).optional(), days: z.number().int().min(1).max(14).optional() }),
  patch: (z) => z.array(z.object({ op: z.enum(["add", "remove", "replace"]), path: z.string().regex(/^(\/[a-z0-9_]+)*$/), value: z.union([z.string().max(5), z.number().int(), z.null()]).optional() })).max(3),
  branded: (z) => z.object({ a: z.string().max(6).brand("Id"), b: z.number().int().readonly() }),
  anything: (z) => z.object({ a: z.any(), b: z.unknown() }),
  deep: (z) => { let s = z.object({ v: z.boolean() }); for (let i = 0; i < 12; i++) s = z.object({ n: s }); return s; },
};

const four = {
  tree: () => { const t = z.object({ v: z.int(), get kids() { return z.array(t).max(2); } }); return t; },
  chain: () => { const t = z.object({ v: z.int32(), get next() { return t.nullable(); } }); return t; },
  mutual: () => { const a = z.object({ n: z.boolean(), get b() { return b.optional(); } }); const b = z.object({ s: z.string().max(3), get a() { return a.nullable(); } }); return a; },
  expression: () => { const e = z.union([z.number().int(), z.object({ op: z.enum(["+", "*"]), get l() { return e; }, get r() { return e; } })]); return z.object({ e }); },
  network: () => z.object({ a: z.ipv4(), b: z.ipv6(), c: z.cidrv4(), d: z.e164() }),
  identifiers: () => z.object({ a: z.guid(), b: z.xid(), c: z.ksuid(), d: z.jwt() }),
  encodings: () => z.object({ a: z.base64url(), b: z.hex() }),
  iso: () => z.object({ a: z.iso.date(), b: z.iso.time(), c: z.iso.datetime(), d: z.iso.duration() }),
  isoPrecise: () => z.object({ a: z.iso.time({ precision: 3 }), b: z.iso.datetime({ precision: 0, offset: true }), c: z.iso.datetime({ local: true }) }),
  mails: () => z.object({ a: z.email(), b: z.email({ pattern: z.regexes.html5Email }), c: z.email({ pattern: z.regexes.rfc5322Email }) }),
  hosts: () => z.object({ a: z.hostname() }),
  cases: () => z.object({ a: z.string().lowercase().max(6), b: z.string().uppercase().max(6) }),
  widths: () => z.object({ a: z.int32(), b: z.uint32(), c: z.float32(), d: z.float64(), e: z.int() }),
  template: () => z.object({ a: z.templateLiteral(["v", z.number(), ".", z.enum(["x", "y"])]), b: z.templateLiteral([z.string().min(1), "@", z.string().max(5)]) }),
  keyed: () => z.record(z.enum(["a", "b", "c"]), z.int()),
  partly: () => z.partialRecord(z.enum(["a", "b", "c"]), z.boolean()),
  patterned: () => z.record(z.string().regex(/^x-[a-z]{1,5}$/), z.string().max(4)),
  literals: () => z.object({ a: z.literal(["red", "green", 3, null, false]) }),
  several: () => z.object({ a: z.number().int().gt(2).lt(9).multipleOf(2), b: z.string().regex(/[a-z]/).regex(/[0-9]/).min(3).max(9) }),
  exclusive: () => z.xor([z.object({ a: z.int() }), z.object({ b: z.int() })]),
  noted: () => z.object({ a: z.string().max(4).meta({ id: "Short", title: "Short", examples: ["ab"] }), b: z.string().max(4).meta({ deprecated: true }) }),
  never: () => z.object({ a: z.int(), b: z.never().optional() }),
  prefault: () => z.object({ a: z.int().prefault(3), b: z.string().max(3).catch("x") }),
  strictly: () => z.strictObject({ a: z.int(), b: z.looseObject({ c: z.boolean() }) }),
};

const out = [];
const add = (from, name, make) => {
  try {
    out.push({ from, name, schema: make() });
  } catch (e) {
    process.stderr.write(`${from} ${name}: ${e.message.split("\n")[0]}\n`); // the converter has no form for it
  }
};

for (const [name, make] of Object.entries({ ...Object.fromEntries(Object.entries(both).map(([k, f]) => [k, () => f(z)])), ...four })) {
  for (const target of ["draft-2020-12", "draft-7", "draft-4", "openapi-3.0"]) {
    add(`zod ${target}`, name, () => z.toJSONSchema(make(), { target }));
  }
  add("zod input", name, () => z.toJSONSchema(make(), { io: "input" }));
  add("zod refs", name, () => z.toJSONSchema(make(), { reused: "ref" }));
  add("openai zod 4", name, () => zodResponseFormat(make(), name).json_schema.schema);
  add("openai tool zod 4", name, () => zodFunction({ name, parameters: make() }).function.parameters);
}
for (const [name, make] of Object.entries(both)) {
  for (const target of ["jsonSchema7", "jsonSchema2019-09", "openApi3", "openAi"]) {
    add(`zod-to-json-schema ${target}`, name, () => zodToJsonSchema(make(z3), { target }));
  }
  add("zod-to-json-schema named", name, () => zodToJsonSchema(make(z3), { name: "Answer", $refStrategy: "root" }));
  add("openai zod 3", name, () => zodResponseFormat(make(z3), name).json_schema.schema);
}
const tree3 = z3.lazy(() => z3.object({ v: z3.number().int(), kids: z3.array(tree3).max(2) }));
add("zod-to-json-schema jsonSchema7", "lazy", () => zodToJsonSchema(tree3));
add("zod-to-json-schema jsonSchema7", "set", () => zodToJsonSchema(z3.object({ a: z3.set(z3.enum(["p", "q", "r"])).min(1) })));

const seen = new Set();
for (const { from, name, schema } of out) {
  const text = JSON.stringify(schema);
  if (seen.has(text)) continue;
  seen.add(text);
  process.stdout.write(JSON.stringify({ from, name, schema }) + "\n");
}
