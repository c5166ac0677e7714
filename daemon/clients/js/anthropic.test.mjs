// Anthropic's SDK
import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { betaZodTool } from "@anthropic-ai/sdk/helpers/beta/zod";
import { zodOutputFormat } from "@anthropic-ai/sdk/helpers/zod";
import { z } from "zod";
import { answer, called, City, fetch, question, told, weather } from "./inferd.mjs";

const client = new Anthropic({ apiKey: "none", baseURL: "http://inferd", fetch, maxRetries: 0 });
const ask = { model: "demo", max_tokens: 60, temperature: 0, messages: [{ role: "user", content: question }] };
const tools = [{ name: weather.name, description: weather.description, input_schema: weather.parameters }];

test("messages", async () => {
  const message = await client.messages.create({ ...ask, system: "Be brief.", metadata: { user_id: "me" }, stop_sequences: ["\n\n"] });
  assert.equal(message.content.length, 1);
  assert.match(message.content[0].text, answer);
  assert.equal(message.stop_reason, "end_turn");
  assert.ok(message.usage.output_tokens > 10 && message.usage.input_tokens > 0);
  assert.match(message._request_id, /^req_/);
  const cut = await client.messages.create({ ...ask, stop_sequences: ["opens"] });
  assert.equal(cut.content[0].text, "The library ");
  assert.equal(cut.stop_reason, "stop_sequence");
  assert.equal(cut.stop_sequence, "opens");
});

test("stream", async () => {
  const whole = await client.messages.create(ask);
  const stream = client.messages.stream(ask);
  let text = "";
  stream.on("text", (piece) => (text += piece));
  const final = await stream.finalMessage();
  assert.equal(text, whole.content[0].text);
  assert.deepEqual(final.content, whole.content);
  assert.equal(final.usage.output_tokens, whole.usage.output_tokens);
  const types = [];
  for await (const event of await client.messages.create({ ...ask, stream: true })) types.push(event.type);
  assert.equal(types[0], "message_start");
  assert.equal(types.at(-1), "message_stop");
});

test("tools", async () => {
  const request = { model: "scripted", max_tokens: 100, messages: [{ role: "user", content: "Bern?" }], tools };
  const first = await client.messages.create(request);
  assert.equal(first.stop_reason, "tool_use");
  const use = first.content.find((b) => b.type === "tool_use");
  assert.deepEqual(use.input, called);
  const streamed = await client.messages.stream(request).finalMessage();
  assert.deepEqual(streamed.content.find((b) => b.type === "tool_use").input, called);
  const second = await client.messages.create({
    ...request,
    messages: [...request.messages, { role: "assistant", content: first.content }, { role: "user", content: [{ type: "tool_result", tool_use_id: use.id, content: "wet" }] }],
  });
  assert.equal(second.content[0].text, told);
});

test("a tool that must be called", async () => {
  for (const tool_choice of [{ type: "any" }, { type: "tool", name: "weather" }]) {
    const message = await client.messages.create({
      model: "scripted", max_tokens: 400, messages: [{ role: "user", content: "hi" }], tool_choice,
      tools: [{ name: "weather", input_schema: { type: "object", properties: { city: { enum: ["Bern", "Chur"] } }, required: ["city"], additionalProperties: false } }],
    });
    assert.match(message.content[0].input.city, /^(Bern|Chur)$/);
  }
});

test("structured output", async () => {
  // The SDK leaves bounds out of the schema that it sends, so there are none.
  const Order = z.object({ item: z.enum(["tea", "coffee"]), warm: z.boolean() });
  const ask = { max_tokens: 200, messages: [{ role: "user", content: "hi" }], output_config: { format: zodOutputFormat(Order) } };
  for (const model of ["demo", "scripted"]) Order.parse((await client.messages.parse({ ...ask, model })).parsed_output);
  const streamed = await client.messages.stream({ ...ask, model: "demo" }).finalMessage();
  Order.parse(JSON.parse(streamed.content[0].text));
});

test("strict tools, run by the client", async () => {
  const run = betaZodTool({ name: weather.name, description: weather.description, inputSchema: City, run: ({ city }) => `wet in ${city}` });
  const final = await client.beta.messages.toolRunner({ model: "scripted", max_tokens: 100, messages: [{ role: "user", content: "Bern?" }], tools: [{ ...run, strict: true }] });
  assert.equal(final.content[0].text, told);
});

test("tokens are counted", async () => {
  const { input_tokens } = await client.messages.countTokens({ model: "demo", messages: ask.messages });
  const { usage } = await client.messages.create(ask);
  assert.equal(input_tokens, usage.input_tokens + usage.cache_read_input_tokens);
});

test("errors", async () => {
  const refused = (change) => client.messages.create({ ...ask, ...change });
  await assert.rejects(refused({ model: "nobody" }), (e) => e instanceof Anthropic.NotFoundError && e.error.error.type === "not_found_error" && /demo/.test(e.message));
  await assert.rejects(refused({ temperature: 2 }), (e) => e instanceof Anthropic.BadRequestError && /temperature/.test(e.message));
  await assert.rejects(refused({ messages: [{ role: "user", content: "word ".repeat(2000) }] }), /256 tokens/);
  await assert.rejects(refused({ tools }), /knows no tools/);
});

test("thinking", async () => {
  const ask = { model: "scripted", max_tokens: 100, messages: [{ role: "user", content: "hi" }] };
  const thought = await client.messages.create({ ...ask, thinking: { type: "enabled", budget_tokens: 1024 } });
  assert.deepEqual(thought.content.map((b) => b.type), ["thinking", "text"]);
  assert.equal(thought.content[0].thinking, "They greet me.");
  assert.equal(thought.content[1].text, "Good day.");
  const streamed = await client.messages.stream({ ...ask, thinking: { type: "adaptive" } }).finalMessage();
  assert.deepEqual(streamed.content, thought.content);
  const plain = await client.messages.create(ask);
  assert.deepEqual(plain.content.map((b) => b.text), ["Hello there!"]);
});

test("models", async () => {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.deepEqual(ids.sort(), ["demo", "scripted"]);
  assert.equal((await client.models.retrieve("demo")).type, "model");
});
