// openai-node: embeddings
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { baseURL, fetch } from "./inferd.mjs";

const client = new OpenAI({ apiKey: "none", baseURL, fetch, maxRetries: 0 });

test("embeddings", async () => {
  const one = await client.embeddings.create({ model: "demo", input: "library" }); // asks for base64
  const two = await client.embeddings.create({ model: "demo", input: ["library", "station"], encoding_format: "float" });
  assert.ok(one.data[0].embedding.length > 0);
  assert.equal(two.data.length, 2);
  one.data[0].embedding.forEach((x, i) => assert.ok(Math.abs(x - two.data[0].embedding[i]) < 1e-6));
});

test("errors", async () => {
  await assert.rejects(client.embeddings.create({ model: "nobody", input: "x" }), OpenAI.NotFoundError);
});
