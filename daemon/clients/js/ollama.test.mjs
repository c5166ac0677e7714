// ollama-js
import assert from "node:assert/strict";
import { test } from "node:test";
import { Ollama } from "ollama";
import { z } from "zod";
import { answer, called, fetch, Order, question, told, weather } from "./inferd.mjs";

const client = new Ollama({ host: "http://inferd", fetch });
const messages = [{ role: "user", content: question }];
const ask = { model: "demo", messages, options: { temperature: 0 } };

const collect = async (stream, text) => {
  const parts = [];
  for await (const part of stream) parts.push(part);
  assert.ok(parts.slice(0, -1).every((p) => !p.done));
  assert.ok(parts.at(-1).done);
  return { parts, text: parts.map(text).join(""), last: parts.at(-1) };
};

test("chat", async () => {
  const whole = await client.chat(ask);
  assert.match(whole.message.content, answer);
  assert.equal(whole.done_reason, "stop");
  assert.ok(whole.eval_count > 10 && whole.prompt_eval_count > 5 && whole.total_duration > 1000);
  const { text, last } = await collect(await client.chat({ ...ask, stream: true }), (p) => p.message.content);
  assert.equal(text, whole.message.content);
  assert.equal(last.eval_count, whole.eval_count);
});

test("generate", async () => {
  const request = { model: "demo", prompt: question, options: { temperature: 0 } };
  const whole = await client.generate(request);
  assert.match(whole.response, answer);
  const { text } = await collect(await client.generate({ ...request, system: "Be brief.", stream: true }), (p) => p.response);
  assert.equal(text, whole.response);
  const raw = await client.generate({ model: "scripted", prompt: "a", raw: true, options: { temperature: 0, num_predict: 2 } });
  assert.equal(raw.eval_count, 2);
  assert.equal(raw.done_reason, "length");
});

test("options", async () => {
  const whole = await client.chat({
    ...ask, keep_alive: "5m", truncate: true, shift: true, logprobs: true, top_logprobs: 2,
    options: { temperature: 0, num_ctx: 4096, num_keep: 4, seed: 7, top_k: 40, top_p: 0.9, min_p: 0, repeat_last_n: 64, repeat_penalty: 1,
      presence_penalty: 0, frequency_penalty: 0, mirostat: 0, mirostat_tau: 5, typical_p: 1, penalize_newline: true, stop: ["\n\n"],
      numa: false, num_batch: 512, num_gpu: -1, main_gpu: 0, low_vram: false, use_mmap: true, use_mlock: false, num_thread: 4 },
  });
  assert.match(whole.message.content, answer);
  assert.equal(whole.logprobs[0].top_logprobs.length, 2);
  const cut = await client.chat({ ...ask, options: { temperature: 0, num_ctx: whole.prompt_eval_count + 3 } });
  assert.equal(cut.eval_count, 3);
  assert.equal(cut.done_reason, "length");
});

test("tools", async () => {
  const request = { model: "scripted", messages: [{ role: "user", content: "Bern?" }], tools: [{ type: "function", function: weather }] };
  const { message } = await client.chat(request);
  assert.equal(message.tool_calls[0].function.name, "weather");
  assert.deepEqual(message.tool_calls[0].function.arguments, called);
  const { parts } = await collect(await client.chat({ ...request, stream: true }), (p) => p.message.content);
  assert.deepEqual(parts.flatMap((p) => p.message.tool_calls ?? []).map((c) => c.function.arguments), [called]);
  const second = await client.chat({ ...request, messages: [...request.messages, message, { role: "tool", tool_name: "weather", content: "wet" }] });
  assert.equal(second.message.content, told);
});

test("structured output", async () => {
  const whole = await client.chat({ ...ask, options: {}, format: z.toJSONSchema(Order) });
  Order.parse(JSON.parse(whole.message.content));
  const generated = await client.generate({ model: "scripted", prompt: "hi", format: z.toJSONSchema(Order) });
  Order.parse(JSON.parse(generated.response));
});

test("models", async () => {
  const { models } = await client.list();
  const demo = models.find((m) => m.name === "demo");
  assert.match(demo.digest, /^[0-9a-f]{64}$/);
  assert.equal(demo.details.family, "llama");
  assert.ok(demo.size > 900_000 && new Date(demo.modified_at).getTime() > 0);
  const shown = await client.show({ model: "scripted" });
  assert.ok(shown.capabilities.includes("tools"));
  assert.equal(shown.model_info["llama.context_length"], 2048);
  assert.deepEqual((await client.ps()).models.map((m) => m.name).sort(), ["demo", "scripted"]);
  assert.match((await client.version()).version, /^\d+\.\d+\.\d+$/);
  await client.chat({ ...ask, model: "demo:latest" });
});

test("a model is loaded by an empty question", async () => {
  assert.equal((await client.generate({ model: "demo", prompt: "" })).done_reason, "load");
  assert.equal((await client.chat({ model: "demo", messages: [] })).done_reason, "load");
});

test("pull", async () => {
  assert.equal((await client.pull({ model: "demo" })).status, "success");
  const statuses = [];
  for await (const p of await client.pull({ model: "demo", stream: true })) statuses.push(p.status);
  assert.equal(statuses.at(-1), "success");
  await assert.rejects(client.pull({ model: "nobody" }), /nobody.*no network/);
});

test("errors", async () => {
  const refused = (change) => client.chat({ ...ask, ...change });
  await assert.rejects(refused({ model: "nobody" }), (e) => e.status_code === 404 && /"nobody"/.test(e.error));
  await assert.rejects(refused({ options: { temperature: 99 } }), (e) => e.status_code === 400 && /temperature/.test(e.error));
  await assert.rejects(refused({ options: { num_ctx: 3 } }), (e) => e.status_code === 400 && /3 tokens/.test(e.error));
  await assert.rejects(refused({ messages: [{ role: "user", content: "word ".repeat(2000) }] }), /256 tokens/);
  await assert.rejects(refused({ think: true }), /does not support thinking/);
  await assert.rejects(refused({ format: { type: "nonsense" } }), (e) => e.status_code === 400);
  await assert.rejects(refused({ tools: [{ type: "function", function: weather }] }), /knows no tools/);
  await assert.rejects(client.delete({ model: "demo" }), (e) => e.status_code === 501);
});

test("embeddings", async () => {
  const { embeddings } = await client.embed({ model: "demo", input: ["library", "station"], truncate: false });
  assert.equal(embeddings.length, 2);
  const { embedding } = await client.embeddings({ model: "demo", prompt: "library" });
  assert.deepEqual(embedding, embeddings[0]);
});

test("thinking", async () => {
  const ask = { model: "scripted", messages: [{ role: "user", content: "hi" }] };
  for (const think of [true, "high"]) {
    const { message } = await client.chat({ ...ask, think });
    assert.equal(message.thinking, "They greet me.");
    assert.equal(message.content, "Good day.");
  }
  assert.equal((await client.chat({ ...ask, think: false })).message.content, "Hello there!");
  const { text, parts } = await collect(await client.generate({ model: "scripted", prompt: "hi", think: true, stream: true }), (p) => p.response);
  assert.equal(text, "Good day.");
  assert.equal(parts.map((p) => p.thinking ?? "").join(""), "They greet me.");
});
