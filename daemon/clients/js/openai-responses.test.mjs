// openai-node: responses
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { zodTextFormat } from "openai/helpers/zod";
import { answer, called, Order, question, told, weather, baseURL, fetch } from "./inferd.mjs";

const client = new OpenAI({ apiKey: "none", baseURL, fetch, maxRetries: 0 });

test("responses", async () => {
  const response = await client.responses.create({ model: "demo", input: question, temperature: 0 });
  assert.match(response.output_text, answer);
  const events = [];
  for await (const event of await client.responses.create({ model: "demo", input: question, temperature: 0, stream: true })) events.push(event);
  assert.equal(events[0].type, "response.created");
  assert.equal(events.at(-1).type, "response.completed");
  assert.equal(events.at(-1).response.output[0].content[0].text, response.output_text);
  assert.deepEqual(events.map((e) => e.sequence_number), events.map((_, i) => i));
});

test("responses with tools", async () => {
  const request = { model: "scripted", input: [{ role: "user", content: "Bern?" }], tools: [{ type: "function", strict: true, ...weather }], store: false };
  const first = await client.responses.create(request);
  const call = first.output.find((item) => item.type === "function_call");
  assert.deepEqual(JSON.parse(call.arguments), called);
  const second = await client.responses.create({
    ...request,
    input: [...request.input, ...first.output, { type: "function_call_output", call_id: call.call_id, output: "wet" }],
  });
  assert.equal(second.output_text, told);
  const streamed = await client.responses.stream(request).finalResponse();
  assert.deepEqual(streamed.output[0].parsed_arguments ?? JSON.parse(streamed.output[0].arguments), called);
});

test("responses with structure", async () => {
  const response = await client.responses.parse({ model: "demo", input: "hi", text: { format: zodTextFormat(Order, "order") } });
  Order.parse(response.output_parsed);
});

test("errors", async () => {
  await assert.rejects(client.responses.create({ model: "demo", input: "hi", previous_response_id: "resp_1" }), (e) => e instanceof OpenAI.BadRequestError && e.param === "previous_response_id");
});
